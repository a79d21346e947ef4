package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// act does one step: take the lease and save the intent in one transaction, deploy, verify, save the result. busy says that
// another process holds the place, or that the step is no longer right; deciding again tells.
func (e *Engine) act(ctx context.Context, actor, entry string, found answers, step delivery.Step) (busy bool, err error) {
	secrets, err := e.secrets(ctx, step.Environment, step.Content.Secrets)
	if err != nil {
		return false, err
	}
	var d delivery.Deployment
	var lease store.Lease
	var pipeline delivery.PipelineSpec
	err = e.o.Store.Update(ctx, func(tx store.Tx) error {
		key := step.Environment + "/" + found.pipeline
		if lease, err = tx.AcquireLease(ctx, key, e.holder, e.now(), e.o.LeaseTTL); err != nil {
			return err
		}
		w, err := e.world(ctx, tx, found.pipeline, nil)
		if err != nil {
			return err
		}
		pipeline = w.Pipeline
		current, ok := stillRight(delivery.Decide(found.answered(w), entry), step)
		if !ok {
			return errStale
		}
		d, err = e.intend(ctx, tx, actor, w.Pipeline.Name, current)
		return err
	})
	switch {
	case errors.Is(err, errStale) || delivery.CodeOf(err) == delivery.CodeConflict:
		return true, nil
	case err != nil:
		return false, err
	}
	return false, e.carryOut(ctx, lease, pipeline, d, secrets)
}

// errStale undoes the transaction of a step that the ledger no longer asks for.
var errStale = errors.New("the step is no longer right")

// stillRight finds the step in a decision made a moment later, under the lease.
func stillRight(d delivery.Decision, step delivery.Step) (delivery.Step, bool) {
	i := slices.IndexFunc(d.Steps, func(s delivery.Step) bool {
		return s.Kind == step.Kind && s.Environment == step.Environment && s.Version == step.Version && s.Deployment == step.Deployment &&
			s.Content.ConfigRevision == step.Content.ConfigRevision
	})
	if i < 0 || !d.Asks.Empty() {
		return delivery.Step{}, false
	}
	return d.Steps[i], true
}

// intend records what is about to be done: a new deployment, or the one to be finished.
func (e *Engine) intend(ctx context.Context, tx store.Tx, actor, pipeline string, step delivery.Step) (delivery.Deployment, error) {
	if step.Kind == delivery.StepResume {
		d, err := tx.Deployment(ctx, step.Deployment)
		if err != nil {
			return d, err
		}
		return d, e.record(ctx, tx, actor, []happened{{"deployment.resumed", d.ID, d}})
	}
	d := delivery.Deployment{ID: e.o.NewID(), Pipeline: pipeline, Stage: step.Stage, Environment: step.Environment, Content: step.Content,
		Kind: step.Purpose, Attempt: step.Attempt, Rollout: step.Rollout, Status: delivery.Deploying, Reason: step.Reason, Actor: actor,
		Gates: step.Gates, CreatedAt: e.now()}
	if d.Rollout == "" {
		d.Rollout = e.o.NewID()
	}
	if step.Kind == delivery.StepRollback {
		d.Replaces = step.Deployment
	}
	d, err := tx.AddDeployment(ctx, d)
	if err != nil {
		return d, err
	}
	return d, e.record(ctx, tx, actor, []happened{{"deployment.started", d.ID, d}})
}

// carryOut brings a deployment from where it stands to its end, under the lease.
func (e *Engine) carryOut(ctx context.Context, lease store.Lease, pipeline delivery.PipelineSpec, d delivery.Deployment, secrets map[string]string) error {
	ctx, stop := e.keep(ctx, lease)
	defer stop()
	if d.Status == delivery.Deploying {
		result, err := e.deploy(ctx, d, secrets)
		if err != nil {
			return e.settleDeployment(ctx, lease, d, err)
		}
		d.Receipt, d.Status = result.Receipt, delivery.Verifying
		if err := e.save(ctx, lease, d, "deployment.deployed", nil); err != nil {
			return err
		}
	}
	checks, err := e.verify(ctx, pipeline, d)
	d.Checks = checks
	return e.settleDeployment(ctx, lease, d, err)
}

