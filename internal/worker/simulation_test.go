package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// simulation is one random history: a ledger, a driver, a clock, people, and the processes that come and go.
type simulation struct {
	t        *rapid.T
	mutation mutation
	counters *counters

	clock   *clock
	driver  *fakeDriver
	checker *fakeChecker
	oracle  *oracle
	ledger  store.Store // as the engines see it, under the oracle's eyes
	ids     atomic.Int64
	stride  time.Duration // how much longer than asked a pause takes
	pauses  atomic.Int64

	self       *process
	current    int                  // the version that everybody is busy with
	stopAt     string               // the tag of complaints that end the history; empty: any
	operations map[string]operation // by pipeline and entry: what was asked for last and accepted
	layout     map[string]delivery.PipelineSpec
	trace      []string

	overrides []string     // by id
	seen      string       // the content that somebody named last
	fails     atomic.Int64 // how often
	sudden    atomic.Bool  // the next deployment fails, and its environment is frozen meanwhile
	policies  map[string]delivery.PolicySpec
	external  bool // Terraform deploys to staging

	dieDeploying bool // the next process that dies does so at a deployment
}

// process is one engine and the injector of its crash.
type process struct {
	*Engine
	crash *crashInjector
}

func newSimulation(t *rapid.T, ledger store.Store, m mutation, counts *counters) *simulation {
	u := &simulation{t: t, mutation: m, counters: counts, clock: newClock(), driver: newFakeDriver(), checker: newFakeChecker(), layout: map[string]delivery.PipelineSpec{},
		operations: map[string]operation{}, policies: map[string]delivery.PolicySpec{}}
	const day = 24 * time.Hour // or the eve of a change to daylight saving, or back, somewhere
	u.clock.move(pickOf(u, 0, 0, 12*day, 26*day, 208*day, 243*day))
	if m.ledger != nil {
		ledger = m.ledger(ledger)
	}
	u.oracle = newOracle(u.clock, u.driver, u.checker, counts)
	u.ledger = watched{ledger, u.oracle}
	u.driver.expects = u.oracle.expects(ledger)
	u.stride = []time.Duration{0, 0, time.Second, 5 * time.Minute}[u.pick(4)]
	u.self = u.process()
	u.external = u.drawExternal()
	return u
}

// process starts an engine on the ledger.
func (u *simulation) process() *process {
	p := &process{crash: neverCrashes()}
	o := engineOptions{
		Store:    crashingStore{u.ledger, p.crash},
		Drivers:  map[string]driver.Driver{"directory": crashingDriver{u.driver, p.crash}},
		Checkers: map[string]check.Checker{"http": crashingChecker{u.checker, p.crash}, "command": crashingChecker{u.checker, p.crash}},
		Now:      u.clock.now,
		NewID:    func() string { return fmt.Sprintf("id-%d", u.ids.Add(1)) },
		Pause:    u.pause,
		Secrets:  secret.Func(func(_ context.Context, reference string) (string, error) { return "value of " + reference, nil }),
	}
	if u.mutation.options != nil {
		u.mutation.options(&o)
	}
	p.Engine = newEngine(o)
	return p
}

// errPatience ends a wait: people do not wait for ever.
var errPatience = errors.New("waited long enough")

const maxPauses = 20

