package blocks

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// CooldownGate asks for a pause between two deliveries.
type CooldownGate struct {
	Duration types.String `tfsdk:"duration"`
}

// MaxDeploysGate limits the number of deliveries.
type MaxDeploysGate struct {
	Count types.Int64  `tfsdk:"count"`
	Per   types.String `tfsdk:"per"`
}

func cooldownAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Minimum time between two deliveries to the stage.",
		Attributes: map[string]schema.Attribute{
			"duration": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Minimum time since the start of the last delivery, such as `\"4h\"`.",
			},
		},
	}
}

func maxDeploysAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Limit on the number of deliveries to the stage.",
		Attributes: map[string]schema.Attribute{
			"count": schema.Int64Attribute{
				Required:            true,
				MarkdownDescription: "Number of deliveries that may begin within `per`, 1 to 999.",
			},
			"per": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Period to look back, such as `\"24h\"`.",
			},
		},
	}
}

// ToSpec returns the declaration.
func (m *CooldownGate) ToSpec() *delivery.CooldownGate {
	if m == nil {
		return nil
	}
	return &delivery.CooldownGate{Duration: delivery.Duration(m.Duration.ValueString())}
}

// ToSpec returns the declaration.
func (m *MaxDeploysGate) ToSpec() *delivery.MaxDeploysGate {
	if m == nil {
		return nil
	}
	return &delivery.MaxDeploysGate{Count: int(m.Count.ValueInt64()), Per: delivery.Duration(m.Per.ValueString())}
}

func cooldownGateFrom(g *delivery.CooldownGate, prior *CooldownGate) *CooldownGate {
	if g == nil {
		return nil
	}
	return &CooldownGate{Duration: tf.StringOr(g.Duration, tf.PriorOr(prior).Duration)}
}

func maxDeploysGateFrom(g *delivery.MaxDeploysGate, prior *MaxDeploysGate) *MaxDeploysGate {
	if g == nil {
		return nil
	}
	was := tf.PriorOr(prior)
	return &MaxDeploysGate{Count: tf.IntOr(g.Count, was.Count), Per: tf.StringOr(g.Per, was.Per)}
}
