// Package blocks holds the attributes that several resources share: gates, checks, targets and parity. Each is a schema, a model, and the
// conversion to and from the domain.
package blocks

import (
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// Gates are the gates of a stage or of a policy.
type Gates struct {
	Approvals   *ApprovalsGate        `tfsdk:"approvals"`
	Tests       map[string]TestsGate  `tfsdk:"tests"`
	Soak        *SoakGate             `tfsdk:"soak"`
	Windows     map[string]Window     `tfsdk:"windows"`
	Cooldown    *CooldownGate         `tfsdk:"cooldown"`
	MaxDeploys  *MaxDeploysGate       `tfsdk:"max_deploys"`
	Parity      *ParityGate           `tfsdk:"parity"`
	Checks      map[string]Check      `tfsdk:"checks"`
	Expressions map[string]Expression `tfsdk:"expressions"`
	None        types.String          `tfsdk:"none"`
}

// SoakGate asks for a time verified in an earlier stage.
type SoakGate struct {
	Stage    types.String `tfsdk:"stage"`
	Duration types.String `tfsdk:"duration"`
}

// GatesAttribute describes the gates of a stage, or those that a policy requires.
func GatesAttribute(description string, required bool) schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            !required,
		Required:            required,
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"approvals":   approvalsGateAttribute(),
			"tests":       testsGateAttribute(),
			"soak":        soakGateAttribute(),
			"windows":     windowsAttribute(),
			"cooldown":    cooldownAttribute(),
			"max_deploys": maxDeploysAttribute(),
			"parity": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Parity is checked when a release enters the stage. Write `parity = {}`; it has no settings.",
				Attributes:          map[string]schema.Attribute{},
			},
			"checks":      ChecksAttribute("Checks by HTTP or command, by name. All must pass."),
			"expressions": expressionsAttribute(),
			"none": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Reason why the stage has no gates. An automatic stage that deploys to an environment of tier `production` delivers only if it or a policy has a gate, or if this is set.",
			},
		},
	}
}

// ParityGate asks for parity.
type ParityGate struct{}

func soakGateAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "The release must have run verified in an earlier stage for some time.",
		Attributes: map[string]schema.Attribute{
			"stage": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the earlier stage.",
			},
			"duration": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Minimum time, such as `\"1h\"`.",
			},
		},
	}
}

// ToSpec returns the declaration.
func (m *Gates) ToSpec() delivery.Gates {
	if m == nil {
		return delivery.Gates{}
	}
	return delivery.Gates{
		Approvals:   m.Approvals.ToSpec(),
		Tests:       tf.Each(m.Tests, TestsGate.ToSpec),
		Soak:        m.Soak.ToSpec(),
		Windows:     tf.Each(m.Windows, Window.ToSpec),
		Cooldown:    m.Cooldown.ToSpec(),
		MaxDeploys:  m.MaxDeploys.ToSpec(),
		Parity:      m.Parity.ToSpec(),
		Checks:      tf.Each(m.Checks, Check.ToSpec),
		Expressions: tf.Each(m.Expressions, Expression.ToSpec),
		None:        m.None.ValueString(),
	}
}

// ToSpec returns the declaration.
func (m *ParityGate) ToSpec() *delivery.ParityGate {
	if m == nil {
		return nil
	}
	return &delivery.ParityGate{}
}

func parityGateFrom(g *delivery.ParityGate) *ParityGate {
	if g == nil {
		return nil
	}
	return &ParityGate{}
}

// ToSpec returns the declaration.
func (m *SoakGate) ToSpec() *delivery.SoakGate {
	if m == nil {
		return nil
	}
	return &delivery.SoakGate{Stage: m.Stage.ValueString(), Duration: delivery.Duration(m.Duration.ValueString())}
}

// GatesFrom returns null if there is no gate and none was written.
func GatesFrom(g delivery.Gates, prior *Gates) *Gates {
	was := tf.PriorOr(prior)
	m := Gates{
		Approvals:   approvalsGateFrom(g.Approvals, was.Approvals),
		Tests:       tf.EachFrom(g.Tests, was.Tests, testsGateFrom),
		Soak:        soakGateFrom(g.Soak, was.Soak),
		Windows:     tf.EachFrom(g.Windows, was.Windows, windowFrom),
		Cooldown:    cooldownGateFrom(g.Cooldown, was.Cooldown),
		MaxDeploys:  maxDeploysGateFrom(g.MaxDeploys, was.MaxDeploys),
		Parity:      parityGateFrom(g.Parity),
		Checks:      tf.EachFrom(g.Checks, was.Checks, CheckFrom),
		Expressions: tf.EachFrom(g.Expressions, was.Expressions, expressionFrom),
		None:        tf.StringOr(g.None, was.None),
	}
	if prior == nil && reflect.DeepEqual(m, Gates{}) {
		return nil
	}
	return &m
}

func soakGateFrom(g *delivery.SoakGate, prior *SoakGate) *SoakGate {
	if g == nil {
		return nil
	}
	was := tf.PriorOr(prior)
	return &SoakGate{Stage: tf.StringOr(g.Stage, was.Stage), Duration: tf.StringOr(g.Duration, was.Duration)}
}

// LacksDefault reports whether an attribute with a default is null.
func (m *Gates) LacksDefault() bool {
	for _, suite := range m.Tests {
		if suite.MaxFailures.IsNull() {
			return true
		}
	}
	return m.Approvals != nil && (m.Approvals.AllowAuthor.IsNull() || m.Approvals.RequireSigned.IsNull())
}
