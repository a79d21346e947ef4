package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

type expressionModel struct {
	Condition types.String `tfsdk:"condition"`
	Message   types.String `tfsdk:"message"`
}

func expressionsAttribute() schema.Attribute {
	return schema.MapNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Conditions in your own words, by name. All have to be true in each environment of the stage.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"condition": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "A condition in CEL (Common Expression Language) over `release`, `previous`, `stage`, `pipeline`, `environment`, `config` and `now`. " +
					"It is compiled and checked when planning; an error while it is asked never passes.",
			},
			"message": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Why it matters; shown when the condition is false.",
			},
		}},
	}
}

func (m expressionModel) toSpec() delivery.Expression {
	return delivery.Expression{Condition: m.Condition.ValueString(), Message: m.Message.ValueString()}
}

func expressionModelFrom(e delivery.Expression, prior expressionModel) expressionModel {
	return expressionModel{Condition: stringOr(e.Condition, prior.Condition), Message: stringOr(e.Message, prior.Message)}
}
