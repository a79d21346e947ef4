package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// mayCover reports whether a change can matter to what a delivery is about to do.
func (s *session) mayCover(ctx context.Context, c delivery.Closing, d delivering) bool {
	if d.planned == nil {
		return s.mayReach(ctx, c, d)
	}
	return slices.ContainsFunc(d.planned.Steps, func(step delivery.Step) bool { return s.coversIn(ctx, c, d.pipeline, step.Environment) })
}

// mayReach reports whether a change can matter to anything that the pipeline of a delivery delivers.
func (s *session) mayReach(ctx context.Context, c delivery.Closing, d delivering) bool {
	spec, ok := s.changes.Pipeline(d.pipeline)
	if !ok {
		recorded, err := s.recordedPipeline(ctx, d.pipeline)
		if err != nil || recorded == nil {
			return true // what is not known may be anything
		}
		spec = *recorded
	}
	return slices.ContainsFunc(spec.Stages, func(stage delivery.Stage) bool {
		return slices.ContainsFunc(stage.Environments, func(name string) bool { return s.coversIn(ctx, c, d.pipeline, name) })
	})
}

func (s *session) coversIn(ctx context.Context, c delivery.Closing, pipeline, environment string) bool {
	env, ok := s.changes.Environment(environment)
	if !ok {
		recorded, err := s.Environment(ctx, environment)
		if err != nil {
			return true
		}
		env = recorded.Spec
	}
	return c.Covers(pipeline, env)
}

// requireOrderOfUnknown requires the order of a delivery with parts that are not known yet: any change that may keep it out may decide.
func (s *session) requireOrderOfUnknown(ctx context.Context, plan tfsdk.Plan, diags *diag.Diagnostics, typ, action string) {
	d := delivering{resource: configuration.Object{Type: typ, Values: map[string]string{}}, action: action, noun: "release"}
	attributes := []string{"pipeline", "stage", "version"}
	if typ == "cd_release" {
		attributes = []string{"pipeline", "version"}
	}
	for _, attribute := range attributes {
		var value types.String
		diags.Append(plan.GetAttribute(ctx, path.Root(attribute), &value)...)
		if value.ValueString() != "" {
			d.resource.Values[attribute] = value.ValueString()
		}
	}
	d.pipeline = d.resource.Values["pipeline"]
	d.name = nameOfUnknown(d.pipeline, d.resource.Values["version"])
	s.requireOrder(ctx, diags, d, delivery.DeliveryPreview{}, false, true)
}

// nameOfUnknown names a release as far as it is known.
func nameOfUnknown(pipeline, version string) string {
	const unknown = "(known after apply)"
	if pipeline == "" {
		pipeline = unknown
	}
	if version == "" {
		version = unknown
	}
	return fmt.Sprintf("%s/%s", pipeline, version)
}
