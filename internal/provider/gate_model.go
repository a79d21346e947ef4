package provider

import (
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// gatesModel serves stages and policies: both write gates alike.
type gatesModel struct {
	Approvals   *approvalsGateModel        `tfsdk:"approvals"`
	Tests       map[string]testsGateModel  `tfsdk:"tests"`
	Soak        *soakGateModel             `tfsdk:"soak"`
	Windows     map[string]windowModel     `tfsdk:"windows"`
	Cooldown    *cooldownGateModel         `tfsdk:"cooldown"`
	MaxDeploys  *maxDeploysGateModel       `tfsdk:"max_deploys"`
	Parity      types.Bool                 `tfsdk:"parity"`
	Checks      map[string]checkModel      `tfsdk:"checks"`
	Expressions map[string]expressionModel `tfsdk:"expressions"`
}

type soakGateModel struct {
	Stage    types.String `tfsdk:"stage"`
	Duration types.String `tfsdk:"duration"`
}

// gatesAttribute describes the gates of a stage, or those that a policy requires.
func gatesAttribute(description string, required bool) schema.Attribute {
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
			"parity": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether environments that declare parity have to hold it when the release enters. Defaults to `false`.",
			},
			"checks":      checksAttribute("Questions to the world, by name. All have to pass."),
			"expressions": expressionsAttribute(),
		},
	}
}

func soakGateAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "The release has to have run verified in an earlier stage for a while.",
		Attributes: map[string]schema.Attribute{
			"stage": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "The earlier stage.",
			},
			"duration": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "For how long, such as `\"1h\"`.",
			},
		},
	}
}

func (m *gatesModel) toSpec() delivery.Gates {
	if m == nil {
		return delivery.Gates{}
	}
	return delivery.Gates{
		Approvals:   m.Approvals.toSpec(),
		Tests:       each(m.Tests, testsGateModel.toSpec),
		Soak:        m.Soak.toSpec(),
		Windows:     each(m.Windows, windowModel.toSpec),
		Cooldown:    m.Cooldown.toSpec(),
		MaxDeploys:  m.MaxDeploys.toSpec(),
		Parity:      m.Parity.ValueBool(),
		Checks:      each(m.Checks, checkModel.toSpec),
		Expressions: each(m.Expressions, expressionModel.toSpec),
	}
}

func (m *soakGateModel) toSpec() *delivery.SoakGate {
	if m == nil {
		return nil
	}
	return &delivery.SoakGate{Stage: m.Stage.ValueString(), Duration: delivery.Duration(m.Duration.ValueString())}
}

// gatesModelFrom gives null when there is no gate and none was written.
func gatesModelFrom(g delivery.Gates, prior *gatesModel) *gatesModel {
	was := priorOr(prior)
	m := gatesModel{
		Approvals:   approvalsGateModelFrom(g.Approvals, was.Approvals),
		Tests:       eachFrom(g.Tests, was.Tests, testsGateModelFrom),
		Soak:        soakGateModelFrom(g.Soak, was.Soak),
		Windows:     eachFrom(g.Windows, was.Windows, windowModelFrom),
		Cooldown:    cooldownGateModelFrom(g.Cooldown, was.Cooldown),
		MaxDeploys:  maxDeploysGateModelFrom(g.MaxDeploys, was.MaxDeploys),
		Parity:      types.BoolValue(g.Parity),
		Checks:      eachFrom(g.Checks, was.Checks, checkModelFrom),
		Expressions: eachFrom(g.Expressions, was.Expressions, expressionModelFrom),
	}
	if prior == nil && reflect.DeepEqual(m, gatesModel{Parity: types.BoolValue(false)}) {
		return nil
	}
	return &m
}

func soakGateModelFrom(g *delivery.SoakGate, prior *soakGateModel) *soakGateModel {
	if g == nil {
		return nil
	}
	was := priorOr(prior)
	return &soakGateModel{Stage: stringOr(g.Stage, was.Stage), Duration: stringOr(g.Duration, was.Duration)}
}
