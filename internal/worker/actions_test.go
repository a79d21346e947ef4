package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// people act in the histories. The first one writes most of the software.
var people = []string{"ann@example.com", "bob@example.com", "cid@example.com"}

// versions of every pipeline.
var versions = []string{"1.0", "1.1", "2.0"}

// paths is which environments the stages of each pipeline have. The two pipelines share some.
var paths = map[string][][]string{
	"shop": {{"dev"}, {"stg"}, {"eu", "us"}},
	"blog": {{"dev"}, {"eu"}},
}

func environmentNames() []string { return []string{"dev", "eu", "stg", "us"} }

// terraformDeploys tells whether Terraform deploys to an environment: to staging, in some histories.
func (u *simulation) terraformDeploys(environment string) bool {
	return u.external && environment == "stg"
}

func (u *simulation) anyPipeline() string {
	return pickOf(u, "shop", "shop", "blog")
}

// anyVersion is most often the one that everybody is busy with.
func (u *simulation) anyVersion() string {
	if u.chance(12) {
		u.current = u.pick(len(versions))
	}
	if u.chance(75) {
		return versions[u.current]
	}
	return versions[u.pick(len(versions))]
}

func (u *simulation) anyone() string { return people[u.pick(len(people))] }

// spelled writes a name in one of the spellings in which people give it.
func (u *simulation) spelled(who string) string {
	return pickOf(u, who, who, who, strings.ToUpper(who), "Somebody <"+who+">", " "+who)
}

// attemptOf is the attempt that was asked for last, sometimes raised.
func (u *simulation) attemptOf(pipeline, stage, version string) int {
	attempt := max(1, u.oracle.askedFor(pipeline, stage, version))
	if u.chance(15) {
		u.counters.add("attempt raised")
		attempt++
	}
	return attempt
}

// oneRefuses makes the verification of a version fail in one of the environments that are deployed to together, now and then.
func (u *simulation) oneRefuses(version string) {
	if u.chance(25) {
		key := pickOf(u, "eu/", "us/") + version
		u.checker.write(func(b *fakeChecker) { b.bad[key] = true })
		u.note("verification of %s is bad", key)
	}
}

func (u *simulation) delivery() operation { return u.deliveryOf(u.anyPipeline(), u.anyVersion()) }

func (u *simulation) deliveryOf(pipeline, version string) operation {
	actor := u.spelled(u.anyone())
	u.oneRefuses(version)
	spec := u.layout[pipeline]
	author := people[0] // in one spelling: another would be another content
	if version == versions[1] {
		author = "" // then it is the person who registers it
	}
	if u.chance(4) {
		author = "eve@example.com" // another content
	}
	digest := "sha256:" + strings.Repeat(fmt.Sprint(slices.Index(versions, version)+1), 64)
	r := delivery.ReleaseRequest{Attempt: u.attemptOf(pipeline, spec.Stages[0].Name, version), Spec: delivery.ReleaseSpec{Pipeline: pipeline, Version: version,
		Artifacts: map[string]delivery.Artifact{"app": {URI: "dist/" + version + ".tar.gz", Digest: digest}},
		Source:    &delivery.Source{Revision: "r" + version, Author: author}}}
	w := operation{words: fmt.Sprintf("%s delivers %s/%s attempt %d by %q", actor, pipeline, version, r.Attempt, author), actor: actor, pipeline: pipeline,
		subject: subject{release: &r}}
	if spec.AutoStart() {
		w.entry = spec.Stages[0].Name
	}
	ctx := context.Background()
	w.put = func(p *process) error {
		if w.entry != "" && !u.otherwise(r.Spec) {
			u.oracle.ask(pipeline, w.entry, version, r.Attempt)
		}
		_, err := p.PutRelease(ctx, actor, r)
		return err
	}
	w.wait = func(p *process) (delivery.Work, error) {
		state, err := p.WaitRelease(ctx, pipeline, version, manyMoments)
		return state.Work, err
	}
	return w
}