func (u *simulation) pause(ctx context.Context, d time.Duration) error {
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
func (u *simulation) pick(n int) int { return evenly.Draw(u.t, "lot") * n / 256 }

// chance is true that many times of a hundred.
func (u *simulation) chance(percent int) bool { return u.pick(100) >= 100-percent }

// wrong lists the complaints that end the history.
func (u *simulation) wrong() []string {
	return slices.DeleteFunc(u.oracle.complaints(), func(line string) bool { return !strings.Contains(line, u.stopAt) })
}

func pickOf[V any](u *simulation, from ...V) V { return from[u.pick(len(from))] }

func (u *simulation) note(format string, args ...any) {
	u.trace = append(u.trace, u.clock.now().Format("02 15:04:05 ")+fmt.Sprintf(format, args...))
}

// operation is something a user asks for that may deploy.
type operation struct {
	words           string
	actor           string
	pipeline, entry string // entry is empty when nothing is to be done at once
	subject         subject
	put             func(*process) error
	wait            func(*process) (delivery.Work, error)
}

// subject is what an operation declares. One of them is set.
type subject struct {
	release      *delivery.ReleaseRequest
	promotion    *delivery.PromotionSpec
	verification *delivery.VerificationRequest
}

// outcome is what came of an operation.
type outcome struct {
	refused error         // by the write itself
	stopped error         // the work ended without coming to rest
	work    delivery.Work // at rest
	done    []string      // "version to environment", of deployments that were not there before
	failed  bool          // something went wrong in an environment
	paused  bool
	told    bool           // a verification wrote a report
	frozen  bool           // somebody froze an environment meanwhile
	unseen  bool           // an environment that got its first deployment does not answer
	back    map[string]int // how often each deployment was rolled back
}

func (o outcome) rested() bool { return o.refused == nil && o.stopped == nil }

// manyMoments is longer than any work here takes; no test waits for it to pass.
const manyMoments = time.Hour

// maxDeployments is how often one operation may reach a driver before it is plain that it never comes to rest.
const maxDeployments = 80

// run carries an operation out in a process and waits until it has come to rest.
func (u *simulation) run(p *process, w operation) outcome {
	calls, failed := u.driver.count()
	known, before := map[string]bool{}, u.all()
	for _, d := range before {
		known[d.ID] = true
	}
	failedChecks, pauses, reports, armed := u.checker.failedChecks(), u.pauses.Load(), u.oracle.reports(), u.sudden.Load()
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
	_, failedNow := u.driver.count()
	out.done, out.paused = append(u.driver.since(calls, known), byTerraform(before, u.all())...), u.pauses.Load() != pauses
	out.failed = failedNow != failed || u.checker.failedChecks() != failedChecks
	out.told, out.frozen = u.oracle.reports() != reports, armed && !u.sudden.Load()
	out.unseen, out.back = u.driver.unseen(before, u.all()), map[string]int{}
	for _, d := range u.all() {
		if !known[d.ID] && d.Replaces != "" {
			out.back[d.Replaces]++
		}
	}
	return out
}

// apply is what a user does: look at the plan, and apply it. The process may die meanwhile.
func (u *simulation) apply(w operation, dies bool) {
	u.pauses.Store(0)
	unrestored := u.unrestored(w)
	preview, err := u.preview(w)
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
	if out.refused == nil && w.entry != "" && w.subject.verification == nil {
		u.operations[w.pipeline+"/"+w.entry] = w
	}
	u.note("%s: refused=%v stopped=%v failure=%v done=%v preview=%v", w.words, out.refused, out.stopped, out.work.Failure, out.done, stepsOf(preview))
	if u.self.crash.ended() {
		u.revive()
		if u.chance(75) {
			u.meanwhile()
		}
		if u.chance(80) {
			u.note("again, in a new process")
			u.counters.add("continued after a crash")
			u.apply(w, false)
		}
		return
	}
	if dies {
		u.self.crash.limit(-1, false, nil)
	}
	u.agree(w, preview, out)
	u.settled(w, unrestored, out)
}

// kill lets the process die, or be asked to stop, after a few more touches of the world.
func (u *simulation) kill() {
	if u.dieDeploying || u.chance(40) {
		u.self.crash.limit(-1, u.chance(50), nil)
		u.self.crash.arm()
		return
	}
	touches := u.pick(14)
	if u.chance(35) {
		u.self.crash.limit(touches, false, u.self.end)
		return
	}
	u.self.crash.limit(touches, u.chance(50), nil)
}

// revive starts a new process on what the last one left.
func (u *simulation) revive() {
	if u.self.crash.dead {
		u.counters.add("crashed")
	} else {
		u.counters.add("asked to stop")
	}
	u.self.end()
	u.note("the process ended")
	u.self = u.process()
}

func (u *simulation) limitDeployments() {
	calls, _ := u.driver.count()
	self := u.self
	u.driver.mu.Lock()
	defer u.driver.mu.Unlock()
	left := maxDeployments
	u.driver.onCall = func(r driver.Request) {
		u.freezeWhere(r)
		u.driver.mu.Lock()
		many := len(u.driver.calls)-calls > left
		u.driver.mu.Unlock()
		if many {
			u.oracle.complain("[5] deploys again and again, and does not come to rest")
			self.end()
		}
	}
}

func (u *simulation) preview(w operation) (delivery.DeliveryPreview, error) {
	preview, err := u.self.previewOf(w)
	if u.mutation.preview != nil {
		preview = u.mutation.preview(preview)
	}
	return preview, err
}

// previewOf asks what an operation would do.
func (p *process) previewOf(w operation) (delivery.DeliveryPreview, error) {
	ctx := context.Background()
	switch {
	case w.subject.release != nil:
		preview, err := p.PreviewRelease(ctx, w.actor, delivery.PreviewRequest[delivery.ReleaseRequest]{Subject: *w.subject.release})
		return preview.DeliveryPreview, err
	case w.subject.promotion != nil:
		preview, err := p.PreviewPromotion(ctx, w.actor, delivery.PreviewRequest[delivery.PromotionSpec]{Subject: *w.subject.promotion})
		return preview.DeliveryPreview, err
	}
	preview, err := p.PreviewVerification(ctx, w.actor, delivery.PreviewRequest[delivery.VerificationRequest]{Subject: *w.subject.verification})
	return preview.DeliveryPreview, err
}

func (u *simulation) read(f func(context.Context, store.Reader)) {
	ctx := context.Background()
	if err := u.ledger.View(ctx, func(r store.Reader) error { f(ctx, r); return nil }); err != nil {
		u.oracle.complain("the ledger cannot be read: " + err.Error())
	}
}

func (u *simulation) all() (found []delivery.Deployment) {
	u.read(func(ctx context.Context, r store.Reader) { found = must(r.Deployments(ctx, store.DeploymentFilter{})) })
	return found
}
