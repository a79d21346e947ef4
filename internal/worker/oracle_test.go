package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// oracle knows, without the engine, what may be deployed. It looks at every deployment in the very transaction that records it, and works
// everything out again from the ledger's records, what the test asked for, the driver and the checker. It calls none
// of delivery's own gates: what they would get wrong, it must not get wrong with them.
type oracle struct {
	clock    *clock
	driver   *fakeDriver
	checker  *fakeChecker
	counters *counters
	moment   sync.RWMutex // time stands still within a transaction

	mu        sync.Mutex
	asked     map[string]int               // "pipeline/stage/version": the highest attempt that somebody asked for
	said      []string                     // approvals, by id, as they were recorded
	covered   map[string]map[string]string // by approval and environment: what was there to be approved
	skips     map[string]map[string]string // by override and environment: what was there to be let in
	letIn     map[string][]string          // by deployment: the approvals that let it in
	began     map[string]beginning         // by deployment
	contents  map[string]string            // by release: what it was first
	reported  []string                     // reports, by id, as they were recorded
	gone      map[string]bool              // reports that were withdrawn, and overrides that were revoked, by id
	signed    map[string]signing
	lastEvent *delivery.Event
	wrong     []string
}

func newOracle(c *clock, p *fakeDriver, b *fakeChecker, counts *counters) *oracle {
	return &oracle{clock: c, driver: p, checker: b, counters: counts, gone: map[string]bool{}, began: map[string]beginning{}, signed: map[string]signing{}, asked: map[string]int{}, covered: map[string]map[string]string{}, skips: map[string]map[string]string{}, letIn: map[string][]string{}, contents: map[string]string{}}
}

// ask notes what a user is about to ask for: it is allowed from then on, whether or not the answer comes back.
func (o *oracle) ask(pipeline, stage, version string, attempt int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := pipeline + "/" + stage + "/" + version
	o.asked[key] = max(o.asked[key], attempt)
}

func (o *oracle) askedFor(pipeline, stage, version string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked[pipeline+"/"+stage+"/"+version]
}

// happened counts what a history went through.
func (o *oracle) happened(what string) { o.counters.add(what) }

// withdrawn reports whether a report was withdrawn, or an override revoked.
func (o *oracle) withdrawn(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gone[id]
}

// reports is how many were recorded.
func (o *oracle) reports() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.reported)
}

func (o *oracle) signings() map[string]signing {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.signed)
}

func (o *oracle) complain(lines ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wrong = append(o.wrong, lines...)
}

// complaints returns what was found wrong so far.
func (o *oracle) complaints() []string {
	o.driver.mu.Lock()
	defer o.driver.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Concat(o.wrong, o.driver.wrong)
}

// scene is the ledger at one moment.
type setup struct {
	ctx    context.Context
	oracle *oracle
	ledger store.Reader
	now    time.Time
}

// must reads what the judgment cannot do without.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("the oracle cannot read the ledger: %v", err))
	}
	return v
}

func (s setup) pipeline(name string) delivery.PipelineSpec {
	return must(s.ledger.Pipeline(s.ctx, name))
}

func (s setup) release(pipeline, version string) (found delivery.Release) {
	for _, r := range must(s.ledger.Releases(s.ctx, pipeline, version)) {
		found = r
	}
	return found
}

// inStage lists the deployments of the pipeline and stage of another one, oldest first.
func (s setup) inStage(d delivery.Deployment) []delivery.Deployment {
	return slices.DeleteFunc(must(s.ledger.Deployments(s.ctx, store.DeploymentFilter{Pipeline: d.Pipeline})), func(o delivery.Deployment) bool {
		return o.Stage != d.Stage
	})
}

// history lists the deployments to an environment, oldest first.
func (s setup) history(pipeline, environment string) []delivery.Deployment {
	return must(s.ledger.Deployments(s.ctx, store.DeploymentFilter{Pipeline: pipeline, Environment: environment}))
}

func last(all []delivery.Deployment, wanted func(delivery.Deployment) bool) (delivery.Deployment, bool) {
	for _, d := range slices.Backward(all) {
		if wanted(d) {
			return d, true
		}
	}
	return delivery.Deployment{}, false
}

// lastOf is the newest deployment that says something about a version: a rollback that failed says nothing about what it was to restore.
func lastOf(all []delivery.Deployment, version string) (delivery.Deployment, bool) {
	return last(all, func(d delivery.Deployment) bool {
		return d.Content.Version == version && (d.Kind != delivery.KindRollback || d.Status != delivery.Failed)
	})
}

func broke(d delivery.Deployment) bool {
	return d.Status == delivery.Failed || d.Status == delivery.RolledBack
}

// ranWell tells whether a deployment was verified, and not rolled back since.
func ranWell(d delivery.Deployment) bool {
	return d.VerifiedAt != nil && (d.Status == delivery.Verified || d.Status == delivery.Superseded)
}

func merged(base, over map[string]string) map[string]string {
	all := maps.Clone(base)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, over)
	return all
}

