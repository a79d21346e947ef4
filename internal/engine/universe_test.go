package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/gate"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// universe is one random history: a ledger, places, a clock, people, and the processes that come and go.
type universe struct {
	t        *rapid.T
	mutation mutation
	tally    *tally

	clock  *clock
	places *places
	book   *answerBook
	oracle *oracle
	ledger store.Store // as the engines see it, under the oracle's eyes
	ids    atomic.Int64
	stride time.Duration // how much longer than asked a pause takes
	pauses atomic.Int64

	self    *process
	current int             // the version that everybody is busy with
	stopAt  string          // the tag of complaints that end the history; empty: any
	wishes  map[string]wish // by pipeline and entry: what was asked for last and accepted
	layout  map[string]delivery.PipelineSpec
	trace   []string

	overrides []string     // by id
	fails     atomic.Int64 // how often
	sudden    atomic.Bool  // the next deployment fails, and its place is frozen meanwhile
	policies  map[string]delivery.PolicySpec
	external  bool // Terraform deploys to staging
}

// process is one engine and its life.
type process struct {
	*Engine
	life *life
}

func newUniverse(t *rapid.T, ledger store.Store, m mutation, counts *tally) *universe {
	u := &universe{t: t, mutation: m, tally: counts, clock: newClock(), places: newPlaces(), book: newAnswerBook(), layout: map[string]delivery.PipelineSpec{},
		wishes: map[string]wish{}, policies: map[string]delivery.PolicySpec{}}
	const day = 24 * time.Hour // or the eve of a change to daylight saving, or back, somewhere
	u.clock.move(pickOf(u, 0, 0, 12*day, 26*day, 208*day, 243*day))
	if m.ledger != nil {
		ledger = m.ledger(ledger)
	}
	u.oracle = newOracle(u.clock, u.places, u.book, counts)
	u.ledger = watched{ledger, u.oracle}
	u.places.expects = u.oracle.expects(ledger)
	u.stride = []time.Duration{0, 0, time.Second, 5 * time.Minute}[u.pick(4)]
	u.self = u.process()
	u.external = u.drawExternal()
	return u
}

// process starts an engine on the ledger.
func (u *universe) process() *process {
	p := &process{life: immortal()}
	o := Options{
		Store:    mortalStore{u.ledger, p.life},
		Drivers:  map[string]driver.Driver{"directory": mortalDriver{u.places, p.life}},
		Checkers: map[string]gate.Checker{"http": mortalChecker{u.book, p.life}, "command": mortalChecker{u.book, p.life}},
		Now:      u.clock.now,
		NewID:    func() string { return fmt.Sprintf("id-%d", u.ids.Add(1)) },
		Pause:    u.pause,
		Secret:   func(_ context.Context, reference string) (string, error) { return "value of " + reference, nil },
	}
	if u.mutation.options != nil {
		u.mutation.options(&o)
	}
	p.Engine = New(o)
	return p
}

// errPatience ends a wait: people do not wait for ever.
var errPatience = errors.New("waited long enough")

const maxPauses = 20

func (u *universe) pause(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if u.pauses.Add(1) > maxPauses {
		return errPatience
	}
	u.oracle.moment.Lock()
	defer u.oracle.moment.Unlock()
	u.clock.move(d + u.stride)
	return nil
}

// evenly draws each number below 256 as often as the others, and 0 first when a failure is made smaller: rapid's own ranges
// prefer small numbers and edges.
var evenly = rapid.Custom(func(t *rapid.T) int {
	v := 0
	for range 8 {
		v *= 2
		if rapid.Bool().Draw(t, "bit") {
			v++
		}
	}
	return v
})

// pick draws a number below n.
func (u *universe) pick(n int) int { return evenly.Draw(u.t, "lot") * n / 256 }

// chance is true that many times of a hundred.
func (u *universe) chance(percent int) bool { return u.pick(100) >= 100-percent }

// wrong lists the complaints that end the history.
func (u *universe) wrong() []string {
	return slices.DeleteFunc(u.oracle.complaints(), func(line string) bool { return !strings.Contains(line, u.stopAt) })
}

func pickOf[V any](u *universe, from ...V) V { return from[u.pick(len(from))] }

func (u *universe) note(format string, args ...any) {
	u.trace = append(u.trace, u.clock.now().Format("02 15:04:05 ")+fmt.Sprintf(format, args...))
}

// wish is something a user asks for that may deploy.
type wish struct {
	words           string
	actor           string
	pipeline, entry string // entry is empty when nothing is to be done at once
	preview         delivery.PreviewRequest
	put             func(*process) error
	wait            func(*process) (delivery.Work, error)
}