// otherwise reports whether the release is registered with another content: then nobody may have this one.
func (u *simulation) otherwise(spec delivery.ReleaseSpec) (other bool) {
	u.read(func(ctx context.Context, r store.Reader) {
		known, err := r.Release(ctx, spec.Pipeline, spec.Version)
		other = err == nil && text(known.Spec) != text(spec)
	})
	return other
}

// promotion asks for a version in a stage that is, most of the time, manual.
func (u *simulation) promotion() operation { return u.promotionOf(u.anyPipeline(), u.anyVersion(), "") }

// promotionOf promotes into a stage; into any one when it is not named.
func (u *simulation) promotionOf(pipeline, version, into string) operation {
	actor := u.anyone()
	u.oneRefuses(version)
	spec := u.layout[pipeline]
	stages := slices.DeleteFunc(slices.Clone(spec.Stages), func(s delivery.Stage) bool { return s.Promotion != delivery.Manual })
	if len(stages) == 0 {
		stages = spec.Stages // refused
	}
	stage := stages[u.pick(len(stages))].Name
	if into != "" {
		stage = into
	}
	p := delivery.PromotionSpec{Pipeline: pipeline, Stage: stage, Version: version, Attempt: u.attemptOf(pipeline, stage, version),
		WhenBlocked: pickOf(u, delivery.WhenBlockedPend, delivery.WhenBlockedPend, delivery.WhenBlockedFail, delivery.WhenBlockedFail, delivery.WhenBlockedWait)}
	w := operation{words: fmt.Sprintf("%s promotes %s to %s attempt %d (%s)", actor, version, p.ID(), p.Attempt, p.WhenBlocked), actor: actor, pipeline: pipeline,
		entry: stage, subject: subject{promotion: &p}}
	ctx := context.Background()
	w.put = func(process *process) error {
		if spec.Stages[spec.StageIndex(stage)].Promotion == delivery.Manual {
			u.oracle.ask(pipeline, stage, version, p.Attempt)
		}
		_, err := process.PutPromotion(ctx, actor, p)
		return err
	}
	w.wait = func(process *process) (delivery.Work, error) {
		state, err := process.WaitPromotion(ctx, pipeline, stage, version, manyMoments)
		return state.Work, err
	}
	return w
}

// again asks once more for what was asked for before, as every apply does that changes nothing.
func (u *simulation) again() operation {
	known := slices.Sorted(maps.Keys(u.operations))
	if len(known) == 0 {
		return u.anyWish()
	}
	w := u.operations[known[u.pick(len(known))]]
	w.words = "again: " + strings.TrimPrefix(w.words, "again: ")
	return w
}

func (u *simulation) anyWish() operation {
	if u.chance(50) {
		return u.promotion()
	}
	return u.delivery()
}

// atOnce applies two operations in two processes at the same time.
func (u *simulation) atOnce() {
	u.pauses.Store(0)
	u.limitDeployments()
	other, first, second := u.process(), u.anyWish(), u.anyWish()
	var group sync.WaitGroup
	var one, two outcome
	group.Go(func() { one = u.run(u.self, first) })
	group.Go(func() { two = u.run(other, second) })
	group.Wait()
	other.end()
	u.counters.add("two at once")
	u.count(one)
	u.count(two)
	u.note("at once: %s (%v %v) and %s (%v %v): %v", first.words, one.refused, one.stopped, second.words, two.refused, two.stopped, one.done)
	u.apply(second, false)
}

func (u *simulation) decide() {
	pipeline := u.anyPipeline()
	gated := u.gated(pipeline)
	if len(gated) == 0 {
		return
	}
	spec := delivery.ApprovalSpec{Pipeline: pipeline, Version: u.anyVersion(), Stage: gated[u.pick(len(gated))].Name, Decision: delivery.Approve}
	if u.chance(25) {
		spec.Decision = delivery.Reject
	}
	u.word(u.anyone(), spec)
}

