package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
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
		WaitingOn:      tf.Strings(ctx, state.WaitingOn, &diags),
		DeployedAt:     tf.Time(state.DeployedAt),
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

// keepWhatRuns copies what prior says about what runs in the stage, as far as it is known. It does not change while a promotion waits, so
// resources that refer to it do not change either.
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

// expectWork marks what applying may change.
func (m *promotionModel) expectWork() {
	m.Status = types.StringUnknown()
	m.RunningVersion = types.StringUnknown()
	m.Artifacts = types.MapUnknown(artifactType)
	m.Environments = types.MapUnknown(promotionEnvironmentType)
	m.WaitingOn = types.ListUnknown(types.StringType)
	m.DeployedAt = types.StringUnknown()
}

// expect copies how the promotion will look once it is applied. The time of the deployment is not known before.
func (m *promotionModel) expect(ctx context.Context, state delivery.PromotionState) diag.Diagnostics {
	expected, diags := promotionModelFrom(ctx, state, *m)
	m.Status, m.RunningVersion = expected.Status, expected.RunningVersion
	m.Artifacts, m.Environments = expected.Artifacts, expected.Environments
	return diags
}

// asPlanned copies what was known in the plan, because Terraform wants it back unchanged. It was known if a gate blocked the release during the
// plan: if the gate has passed since, the next refresh shows what runs. It was also known if the release was to be authorized: if it was not,
// the apply fails here, because the resources that refer to it must not deploy it.
func (m *promotionModel) asPlanned(plan promotionModel, diags *diag.Diagnostics) bool {
	handedOut := plan.RunningVersion.Equal(plan.Version)
	if !plan.RunningVersion.IsUnknown() && handedOut && !m.RunningVersion.Equal(plan.RunningVersion) {
		diags.AddError(fmt.Sprintf("Unable to promote release %q", plan.Pipeline.ValueString()+"/"+plan.Version.ValueString()), fmt.Sprintf(
			"The plan was to authorize %s in %s, but a gate has closed since, or another process wants a different version there. %q may run there now. Plan again to see what blocks it.",
			plan.Version.ValueString(), plan.Stage.ValueString(), m.RunningVersion.ValueString()))
		return false
	}
	m.keepWhatRuns(plan)
	if !plan.Status.IsUnknown() {
		m.Status = plan.Status
	}
	return true
}
