package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// contentAttribute names what a decision is about. It is optional in the schema, because a signature names it too, and because the plan can
// say what to write and the schema cannot.
func contentAttribute(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional:            true,
		MarkdownDescription: description + " If it is missing or wrong, the plan is an error that has the line to copy. At least 12 hex digits of the digest of what would be delivered. The warning of a promotion that waits for approvals has the line to copy; so do the `content` of `data \"cd_approval_request\"` and of `data \"cd_readiness\"`. Write it as a literal or in a variable: a reference to a `cd_*` resource or data source is an error, because it would decide about every next version by itself.",
		PlanModifiers:       []planmodifier.String{sameContent{}},
	}
}

// sameContent replaces the decision when its content changes. Another number of digits of the same digest is no change.
type sameContent struct{}

// Description says what it does.
func (sameContent) Description(context.Context) string {
	return "Another content replaces the decision."
}

// MarkdownDescription says what it does.
func (m sameContent) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

// PlanModifyString keeps the content of the state if the configuration names the same one.
func (sameContent) PlanModifyString(ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.State.Raw.IsNull() || req.Plan.Raw.IsNull() || req.PlanValue.Equal(req.StateValue) {
		return
	}
	var digest types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("content_digest"), &digest)...)
	if delivery.NamesContent(req.StateValue.ValueString(), digest.ValueString()) && delivery.NamesContent(req.ConfigValue.ValueString(), digest.ValueString()) {
		resp.PlanValue = req.StateValue
		return
	}
	resp.RequiresReplace = true
}

// contentFrom is the content of a decision as it is read back: as it was written, or the first digits after an import.
func contentFrom(named, digest string, prior types.String) types.String {
	switch {
	case delivery.NamesContent(prior.ValueString(), digest):
		return prior
	case named == "":
		return tf.StringOr("", prior)
	}
	return types.StringValue(delivery.ShortContent(digest))
}

// requireContent adds an error if a new decision that is the actor's to make names no content, and the plan does not know what would be
// delivered. Where it knows, its preview says the same and has the line to copy.
func (r *recordedResource[M, R]) requireContent(ctx context.Context, req resource.ModifyPlanRequest, diags *diag.Diagnostics) {
	if r.session == nil || req.Plan.Raw.IsNull() || !req.State.Raw.IsNull() {
		return
	}
	for _, naming := range []string{"content", "signature"} { // a signature names the content too
		if value := r.configured(ctx, req, naming, diags); value.IsUnknown() || value.ValueString() != "" {
			return
		}
	}
	if approver := r.configured(ctx, req, "approver", diags); !approver.IsNull() {
		api, err := r.session.client(ctx)
		named := delivery.ApprovalSpec{Approver: approver.ValueString()}
		if approver.IsUnknown() || err != nil || named.Undecided(api.Actor()) {
			return // somebody else decides, or may
		}
	}
	diags.AddAttributeError(path.Root("content"), fmt.Sprintf("Unable to %s %s: its content is missing", r.kind.action, r.kind.noun),
		"A decision names what somebody reviewed, and this plan does not know yet what would be delivered. Leave this resource out, and apply the rest. The next plan has the line to copy.")
}

// configured is an attribute of the configuration; null if the resource has no such attribute.
func (r *recordedResource[M, R]) configured(ctx context.Context, req resource.ModifyPlanRequest, attribute string, diags *diag.Diagnostics) (value types.String) {
	if _, has := req.Config.Schema.GetAttributes()[attribute]; has {
		diags.Append(req.Config.GetAttribute(ctx, path.Root(attribute), &value)...)
	}
	return value
}

// describing are the attributes by which the files tell one decision from another.
var describing = []string{"pipeline", "version", "stage", "decision", "comment", "reason", "ticket", "content"}

// requireWritten adds an error if the content of a new decision comes from the provider's own objects: then nobody saw what it is about. It
// judges what the files say, whatever else is not known yet. Without files nothing is judged.
func (r *recordedResource[M, R]) requireWritten(ctx context.Context, req resource.ModifyPlanRequest, diags *diag.Diagnostics) {
	if r.session == nil || req.Plan.Raw.IsNull() || !req.State.Raw.IsNull() {
		return
	}
	files, err := r.session.configuration()
	switch {
	case errors.Is(err, configuration.ErrNoFiles):
		return
	case err != nil:
		diags.AddAttributeWarning(path.Root("content"), "Unable to see where content comes from",
			fmt.Sprintf("The files of the configuration cannot be read: %s. Write content as a literal or in a variable.", strings.TrimSuffix(err.Error(), ".")))
		return
	}
	object := configuration.Object{Type: "cd_" + r.noun, Values: map[string]string{}}
	for _, attribute := range describing {
		if value := r.configured(ctx, req, attribute, diags); !value.IsUnknown() && !value.IsNull() {
			object.Values[attribute] = value.ValueString()
		}
	}
	for _, reference := range files.References(object, "content", "cd_") {
		diags.AddAttributeError(path.Root("content"), fmt.Sprintf("Unable to %s %s: its content is a reference", r.kind.action, r.kind.noun), fmt.Sprintf(
			"The content of %s comes from %s (%s:%d), so it would follow every next version, and nobody would decide. Write what you reviewed as a literal or in a variable.",
			reference.By.Address(), reference.To, reference.File, reference.Line))
		return // one is enough
	}
}
