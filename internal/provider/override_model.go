package provider

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// overrideModel is a cd_override as Terraform holds it.
type overrideModel struct {
	ID        types.String `tfsdk:"id"`
	Pipeline  types.String `tfsdk:"pipeline"`
	Version   types.String `tfsdk:"version"`
	Stage     types.String `tfsdk:"stage"`
	Gates     []string     `tfsdk:"gates"`
	Reason    types.String `tfsdk:"reason"`
	Ticket    types.String `tfsdk:"ticket"`
	ExpiresAt types.String `tfsdk:"expires_at"`
	MadeBy    types.String `tfsdk:"made_by"`
}

// toSpec returns what the user declares.
func (m overrideModel) toSpec() delivery.OverrideSpec {
	return delivery.OverrideSpec{
		Pipeline:  m.Pipeline.ValueString(),
		Version:   m.Version.ValueString(),
		Stage:     m.Stage.ValueString(),
		Gates:     tf.Sorted(m.Gates),
		Reason:    m.Reason.ValueString(),
		Ticket:    m.Ticket.ValueString(),
		ExpiresAt: delivery.Timestamp(m.ExpiresAt.ValueString()),
	}
}

// overrideModelFrom makes the model of an override as it is read back.
func overrideModelFrom(o delivery.Override) overrideModel {
	return overrideModel{
		ID:        types.StringValue(o.ID),
		Pipeline:  types.StringValue(o.Spec.Pipeline),
		Version:   types.StringValue(o.Spec.Version),
		Stage:     types.StringValue(o.Spec.Stage),
		Gates:     slices.Clone(o.Spec.Gates),
		Reason:    types.StringValue(o.Spec.Reason),
		Ticket:    types.StringValue(o.Spec.Ticket),
		ExpiresAt: types.StringValue(string(o.Spec.ExpiresAt)),
		MadeBy:    types.StringValue(o.Actor),
	}
}
