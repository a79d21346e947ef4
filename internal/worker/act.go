package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/observe"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// job is one deployment that this process has the right, and the duty, to bring to its end.
type job struct {
	lease      store.Lease
	since      time.Time // a moment before the lease was taken
	deployment delivery.Deployment
	known      observe.Confidential
	ledger     delivery.Ledger  // which records it
	resumed    bool             // it was in flight already
	earlier    string           // of a rollback: the receipt of an earlier deployment of the same content
	versions   []string         // that the world of its decision knew
	left       **delivery.World // where to leave the world as the transaction of the result leaves it; nil: nowhere
}

// begin takes the leases and saves the intents of a decision's steps, all in one transaction: steps that may go at the same time
// are then on their way at the same time. A step whose place another process holds, or that the ledger no longer asks for, is
// left out; deciding again tells what is to be done about it.
func (w *Worker) begin(ctx context.Context, r *run, known delivery.World, found world.Answers, d delivery.Decision) ([]job, delivery.PipelineSpec, error) {
	actor, seen := r.record.RequestedBy, found.Pending()
	secrets := make([]observe.Confidential, len(d.Steps))
	for i, step := range d.Steps {
		if step.Kind == delivery.StepAuthorize {
			continue // only drivers get secrets
		}
		var err error
		if secrets[i], err = w.o.Observer.Confidential(ctx, step.Environment, step.Content); err != nil {
			return nil, delivery.PipelineSpec{}, err
		}
	}
	var jobs []job
	var pipeline delivery.PipelineSpec
	versions := slices.Sorted(maps.Keys(known.Releases)) // or another look would be taken at those that run
	err := w.o.Store.Update(ctx, func(tx store.Tx) error {
		loaded, err := w.load(ctx, tx, known.Pipeline.Name, versions...) // and not Refresh: what is about to be acted on is compared with the log
		if err != nil {
			return err
		}
		since := time.Now()
		jobs, pipeline, loaded.Tried, loaded.Acting = nil, loaded.Pipeline, known.Tried, true
		now, rollouts := w.o.decide(found.Apply(loaded), d.Entry), map[string]string{}
		for i, step := range d.Steps {
			current, ok := stillRight(now, step)
			if !ok {
				continue
			}
			lease, err := w.acquire(ctx, tx, step.Environment, found.Pipeline)
			if delivery.CodeOf(err) == delivery.CodeConflict && err != nil {
				continue // somebody else is at it
			}
			if err != nil {
				return err
			}
			if current.Rollout == "" { // what is begun together is rolled back together
				if rollouts[current.Version] == "" {
					rollouts[current.Version] = w.o.NewID()
				}
				current.Rollout = rollouts[current.Version]
			}
			if current.Kind != delivery.StepResume {
				if err := w.supersede(ctx, tx, actor, loaded.History.Latest(current.Environment)); err != nil {
					return err
				}
			}
			begun, err := w.recordIntent(ctx, tx, actor, pipeline.Name, current)
			if err != nil {
				return err
			}
			if begun.Authorized() {
				if err := tx.ReleaseLease(ctx, lease); err != nil {
					return err
				}
			}
			j := job{lease: lease, since: since, deployment: begun, known: secrets[i], ledger: known.Ledger, versions: versions, resumed: current.Kind == delivery.StepResume}
			if begun.Kind == delivery.KindRollback {
				j.earlier = loaded.History.Receipt(begun.Environment, begun.Content)
			}
			jobs = append(jobs, j)
		}
		if err := tx.PutRecordings(ctx, pipeline.Name, seen); err != nil || len(jobs) == 0 {
			return err
		}
		return w.tell(ctx, tx, r, progressOf(jobs))
	})
	if err == nil {
		found.Keep()
	}
	return jobs, pipeline, err
}

// progressOf says what is being done.
func progressOf(jobs []job) string {
	lines := make([]string, len(jobs))
	for i, j := range jobs {
		lines[i] = fmt.Sprintf("%s to %s: %s", j.deployment.Content.Version, j.deployment.Environment, j.deployment.Status)
	}
	return strings.Join(lines, "; ")
}

// stillRight finds the step in a decision made a moment later, under the lease.
func stillRight(d delivery.Decision, step delivery.Step) (delivery.Step, bool) {
	i := slices.IndexFunc(d.Steps, func(s delivery.Step) bool {
		return s.Kind == step.Kind && s.Environment == step.Environment && s.Version == step.Version && s.Deployment == step.Deployment &&
			s.Content.ConfigRevision == step.Content.ConfigRevision
	})
	if i < 0 || !d.Questions.Empty() {
		return delivery.Step{}, false
	}
	return d.Steps[i], true
}