// changeMinds lets somebody reject what everybody has approved, somebody else try to take that back, and then take it back themselves.
func (u *simulation) changeMinds() {
	pipeline, who := u.anyPipeline(), u.anyone()
	u.everybodyApproves()
	for _, stage := range u.gated(pipeline) {
		u.word(who, delivery.ApprovalSpec{Pipeline: pipeline, Version: versions[u.current], Stage: stage.Name, Decision: delivery.Reject})
		for _, other := range people {
			if other != who {
				u.revokeBy(other, u.lastSaid())
				break
			}
		}
		u.revokeBy(who, u.lastSaid())
	}
}

// gated lists the stages that ask for approvals, or may: a policy might hold there.
func (u *simulation) gated(pipeline string) []delivery.Stage {
	byPolicy := slices.ContainsFunc(slices.Collect(maps.Values(u.policies)), func(p delivery.PolicySpec) bool { return p.Gates.Approvals != nil })
	return slices.DeleteFunc(slices.Clone(u.layout[pipeline].Stages), func(s delivery.Stage) bool { return s.Gates.Approvals == nil && !byPolicy })
}

// everybodyApproves lets everybody approve what everybody is busy with.
func (u *simulation) everybodyApproves() {
	pipeline, version := u.anyPipeline(), versions[u.current]
	for _, stage := range u.gated(pipeline) {
		for _, who := range people {
			u.word(who, delivery.ApprovalSpec{Pipeline: pipeline, Version: version, Stage: stage.Name, Decision: delivery.Approve})
		}
	}
}

func (u *simulation) revoke() {
	u.oracle.mu.Lock()
	said := slices.Clone(u.oracle.said)
	u.oracle.mu.Unlock()
	if len(said) > 0 {
		u.revokeBy(u.anyone(), said[u.pick(len(said))])
	}
}

func (u *simulation) lastSaid() (id string) {
	u.oracle.mu.Lock()
	defer u.oracle.mu.Unlock()
	if said := u.oracle.said; len(said) > 0 {
		id = said[len(said)-1]
	}
	return id
}

func (u *simulation) revokeBy(who, id string) {
	a, _ := u.self.Approval(context.Background(), id) // not found once it is revoked
	err := u.self.RevokeApproval(context.Background(), who, id)
	u.note("revoke %s by %s: %v", id, who, err)
	another := a.Spec.Decision == delivery.Reject && whois(a.Spec.Approver) != whois(who)
	switch {
	case err == nil && another:
		u.oracle.complain(fmt.Sprintf("[1] %s revoked the rejection %s", who, id))
	case err == nil:
		u.counters.add("revoke")
	case another:
		u.counters.add("rejection of another person kept")
	}
	if err == nil && a.Spec.Decision == delivery.Reject {
		u.counters.add("rejection revoked")
	}
}

func (u *simulation) moveClock() {
	d := pickOf(u, time.Second, time.Minute, 11*time.Minute, 40*time.Minute, 3*time.Hour, 25*time.Hour)
	if u.chance(12) {
		d = -d / 4
		u.counters.add("clock set back")
	}
	u.clock.move(d)
	u.note("the clock moves by %s", d)
}

func (u *simulation) answer() {
	pipeline := u.anyPipeline()
	stages := u.layout[pipeline].Stages
	key := pipeline + "/" + stages[u.pick(len(stages))].Name + "/" + pickOf(u, "metrics", "metrics", "ticket", "audit")
	answer := pickOf(u, delivery.CheckResult{Passed: true, Detail: "yes"}, delivery.CheckResult{Detail: "no"}, delivery.CheckResult{Broken: true, Detail: "no such program"})
	u.checker.write(func(b *fakeChecker) { b.gates[key] = answer })
	u.note("check %s now says %v", key, text(answer))
}