func text(v any) string { return string(must(json.Marshal(v))) }

// judge says everything that is wrong with a deployment about to be recorded.
func (s setup) judge(d delivery.Deployment) []string {
	wrong := []string{}
	pipeline := s.pipeline(d.Pipeline)
	at := slices.IndexFunc(pipeline.Stages, func(stage delivery.Stage) bool { return stage.Name == d.Stage })
	if at < 0 || !slices.Contains(pipeline.Stages[at].Environments, d.Environment) {
		return append(wrong, "the pipeline has no such stage with such an environment")
	}
	before := s.history(d.Pipeline, d.Environment)
	wrong = append(wrong, s.judgeAuthorized(d, before)...)
	if o, ok := last(before, delivery.Deployment.InFlight); ok {
		wrong = append(wrong, "[3] "+o.ID+" is in flight there")
	}
	wrong = append(wrong, s.tried(d)...)
	if d.Kind == delivery.KindRollback {
		return append(wrong, s.judgeRollback(d, before)...)
	}
	stage := pipeline.Stages[at]
	wrong = append(wrong, s.judgeContent(d, stage)...)
	wrong = append(wrong, s.judgeEntry(d, pipeline, at, before)...)
	wrong = append(wrong, s.judgeNeed(d, before)...)
	allows := 0 // what Terraform deploys it deploys as one
	if stage.Rollout != nil && d.Content.Target != nil {
		allows = stage.Rollout.MaxFailures
	}
	if d.MaxFailures != allows {
		wrong = append(wrong, fmt.Sprintf("[5] its rollout allows %d failures, which is not what the stage says", d.MaxFailures))
	}
	if s.irreversible(stage, d) { // what was begun before goes on
		wrong = append(wrong, "[1] rollback: what runs could not be put back")
	}
	for _, closed := range s.closedGates(pipeline, at, d) {
		wrong = append(wrong, "[1] "+closed)
	}
	return wrong
}

// tried is invariant 5: what broke in a stage is not tried there again before its attempt was raised. A failed rollback is no failure of what it
// was to restore.
func (s setup) tried(d delivery.Deployment) []string {
	for _, o := range s.inStage(d) {
		if o.Kind == delivery.KindRollback {
			if broke(o) && d.Kind == delivery.KindRollback && d.Replaces == o.Replaces {
				s.oracle.happened("failed rollback tried again")
			}
			continue
		}
		if o.Content.Version == d.Content.Version && broke(o) && d.Attempt <= o.Attempt && !s.goesOn(o, d) {
			return []string{fmt.Sprintf("[5] it broke there at attempt %d (%s, %s)", o.Attempt, o.ID, o.Status)}
		}
	}
	return nil
}

// goesOn tells whether a rollout that broke in one environment may go on to another that it has not been to, because it may fail in
// some; or whether what is gone back to broke elsewhere only, and that was tolerated or has been repaired.
func (s setup) goesOn(failure, d delivery.Deployment) bool {
	failed, visited, allows := 0, false, 0
	for _, o := range s.inStage(d) {
		if o.Rollout != failure.Rollout || o.Kind == delivery.KindRollback {
			continue
		}
		allows = o.MaxFailures
		visited = visited || o.Environment == d.Environment
		if broke(o) && o.Failure != "" {
			failed++
		}
	}
	if d.Kind != delivery.KindRollback {
		goesOn := failure.Rollout == d.Rollout && !visited && failed <= allows
		if goesOn {
			s.oracle.happened("went on after a failure")
		}
		return goesOn
	}
	_, repaired := last(s.history(d.Pipeline, failure.Environment), func(o delivery.Deployment) bool {
		return o.Seq > failure.Seq && o.Content.Version == failure.Content.Version && ranWell(o)
	})
	return repaired || failure.Environment != d.Environment && failed <= allows
}

func (s setup) judgeRollback(d delivery.Deployment, before []delivery.Deployment) []string {
	taken, ok := last(before, func(o delivery.Deployment) bool { return o.ID == d.Replaces })
	abandoned := taken.Status == delivery.Superseded && taken.VerifiedAt == nil && taken.Content.Target != nil
	if !ok || (taken.Status != delivery.Failed && taken.Status != delivery.Verified && !abandoned) {
		return []string{"[1] a rollback that takes nothing back"}
	}
	if taken.Kind == delivery.KindRollback {
		return []string{"[1] a rollback of a rollback"}
	}
	if newest, _ := last(before, func(delivery.Deployment) bool { return true }); newest.ID != taken.ID && newest.Replaces != taken.ID {
		return []string{"[1] a rollback of what something else took the place of"}
	}
	if abandoned {
		if wrong := s.judgeBack(taken, before); len(wrong) > 0 {
			return wrong
		}
	} else if !slices.ContainsFunc(s.inStage(d), func(o delivery.Deployment) bool {
		return o.Rollout == taken.Rollout && o.Kind != delivery.KindRollback && broke(o)
	}) {
		return []string{"[1] a rollback of a rollout that did not fail"}
	}
	if _, ok := last(before, func(o delivery.Deployment) bool {
		return o.Seq < taken.Seq && ranWell(o) && text(o.Content) == text(d.Content)
	}); !ok {
		return []string{"[1] a rollback to what never ran there verified"}
	}
	if len(s.frozen(d)) > 0 {
		s.oracle.happened("rollback under a freeze")
	}
	return nil
}

