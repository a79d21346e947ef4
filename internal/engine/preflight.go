package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// preflight looks whether what a preview would deploy is still there, as it was released: each release once for each kind of target.
// news are the releases that the plan itself registers. Going back to an older version is when it may not be.
func (e *Engine) preflight(ctx context.Context, w delivery.World, news []string, preview *delivery.Preview) error {
	asked := map[[2]string]bool{}
	for _, step := range preview.Steps {
		kind := step.Content.Target.Kind()
		looks, ok := e.o.Drivers[kind].(driver.Preflighter)
		if !ok || step.Kind == delivery.StepResume || asked[[2]string{step.Version, kind}] {
			continue
		}
		asked[[2]string{step.Version, kind}] = true
		err := looks.Preflight(ctx, request(delivery.Deployment{Pipeline: w.Pipeline.Name, Stage: step.Stage, Environment: step.Environment, Content: step.Content}, confidential{}))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
		case !slices.Contains(news, step.Version):
			preview.Refused = append(preview.Refused, &delivery.Error{Code: delivery.CodeConflict, Field: "version",
				Message: fmt.Sprintf("%s cannot be deployed to %s: %v", step.Version, step.Environment, err)})
		default:
			preview.Missing = append(preview.Missing, fmt.Sprintf("%s could not be deployed to %s as things are: %v", step.Version, step.Environment, err))
		}
	}
	return nil
}
