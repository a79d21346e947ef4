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

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// approvalResource is cd_approval: a person's decision whether exactly one content may enter a stage. It is made once and never renewed.
type approvalResource struct {
	recordedResource[approvalModel, delivery.Approval]
}

var (
	_ resource.ResourceWithIdentity       = (*approvalResource)(nil)
	_ resource.ResourceWithConfigure      = (*approvalResource)(nil)
	_ resource.ResourceWithValidateConfig = (*approvalResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*approvalResource)(nil)
	_ resource.ResourceWithImportState    = (*approvalResource)(nil)
)

func newApprovalResource() resource.Resource { return newApproval() }

func newApproval() *approvalResource {
	return &approvalResource{newRecordedResource("approval", recordedKind[approvalModel, delivery.Approval]{
		noun:       "approval",
		action:     "give",
		revoke:     "revoke",
		name:       func(m approvalModel) string { return approvalName(m.toSpec()) },
		validate:   approvalModel.validate,
		model:      approvalModelFrom,
		unrecorded: approvalModel.undecided,
		subject:    []string{"pipeline", "version", "stage", "decision"},
		planGone:   planGoneApproval,
		isGone:     func(a delivery.Approval) bool { return a.RevokedAt != nil },
		record: func(ctx context.Context, c *client.Client, m approvalModel) (delivery.Approval, error) {
			return c.AddApproval(ctx, m.toSpec())
		},
		known: delivery.PipelineState.Approval,
		get:   (*client.Client).Approval,
		remove: func(c *client.Client, ctx context.Context, id string) error {
			err := c.RevokeApproval(ctx, id)
			if delivery.CodeOf(err) == delivery.CodeConflict {
				return nil // it was used: that is history, which destroying a resource does not undo
			}
			return err
		},
	})}
}

// Schema describes cd_approval.
func (r *approvalResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replaces := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	defer tf.FixTypes(&resp.Schema)
	resp.Schema = schema.Schema{
		MarkdownDescription: "A person's decision whether a release may enter a stage. It covers exactly one content: the digest of the release, the effective configuration, gates, `verify`, `on_failure` and `rollout` of the stage, and its environments with tier and platform. When any of these changes for an environment, the decision becomes `void` for it, and applying never renews it. A new environment needs a decision of its own. A decision is `used` once the release was verified under it, and used up once another release has run there: coming back needs a new decision. Every change replaces the decision. Destroying revokes one that was not used, except another person's rejection: only the person who rejected revokes that, and destroying removes it from the state only. Revoking leaves no decision of that person, and an earlier approval does not count again. Make the promotion depend on it, so that the decision is recorded first. To decide again, use `terraform apply -replace=ADDRESS` or edit the comment.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Id of the decision in the ledger.",
			},
			"pipeline": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the pipeline.",
				PlanModifiers:       replaces,
			},
			"version": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Version of the release.",
				PlanModifiers:       replaces,
			},
			"stage": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the stage that the release would enter. It must have an `approvals` gate.",
				PlanModifiers:       replaces,
			},
			"decision": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "`approve` or `reject`. A rejection makes the gate fail.",
				PlanModifiers:       replaces,
			},
			"content": contentAttribute("What the decision is about. Required, unless there is a `signature`."),
			"comment": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Reason. It is recorded with the decision.",
				PlanModifiers:       replaces,
			},
			"approver": schema.StringAttribute{
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "Person who decides. Defaults to the actor. If it is another person and there is no `signature`, applying succeeds and the decision stays `undecided`, which counts for nothing, until that person applies it.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplaceIfConfigured()},
			},
			"signature": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "The approver's SSH signature of the `payload` of `data \"cd_approval_request\"`, as `ssh-keygen -Y sign -n cd-approval` writes it, by a key that the gate lists in `signed_by`. A signature is valid for one decision only. To replace a signed decision, remove it, apply, and have the new request signed.",
				PlanModifiers:       replaces,
			},
			"content_digest": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Digest of the content that the decision covers.",
			},
			"status": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "`valid`, `undecided` (it is for the `approver` to apply), `used` (the release was verified under it), `void` (the content changed, or the same person has decided again), or `expired` (older than the gate allows).",
			},
			"decided_at": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Time of the decision, in RFC 3339 format.",
			},
		},
	}
}