// intend records what is about to be done: a new deployment, or the one to be finished.
func (w *Worker) recordIntent(ctx context.Context, tx store.Tx, actor, pipeline string, step delivery.Step) (delivery.Deployment, error) {
	if step.Kind == delivery.StepResume {
		d, err := tx.Deployment(ctx, step.Deployment)
		if err != nil {
			return d, err
		}
		d, kind, err := d.After(delivery.DeploymentResumed, w.now())
		if err != nil {
			return d, err
		}
		return d, w.journal.Append(ctx, tx, actor, journal.One(kind, d.ID, d))
	}
	d := delivery.Deployment{ID: w.o.NewID(), Pipeline: pipeline, Stage: step.Stage, Environment: step.Environment, Content: step.Content,
		Kind: step.Purpose, Attempt: step.Attempt, Rollout: step.Rollout, MaxFailures: step.MaxFailures, Reason: step.Reason, Actor: actor,
		Terms: step.Terms, Gates: step.Gates}
	begins := delivery.DeploymentStarted
	switch step.Kind {
	case delivery.StepRollback:
		d.Replaces = step.Deployment
	case delivery.StepAuthorize:
		begins = delivery.DeploymentAuthorized
	default:
	}
	d, kind, err := d.After(begins, w.now())
	if err != nil {
		return d, err
	}
	if d, err = tx.AddDeployment(ctx, d); err != nil {
		return d, err
	}
	return d, w.journal.Append(ctx, tx, actor, journal.One(kind, d.ID, d))
}

// supersede ends what is authorized in an environment, or was interrupted there, as superseded: something else is about to take its place.
func (w *Worker) supersede(ctx context.Context, tx store.Tx, actor string, latest *delivery.Deployment) error {
	if latest == nil || !latest.InFlight() {
		return nil
	}
	d, kind, err := latest.After(delivery.DeploymentSuperseded, w.now())
	if err != nil {
		return err
	}
	if err := tx.PutDeployment(ctx, d); err != nil {
		return err
	}
	return w.journal.Append(ctx, tx, actor, journal.One(kind, d.ID, d))
}

// carryOut brings a deployment from where it stands to its end, under the lease. One that does not get there stays in flight, and the
// lease is given up so that the next holder need not wait for it to lapse.
func (w *Worker) execute(ctx context.Context, pipeline delivery.PipelineSpec, j job) error {
	ctx, stop := w.keep(ctx, j.lease, j.since)
	defer stop()
	err := cause(ctx, w.executeUnderLease(ctx, pipeline, j))
	if err != nil {
		w.releaseLease(ctx, j.lease, err)
	}
	return err
}

func (w *Worker) executeUnderLease(ctx context.Context, pipeline delivery.PipelineSpec, j job) error {
	var reached []journal.Entry
	if j.deployment.Status == delivery.Deploying {
		result, err := w.deploy(ctx, j)
		if err != nil {
			return w.settleDeployment(ctx, j, nil, j.known.HideError(err))
		}
		deployed, kind, err := j.deployment.After(delivery.DeploymentDeployed, w.now())
		if err != nil {
			return err
		}
		deployed.Receipt = result.Receipt
		j.deployment, reached = deployed, journal.One(kind, deployed.ID, deployed)
	}
	if stage, _ := pipeline.Stage(j.deployment.Stage); len(reached) > 0 && len(stage.Verify) > 0 {
		// Checks take their time, and must not be why it is deployed twice. Without any, this is recorded with the result.
		if err := w.save(ctx, j, reached, nil); err != nil {
			return err
		}
		reached = nil
	}
	checks, err := w.verify(ctx, pipeline, j.deployment, j.known)
	j.deployment.Checks = checks
	return w.settleDeployment(ctx, j, reached, j.known.HideError(err))
}

func (w *Worker) deploy(ctx context.Context, j job) (driver.Result, error) {
	d := j.deployment
	by, ok := w.o.Drivers[d.Content.Target.Kind()]
	if !ok {
		return driver.Result{}, fmt.Errorf("environment %s has no target that can be deployed to", d.Environment)
	}
	r := observe.Request(j.ledger, d, j.known)
	r.Resumed, r.Earlier = j.resumed, j.earlier
	return by.Deploy(ctx, r)
}

