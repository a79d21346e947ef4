package blocks

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// Parity declares that an environment equals another one.
type Parity struct {
	With  types.String         `tfsdk:"with"`
	Allow map[string]Allowance `tfsdk:"allow"`
}

// Allowance is a difference that parity allows.
type Allowance struct {
	Reason types.String  `tfsdk:"reason"`
	Min    types.Float64 `tfsdk:"min"`
	Max    types.Float64 `tfsdk:"max"`
	Until  types.String  `tfsdk:"until"`
}

// ParityAttribute describes parity.
func ParityAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Declares that this environment equals another one, but for the differences listed. Any other difference fails the plan.",
		Attributes: map[string]schema.Attribute{
			"with": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the environment to equal.",
			},
			"allow": schema.MapNestedAttribute{
				Optional:            true,
				MarkdownDescription: "The differences that are meant, by glob over the keys of `config`, `secrets` (`secrets.KEY`) and `platform` (`platform.KEY`).",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"reason": schema.StringAttribute{
						Required:            true,
						MarkdownDescription: "Why the two differ, for whoever reviews it.",
					},
					"min": schema.Float64Attribute{
						Optional:            true,
						MarkdownDescription: "The value here has to be a number, and at least this.",
					},
					"max": schema.Float64Attribute{
						Optional:            true,
						MarkdownDescription: "The value here has to be a number, and at most this.",
					},
					"until": schema.StringAttribute{
						Optional:            true,
						MarkdownDescription: "From this time on (RFC 3339) the difference is not allowed any more. Without it, the difference is allowed for good.",
					},
				}},
			},
		},
	}
}

// ToSpec returns the declaration.
func (m *Parity) ToSpec() *delivery.Parity {
	if m == nil {
		return nil
	}
	p := &delivery.Parity{With: m.With.ValueString()}
	for glob, a := range m.Allow {
		if p.Allow == nil {
			p.Allow = map[string]delivery.Allowance{}
		}
		p.Allow[glob] = delivery.Allowance{
			Reason: a.Reason.ValueString(),
			Min:    a.Min.ValueFloat64Pointer(),
			Max:    a.Max.ValueFloat64Pointer(),
			Until:  delivery.Timestamp(a.Until.ValueString()),
		}
	}
	return p
}

// ParityFrom returns the model of a parity as it is read back.
func ParityFrom(p *delivery.Parity, prior *Parity) *Parity {
	if p == nil {
		return nil
	}
	prior = tf.PriorOr(prior)
	allow := map[string]Allowance{}
	for glob, a := range p.Allow {
		allow[glob] = Allowance{
			Reason: tf.StringOr(a.Reason, prior.Allow[glob].Reason),
			Min:    tf.FloatOr(a.Min, prior.Allow[glob].Min),
			Max:    tf.FloatOr(a.Max, prior.Allow[glob].Max),
			Until:  tf.StringOr(a.Until, prior.Allow[glob].Until),
		}
	}
	return &Parity{With: tf.StringOr(p.With, prior.With), Allow: tf.MapOr(allow, prior.Allow)}
}
