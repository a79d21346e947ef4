package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// clock is moved by the test and by anyone who pauses.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// fakeTarget is what runs in one environment for one pipeline.
type fakeTarget struct {
	id, version, digest, revision string
	drift                         string // somebody's hand in it
	unknown                       bool   // it cannot be looked at
}

// fakeDriver keeps its targets in memory and records every call. It is idempotent by deployment id, as drivers are.
type fakeDriver struct {
	mu      sync.Mutex
	at      map[string]fakeTarget // by environment/pipeline
	done    map[string]bool       // deployments, by id
	refuse  map[string]int        // how many of the next deployments there fail
	halfway map[string]bool       // a failing deployment there leaves the new content behind
	always  map[string]bool       // whatever is deployed there differs at once
	gone    map[string]bool       // versions that a rollback would not find
	looks   int                   // how often something was looked at
	looked  driver.Request        // the last look
	calls   []driver.Request
	failed  int
	secret  string                            // told in every failure
	onCall  func(driver.Request)              // called in Deploy, before anything happens
	expects func(driver.Request) (why string) // says what is wrong with a call
	wrong   []string
}

func newFakeDriver() *fakeDriver {
	return &fakeDriver{at: map[string]fakeTarget{}, done: map[string]bool{}, refuse: map[string]int{}, halfway: map[string]bool{}, always: map[string]bool{}, gone: map[string]bool{}}
}

func targetKey(environment, pipeline string) string { return environment + "/" + pipeline }

// unseen reports whether an environment that does not answer got its first deployment between two looks at the ledger.
func (p *fakeDriver) unseen(before, after []delivery.Deployment) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	had := map[string]bool{}
	for _, d := range before {
		had[targetKey(d.Environment, d.Pipeline)] = true
	}
	return slices.ContainsFunc(after, func(d delivery.Deployment) bool {
		at := targetKey(d.Environment, d.Pipeline)
		return !had[at] && p.at[at].unknown
	})
}

func (p *fakeDriver) Deploy(ctx context.Context, r driver.Request) (driver.Result, error) {
	p.mu.Lock()
	hook, expects := p.onCall, p.expects
	p.mu.Unlock()
	if expects != nil {
		if why := expects(r); why != "" {
			p.mu.Lock()
			p.wrong = append(p.wrong, why)
			p.mu.Unlock()
		}
	}
	if hook != nil {
		hook(r)
	}
	if err := ctx.Err(); err != nil {
		return driver.Result{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, r)
	key := targetKey(r.Environment, r.Pipeline)
	if p.done[r.ID] {
		return driver.Result{Receipt: "receipt of " + r.ID}, nil
	}
	fresh := fakeTarget{id: r.ID, version: r.Version, digest: r.Digest, revision: r.ConfigRevision, unknown: p.at[key].unknown}
	if p.always[key] {
		fresh.drift = "it is never as it was left"
	}
	if p.refuse[key] > 0 {
		p.refuse[key]--
		p.failed++
		if p.halfway[key] {
			p.at[key] = fresh
		}
		return driver.Result{}, errors.New("the environment refuses " + r.Version + p.secret)
	}
	p.at[key], p.done[r.ID] = fresh, true
	return driver.Result{Receipt: "receipt of " + r.ID}, nil
}

func (p *fakeDriver) Observe(ctx context.Context, r driver.Request) (delivery.Observation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looks++
	p.looked = r
	here := p.at[targetKey(r.Environment, r.Pipeline)]
	switch {
	case ctx.Err() != nil:
		return delivery.Observation{}, ctx.Err()
	case here.unknown:
		return delivery.Observation{Unknown: "the environment does not answer"}, nil
	case here.id == "":
		return delivery.Observation{}, nil
	}
	seen := delivery.Observation{Running: true, Version: here.version}
	if here.drift != "" {
		seen.Differences = append(seen.Differences, here.drift)
	}
	if here.digest != r.Digest || here.revision != r.ConfigRevision {
		seen.Differences = append(seen.Differences, "another content runs")
	}
	return seen, nil
}

// asItShould reports whether exactly this content runs untouched in an environment, or it cannot be known.
func (p *fakeDriver) asItShould(environment, pipeline string, c delivery.Content) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	here := p.at[targetKey(environment, pipeline)]
	return here.unknown || (here.id != "" && here.digest == c.ReleaseDigest && here.revision == c.ConfigRevision && here.drift == "")
}