// outcome is what came of a wish.
type outcome struct {
	refused error         // by the write itself
	stopped error         // the work ended without coming to rest
	work    delivery.Work // at rest
	done    []string      // "version to environment", of deployments that were not there before
	failed  bool          // something went wrong in a place
	paused  bool
	told    bool // a verification wrote a report
}

func (o outcome) rested() bool { return o.refused == nil && o.stopped == nil }

// manyMoments is longer than any work here takes; no test waits for it to pass.
const manyMoments = time.Hour

// maxDeployments is how often one wish may reach a driver before it is plain that it never comes to rest.
const maxDeployments = 80

// run carries a wish out in a process and waits until it has come to rest.
func (u *universe) run(p *process, w wish) outcome {
	calls, failed := u.places.count()
	known, before := map[string]bool{}, u.all()
	for _, d := range before {
		known[d.ID] = true
	}
	noes, pauses, reports := u.book.noes(), u.pauses.Load(), u.oracle.reports()
	out := outcome{refused: w.put(p)}
	if out.refused == nil {
		var err error
		if out.work, err = w.wait(p); err != nil {
			out.stopped = err
		}
		if w.entry != "" && out.stopped == nil {
			p.mu.Lock()
			if r := p.runs[runKey{w.pipeline, w.entry}]; r != nil {
				out.stopped = r.err
			}
			p.mu.Unlock()
		}
	}
	_, failedNow := u.places.count()
	out.done, out.paused = append(u.places.since(calls, known), byTerraform(before, u.all())...), u.pauses.Load() != pauses
	out.failed = failedNow != failed || u.book.noes() != noes
	out.told = u.oracle.reports() != reports
	return out
}

// apply is what a user does: look at the plan, and apply it. The process may die meanwhile.
func (u *universe) apply(w wish, dies bool) {
	u.pauses.Store(0)
	preview, err := u.foresee(w)
	if err != nil {
		u.oracle.complain(fmt.Sprintf("[8] preview of %s: %v", w.words, err))
		return
	}
	if dies {
		u.kill()
	}
	u.limitDeployments()
	out := u.run(u.self, w)
	u.count(out)
	if out.refused == nil && w.entry != "" && w.preview.Verification == nil {
		u.wishes[w.pipeline+"/"+w.entry] = w
	}
	u.note("%s: refused=%v stopped=%v failure=%v done=%v preview=%v", w.words, out.refused, out.stopped, out.work.Failure, out.done, stepsOf(preview))
	if u.self.life.ended() {
		u.revive()
		if u.chance(80) {
			u.note("again, in a new process")
			u.tally.add("continued after a crash")
			u.apply(w, false)
		}
		return
	}
	if dies {
		u.self.life.limit(-1, false, nil)
	}
	u.agree(w, preview, out)
	u.settled(w, out)
}

// kill lets the process die, or be asked to stop, after a few more touches of the world.
func (u *universe) kill() {
	touches := u.pick(14)
	if u.chance(35) {
		u.self.life.limit(touches, false, u.self.end)
		return
	}
	u.self.life.limit(touches, u.chance(50), nil)
}

// revive starts a new process on what the last one left.
func (u *universe) revive() {
	if u.self.life.dead {
		u.tally.add("crashed")
	} else {
		u.tally.add("asked to stop")
	}
	u.self.end()
	u.note("the process ended")
	u.self = u.process()
}

func (u *universe) limitDeployments() {
	calls, _ := u.places.count()
	self := u.self
	u.places.mu.Lock()
	defer u.places.mu.Unlock()
	left := maxDeployments
	u.places.onCall = func(r driver.Request) {
		u.freezeWhere(r)
		u.places.mu.Lock()
		many := len(u.places.calls)-calls > left
		u.places.mu.Unlock()
		if many {
			u.oracle.complain("[5] deploys again and again, and does not come to rest")
			self.end()
		}
	}
}

func (u *universe) foresee(w wish) (delivery.Preview, error) {
	preview, err := u.self.Preview(context.Background(), w.actor, w.preview)
	if u.mutation.preview != nil {
		preview = u.mutation.preview(preview)
	}
	return preview, err
}

