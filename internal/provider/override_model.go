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
	Content   types.String `tfsdk:"content"`
	Gates     []string     `tfsdk:"gates"`
	Reason    types.String `tfsdk:"reason"`
	Ticket    types.String `tfsdk:"ticket"`
	ExpiresAt types.String `tfsdk:"expires_at"`
	Duration  types.String `tfsdk:"duration"`
	Digest    types.String `tfsdk:"content_digest"`
	MadeBy    types.String `tfsdk:"made_by"`
}

// toSpec returns what the user declares. With a duration, the time at which it ends is the ledger's to say.
func (m overrideModel) toSpec() delivery.OverrideSpec {
	spec := delivery.OverrideSpec{
		Pipeline: m.Pipeline.ValueString(),
		Version:  m.Version.ValueString(),
		Stage:    m.Stage.ValueString(),
		Gates:    tf.Sorted(m.Gates),
		Reason:   m.Reason.ValueString(),
		Ticket:   m.Ticket.ValueString(),
		Content:  m.Content.ValueString(),
		Duration: delivery.Duration(m.Duration.ValueString()),
	}
	if spec.Duration == "" {
		spec.ExpiresAt = delivery.Timestamp(m.ExpiresAt.ValueString())
	}
	return spec
}

// validate checks what the user declares. A time that is given beside a duration would be lost.
func (m overrideModel) validate() delivery.Errors {
	spec := m.toSpec()
	spec.ExpiresAt = delivery.Timestamp(m.ExpiresAt.ValueString())
	return spec.Validate()
}

// overrideModelFrom makes the model of an override as it is read back.
func overrideModelFrom(o delivery.Override, prior overrideModel) overrideModel {
	ends := types.StringValue(string(o.Spec.ExpiresAt))
	switch {
	case o.Spec.Duration != "" && prior.ExpiresAt.IsNull():
		ends = types.StringNull() // imported: a configuration that Terraform writes from the state may have only one of them
	case o.Spec.ExpiresAt == "":
		ends = tf.Time(&o.ExpiresAt)
	}
	return overrideModel{
		ID:        types.StringValue(o.ID),
		Pipeline:  types.StringValue(o.Spec.Pipeline),
		Version:   types.StringValue(o.Spec.Version),
		Stage:     types.StringValue(o.Spec.Stage),
		Gates:     slices.Clone(o.Spec.Gates),
		Reason:    types.StringValue(o.Spec.Reason),
		Ticket:    types.StringValue(o.Spec.Ticket),
		Content:   contentFrom(o.Spec.Content, o.ContentDigest, prior.Content),
		ExpiresAt: ends,
		Duration:  tf.StringOr(string(o.Spec.Duration), prior.Duration),
		Digest:    types.StringValue(o.ContentDigest),
		MadeBy:    types.StringValue(o.Actor),
	}
}
