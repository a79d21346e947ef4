package control

import (
	"context"
	"fmt"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// preflight looks whether what a preview would deploy is still there, as it was released: each release once for each kind of target.
// Going back to an older version is when it may not be.
func (c *Control) preflight(ctx context.Context, w delivery.World, preview *delivery.DeliveryPreview) error {
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

// refuseUnbuilt refuses a release that is not registered yet and that this process would deliver at once, but could not: one kind of
// target of the leading stage after the other is asked. What was registered stays what it was, so it is not asked about.
func (c *Control) refuseUnbuilt(ctx context.Context, spec delivery.ReleaseSpec) error {
	w, err := c.view(ctx, spec.Pipeline, nil, spec.Version)
	if err != nil {
		return noPipeline(err)
	}
	if _, registered := w.Releases[spec.Version]; registered || !w.Pipeline.AutoStart() {
		return nil
	}
	stage, asked := w.Pipeline.Stages[0], map[string]bool{}
	for _, env := range stage.Environments {
		content := delivery.ContentFor(stage, w.Environments[env], delivery.Release{Spec: spec, Digest: spec.Digest()})
		if kind := content.Target.Kind(); asked[kind] {
			continue
		}
		asked[content.Target.Kind()] = true
		if err := c.o.Observer.Preflight(ctx, delivery.Deployment{Pipeline: spec.Pipeline, Stage: stage.Name, Environment: env, Content: content}); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &delivery.Error{Code: delivery.CodeConflict, Field: "artifacts", Message: fmt.Sprintf(
				"it could not be deployed to %s: %v. Nothing was recorded: build what is missing or correct the artifact, and apply again", env, err)}
		}
	}
	return nil
}
