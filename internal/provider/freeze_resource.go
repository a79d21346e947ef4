package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// freezeResource is cd_freeze: a while in which nothing is deployed.
type freezeResource struct{ resourceBase }

var (
	_ resource.ResourceWithIdentity       = (*freezeResource)(nil)
	_ resource.ResourceWithConfigure      = (*freezeResource)(nil)
	_ resource.ResourceWithValidateConfig = (*freezeResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*freezeResource)(nil)
	_ resource.ResourceWithImportState    = (*freezeResource)(nil)
)

func newFreezeResource() resource.Resource {
	return &freezeResource{resourceBase{noun: "freeze", identity: tf.NamedIdentity("freeze")}}
}

// Schema describes cd_freeze.
func (r *freezeResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	defer tf.FixTypes(&resp.Schema)
	resp.Schema = schema.Schema{
		MarkdownDescription: "A freeze: while it lasts, nothing is deployed where it applies. Rolling back a failed deployment is still allowed. " +
			"Each of `environments`, `tiers` and `pipelines` narrows it: `tiers = [\"production\"]` with `pipelines = [\"shop\"]` freezes shop in production and nothing else. " +
			"It applies at once, also to releases that are already waiting. A plan considers a new one only for resources that depend on it.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name: letters, digits, hyphens and underscores, at most 63 characters. Changing it replaces the freeze.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"reason": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Reason, for people whose release is blocked.",
			},
			"starts_at": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Start of the freeze, in RFC 3339 format.",
			},
			"ends_at": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "End of the freeze, in RFC 3339 format. At that time it is over.",
			},
			"environments": scope("Names of the frozen environments. Defaults to all."),
			"tiers":        scope("Frozen tiers: `development`, `testing`, `staging`, `production` or `other`. Defaults to all."),
			"pipelines":    scope("Names of the frozen pipelines. Defaults to all."),
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The name.",
			},
		},
	}
}

// scope describes one of the lists that narrow a freeze.
func scope(description string) schema.Attribute {
	return schema.SetAttribute{
		Optional: true, ElementType: types.StringType,
		MarkdownDescription: description + " At least one of `environments`, `tiers` and `pipelines` is required.",
	}
}

// ValidateConfig validates what is known of the configuration.
func (r *freezeResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, "freeze", &resp.Diagnostics, func(m freezeModel) delivery.Errors { return m.toSpec().Validate() })
}

// ModifyPlan notes the freeze for the releases that are planned after it, and warns when one that lasts now is cut short.
func (r *freezeResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, state *freezeModel // nil when there is none
	if !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	if !req.Plan.Raw.IsNull() && !req.Config.Raw.IsFullyKnown() {
		r.planUnknown(ctx, req, resp)
		return
	}
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if state != nil && (plan == nil || !plan.Name.Equal(state.Name)) {
		r.planRemoval(ctx, state.toSpec(), &resp.Diagnostics)
	}
	if plan == nil {
		return
	}
	spec := plan.toSpec()
	if tf.AddInvalid(&resp.Diagnostics, "freeze", spec.Validate()); resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), spec.Name)...)
	if r.session == nil {
		return
	}
	r.session.changes.AddFreeze(spec)
	if !resp.Plan.Raw.Equal(req.State.Raw) {
		r.planEdit(ctx, spec, &resp.Diagnostics)
	}
}

// planUnknown plans what cannot be computed yet as unknown.
func (r *freezeResource) planUnknown(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var name types.String
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("name"), &name)...)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), name)...)
	if r.session != nil {
		r.session.changes.AddUnknownFreeze(name.ValueString())
	}
}

func (r *freezeResource) planEdit(ctx context.Context, spec delivery.FreezeSpec, diags *diag.Diagnostics) {
	preview, err := r.session.weakenedBy(ctx, delivery.PreviewRequest{Freeze: &spec})
	if err != nil {
		tf.AddErrors(diags, "plan", "freeze", spec.Name, err)
		return
	}
	tf.AddErrorsInPlan(diags, true, "plan", "freeze", spec.Name, preview.Refused)
	weakens(diags, fmt.Sprintf("This edit weakens freeze %q, which lasts now", spec.Name), preview)
}

func (r *freezeResource) planRemoval(ctx context.Context, spec delivery.FreezeSpec, diags *diag.Diagnostics) {
	if r.session == nil {
		return
	}
	r.session.changes.RemoveFreeze(spec.Name)
	r.session.weakensGone(ctx, diags, fmt.Sprintf("Removing freeze %q, which lasts now", spec.Name), delivery.PreviewRequest{Freeze: &spec})
}

// Create declares the freeze.
func (r *freezeResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan freezeModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if written, ok := r.put(ctx, "create", plan.toSpec(), &resp.Diagnostics); ok {
		r.setState(ctx, freezeModelFrom(written, plan), &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// Read takes over what the ledger holds.
func (r *freezeResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state freezeModel
	r.setIdentity(ctx, req.State, resp.Identity, &resp.Diagnostics)
	if r.session == nil || !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	name := state.Name.ValueString()
	var found delivery.FreezeSpec
	api, err := r.session.client(ctx)
	if err == nil {
		found, err = api.Freeze(ctx, name)
	}
	switch {
	case delivery.IsNotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "read", "freeze", name, err)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, freezeModelFrom(found, state))...)
	}
}

// Update declares the freeze anew.
func (r *freezeResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan freezeModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if written, ok := r.put(ctx, "update", plan.toSpec(), &resp.Diagnostics); ok {
		r.setState(ctx, freezeModelFrom(written, plan), &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

func (r *freezeResource) put(ctx context.Context, action string, spec delivery.FreezeSpec, diags *diag.Diagnostics) (delivery.FreezeSpec, bool) {
	var written delivery.FreezeSpec
	api, err := r.session.client(ctx)
	if err == nil {
		written, err = api.PutFreeze(ctx, spec)
	}
	if err != nil {
		tf.AddErrors(diags, action, "freeze", spec.Name, err)
	}
	return written, err == nil
}

// Delete ends the freeze.
func (r *freezeResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state freezeModel
	if !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	name := state.Name.ValueString()
	api, err := r.session.client(ctx)
	if err == nil {
		err = api.DeleteFreeze(ctx, name)
	}
	if err != nil && !delivery.IsNotFound(err) {
		tf.AddErrors(&resp.Diagnostics, "destroy", "freeze", name, err)
	}
}

// ImportState takes the name or the identity; Read fills in the rest.
func (r *freezeResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := r.identity.ImportID(ctx, req, &resp.Diagnostics)
	for _, problem := range (delivery.FreezeSpec{Name: name}).Validate() {
		if problem.Field == "name" {
			tf.AddImportNameError(&resp.Diagnostics, "freeze", name, problem.Message)
			return
		}
	}
	r.identity.Import(ctx, resp, name)
}
