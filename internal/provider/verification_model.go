package provider

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// verificationModel is a cd_verification as Terraform holds it.
type verificationModel struct {
	ID       types.String      `tfsdk:"id"`
	Pipeline types.String      `tfsdk:"pipeline"`
	Stage    types.String      `tfsdk:"stage"`
	Version  types.String      `tfsdk:"version"`
	Triggers map[string]string `tfsdk:"triggers"`
	Timeouts timeouts.Value    `tfsdk:"timeouts"`
	Status   types.String      `tfsdk:"status"`
}

// toSpec returns what the user declares.
func (m verificationModel) toSpec() delivery.VerificationSpec {
	return delivery.VerificationSpec{Pipeline: m.Pipeline.ValueString(), Stage: m.Stage.ValueString(), Version: m.Version.ValueString()}
}

// triggered reports whether other triggers ask to verify the same version again.
func (m verificationModel) triggered(prior *verificationModel) bool {
	return prior != nil && prior.Version.Equal(m.Version) && !maps.Equal(prior.Triggers, m.Triggers)
}

// verificationModelFrom makes the model of a verification as it is read back. The ledger knows nothing of triggers. A version that the
// configuration leaves empty, because nothing is authorized yet, stays empty.
func verificationModelFrom(state delivery.VerificationState, prior verificationModel) verificationModel {
	m := verificationModel{
		ID:       types.StringValue(state.Spec.ID()),
		Pipeline: types.StringValue(state.Spec.Pipeline),
		Stage:    types.StringValue(state.Spec.Stage),
		Version:  types.StringValue(state.Spec.Version),
		Triggers: prior.Triggers,
		Timeouts: prior.Timeouts,
		Status:   types.StringValue(string(state.Status)),
	}
	if !prior.Version.IsNull() && prior.Version.ValueString() == "" {
		m.Version, m.Status = prior.Version, types.StringValue(string(delivery.StageWaiting))
	}
	return m
}
