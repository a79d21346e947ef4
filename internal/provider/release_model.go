package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// releaseModel is a cd_release as Terraform holds it.
type releaseModel struct {
	ID        types.String             `tfsdk:"id"`
	Pipeline  types.String             `tfsdk:"pipeline"`
	Version   types.String             `tfsdk:"version"`
	Artifacts map[string]artifactModel `tfsdk:"artifacts"`
	Source    *sourceModel             `tfsdk:"source"`
	Labels    map[string]string        `tfsdk:"labels"`
	Attempt   types.Int64              `tfsdk:"attempt"`
	Timeouts  timeouts.Value           `tfsdk:"timeouts"`
	Digest    types.String             `tfsdk:"digest"`
	Stages    types.Map                `tfsdk:"stages"`
}

type artifactModel struct {
	URI    types.String `tfsdk:"uri"`
	Digest types.String `tfsdk:"digest"`
}

type sourceModel struct {
	Repository  types.String `tfsdk:"repository"`
	Revision    types.String `tfsdk:"revision"`
	Author      types.String `tfsdk:"author"`
	CommittedAt types.String `tfsdk:"committed_at"`
}

type releaseStageModel struct {
	Status    types.String `tfsdk:"status"`
	Version   types.String `tfsdk:"version"`
	WaitingOn types.List   `tfsdk:"waiting_on"`
}

var (
	artifactType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"uri":    types.StringType,
		"digest": types.StringType,
	}}
	releaseStageType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"status":     types.StringType,
		"version":    types.StringType,
		"waiting_on": types.ListType{ElemType: types.StringType},
	}}
)

// toSpec returns what the user declares.
func (m releaseModel) toSpec() delivery.ReleaseRequest {
	r := delivery.ReleaseRequest{
		Spec: delivery.ReleaseSpec{
			Pipeline:  m.Pipeline.ValueString(),
			Version:   m.Version.ValueString(),
			Artifacts: make(map[string]delivery.Artifact, len(m.Artifacts)),
			Labels:    tf.NilIfEmpty(m.Labels),
		},
		Attempt: attemptOf(m.Attempt),
	}
	for name, a := range m.Artifacts {
		r.Spec.Artifacts[name] = delivery.Artifact{URI: a.URI.ValueString(), Digest: a.Digest.ValueString()}
	}
	if m.Source != nil {
		r.Spec.Source = &delivery.Source{
			Repository:  m.Source.Repository.ValueString(),
			Revision:    m.Source.Revision.ValueString(),
			Author:      m.Source.Author.ValueString(),
			CommittedAt: delivery.Timestamp(m.Source.CommittedAt.ValueString()),
		}
	}
	return r
}

// releaseModelFrom makes the model of a release as it is read back. What means the same to the control plane (an empty map and
// none, an empty text and none) stays as prior has it, so that it makes no difference in a plan.
func releaseModelFrom(ctx context.Context, state delivery.ReleaseState, prior releaseModel) (releaseModel, diag.Diagnostics) {
	var diags diag.Diagnostics
	spec := state.Spec
	m := releaseModel{
		ID:        types.StringValue(spec.ID()),
		Pipeline:  types.StringValue(spec.Pipeline),
		Version:   types.StringValue(spec.Version),
		Artifacts: make(map[string]artifactModel, len(spec.Artifacts)),
		Labels:    tf.MapOr(spec.Labels, prior.Labels),
		Attempt:   types.Int64Value(int64(state.Attempt)),
		Timeouts:  prior.Timeouts,
		Digest:    types.StringValue(state.Digest),
		Stages:    releaseStagesFrom(ctx, state.Stages, &diags),
	}
	for name, a := range spec.Artifacts {
		m.Artifacts[name] = artifactModel{URI: types.StringValue(a.URI), Digest: types.StringValue(a.Digest)}
	}
	if spec.Source != nil {
		m.Source = sourceModelFrom(*spec.Source, *tf.PriorOr(prior.Source))
	}
	return m, diags
}

func sourceModelFrom(s delivery.Source, prior sourceModel) *sourceModel {
	return &sourceModel{
		Repository:  tf.StringOr(s.Repository, prior.Repository),
		Revision:    types.StringValue(s.Revision),
		Author:      tf.StringOr(s.Author, prior.Author),
		CommittedAt: tf.StringOr(s.CommittedAt, prior.CommittedAt),
	}
}

func artifactsFrom(ctx context.Context, artifacts map[string]delivery.Artifact, diags *diag.Diagnostics) types.Map {
	models := make(map[string]artifactModel, len(artifacts))
	for name, a := range artifacts {
		models[name] = artifactModel{URI: types.StringValue(a.URI), Digest: types.StringValue(a.Digest)}
	}
	m, d := types.MapValueFrom(ctx, artifactType, models)
	diags.Append(d...)
	return m
}

func releaseStagesFrom(ctx context.Context, stages map[string]delivery.StageState, diags *diag.Diagnostics) types.Map {
	models := make(map[string]releaseStageModel, len(stages))
	for name, s := range stages {
		models[name] = releaseStageModel{
			Status:    types.StringValue(string(s.Status)),
			Version:   types.StringValue(s.Version),
			WaitingOn: tf.Strings(ctx, s.WaitingOn, diags),
		}
	}
	m, d := types.MapValueFrom(ctx, releaseStageType, models)
	diags.Append(d...)
	return m
}

// attemptOf returns an attempt number, the default filled in: validation sees the configuration before Terraform does that.
func attemptOf(attempt types.Int64) int {
	if attempt.IsNull() || attempt.IsUnknown() {
		return 1
	}
	return int(attempt.ValueInt64())
}
