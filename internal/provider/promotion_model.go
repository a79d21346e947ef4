package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// promotionModel is a cd_promotion as Terraform holds it.
type promotionModel struct {
	ID             types.String   `tfsdk:"id"`
	Pipeline       types.String   `tfsdk:"pipeline"`
	Stage          types.String   `tfsdk:"stage"`
	Version        types.String   `tfsdk:"version"`
	WhenBlocked    types.String   `tfsdk:"when_blocked"`
	Attempt        types.Int64    `tfsdk:"attempt"`
	Timeouts       timeouts.Value `tfsdk:"timeouts"`
	Status         types.String   `tfsdk:"status"`
	RunningVersion types.String   `tfsdk:"running_version"`
	Artifacts      types.Map      `tfsdk:"artifacts"`
	Environments   types.Map      `tfsdk:"environments"`
	WaitingOn      types.List     `tfsdk:"waiting_on"`
	DeployedAt     types.String   `tfsdk:"deployed_at"`
}

type promotionEnvironmentModel struct {
	Version        types.String `tfsdk:"version"`
	Status         types.String `tfsdk:"status"`
	ConfigRevision types.String `tfsdk:"config_revision"`
}

var promotionEnvironmentType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"version":         types.StringType,
	"status":          types.StringType,
	"config_revision": types.StringType,
}}

// toSpec returns what the user declares.
func (m promotionModel) toSpec() delivery.PromotionSpec {
	spec := delivery.PromotionSpec{
		Pipeline:    m.Pipeline.ValueString(),
		Stage:       m.Stage.ValueString(),
		Version:     m.Version.ValueString(),
		WhenBlocked: delivery.WhenBlocked(m.WhenBlocked.ValueString()),
		Attempt:     attemptOf(m.Attempt),
	}
	if m.WhenBlocked.IsNull() || m.WhenBlocked.IsUnknown() {
		spec.WhenBlocked = delivery.WhenBlockedFail
	}
	return spec
}

// promotionModelFrom makes the model of a promotion as it is read back.
func promotionModelFrom(ctx context.Context, state delivery.PromotionState, prior promotionModel) (promotionModel, diag.Diagnostics) {
	var diags diag.Diagnostics
	m := promotionModel{
		ID:             types.StringValue(state.Spec.ID()),
		Pipeline:       types.StringValue(state.Spec.Pipeline),
		Stage:          types.StringValue(state.Spec.Stage),
		Version:        types.StringValue(state.Spec.Version),
		WhenBlocked:    types.StringValue(string(state.Spec.WhenBlocked)),
		Attempt:        types.Int64Value(int64(state.Spec.Attempt)),
		Timeouts:       prior.Timeouts,
		Status:         types.StringValue(string(state.Status)),
		RunningVersion: types.StringValue(state.RunningVersion),
		Artifacts:      artifactsFrom(ctx, state.Artifacts, &diags),
		WaitingOn:      linesFrom(ctx, state.WaitingOn, &diags),
		DeployedAt:     momentFrom(state.DeployedAt),
	}
	environments := make(map[string]promotionEnvironmentModel, len(state.Environments))
	for name, e := range state.Environments {
		environments[name] = promotionEnvironmentModel{
			Version:        types.StringValue(e.Version),
			Status:         types.StringValue(e.Status),
			ConfigRevision: types.StringValue(e.ConfigRevision),
		}
	}
	var d diag.Diagnostics
	m.Environments, d = types.MapValueFrom(ctx, promotionEnvironmentType, environments)
	diags.Append(d...)
	return m, diags
}

// keepWhatRuns takes over what prior says of what runs in the stage, where it is known. While a promotion waits this stays as
// it is, so that nothing that refers to it moves either.
func (m *promotionModel) keepWhatRuns(prior promotionModel) {
	if !prior.RunningVersion.IsUnknown() {
		m.RunningVersion = prior.RunningVersion
	}
	if !prior.Artifacts.IsUnknown() {
		m.Artifacts = prior.Artifacts
	}
	if !prior.Environments.IsUnknown() {
		m.Environments = prior.Environments
	}
	if !prior.DeployedAt.IsUnknown() {
		m.DeployedAt = prior.DeployedAt
	}
}

// momentFrom writes a moment in RFC 3339, UTC; null when there is none.
func momentFrom(at *time.Time) types.String {
	if at == nil || at.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(at.UTC().Format(time.RFC3339Nano))
}

// expectWork marks what applying may change.
func (m *promotionModel) expectWork() {
	m.Status = types.StringUnknown()
	m.RunningVersion = types.StringUnknown()
	m.Artifacts = types.MapUnknown(artifactType)
	m.Environments = types.MapUnknown(promotionEnvironmentType)
	m.WaitingOn = types.ListUnknown(types.StringType)
	m.DeployedAt = types.StringUnknown()
}