// verify runs the stage's checks in one environment, in the order of their names, and stops at the first that does not pass.
func (w *Worker) verify(ctx context.Context, pipeline delivery.PipelineSpec, d delivery.Deployment, known observe.Confidential) ([]delivery.CheckResult, error) {
	stage, ok := pipeline.Stage(d.Stage)
	if !ok {
		return nil, fmt.Errorf("stage %q is no longer part of %s, so nothing says how to verify it", d.Stage, pipeline)
	}
	results := []delivery.CheckResult{}
	for _, name := range slices.Sorted(maps.Keys(stage.Verify)) {
		result, err := w.o.Observer.Check(ctx, delivery.CheckRequest{Check: stage.Verify[name], Name: name, Deployment: d.ID, Pipeline: d.Pipeline,
			Stage: d.Stage, Environment: d.Environment, Version: d.Content.Version, Digest: d.Content.ReleaseDigest, Artifacts: d.Content.Artifacts,
			Config: d.Content.Config, ConfigRevision: d.Content.ConfigRevision, SecretNames: slices.Sorted(maps.Keys(d.Content.Secrets))}, known)
		if err != nil {
			return results, err
		}
		results = append(results, result)
		if !result.Passed {
			return results, fmt.Errorf("check %q did not pass: %s", name, result.Detail)
		}
	}
	return results, nil
}

// settleDeployment saves how a deployment ended, after what it reached and is not recorded yet. A canceled one has not ended.
func (w *Worker) settleDeployment(ctx context.Context, j job, reached []journal.Entry, failure error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := w.now()
	d, kind, err := ended(j.deployment, failure, false, now)
	if err != nil {
		return err
	}
	j.deployment = d
	return w.save(ctx, j, append(reached, journal.One(kind, d.ID, d)...), func(tx store.Tx) (more []journal.Entry, err error) {
		if d.Status == delivery.Verified {
			if more, err = w.replace(ctx, tx, d, now); err != nil {
				return nil, err
			}
		}
		reported, err := w.addReports(ctx, tx, d)
		return append(more, reported...), err
	})
}

// replace marks what a verified deployment replaced: superseded, or rolled back when that is what it was for.
func (w *Worker) replace(ctx context.Context, tx store.Tx, d delivery.Deployment, now time.Time) ([]journal.Entry, error) {
	events := []journal.Entry{}
	before, err := tx.Deployments(ctx, store.DeploymentFilter{Pipeline: d.Pipeline, Environment: d.Environment, Status: delivery.Verified})
	if err != nil {
		return nil, err
	}
	if d.Replaces != "" && !slices.ContainsFunc(before, func(o delivery.Deployment) bool { return o.ID == d.Replaces }) {
		replaced, err := tx.Deployment(ctx, d.Replaces)
		if err != nil {
			return nil, err
		}
		if replaced.Status != delivery.Superseded { // else it was interrupted, and ended when the rollback was begun
			before = append(before, replaced)
		}
	}
	for _, o := range before {
		event := delivery.DeploymentSuperseded
		switch o.ID {
		case d.ID:
			continue
		case d.Replaces:
			event = delivery.DeploymentRolledBack
		default:
		}
		o, kind, err := o.After(event, now)
		if err != nil {
			return nil, err
		}
		events = append(events, journal.One(kind, o.ID, o)...)
		if err := tx.PutDeployment(ctx, o); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// save records where a deployment stands, with the events that brought it there, only while the lease is still held. One that has ended
// gives the lease up.
func (w *Worker) save(ctx context.Context, j job, events []journal.Entry, also func(store.Tx) ([]journal.Entry, error)) error {
	d := j.deployment
	return w.o.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.CheckLease(ctx, j.lease); err != nil {
			return err
		}
		if err := tx.PutDeployment(ctx, d); err != nil {
			return err
		}
		all := slices.Clone(events) // this may run again
		if also != nil {
			more, err := also(tx)
			if err != nil {
				return err
			}
			all = append(all, more...)
		}
		if err := w.journal.Append(ctx, tx, d.Actor, all); err != nil || d.InFlight() {
			return err
		}
		if err := tx.ReleaseLease(ctx, j.lease); err != nil {
			return err
		}
		w.leave(ctx, tx, j)
		return nil
	})
}

// leave loads the world that a result leaves, in its transaction, for the decision that comes next. When it cannot be loaded, the result is
// recorded all the same, and the decision, which reads it again, finds out why.
func (w *Worker) leave(ctx context.Context, tx store.Tx, j job) {
	if j.left == nil {
		return
	}
	*j.left = nil // this may run again
	if loaded, err := w.load(ctx, tx, j.deployment.Pipeline, j.versions...); err == nil {
		*j.left = &loaded
	}
}