// ModifyPlan notes the decisions that this plan makes and revokes, and warns of a decision that is no longer valid. Terraform calls it twice
// for a replacement: with the old decision, then as if there were none.
func (r *approvalResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	r.requireWritten(ctx, req, &resp.Diagnostics)
	plan, state, ok := r.decodePlan(ctx, req, resp)
	if !ok {
		r.requireContent(ctx, req, &resp.Diagnostics)
		return
	}
	if state != nil && (plan == nil || !req.Plan.Raw.Equal(req.State.Raw)) {
		r.warnIfKept(ctx, *state, &resp.Diagnostics)
		var in map[string]string
		if plan != nil {
			spec := plan.toSpec()
			in = map[string]string{"pipeline": spec.Pipeline, "version": spec.Version, "stage": spec.Stage, "decision": string(spec.Decision)}
		}
		planGoneApproval(ctx, r.session, *state, in, &resp.Diagnostics)
		return
	}
	spec := plan.toSpec()
	if state == nil {
		r.session.changes.AddApproval(spec)
	}
	recorded := ""
	if state != nil {
		recorded = state.ID.ValueString()
	}
	preview, known, err := r.preview(ctx, spec, recorded)
	switch {
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "preview", "approval", approvalName(spec), err)
	case state != nil && state.undecided():
		if !known || preview.Undecided {
			warnUndecided(&resp.Diagnostics, spec)
			return
		}
		for _, attribute := range []string{"id", "status", "content_digest", "decided_at"} { // the person whom it names decides now
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(attribute), types.StringUnknown())...)
		}
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("status"))
	case state == nil && preview.Undecided:
		tf.AddErrorsInPlan(&resp.Diagnostics, true, "give", "approval", approvalName(spec), preview.Refused)
		warnUndecided(&resp.Diagnostics, spec)
	case state == nil:
		if !known {
			r.requireContent(ctx, req, &resp.Diagnostics)
		}
		tf.AddErrorsInPlan(&resp.Diagnostics, true, "give", "approval", approvalName(spec), preview.Refused)
		r.session.requireOrderAgain(ctx, &resp.Diagnostics, spec.Pipeline)
		warnIfOrderedAfter(&resp.Diagnostics, "approval", "cd_approval", r.session.changes.GateUsesBefore(spec.Pipeline, spec.Version, spec.Stage, isApprovals))
	default:
		warnIfInvalid(&resp.Diagnostics, *state, preview)
	}
}

// planGoneApproval notes that this plan revokes a decision.
func planGoneApproval(ctx context.Context, s *session, state approvalModel, in map[string]string, diags *diag.Diagnostics) {
	s.changes.RevokeApproval(state.ID.ValueString())
	s.planGone(ctx, diags, "approval", state.ID.ValueString(), state.Pipeline.ValueString(), in)
}

// warnIfKept warns that destroying the resource does not revoke the decision, because it is another person's rejection.
func (r *approvalResource) warnIfKept(ctx context.Context, state approvalModel, diags *diag.Diagnostics) (kept bool) {
	api, err := r.session.client(ctx)
	if err != nil || state.undecided() || (delivery.Approval{Spec: state.toSpec()}).RevocableBy(api.Actor()) {
		return false
	}
	diags.AddWarning(fmt.Sprintf("The rejection of %s %s for %s stays in the ledger", state.Pipeline.ValueString(), state.Version.ValueString(), state.Stage.ValueString()),
		fmt.Sprintf("It is %[1]s's, and %[2]s acts here: only %[1]s may revoke it. Destroying the resource removes it from the state only, and the stage stays closed. Let %[1]s revoke it: import %[3]s with the provider's actor %[1]s, and destroy it.",
			state.Approver.ValueString(), api.Actor(), state.ID.ValueString()))
	return true
}

