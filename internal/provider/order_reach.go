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

// mayReach reports whether a change can matter to anything that the pipeline of a delivery delivers, as it is now and as the plan leaves it.
func (s *session) mayReach(ctx context.Context, c delivery.Closing, d delivering) bool {
	recorded, err := s.recordedPipeline(ctx, d.pipeline)
	planned, isPlanned := s.changes.Pipeline(d.pipeline)
	if d.pipeline == "" || err != nil || !s.changes.PipelineKnown(d.pipeline, recorded) || recorded == nil && !isPlanned {
		return true // what is not known may be anything
	}
	stages := planned.Stages
	if recorded != nil {
		stages = append(slices.Clip(stages), recorded.Stages...)
	}
	return slices.ContainsFunc(stages, func(stage delivery.Stage) bool {
		return slices.ContainsFunc(stage.Environments, func(name string) bool { return s.mayCover(ctx, c, d.pipeline, name) })
	})
}

// mayCover reports whether a change can matter to an environment, as it is now and as the plan leaves it.
func (s *session) mayCover(ctx context.Context, c delivery.Closing, pipeline, environment string) bool {
	recorded, err := s.Environment(ctx, environment)
	planned, isPlanned := s.changes.Environment(environment)
	switch {
	case err != nil && !delivery.IsNotFound(err) || err != nil && !isPlanned:
		return true
	case isPlanned && c.Covers(pipeline, planned):
		return true
	}
	return err == nil && c.Covers(pipeline, recorded.Spec)
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
	s.warnIfLetIn(ctx, diags, d, delivery.DeliveryPreview{}, false)
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
