package worker

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// stepsOf gives the deployments a preview shows, except for those it would only finish.
func stepsOf(p delivery.DeliveryPreview) []string {
	lines := []string{}
	for _, s := range p.Steps {
		if s.Kind == delivery.StepResume {
			continue
		}
		if s.Kind == delivery.StepVerify {
			lines = append(lines, fmt.Sprintf("%s verified in %s", s.Version, s.Environment))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s to %s", s.Version, s.Environment))
	}
	return lines
}

// agree is invariant 8: what the preview said would be deployed was deployed, and a plan without changes did nothing.
func (u *simulation) agree(w operation, before delivery.DeliveryPreview, out outcome) {
	finished := []string{} // an environment whose deployment is under way is not looked at before that is finished, and may need healing then
	for _, s := range before.Steps {
		if s.Kind == delivery.StepResume {
			finished = append(finished, fmt.Sprintf("%s to %s", s.Version, s.Environment))
		}
	}
	missing, more := apart(stepsOf(before), out.done)
	more, _ = apart(more, finished)
	switch {
	case out.stopped != nil || out.paused || out.told:
		return // somebody gave up, time went by, or a gate heard what a preview cannot
	case out.failed && len(before.Steps) == 0:
		u.oracle.complain(fmt.Sprintf("[8] %s: the preview showed nothing, and %v failed", w.words, out.done))
	case out.failed:
		return // the preview takes each deployment to succeed
	case out.frozen:
		return // the preview could not know; a resumed deployment that was done already does not fail
	case out.unseen:
		return // nor that an environment which gets its first deployment does not answer, which a parity gate asks afterwards
	case before.Refused != nil && out.refused == nil && (out.work.Failure == nil || !saysIrreversible(out.work.Failure.Message)):
		u.oracle.complain(fmt.Sprintf("[8] %s: the preview refused (%v), and it was accepted", w.words, before.Refused))
	case len(missing) > 0 || len(more) > 0:
		u.oracle.complain(fmt.Sprintf("[8] %s: the preview said %v, and %v was deployed", w.words, stepsOf(before), out.done))
	case !before.Changes && len(out.done) > 0:
		u.oracle.complain(fmt.Sprintf("[8] %s: no changes, and %v was deployed", w.words, out.done))
	case len(out.done) > 0:
		u.counters.add("preview agreed on deployments")
		u.agreedOnVerification(out.done)
	default:
		u.counters.add("preview agreed on nothing to deploy")
	}
}

// keeps checks what a plan without changes is told at once: where everything of a settled pipeline stands is what reading each tells, and a
// preview of what it already has says that nothing is to be done.
func (u *simulation) keeps(w operation) {
	ctx := context.Background()
	states, err := u.self.Refresh(ctx, w.actor, delivery.RefreshRequest{Pipelines: []string{w.pipeline}})
	if err != nil || len(states) != 1 {
		u.oracle.complain(fmt.Sprintf("[8] refresh after %s: %d answers, %v", w.words, len(states), err))
		return
	}
	state := states[0]
	u.counters.add(fmt.Sprintf("refreshed, settled %v", state.Settled))
	wanted, changes := operation{actor: w.actor}, delivery.ChangeSet{}
	for _, r := range state.Releases {
		request := delivery.ReleaseRequest{Spec: r.Spec, Attempt: r.Attempt}
		changes.Releases = delivery.Changes[delivery.ReleaseRequest]{r.Spec.ID(): {After: &request}}
		if wanted.subject = (subject{release: &request}); state.KeptBy(changes) {
			u.keepsSubject(wanted, "release "+r.Spec.Version)
		}
		if read, err := u.self.Release(ctx, w.pipeline, r.Spec.Version); err != nil || !reflect.DeepEqual(read.Stages, r.Stages) {
			u.oracle.complain(fmt.Sprintf("[8] a refresh has release %s at %v, and reading it at %v (%v)", r.Spec.Version, r.Stages, read.Stages, err))
		}
	}
	changes.Releases = nil
	for _, p := range state.Promotions {
		changes.Promotions = delivery.Changes[delivery.PromotionSpec]{p.Spec.ID(): {After: &p.Spec}}
		if wanted.subject = (subject{promotion: &p.Spec}); state.KeptBy(changes) {
			u.keepsSubject(wanted, "promotion into "+p.Spec.Stage)
		}
	}
}

func (u *simulation) keepsSubject(w operation, words string) {
	preview, err := u.self.previewOf(w)
	unsatisfied := slices.ContainsFunc(preview.Stages, func(s delivery.StageDecision) bool { return !s.Satisfied() || len(s.Unknown) > 0 })
	if err != nil || preview.Changes || len(preview.Steps) > 0 || preview.Refused != nil || unsatisfied || len(preview.Overrides) > 0 {
		u.oracle.complain(fmt.Sprintf("[8] %s is kept as it stands, and its preview says %+v (%v)", words, preview, err))
	}
	u.counters.add("kept as it stands")
}

// apart returns what only the first list holds, and what only the second does, each thing as often as it does.
func apart(a, b []string) (onlyA, onlyB []string) {
	onlyB = slices.Clone(b)
	for _, line := range a {
		if i := slices.Index(onlyB, line); i >= 0 {
			onlyB = slices.Delete(onlyB, i, i+1)
		} else {
			onlyA = append(onlyA, line)
		}
	}
	return onlyA, onlyB
}

// settled checks what holds once an operation has come to rest: nothing is under way in its segment, and a second plan is empty.
func (u *simulation) settled(w operation, unrestored map[string]delivery.Deployment, out outcome) {
	if !out.rested() || w.entry == "" || w.subject.release != nil && !u.layout[w.pipeline].AutoStart() { // a person decides there by now
		return
	}
	u.keeps(w)
	after, err := u.preview(w)
	if err == nil && w.subject.verification == nil {
		after.Steps = u.restores(w, unrestored, out, after)
	}
	switch {
	case err != nil:
		u.oracle.complain(fmt.Sprintf("[8] second preview of %s: %v", w.words, err))
	case len(after.Steps) > 0 || after.Refused != nil && !saysIrreversible(after.Refused.Error()):
		u.oracle.complain(fmt.Sprintf("[8] %s: a second preview would still do %v (%v)", w.words, stepsOf(after), after.Refused))
	case out.work.Failure == nil && after.Changes:
		u.oracle.complain(fmt.Sprintf("[8] %s went well, and a second preview has changes", w.words))
	}
	for _, d := range u.all() {
		if d.Pipeline == w.pipeline && d.InFlight() && u.inSegment(w, d.Stage) && d.Content.Target != nil && w.subject.verification == nil && !u.stays(w, d, out) {
			u.oracle.complain(fmt.Sprintf("[7] %s came to rest, and %s is still %s", w.words, d.ID, d.Status))
		}
	}
}

func (u *simulation) inSegment(w operation, stage string) bool {
	spec := u.layout[w.pipeline]
	for i := spec.StageIndex(w.entry); i < len(spec.Stages); i++ {
		if spec.Stages[i].Name == stage {
			return true
		}
		if i+1 < len(spec.Stages) && spec.Stages[i+1].Promotion == delivery.Manual {
			return false
		}
	}
	return false
}

// check looks at the whole ledger after each action.
func (u *simulation) check() {
	flying := map[string]string{}
	deployments := u.all()
	for _, d := range deployments {
		at := targetKey(d.Environment, d.Pipeline)
		if d.InFlight() {
			if flying[at] != "" {
				u.oracle.complain(fmt.Sprintf("[3] %s and %s are both in flight at %s", flying[at], d.ID, at))
			}
			flying[at] = d.ID
		}
		if d.VerifiedAt != nil && d.Content.Target != nil && !u.delivered(d.ID) {
			u.oracle.complain(fmt.Sprintf("[1] %s is verified, and no driver ever deployed it", d.ID))
		}
		if refused := slices.ContainsFunc(d.Checks, func(c delivery.CheckResult) bool { return !c.Passed }); refused && d.Status == delivery.Verified {
			u.oracle.complain(fmt.Sprintf("[1] %s is verified, and its checks said no", d.ID))
		}
	}
	u.read(func(ctx context.Context, r store.Reader) {
		for _, pipeline := range sortedKeys(u.layout) {
			for _, release := range must(r.Releases(ctx, pipeline)) {
				u.sameForEver(release)
			}
		}
		u.chained(ctx, r, deployments)
	})
}

func (u *simulation) delivered(id string) bool {
	u.driver.mu.Lock()
	defer u.driver.mu.Unlock()
	return u.driver.done[id]
}

// sameForEver is invariant 4.
func (u *simulation) sameForEver(r delivery.Release) {
	u.oracle.mu.Lock()
	defer u.oracle.mu.Unlock()
	now, id := text(r.Spec)+r.Digest, r.Spec.ID()
	if first, known := u.oracle.contents[id]; known && first != now {
		u.oracle.wrong = append(u.oracle.wrong, fmt.Sprintf("[4] release %s was %s and is %s", id, first, now))
	} else {
		u.oracle.contents[id] = now
	}
}

// chained is invariant 6: the log is a whole chain, and each deployment and how it ended is in it.
func (u *simulation) chained(ctx context.Context, r store.Reader, deployments []delivery.Deployment) {
	const page = 1 << 20
	after := int64(0)
	if u.oracle.lastEvent != nil {
		after = u.oracle.lastEvent.Seq
	}
	for _, e := range must(r.Events(ctx, after, page)) {
		if err := delivery.VerifyLink(u.oracle.lastEvent, e); err != nil {
			u.oracle.complain("[6] " + err.Error())
		}
		u.oracle.lastEvent = &e
		u.counters.add("event " + string(e.Kind))
	}
	recorded := map[string]bool{}
	for _, e := range must(r.Events(ctx, 0, page)) {
		recorded[e.Subject+" "+string(e.Kind)] = true
	}
	for _, d := range deployments {
		for _, kind := range []string{"started", string(d.Status)} {
			if !recorded[d.ID+" deployment."+kind] && !d.InFlight() {
				u.oracle.complain(fmt.Sprintf("[6] nothing in the log says that %s was %s", d.ID, kind))
			}
		}
	}
}

// audited is what ledger verify makes of the whole log: every event could have happened after those before it.
func (u *simulation) audited() {
	audit := delivery.NewAudit("")
	u.read(func(ctx context.Context, r store.Reader) {
		for _, e := range must(r.Events(ctx, 0, 1<<20)) {
			if err := audit.Event(e); err != nil {
				u.oracle.complain("[audit] " + err.Error())
				return
			}
		}
	})
	if err := audit.Meaning(); err != nil {
		u.oracle.complain("[audit] " + err.Error())
	}
}