// Delete revokes the decision, unless that is for another person to do.
func (r *approvalResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state approvalModel
	if tf.Decode(ctx, req.State, &state, &resp.Diagnostics) && !r.warnIfKept(ctx, state, &resp.Diagnostics) {
		r.recordedResource.Delete(ctx, req, resp)
	}
}

// validate checks what the configuration says. An empty approver is no default: what it stands for may have been lost.
func (m approvalModel) validate() delivery.Errors {
	wrong := m.toSpec().Validate()
	if !m.Approver.IsNull() && m.Approver.ValueString() == "" {
		wrong = append(wrong, &delivery.Error{Code: delivery.CodeInvalid, Field: "approver", Message: "the approver is empty; name a person, or leave approver out, so that the actor decides"})
	}
	return wrong
}

// undecided reports whether the decision is for somebody else to make.
func (m approvalModel) undecided() bool {
	return m.Status.ValueString() == string(delivery.ApprovalUndecided)
}

// warnUndecided says who has to decide, and how.
func warnUndecided(diags *diag.Diagnostics, spec delivery.ApprovalSpec) {
	diags.AddAttributeWarning(path.Root("approver"), fmt.Sprintf("The approval of %s %s for %s is undecided", spec.Pipeline, spec.Version, spec.Stage), fmt.Sprintf(
		"It names %s as the approver, who has not decided. It counts for nothing until %[1]s applies this configuration (the provider's actor), or until it has their signature of data \"cd_approval_request\".", spec.Approver))
}

// preview asks what a decision would cover. A recorded one stays as it is, if this plan changes nothing. known is false while it is not known
// what this plan changes.
func (r *approvalResource) preview(ctx context.Context, spec delivery.ApprovalSpec, recorded string) (answer delivery.ApprovalPreview, known bool, err error) {
	if state, ok := r.session.refreshes.peek(spec.Pipeline); ok && recorded != "" && r.session.keeps(ctx, spec.Pipeline) {
		if found, ok := state.Approval(recorded); ok {
			return delivery.ApprovalPreview{ContentDigest: found.ContentDigest, Status: found.Status}, true, nil
		}
	}
	return preview(ctx, r.session, "cd_approval", spec.Pipeline, spec, (*client.Client).PreviewApproval)
}

func approvalName(s delivery.ApprovalSpec) string {
	return fmt.Sprintf("%s/%s to %s", s.Pipeline, s.Version, s.Stage)
}

// warnIfInvalid warns of a decision that is no longer valid, or will not be once this plan is applied. It stays in the state: only a person
// can make it again.
func warnIfInvalid(diags *diag.Diagnostics, state approvalModel, now delivery.ApprovalPreview) {
	var why string
	switch status := delivery.ApprovalStatus(state.Status.ValueString()); {
	case status == delivery.ApprovalExpired:
		why = "is expired: it is older than the stage's approvals gate allows"
	case status == delivery.ApprovalVoid:
		why = "is void: what it covers has changed since, or the same person has decided again"
	case status == delivery.ApprovalValid && now.Status == delivery.ApprovalVoid:
		why = "becomes void by this plan, which changes what it covers"
	default:
		return
	}
	again := "Review what would be deployed now, then decide again with terraform apply -replace=ADDRESS, or edit the comment."
	if now.ContentDigest != "" && now.ContentDigest != state.ContentDigest.ValueString() {
		again = "Review what would be deployed now. To decide about exactly this, write: " + delivery.ContentLine(now.ContentDigest)
	}
	diags.AddWarning(fmt.Sprintf("The approval of %s %s for %s is no longer valid", state.Pipeline.ValueString(), state.Version.ValueString(), state.Stage.ValueString()),
		fmt.Sprintf("The decision of %s at %s %s. Applying does not renew it. %s",
			state.Approver.ValueString(), state.DecidedAt.ValueString(), why, again))
}

// Update is never called: every configurable attribute replaces.
func (r *approvalResource) Update(_ context.Context, _ resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.AddError("Unable to change approval", "A decision never changes; it can only be revoked. This is a bug in the provider. Report it.")
}