func (e *Engine) deploy(ctx context.Context, d delivery.Deployment, secrets map[string]string) (driver.Result, error) {
	by, ok := e.o.Drivers[d.Content.Target.Kind()]
	if !ok {
		return driver.Result{}, fmt.Errorf("environment %s has no target that can be deployed to", d.Environment)
	}
	return by.Deploy(ctx, request(d, secrets))
}

// verify runs the stage's checks in one environment, in the order of their names, and stops at the first that does not pass.
func (e *Engine) verify(ctx context.Context, pipeline delivery.PipelineSpec, d delivery.Deployment) ([]delivery.CheckResult, error) {
	stage, ok := pipeline.Stage(d.Stage)
	if !ok {
		return nil, fmt.Errorf("stage %q is no longer part of %s, so nothing says how to verify it", d.Stage, pipeline)
	}
	results := []delivery.CheckResult{}
	for _, name := range sortedKeys(stage.Verify) {
		result, err := e.ask(ctx, delivery.CheckRequest{Check: stage.Verify[name], Name: name, Pipeline: d.Pipeline, Stage: d.Stage,
			Environment: d.Environment, Version: d.Content.Version, Digest: d.Content.ReleaseDigest, Config: d.Content.Config})
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

// settleDeployment saves how a deployment ended. A cancelled one has not ended: it stays in flight, and the lease is given up
// so that whoever comes next need not wait for it to lapse.
func (e *Engine) settleDeployment(ctx context.Context, lease store.Lease, d delivery.Deployment, failure error) error {
	if err := ctx.Err(); err != nil {
		e.giveUp(ctx, lease)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	now := e.now()
	d.SettledAt = &now
	if failure != nil {
		d.Status, d.Failure = delivery.Failed, failure.Error()
		return e.save(ctx, lease, d, "deployment.failed", nil)
	}
	d.Status, d.VerifiedAt = delivery.Verified, &now
	return e.save(ctx, lease, d, "deployment.verified", func(tx store.Tx) ([]happened, error) { return e.replace(ctx, tx, d, now) })
}

// replace marks what a verified deployment replaced: superseded, or rolled back when that is what it was for.
func (e *Engine) replace(ctx context.Context, tx store.Tx, d delivery.Deployment, now time.Time) ([]happened, error) {
	events := []happened{}
	before, err := tx.Deployments(ctx, store.DeploymentFilter{Pipeline: d.Pipeline, Environment: d.Environment,
		Statuses: []delivery.DeploymentStatus{delivery.Verified}})
	if err != nil {
		return nil, err
	}
	if d.Replaces != "" && !slices.ContainsFunc(before, func(o delivery.Deployment) bool { return o.ID == d.Replaces }) {
		replaced, err := tx.Deployment(ctx, d.Replaces)
		if err != nil {
			return nil, err
		}
		before = append(before, replaced)
	}
	for _, o := range before {
		switch {
		case o.ID == d.ID:
			continue
		case o.ID == d.Replaces:
			o.Status = delivery.RolledBack
			events = append(events, happened{"deployment.rolled_back", o.ID, o})
		default:
			o.Status = delivery.Superseded
		}
		o.SettledAt = &now
		if err := tx.PutDeployment(ctx, o); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// save records where a deployment stands, only while the lease is still held; settled ones give it up.
func (e *Engine) save(ctx context.Context, lease store.Lease, d delivery.Deployment, kind string, also func(store.Tx) ([]happened, error)) error {
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.CheckLease(ctx, lease); err != nil {
			return err
		}
		if err := tx.PutDeployment(ctx, d); err != nil {
			return err
		}
		events := []happened{{kind, d.ID, d}}
		if also != nil {
			more, err := also(tx)
			if err != nil {
				return err
			}
			events = append(events, more...)
		}
		if err := e.record(ctx, tx, d.Actor, events); err != nil {
			return err
		}
		if d.InFlight() {
			return nil
		}
		return tx.ReleaseLease(ctx, lease)
	})
}
