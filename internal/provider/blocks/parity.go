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
		MarkdownDescription: "Declares that this environment equals another one, except for the listed differences. Any other difference fails the plan.",
		Attributes: map[string]schema.Attribute{
			"with": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the environment that this one must equal.",
			},
			"allow": schema.MapNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Allowed differences, by glob pattern of the keys of `config`, `secrets` (`secrets.KEY`) and `platform` (`platform.KEY`). A plan warns of a pattern that matches no key.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"reason": schema.StringAttribute{
						Required:            true,
						MarkdownDescription: "Reason for the difference.",
					},
					"min": schema.Float64Attribute{
						Optional:            true,
						MarkdownDescription: "The value in this environment must be a number, and at least this.",
					},
					"max": schema.Float64Attribute{
						Optional:            true,
						MarkdownDescription: "The value in this environment must be a number, and at most this.",
					},
					"until": schema.StringAttribute{
						Optional:            true,
						MarkdownDescription: "Time (RFC 3339) from which the difference is no longer allowed. Without it, the difference is always allowed.",
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
