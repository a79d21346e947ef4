package blocks

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// Expression is a condition in CEL.
type Expression struct {
	Condition types.String `tfsdk:"condition"`
	Message   types.String `tfsdk:"message"`
}

func expressionsAttribute() schema.Attribute {
	return schema.MapNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Your own conditions, by name. All must be true for each environment of the stage.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"condition": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "A condition in CEL (Common Expression Language) over `release`, `previous`, `stage`, `pipeline`, `environment`, `config` and `now`. " +
					"It is compiled and type-checked in the plan. If its evaluation fails, the gate does not pass.",
			},
			"message": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Message to show when the condition is false.",
			},
		}},
	}
}

// ToSpec returns the declaration.
func (m Expression) ToSpec() delivery.Expression {
	return delivery.Expression{Condition: m.Condition.ValueString(), Message: m.Message.ValueString()}
}

func expressionFrom(e delivery.Expression, prior Expression) Expression {
	return Expression{Condition: tf.StringOr(e.Condition, prior.Condition), Message: tf.StringOr(e.Message, prior.Message)}
}
