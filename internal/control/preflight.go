package control

import (
	"context"
	"fmt"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// preflight looks whether what a preview would deploy is still there, as it was released: each release once for each kind of target.
// Going back to an older version is when it may not be. It also looks whether each place belongs to this ledger.
func (c *Control) preflight(ctx context.Context, w delivery.World, preview *delivery.DeliveryPreview) error {
	if err := c.refuseClaimed(ctx, w, preview); err != nil {
		return err
	}
	asked := map[[2]string]bool{}
	for _, step := range preview.Steps {
		kind := step.Content.Target.Kind()
		if step.Kind == delivery.StepResume || asked[[2]string{step.Version, kind}] {
			continue
		}
		asked[[2]string{step.Version, kind}] = true
		err := c.o.Observer.Preflight(ctx, delivery.Deployment{Pipeline: w.Pipeline.Name, Stage: step.Stage, Environment: step.Environment, Content: step.Content})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
		case !slices.Contains(w.Unregistered, step.Version):
			preview.Refused = append(preview.Refused, &delivery.Error{Code: delivery.CodeConflict, Field: "version",
				Message: fmt.Sprintf("%s cannot be deployed to %s: %v. Bring that back, or deliver a version whose artifacts are there", step.Version, step.Environment, err)})
		default:
			preview.Missing = append(preview.Missing, fmt.Sprintf("%s could not be deployed to %s as things are: %v", step.Version, step.Environment, err))
		}
	}
	return nil
}

// refuseClaimed refuses a preview that would deploy to a place of another ledger.
func (c *Control) refuseClaimed(ctx context.Context, w delivery.World, preview *delivery.DeliveryPreview) error {
	asked := map[string]bool{}
	for _, step := range preview.Steps {
		if asked[step.Environment] {
			continue
		}
		asked[step.Environment] = true
		err := c.o.Observer.Claimed(ctx, w.Ledger, delivery.Deployment{Pipeline: w.Pipeline.Name, Stage: step.Stage, Environment: step.Environment, Content: step.Content})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			preview.Refused = append(preview.Refused, &delivery.Error{Code: delivery.CodeConflict,
				Message: fmt.Sprintf("%s cannot be deployed to %s: %v", step.Version, step.Environment, err)})
		}
	}
	return nil
}

// refuseUnbuilt refuses a release that is not registered yet and that this process would deliver at once, but could not: because a place
// belongs to another ledger, or an artifact is missing, for which one kind of target of the leading stage after the other is asked. What was
// registered stays what it was, so it is not asked about.
func (c *Control) refuseUnbuilt(ctx context.Context, spec delivery.ReleaseSpec) error {
	first, err := c.deliversAtOnce(ctx, spec)
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, d := range first.deployments {
		unfit, advice := c.o.Observer.Claimed(ctx, first.ledger, d), ""
		if kind := d.Content.Target.Kind(); unfit == nil && !asked[kind] {
			asked[kind] = true
			unfit, advice = c.o.Observer.Preflight(ctx, d), ": build what is missing or correct the artifact, and apply again"
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case unfit != nil:
			return &delivery.Error{Code: delivery.CodeConflict, Field: "artifacts", Message: fmt.Sprintf(
				"it could not be deployed to %s: %v. Nothing was recorded%s", d.Environment, unfit, advice)}
		}
	}
	return nil
}

// leading is what a release is delivered to at once.
type leading struct {
	ledger      delivery.Ledger
	deployments []delivery.Deployment
}

// deliversAtOnce returns the deployments of the stage to which a release that is not registered yet is delivered at once; none when it is
// registered, or waits for a promotion.
func (c *Control) deliversAtOnce(ctx context.Context, spec delivery.ReleaseSpec) (first leading, err error) {
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		first = leading{}
		pipeline, err := r.Pipeline(ctx, spec.Pipeline)
		if err != nil {
			return noPipeline(err)
		}
		if !pipeline.AutoStart() {
			return nil
		}
		if _, err = r.Release(ctx, spec.Pipeline, spec.Version); !delivery.IsNotFound(err) {
			return err
		}
		if first.ledger, err = r.Ledger(ctx); err != nil {
			return err
		}
		stage := pipeline.Stages[0]
		environments, err := world.Effective(ctx, r, stage.Environments, nil)
		for _, env := range stage.Environments {
			first.deployments = append(first.deployments, delivery.Deployment{Pipeline: spec.Pipeline, Stage: stage.Name, Environment: env,
				Content: delivery.ContentFor(stage, environments[env], delivery.Release{Spec: spec, Digest: spec.Digest()})})
		}
		return err
	})
	return first, err
}