// judgeContent checks that exactly what is declared is deployed.
func (s setup) judgeContent(d delivery.Deployment, stage delivery.Stage) []string {
	release := s.release(d.Pipeline, d.Content.Version)
	env := s.environment(d.Environment)
	if text(merged(env.Config, stage.Config)) != text(merged(d.Content.Config, nil)) || text(env.Secrets) != text(d.Content.Secrets) ||
		text(env.Target) != text(d.Content.Target) || text(release.Spec.Artifacts) != text(d.Content.Artifacts) || release.Digest != d.Content.ReleaseDigest {
		return []string{"[1] its content is not what is declared"}
	}
	return nil
}

// judgeEntry is invariant 2: a manual stage, and the automatic ones behind it, are entered only by a promotion of that version;
// automatic ones at the head only by delivering it.
func (s setup) judgeEntry(d delivery.Deployment, pipeline delivery.PipelineSpec, at int, before []delivery.Deployment) []string {
	for at > 0 && pipeline.Stages[at].Promotion != delivery.Manual {
		at--
	}
	entry := pipeline.Stages[at].Name
	asked := s.oracle.askedFor(d.Pipeline, entry, d.Content.Version)
	if d.Kind == delivery.KindHeal {
		// It is there already, however the stage was entered then.
		standing, ok := last(before, func(o delivery.Deployment) bool { return o.Status == delivery.Verified })
		if !ok || standing.Content.Version != d.Content.Version {
			return []string{"[2] it heals what does not stand there"}
		}
		return nil
	}
	if asked == 0 {
		return []string{fmt.Sprintf("[2] nobody asked for it at %s", entry)}
	}
	wanted, err := s.ledger.Promotion(s.ctx, d.Pipeline, entry)
	if err != nil || wanted.Spec.Version != d.Content.Version {
		return []string{fmt.Sprintf("[2] %s is wanted at %s", wanted.Spec.Version, entry)}
	}
	if d.Attempt > asked {
		return []string{fmt.Sprintf("[5] nobody raised its attempt above %d", asked)}
	}
	return nil
}

// judgeNeed refuses to do again what is done: that is what a crash must not lead to, nor two processes at once.
func (s setup) judgeNeed(d delivery.Deployment, before []delivery.Deployment) []string {
	newest, ok := last(before, func(delivery.Deployment) bool { return true })
	if ok && newest.Status == delivery.Verified && text(newest.Content) == text(d.Content) && s.oracle.driver.asItShould(d.Environment, d.Pipeline, d.Content) {
		return []string{"[7] it runs there already: " + newest.ID}
	}
	return nil
}

func parsed(duration string) time.Duration { return must(time.ParseDuration(duration)) }

func (s setup) notSoaked(gate delivery.SoakGate, pipeline delivery.PipelineSpec, version string) []string {
	for _, stage := range pipeline.Stages {
		if stage.Name != gate.Stage {
			continue
		}
		for _, env := range stage.Environments {
			all := s.history(pipeline.Name, env)
			if newest, _ := last(all, func(delivery.Deployment) bool { return true }); newest.Kind == delivery.KindRollback && newest.Status == delivery.Failed && newest.Content.Version == version {
				return []string{"not brought back in " + env}
			}
			d, ok := lastOf(all, version)
			if !ok || !ranWell(d) {
				return []string{"never soaked in " + env}
			}
			end := s.now
			if d.Status == delivery.Superseded && d.SettledAt.Before(end) {
				end = *d.SettledAt
			}
			if end.Sub(*d.VerifiedAt) < parsed(string(gate.Duration)) {
				return []string{"not soaked long enough in " + env}
			}
		}
		return nil
	}
	return []string{"no stage to soak in"}
}

// expects checks what a driver is asked against the ledger.
func (o *oracle) expects(ledger store.Store) func(driver.Request) string {
	return func(r driver.Request) (why string) {
		ctx := context.Background()
		err := ledger.View(ctx, func(reader store.Reader) error {
			d, err := reader.Deployment(ctx, r.ID)
			switch {
			case err != nil:
				why = fmt.Sprintf("[6] the driver was asked for %s to %s (%s), and the ledger knows nothing of it: %v", r.Version, r.Environment, r.ID, err)
			case r.Pipeline != d.Pipeline || r.Environment != d.Environment || r.Digest != d.Content.ReleaseDigest ||
				r.ConfigRevision != d.Content.ConfigRevision || text(r.Config) != text(d.Content.Config) || text(r.Artifacts) != text(d.Content.Artifacts):
				why = fmt.Sprintf("[1] the driver was asked for something else than deployment %s", r.ID)
			}
			return nil
		})
		if err != nil {
			return err.Error()
		}
		return why
	}
}
