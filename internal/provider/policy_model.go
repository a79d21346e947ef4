package provider

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/blocks"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

type policyModel struct {
	ID           types.String  `tfsdk:"id"`
	Name         types.String  `tfsdk:"name"`
	Tiers        []string      `tfsdk:"tiers"`
	Environments []string      `tfsdk:"environments"`
	Gates        *blocks.Gates `tfsdk:"gates"`
}

// toSpec gives the declaration. It needs all that was configured to be known.
func (m policyModel) toSpec() delivery.PolicySpec {
	return delivery.PolicySpec{
		Name:         m.Name.ValueString(),
		Tiers:        tiersToSpec(m.Tiers),
		Environments: tf.Sorted(m.Environments),
		Gates:        m.Gates.ToSpec(),
	}
}

// policyModelFrom gives the state of a policy as it is read back; prior is what was planned, or the state before.
func policyModelFrom(s delivery.PolicySpec, prior policyModel) policyModel {
	return policyModel{
		ID:           types.StringValue(s.Name),
		Name:         types.StringValue(s.Name),
		Tiers:        tiersFrom(s.Tiers, prior.Tiers),
		Environments: tf.ListOr(slices.Clone(s.Environments), prior.Environments),
		Gates:        blocks.GatesFrom(s.Gates, prior.Gates),
	}
}

func tiersToSpec(tiers []string) []delivery.Tier {
	var spec []delivery.Tier
	for _, tier := range tf.Sorted(tiers) {
		spec = append(spec, delivery.Tier(tier))
	}
	return spec
}

func tiersFrom(tiers []delivery.Tier, prior []string) []string {
	texts := make([]string, len(tiers))
	for i, tier := range tiers {
		texts[i] = string(tier)
	}
	return tf.ListOr(texts, prior)
}
