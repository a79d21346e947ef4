package blocks

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// ApprovalsGate asks for decisions of people.
type ApprovalsGate struct {
	Required     types.Int64  `tfsdk:"required"`
	Approvers    []string     `tfsdk:"approvers"`
	AllowAuthor  types.Bool   `tfsdk:"allow_author"`
	ExpiresAfter types.String `tfsdk:"expires_after"`
	SignedBy     []string     `tfsdk:"signed_by"`

	RequireSigned types.Bool `tfsdk:"require_signed"`
}

func approvalsGateAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Decisions of people on exactly what would be deployed. A rejection makes the gate fail.",
		Attributes: map[string]schema.Attribute{
			"required": schema.Int64Attribute{
				Required:            true,
				MarkdownDescription: "Number of people who must approve, 1 to 100. Each person counts once.",
			},
			"approvers": schema.SetAttribute{
				Required: true, ElementType: types.StringType,
				MarkdownDescription: "People who may decide: names or addresses, or `[\"*\"]` for everyone. One person counts once, in whatever spelling.",
			},
			"allow_author": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether the author of a release, and the person who registered it, may approve it. Defaults to `false`.",
			},
			"expires_after": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "How long a decision is valid, such as `\"72h\"`. Without it, a decision is valid until the content changes.",
			},
			"signed_by": schema.ListAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Lines of an SSH allowed-signers file (principals, key type, key). If set, a decision counts only with a signature by one of these keys. A key that may sign for an author of the release approves nothing. A pattern of principals does not name anyone: a key listed under one counts only for the actor who records the decision.",
			},
			"require_signed": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether only signed decisions count. In a stage it requires `signed_by`. In a policy without `signed_by`, the keys of any approvals gate of the stage count. Defaults to `false`.",
			},
		},
	}
}

// ToSpec returns the declaration.
func (m *ApprovalsGate) ToSpec() *delivery.ApprovalsGate {
	if m == nil {
		return nil
	}
	return &delivery.ApprovalsGate{
		Required:     int(m.Required.ValueInt64()),
		Approvers:    tf.Sorted(m.Approvers),
		AllowAuthor:  m.AllowAuthor.ValueBool(),
		ExpiresAfter: delivery.Duration(m.ExpiresAfter.ValueString()),
		SignedBy:     slices.Clone(m.SignedBy), // an empty list is an error, unlike none

		RequireSigned: m.RequireSigned.ValueBool(),
	}
}

func approvalsGateFrom(g *delivery.ApprovalsGate, prior *ApprovalsGate) *ApprovalsGate {
	if g == nil {
		return nil
	}
	was := tf.PriorOr(prior)
	return &ApprovalsGate{
		Required:     types.Int64Value(int64(g.Required)),
		Approvers:    tf.ListOr(slices.Clone(g.Approvers), was.Approvers),
		AllowAuthor:  types.BoolValue(g.AllowAuthor),
		ExpiresAfter: tf.StringOr(g.ExpiresAfter, was.ExpiresAfter),
		SignedBy:     tf.ListOr(slices.Clone(g.SignedBy), was.SignedBy),

		RequireSigned: types.BoolValue(g.RequireSigned),
	}
}
