package provider

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/blocks"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// pipelineModel serves the resource and the data source: their attributes are the same.
type pipelineModel struct {
	ID       types.String `tfsdk:"id"`
	Name     types.String `tfsdk:"name"`
	Stages   []stageModel `tfsdk:"stages"`
	Revision types.String `tfsdk:"revision"`
}

type stageModel struct {
	Name         types.String            `tfsdk:"name"`
	Environments []string                `tfsdk:"environments"`
	Promotion    types.String            `tfsdk:"promotion"`
	Config       map[string]string       `tfsdk:"config"`
	Gates        *blocks.Gates           `tfsdk:"gates"`
	Overridable  []string                `tfsdk:"overridable"`
	Verify       map[string]blocks.Check `tfsdk:"verify"`
	Rollout      *rolloutModel           `tfsdk:"rollout"`
	OnFailure    types.String            `tfsdk:"on_failure"`
}

type rolloutModel struct {
	MaxParallel types.Int64 `tfsdk:"max_parallel"`
	MaxFailures types.Int64 `tfsdk:"max_failures"`
}

// toSpec gives the declaration. It needs all that was configured to be known.
func (m pipelineModel) toSpec() delivery.PipelineSpec {
	spec := delivery.PipelineSpec{Name: m.Name.ValueString(), Stages: make([]delivery.Stage, len(m.Stages))}
	for i, stage := range m.Stages {
		spec.Stages[i] = stage.toSpec()
	}
	return spec
}

func (m stageModel) toSpec() delivery.Stage {
	stage := delivery.Stage{
		Name:         m.Name.ValueString(),
		Environments: m.Environments,
		Promotion:    delivery.PromotionPolicy(m.Promotion.ValueString()),
		Config:       tf.NilIfEmpty(m.Config),
		Gates:        m.Gates.ToSpec(),
		Overridable:  tf.Sorted(m.Overridable),
		Verify:       tf.Each(m.Verify, blocks.Check.ToSpec),
		OnFailure:    delivery.OnFailure(m.OnFailure.ValueString()),
	}
	if m.Rollout != nil {
		stage.Rollout = &delivery.Rollout{MaxParallel: int(m.Rollout.MaxParallel.ValueInt64()), MaxFailures: int(m.Rollout.MaxFailures.ValueInt64())}
	}
	return stage
}

// pipelineModelFrom gives the state of a pipeline as it is read back; prior is what was planned, or the state before. Stages
// are matched by name, so that moving one does not mix up what was written as empty.
func pipelineModelFrom(p delivery.Pipeline, prior pipelineModel) pipelineModel {
	was := make(map[string]stageModel, len(prior.Stages))
	for _, stage := range prior.Stages {
		was[stage.Name.ValueString()] = stage
	}
	m := pipelineModel{
		ID:       types.StringValue(p.Spec.Name),
		Name:     types.StringValue(p.Spec.Name),
		Stages:   make([]stageModel, len(p.Spec.Stages)),
		Revision: types.StringValue(p.Revision),
	}
	for i, stage := range p.Spec.Stages {
		m.Stages[i] = stageModelFrom(stage, was[stage.Name])
	}
	return m
}

func stageModelFrom(s delivery.Stage, prior stageModel) stageModel {
	m := stageModel{
		Name:         types.StringValue(s.Name),
		Environments: slices.Clone(s.Environments),
		Promotion:    types.StringValue(string(s.Promotion)),
		Config:       tf.MapOr(maps.Clone(s.Config), prior.Config),
		Gates:        blocks.GatesFrom(s.Gates, prior.Gates),
		Overridable:  tf.ListOr(slices.Clone(s.Overridable), prior.Overridable),
		Verify:       tf.EachFrom(s.Verify, prior.Verify, blocks.CheckFrom),
		OnFailure:    types.StringValue(string(s.Failure())),
	}
	if s.Rollout != nil {
		before := tf.PriorOr(prior.Rollout)
		m.Rollout = &rolloutModel{MaxParallel: tf.IntOr(s.Rollout.MaxParallel, before.MaxParallel), MaxFailures: types.Int64Value(int64(s.Rollout.MaxFailures))}
	}
	return m
}
