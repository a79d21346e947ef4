package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// overrideResource is cd_override: it skips gates of one stage for one release until it expires.
type overrideResource struct {
	recordedResource[overrideModel, delivery.Override]
}

var (
	_ resource.ResourceWithIdentity       = (*overrideResource)(nil)
	_ resource.ResourceWithConfigure      = (*overrideResource)(nil)
	_ resource.ResourceWithValidateConfig = (*overrideResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*overrideResource)(nil)
	_ resource.ResourceWithImportState    = (*overrideResource)(nil)
)

func newOverrideResource() resource.Resource {
	return &overrideResource{newRecordedResource("override", recordedKind[overrideModel, delivery.Override]{
		noun:     "override",
		subject:  []string{"pipeline", "version", "stage"},
		planGone: planGoneOverride,
		action:   "make",
		revoke:   "revoke",
		name:     func(m overrideModel) string { return overrideName(m.toSpec()) },
		validate: overrideModel.validate,
		model:    overrideModelFrom,
		isGone:   func(delivery.Override) bool { return false },
		record: func(ctx context.Context, c *client.Client, m overrideModel) (delivery.Override, error) {
			return c.AddOverride(ctx, m.toSpec())
		},
		known:  delivery.PipelineState.Override,
		get:    (*client.Client).Override,
		remove: (*client.Client).RevokeOverride,
	})}
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
			"content": contentAttribute("What the override is for. Required."),
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
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "When it expires, in RFC 3339 format: at most 7 days ahead when it is recorded. Set either this or `duration`. With `duration` it says when that ends.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplaceIfConfigured()},
			},
			"duration": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "How long it lasts from when it is recorded, such as `2h` or `3d`: at most 7 days. Later plans do not extend it.",
				PlanModifiers:       replaces,
			},
			"content_digest": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Digest of the content that the override covers.",
			},
			"made_by": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Actor who created the override.",
			},
		},
	}
}

// ModifyPlan notes the overrides that this plan makes and revokes, and warns of an override that no longer has an effect. Terraform calls it
// twice for a replacement: with the old override, then as if there were none.
func (r *overrideResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	r.requireWritten(ctx, req, &resp.Diagnostics)
	plan, state, ok := r.decodePlan(ctx, req, resp)
	if !ok {
		r.requireContent(ctx, req, &resp.Diagnostics)
		return
	}
	if state != nil && (plan == nil || !req.Plan.Raw.Equal(req.State.Raw)) {
		var in map[string]string
		if plan != nil {
			spec := plan.toSpec()
			in = map[string]string{"pipeline": spec.Pipeline, "version": spec.Version, "stage": spec.Stage}
		}
		planGoneOverride(ctx, r.session, *state, in, &resp.Diagnostics)
		return
	}
	spec := plan.toSpec()
	if state != nil && spec.Content == "" { // made by an earlier release of the provider
		spec.Content = delivery.ShortContent(state.Digest.ValueString())
	}
	preview, known, err := preview(ctx, r.session, "cd_override", spec.Pipeline, spec, (*client.Client).PreviewOverride)
	refused := preview.Refused
	switch {
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "preview", "override", overrideName(spec), err)
	case state == nil:
		if !known {
			r.requireContent(ctx, req, &resp.Diagnostics)
		}
		r.session.changes.AddOverride(spec)
		tf.AddErrorsInPlan(&resp.Diagnostics, true, "make", "override", overrideName(spec), refused)
		r.session.requireOrderAgain(ctx, &resp.Diagnostics, spec.Pipeline)
		warnIfOrderedAfter(&resp.Diagnostics, "override", "cd_override", r.session.changes.GateUsesBefore(spec.Pipeline, spec.Version, spec.Stage, isOneOf(spec.Gates)))
	default:
		warnIfUseless(&resp.Diagnostics, *state, refused)
	}
}

// planGoneOverride notes that this plan revokes an override.
func planGoneOverride(ctx context.Context, s *session, state overrideModel, in map[string]string, diags *diag.Diagnostics) {
	s.changes.RevokeOverride(state.ID.ValueString())
	s.planGone(ctx, diags, "override", state.ID.ValueString(), state.Pipeline.ValueString(), in)
}

// warnIfUseless warns of an override that no longer has an effect: it expired, or the stage changed.
func warnIfUseless(diags *diag.Diagnostics, state overrideModel, refused delivery.Errors) {
	summary := fmt.Sprintf("The override of %s %s in %s no longer has an effect", state.Pipeline.ValueString(), state.Version.ValueString(), state.Stage.ValueString())
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

// Update is never called: every configurable attribute replaces.
func (r *overrideResource) Update(_ context.Context, _ resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.AddError("Unable to change override", "An override never changes; it can only be revoked. This is a bug in the provider. Report it.")
}
