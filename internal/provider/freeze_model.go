package provider

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

type freezeModel struct {
	ID           types.String `tfsdk:"id"`
	Name         types.String `tfsdk:"name"`
	Reason       types.String `tfsdk:"reason"`
	StartsAt     types.String `tfsdk:"starts_at"`
	EndsAt       types.String `tfsdk:"ends_at"`
	Environments []string     `tfsdk:"environments"`
	Tiers        []string     `tfsdk:"tiers"`
	Pipelines    []string     `tfsdk:"pipelines"`
}

// toSpec gives the declaration. It needs all that was configured to be known.
func (m freezeModel) toSpec() delivery.FreezeSpec {
	return delivery.FreezeSpec{
		Name:         m.Name.ValueString(),
		Reason:       m.Reason.ValueString(),
		StartsAt:     delivery.Timestamp(m.StartsAt.ValueString()),
		EndsAt:       delivery.Timestamp(m.EndsAt.ValueString()),
		Environments: tf.Sorted(m.Environments),
		Tiers:        tiersToSpec(m.Tiers),
		Pipelines:    tf.Sorted(m.Pipelines),
	}
}

// freezeModelFrom gives the state of a freeze as it is read back; prior is what was planned, or the state before.
func freezeModelFrom(s delivery.FreezeSpec, prior freezeModel) freezeModel {
	return freezeModel{
		ID:           types.StringValue(s.Name),
		Name:         types.StringValue(s.Name),
		Reason:       types.StringValue(s.Reason),
		StartsAt:     types.StringValue(string(s.StartsAt)),
		EndsAt:       types.StringValue(string(s.EndsAt)),
		Environments: tf.ListOr(slices.Clone(s.Environments), prior.Environments),
		Tiers:        tiersFrom(s.Tiers, prior.Tiers),
		Pipelines:    tf.ListOr(slices.Clone(s.Pipelines), prior.Pipelines),
	}
}