// disturb does something to an environment: a hand in it, a failure to come, or the end of both.
func (u *simulation) disturb() {
	env, pipeline := environmentNames()[u.pick(len(environmentNames()))], u.anyPipeline()
	if used := slices.Sorted(maps.Keys(u.driver.copied())); len(used) > 0 && u.chance(80) {
		env, pipeline, _ = strings.Cut(used[u.pick(len(used))], "/")
	}
	at := targetKey(env, pipeline)
	switch u.pick(9) {
	case 0, 1:
		u.driver.change(env, pipeline, func(p *fakeTarget) { p.drift = "somebody edited a file" })
		u.note("%s: somebody's hand", at)
	case 2:
		u.driver.change(env, pipeline, func(p *fakeTarget) { p.id, p.digest = "", "" })
		u.note("%s: emptied", at)
	case 3:
		u.driver.change(env, pipeline, func(p *fakeTarget) { p.unknown = !p.unknown })
		u.note("%s: seen or not", at)
	case 4, 5:
		u.driver.mu.Lock()
		u.driver.refuse[at], u.driver.halfway[at] = 1+u.pick(2), u.chance(50)
		u.driver.mu.Unlock()
		u.note("%s: will refuse", at)
	case 6:
		u.lose()
	default:
		version := versions[u.pick(len(versions))]
		key := pickOf(u, env, env+"/"+version, pickOf(u, "eu/", "us/")+version, pipeline+"/"+version)
		bad := u.chance(70)
		u.checker.write(func(b *fakeChecker) { b.bad[key] = bad })
		u.note("verification of %s bad: %v", key, bad)
	}
}

// mend ends everything that was done to environments and answers.
func (u *simulation) mend() {
	u.checker.write(func(b *fakeChecker) { b.bad, b.gates = map[string]bool{}, map[string]delivery.CheckResult{} })
	u.driver.mu.Lock()
	defer u.driver.mu.Unlock()
	u.driver.refuse, u.driver.gone = map[string]int{}, map[string]bool{}
	for at, p := range u.driver.at {
		p.unknown = false
		u.driver.at[at] = p
	}
	u.note("everything repaired")
}

// live goes through one history and says what was wrong with it.
func (u *simulation) live() []string {
	actions := []struct {
		weight int
		do     func()
	}{
		{9, func() { u.apply(u.delivery(), u.chance(20)) }},
		{9, func() { u.apply(u.promotion(), u.chance(20)) }},
		{7, func() { u.apply(u.again(), u.chance(15)) }}, {3, u.interruptedUpgrade},
		{u.onlyExternal(9), func() { u.apply(u.verification(), u.chance(20)) }}, {u.onlyExternal(10), u.verifyAgain}, {u.onlyExternal(9), u.handOut},
		{6, u.decide}, {4, u.everybodyApproves}, {1, u.revoke}, {1, u.changeMinds}, {5, u.moveClock}, {3, u.editEnvironment}, {2, u.editPipeline}, {2, u.answer}, {4, u.disturb},
		{2, u.mend}, {1, u.atOnce}, {u.often("tests", 4), u.testify}, {u.often("tests", 4), u.vouch}, {u.often("policies", 2), u.legislate}, {u.often("freezes", 2), u.freeze}, {u.often("freezes", 1), u.suddenly},
		{u.often("overrides", 5), u.override}, {u.often("overrides", 1), u.revokeOverride},
	}
	lots := []func(){}
	for _, a := range actions {
		for range a.weight {
			lots = append(lots, a.do)
		}
	}
	defer func() { u.self.end() }()
	u.begin()
	for u.often("policies", 1) > 0 && u.chance(35) {
		u.legislate()
	}
	for range 10 + u.pick(25) {
		lots[u.pick(len(lots))]()
		u.check()
		if len(u.wrong()) > 0 {
			break
		}
	}
	for _, d := range u.all() {
		by := "deployment: "
		if d.Content.Target == nil {
			by = "authorized: "
		}
		u.counters.add(by + string(d.Kind) + " " + string(d.Status))
	}
	u.audited()
	return u.wrong()
}
