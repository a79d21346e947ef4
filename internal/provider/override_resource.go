package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// overrideResource is cd_override: it breaks the glass over gates of one stage for one release, for a while.
type overrideResource struct{ resourceBase }

var (
	_ resource.ResourceWithIdentity       = (*overrideResource)(nil)
	_ resource.ResourceWithConfigure      = (*overrideResource)(nil)
	_ resource.ResourceWithImportState    = (*overrideResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*overrideResource)(nil)
	_ resource.ResourceWithValidateConfig = (*overrideResource)(nil)
)

func newOverrideResource() resource.Resource {
	return &overrideResource{resourceBase{noun: "override", identity: tf.RecordedIdentity("override")}}
}

// Schema describes cd_override.
func (r *overrideResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replaces := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	defer tf.FixTypes(&resp.Schema)
	resp.Schema = schema.Schema{
		MarkdownDescription: "An override: skips gates of one stage for one release in an emergency, until it expires. Only gates that the stage lists in `overridable` can be skipped, and never those of a policy. While it is live, every plan that delivers or promotes the release there warns about it. It stays in the ledger permanently. Make the promotion depend on it, so that the override is recorded first. Every change replaces the override. Destroying revokes it.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Id of the override in the ledger.",
			},
			"pipeline": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the pipeline.",
				PlanModifiers:       replaces,
			},
			"version": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Version of the release. The override applies to no other release.",
				PlanModifiers:       replaces,
			},
			"stage": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the stage whose gates are skipped.",
				PlanModifiers:       replaces,
			},
			"gates": schema.SetAttribute{
				Required:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Gates to skip, each in the `overridable` list of the stage. For example `soak` or `windows`, `checks` for all checks, or `checks.error_rate` for one check.",
				PlanModifiers:       []planmodifier.Set{setplanmodifier.RequiresReplace()},
			},
			"reason": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Reason why the release cannot wait.",
				PlanModifiers:       replaces,
			},
			"ticket": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Ticket in which this is followed up, such as the number or URL of the incident.",
				PlanModifiers:       replaces,
			},
			"expires_at": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "When it expires, in RFC 3339 format.",
				PlanModifiers:       replaces,
			},
			"made_by": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Actor who created the override.",
			},
		},
	}
}

// ValidateConfig validates what is known of the configuration.
func (r *overrideResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, "override", &resp.Diagnostics, func(m overrideModel) delivery.Errors { return m.toSpec().Validate() })
}

// ModifyPlan notes what this plan skips and takes back, and warns of an override that skips nothing any more. Terraform calls it
// twice for a replacement: with the old override, then as if there were none.
func (r *overrideResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.session == nil {
		return
	}
	if !req.Plan.Raw.IsNull() && !req.Config.Raw.IsFullyKnown() {
		var pipeline types.String
		resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("pipeline"), &pipeline)...)
		r.session.changes.AddUnknownDelivery(pipeline.ValueString())
		return
	}
	var plan, state *overrideModel // nil when there is none
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	if state != nil && (plan == nil || !req.Plan.Raw.Equal(req.State.Raw)) {
		r.session.changes.Revoke(state.ID.ValueString())
		return
	}
	spec := plan.toSpec()
	preview, err := r.session.preview(ctx, spec.Pipeline, delivery.PreviewRequest{Override: &spec})
	refused := preview.Refused
	switch {
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "preview", "override", overrideName(spec), err)
	case state == nil:
		r.session.changes.AddOverride(spec)
		tf.AddErrorsInPlan(&resp.Diagnostics, true, "make", "override", overrideName(spec), refused)
		warnIfOrderedAfter(&resp.Diagnostics, "override", "cd_override", r.session.changes.GateUsesBefore(spec.Pipeline, spec.Version, spec.Stage, isOneOf(spec.Gates)))
	default:
		warnIfUseless(&resp.Diagnostics, *state, refused)
	}
}

// warnIfUseless warns of an override that skips nothing any more: it expired, or the stage has changed.
func warnIfUseless(diags *diag.Diagnostics, state overrideModel, refused delivery.Errors) {
	summary := fmt.Sprintf("Override of %s %s in %s does nothing any more", state.Pipeline.ValueString(), state.Version.ValueString(), state.Stage.ValueString())
	for _, why := range refused {
		detail := strings.TrimSuffix(why.Message, ".") + ". Remove it from the configuration, or make a new one."
		if at, ok := tf.AttributePath(why.Field); ok {
			diags.AddAttributeWarning(at, summary, detail)
		} else {
			diags.AddWarning(summary, detail)
		}
	}
}

func overrideName(s delivery.OverrideSpec) string {
	return fmt.Sprintf("%s/%s in %s", s.Pipeline, s.Version, s.Stage)
}

// Create makes the override.
func (r *overrideResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan overrideModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	spec := plan.toSpec()
	var made delivery.Override
	api, err := r.session.client(ctx)
	if err == nil {
		made, err = api.AddOverride(ctx, spec)
	}
	if err != nil {
		tf.AddErrors(&resp.Diagnostics, "make", "override", overrideName(spec), err)
		return
	}
	model := overrideModelFrom(made)
	r.setState(ctx, &model, &resp.State, resp.Identity, &resp.Diagnostics)
}

// Update is never asked for: every configurable attribute replaces.
func (r *overrideResource) Update(_ context.Context, _ resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.AddError("Unable to change override", "An override is never changed, only revoked and made again. That Terraform asks for it is a defect of the provider.")
}

// Read takes over the override as recorded.
func (r *overrideResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var prior overrideModel
	r.setIdentity(ctx, req.State, resp.Identity, &resp.Diagnostics)
	if !tf.Decode(ctx, req.State, &prior, &resp.Diagnostics) || r.session == nil {
		return
	}
	var made delivery.Override
	api, err := r.session.client(ctx)
	if err == nil {
		made, err = api.Override(ctx, prior.ID.ValueString())
	}
	switch {
	case delivery.IsNotFound(err):
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "read", "override", prior.ID.ValueString(), err)
		return
	}
	model := overrideModelFrom(made)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// Delete revokes the override; that is recorded as well.
func (r *overrideResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state overrideModel
	if !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	api, err := r.session.client(ctx)
	if err == nil {
		err = api.RevokeOverride(ctx, state.ID.ValueString())
	}
	if err != nil && !delivery.IsNotFound(err) {
		tf.AddErrors(&resp.Diagnostics, "revoke", "override", state.ID.ValueString(), err)
	}
}

// ImportState takes the override's id or the identity.
func (r *overrideResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	r.importRecorded(ctx, req, resp)
}