// change edits one environment by hand.
func (p *fakeDriver) change(environment, pipeline string, edit func(*fakeTarget)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	here := p.at[targetKey(environment, pipeline)]
	edit(&here)
	p.at[targetKey(environment, pipeline)] = here
}

// since lists what was deployed from the n-th call on, each deployment once and except for the known ones: "version to environment".
func (p *fakeDriver) since(n int, known map[string]bool) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines, seen := []string{}, maps.Clone(known)
	for _, r := range p.calls[n:] {
		if !seen[r.ID] {
			lines = append(lines, fmt.Sprintf("%s to %s", r.Version, r.Environment))
		}
		seen[r.ID] = true
	}
	return lines
}

func (p *fakeDriver) count() (calls, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.calls), p.failed
}

// fakeChecker gives the answers that the test sets.
type fakeChecker struct {
	mu sync.Mutex
	// gates holds the answers of gates' checks, by stage/name; no entry is a yes.
	gates map[string]delivery.CheckResult
	// bad lists pipeline/version, environment, and environment/version whose verification says no.
	bad     map[string]bool
	refused int // how often a verification said no
	// reports is what the test wrote into reports, by the digest of their text.
	reports map[string]report
	// onlyVersion, when set, is the only version that the checks of gates let in.
	onlyVersion string
}

func newFakeChecker() *fakeChecker {
	return &fakeChecker{gates: map[string]delivery.CheckResult{}, bad: map[string]bool{}, reports: map[string]report{}}
}

func (b *fakeChecker) Check(ctx context.Context, r delivery.CheckRequest) (delivery.CheckResult, error) {
	if err := ctx.Err(); err != nil {
		return delivery.CheckResult{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Environment == "" {
		if b.onlyVersion != "" && r.Version != b.onlyVersion {
			return delivery.CheckResult{Detail: "only " + b.onlyVersion}, nil
		}
		return b.gate(r.Pipeline, r.Stage, r.Name), nil
	}
	if b.bad[r.Pipeline+"/"+r.Version] || b.bad[r.Environment] || b.bad[r.Environment+"/"+r.Version] {
		b.refused++
		return b.told(r, report{ran: 3, failures: 1}, delivery.CheckResult{Detail: "it does not answer"}), nil
	}
	return b.told(r, report{ran: 3}, delivery.CheckResult{Passed: true, Detail: "it answers"}), nil
}

// told adds the report that a verification writes, if it was asked for one. Each deployment's is its own.
func (b *fakeChecker) told(r delivery.CheckRequest, wrote report, result delivery.CheckResult) delivery.CheckResult {
	if r.Check.Command == nil || r.Check.Command.JUnit == "" {
		return result
	}
	result.Report = &delivery.TestCounts{Tests: wrote.ran, Failures: wrote.failures}
	result.ReportDigest = digestOf(fmt.Sprintf("%d: %v in %s", len(b.reports), wrote, r.Environment))
	b.reports[result.ReportDigest] = wrote
	return result
}

// written tells what the test wrote into a report.
func (b *fakeChecker) written(digest string) (report, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.reports[digest]
	return r, ok
}

func (b *fakeChecker) gate(pipeline, stage, name string) delivery.CheckResult {
	if answer, ok := b.gates[pipeline+"/"+stage+"/"+name]; ok {
		return answer
	}
	return delivery.CheckResult{Passed: true, Detail: "yes"}
}

// says tells what a gate's check answers now.
func (b *fakeChecker) says(pipeline, stage, name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.gate(pipeline, stage, name).Passed
}

func (b *fakeChecker) write(edit func(*fakeChecker)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	edit(b)
}

func (b *fakeChecker) failedChecks() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused
}

// copied gives what runs everywhere.
func (p *fakeDriver) copied() map[string]fakeTarget {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.at)
}
