package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

type cooldownGateModel struct {
	Duration types.String `tfsdk:"duration"`
}

type maxDeploysGateModel struct {
	Count types.Int64  `tfsdk:"count"`
	Per   types.String `tfsdk:"per"`
}

func cooldownAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "A pause between two deliveries to the stage.",
		Attributes: map[string]schema.Attribute{
			"duration": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "How long it has to be since the last delivery began, such as `\"4h\"`.",
			},
		},
	}
}

func maxDeploysAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "A bound on how often is delivered to the stage.",
		Attributes: map[string]schema.Attribute{
			"count": schema.Int64Attribute{
				Required:            true,
				MarkdownDescription: "How many deliveries may begin within `per`, 1 to 999.",
			},
			"per": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "The length of time that is looked back, such as `\"24h\"`.",
			},
		},
	}
}

func (m *cooldownGateModel) toSpec() *delivery.CooldownGate {
	if m == nil {
		return nil
	}
	return &delivery.CooldownGate{Duration: delivery.Duration(m.Duration.ValueString())}
}

func (m *maxDeploysGateModel) toSpec() *delivery.MaxDeploysGate {
	if m == nil {
		return nil
	}
	return &delivery.MaxDeploysGate{Count: int(m.Count.ValueInt64()), Per: delivery.Duration(m.Per.ValueString())}
}

func cooldownGateModelFrom(g *delivery.CooldownGate, prior *cooldownGateModel) *cooldownGateModel {
	if g == nil {
		return nil
	}
	return &cooldownGateModel{Duration: stringOr(g.Duration, priorOr(prior).Duration)}
}

func maxDeploysGateModelFrom(g *delivery.MaxDeploysGate, prior *maxDeploysGateModel) *maxDeploysGateModel {
	if g == nil {
		return nil
	}
	was := priorOr(prior)
	return &maxDeploysGateModel{Count: intOr(g.Count, was.Count), Per: stringOr(g.Per, was.Per)}
}
