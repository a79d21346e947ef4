package provider

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

type gatesModel struct {
	Approvals *approvalsGateModel   `tfsdk:"approvals"`
	Soak      *soakGateModel        `tfsdk:"soak"`
	Parity    types.Bool            `tfsdk:"parity"`
	Checks    map[string]checkModel `tfsdk:"checks"`
}

type approvalsGateModel struct {
	Required     types.Int64  `tfsdk:"required"`
	Approvers    []string     `tfsdk:"approvers"`
	AllowAuthor  types.Bool   `tfsdk:"allow_author"`
	ExpiresAfter types.String `tfsdk:"expires_after"`
}

type soakGateModel struct {
	Stage    types.String `tfsdk:"stage"`
	Duration types.String `tfsdk:"duration"`
}

func gatesAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "What has to hold before a release enters the stage. A gate that is not written here is not asked.",
		Attributes: map[string]schema.Attribute{
			"approvals": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "People's decisions on exactly what would be deployed. A rejection keeps the gate shut.",
				Attributes: map[string]schema.Attribute{
					"required": schema.Int64Attribute{
						Required:            true,
						MarkdownDescription: "How many people have to approve, 1 to 100. One person counts once.",
					},
					"approvers": schema.SetAttribute{
						Optional: true, ElementType: types.StringType,
						MarkdownDescription: "Who may decide. Defaults to anyone.",
					},
					"allow_author": schema.BoolAttribute{
						Optional: true, Computed: true, Default: booldefault.StaticBool(false),
						MarkdownDescription: "Whether the author of a release may approve it too. Defaults to `false`.",
					},
					"expires_after": schema.StringAttribute{
						Optional:            true,
						MarkdownDescription: "How long a decision counts, such as `\"72h\"`. Without it, a decision counts until what it covers changes.",
					},
				},
			},
			"soak": schema.SingleNestedAttribute{
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
			},
			"parity": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether environments that declare parity have to hold it when the release enters. Defaults to `false`.",
			},
			"checks": checksAttribute("Questions to the world, by name. All have to pass."),
		},
	}
}

func (m *gatesModel) toSpec() delivery.Gates {
	if m == nil {
		return delivery.Gates{}
	}
	gates := delivery.Gates{Parity: m.Parity.ValueBool(), Checks: checksToSpec(m.Checks)}
	if a := m.Approvals; a != nil {
		gates.Approvals = &delivery.ApprovalsGate{
			Required:     int(a.Required.ValueInt64()),
			Approvers:    sorted(a.Approvers),
			AllowAuthor:  a.AllowAuthor.ValueBool(),
			ExpiresAfter: delivery.Duration(a.ExpiresAfter.ValueString()),
		}
	}
	if s := m.Soak; s != nil {
		gates.Soak = &delivery.SoakGate{Stage: s.Stage.ValueString(), Duration: delivery.Duration(s.Duration.ValueString())}
	}
	return gates
}

// sorted puts a set into the one order that is sent, so that the order in which it was written changes no digest.
func sorted(set []string) []string {
	if len(set) == 0 {
		return nil
	}
	return slices.Sorted(slices.Values(set))
}

// gatesModelFrom gives null when there is no gate and none was written.
func gatesModelFrom(g delivery.Gates, prior *gatesModel) *gatesModel {
	if prior == nil && g.Approvals == nil && g.Soak == nil && !g.Parity && len(g.Checks) == 0 {
		return nil
	}
	prior = priorOr(prior)
	m := &gatesModel{Parity: types.BoolValue(g.Parity), Checks: checkModelsFrom(g.Checks, prior.Checks)}
	if a := g.Approvals; a != nil {
		was := priorOr(prior.Approvals)
		m.Approvals = &approvalsGateModel{
			Required:     types.Int64Value(int64(a.Required)),
			Approvers:    listOr(slices.Clone(a.Approvers), was.Approvers),
			AllowAuthor:  types.BoolValue(a.AllowAuthor),
			ExpiresAfter: stringOr(a.ExpiresAfter, was.ExpiresAfter),
		}
	}
	if s := g.Soak; s != nil {
		was := priorOr(prior.Soak)
		m.Soak = &soakGateModel{Stage: stringOr(s.Stage, was.Stage), Duration: stringOr(s.Duration, was.Duration)}
	}
	return m
}