// stepsOf gives the deployments a preview shows, but for those it would only finish.
func stepsOf(p delivery.Preview) []string {
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
func (u *universe) agree(w wish, before delivery.Preview, out outcome) {
	finished := []string{} // a place whose deployment is under way is not looked at before that is finished, and may need healing then
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
	case before.Refused != nil && out.refused == nil:
		u.oracle.complain(fmt.Sprintf("[8] %s: the preview refused (%v), and it was accepted", w.words, before.Refused))
	case len(missing) > 0 || len(more) > 0:
		u.oracle.complain(fmt.Sprintf("[8] %s: the preview said %v, and %v was deployed", w.words, stepsOf(before), out.done))
	case !before.Changes && len(out.done) > 0:
		u.oracle.complain(fmt.Sprintf("[8] %s: no changes, and %v was deployed", w.words, out.done))
	case len(out.done) > 0:
		u.tally.add("preview agreed on deployments")
		u.agreedOnVerification(out.done)
	default:
		u.tally.add("preview agreed on nothing to deploy")
	}
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

// settled checks what holds once a wish has come to rest: nothing is under way in its segment, and a second plan is empty.
func (u *universe) settled(w wish, out outcome) {
	if !out.rested() || w.entry == "" {
		return
	}
	after, err := u.foresee(w)
	switch {
	case err != nil:
		u.oracle.complain(fmt.Sprintf("[8] second preview of %s: %v", w.words, err))
	case len(after.Steps) > 0 || after.Refused != nil:
		u.oracle.complain(fmt.Sprintf("[8] %s: a second preview would still do %v (%v)", w.words, stepsOf(after), after.Refused))
	case out.work.Failure == nil && after.Changes:
		u.oracle.complain(fmt.Sprintf("[8] %s went well, and a second preview has changes", w.words))
	}
	for _, d := range u.all() {
		if d.Pipeline == w.pipeline && d.InFlight() && u.inSegment(w, d.Stage) && d.Content.Target != nil && w.preview.Verification == nil {
			u.oracle.complain(fmt.Sprintf("[7] %s came to rest, and %s is still %s", w.words, d.ID, d.Status))
		}
	}
}

func (u *universe) inSegment(w wish, stage string) bool {
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

func (u *universe) read(f func(context.Context, store.Reader)) {
	ctx := context.Background()
	if err := u.ledger.View(ctx, func(r store.Reader) error { f(ctx, r); return nil }); err != nil {
		u.oracle.complain("the ledger cannot be read: " + err.Error())
	}
}

func (u *universe) all() (found []delivery.Deployment) {
	u.read(func(ctx context.Context, r store.Reader) { found = must(r.Deployments(ctx, store.DeploymentFilter{})) })
	return found
}

var refusedGate = regexp.MustCompile(`(?m)^  (policy\.[a-z]+\.)?([a-z_]+)\S*\s+(pending|failed)`)

// count keeps the figures that show what the histories went through.
func (u *universe) count(out outcome) {
	said := ""
	if out.refused != nil {
		said = out.refused.Error()
	}
	if s := out.work.Stopped; s != nil {
		said += "\n" + delivery.GateTable(s.Gates)
		if s.Held != "" {
			u.tally.add("held")
		}
	}
	for _, gate := range refusedGate.FindAllStringSubmatch(said, -1) {
		u.tally.add("stopped by " + gate[2])
		if gate[1] != "" {
			u.tally.add("stopped by a policy's " + gate[2])
		}
	}
	if strings.Contains(said, "is held") {
		u.tally.add("held")
	}
	if strings.Contains(said, "are immutable") {
		u.tally.add("other content refused")
	}
	if out.told {
		u.tally.add("report written by a verification")
	}
	if out.paused {
		u.tally.add("waited")
	}
}

// check looks at the whole ledger after each action.
func (u *universe) check() {
	flying := map[string]string{}
	deployments := u.all()
	for _, d := range deployments {
		at := spot(d.Environment, d.Pipeline)
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

func (u *universe) delivered(id string) bool {
	u.places.mu.Lock()
	defer u.places.mu.Unlock()
	return u.places.done[id]
}

// sameForEver is invariant 4.
func (u *universe) sameForEver(r delivery.Release) {
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
func (u *universe) chained(ctx context.Context, r store.Reader, deployments []delivery.Deployment) {
	const page = 1 << 20
	after := int64(0)
	if u.oracle.lastEvent != nil {
		after = u.oracle.lastEvent.Seq
	}
	for _, e := range must(r.Events(ctx, after, page, "", "")) {
		if err := delivery.VerifyLink(u.oracle.lastEvent, e); err != nil {
			u.oracle.complain("[6] " + err.Error())
		}
		u.oracle.lastEvent = &e
		u.tally.add("event " + e.Kind)
	}
	told := map[string]bool{}
	for _, kind := range []string{"started", "verified", "failed", "rolled_back", "superseded"} {
		for _, e := range must(r.Events(ctx, 0, page, "deployment."+kind, "")) {
			told[e.Subject+" "+kind] = true
		}
	}
	for _, d := range deployments {
		for _, kind := range []string{"started", string(d.Status)} {
			if !told[d.ID+" "+kind] && !d.InFlight() {
				u.oracle.complain(fmt.Sprintf("[6] nothing in the log says that %s was %s", d.ID, kind))
			}
		}
	}
}

// tally counts what happened over all histories.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func newTally() *tally { return &tally{counts: map[string]int{}} }

func (c *tally) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what]++
}

func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := ""
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		lines += fmt.Sprintf("%8d  %s\n", c.counts[what], what)
	}
	return lines
}
