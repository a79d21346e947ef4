package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// promotionResource is cd_promotion: it brings one release into a manual stage, and carries it on through the automatic stages after it.
type promotionResource struct{ resourceBase }

var (
	_ resource.ResourceWithIdentity       = (*promotionResource)(nil)
	_ resource.ResourceWithConfigure      = (*promotionResource)(nil)
	_ resource.ResourceWithImportState    = (*promotionResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*promotionResource)(nil)
	_ resource.ResourceWithValidateConfig = (*promotionResource)(nil)
)

func newPromotionResource() resource.Resource {
	return &promotionResource{resourceBase{noun: "promotion", identity: tf.Identity{{Name: "pipeline", Description: "Name of the pipeline."}, {Name: "stage", Description: "Name of the stage."}}}}
}

// Schema describes cd_promotion.
func (r *promotionResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	defer tf.FixTypes(&resp.Schema)
	resp.Schema = schema.Schema{
		MarkdownDescription: "A promotion: brings one release into one manual stage if every gate of the stage passes, and carries it through the automatic stages that follow. The plan shows every gate with its verdict. Changing `version` promotes another release in place; an older version rolls back. Destroying the resource stops managing the stage: what runs keeps running.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "`pipeline/stage`.",
			},
			"pipeline": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the pipeline. Changing it replaces the resource.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"stage": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the manual stage. Changing it replaces the resource.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"version": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Version of the release that should run in the stage.",
			},
			"when_blocked": schema.StringAttribute{
				Optional:            true,
				Computed:            true,
				Default:             stringdefault.StaticString(string(delivery.WhenBlockedFail)),
				MarkdownDescription: "What the apply does while a gate does not pass. `fail` (default): it fails and deploys nothing. `wait`: it waits until the gates pass, one of them fails, or the timeout expires. `pend`: it succeeds with status `waiting`, and `artifacts` does not change.",
			},
			"attempt":  attemptAttribute(),
			"timeouts": tf.TimeoutsAttribute(ctx),
			"status": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Status of the release in the stage: `waiting`, `deploying`, `verifying`, `deployed` (authorized for Terraform to deploy, not verified yet), `verified`, `failed`, `rolled_back`, `superseded` or `drifted`.",
			},
			"running_version": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Version that runs in the stage now. Empty if nothing runs. Several versions, separated by commas, if the environments of the stage differ.",
			},
			"artifacts": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "Artifacts of the release that runs in the stage, by name. In a stage whose environments have no target, these are the artifacts of the release that is authorized for Terraform to deploy. Refer to them in the resources that deploy. The plan already knows them.",
				NestedObject:        schema.NestedAttributeObject{Attributes: computedArtifactAttributes()},
			},
			"environments": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "What runs in each environment of the stage, by environment name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"version": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Version that runs there. Empty if nothing runs.",
					},
					"status": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Status of the deployment there: `deploying`, `verifying`, `deployed`, `verified`, `failed`, `rolled_back`, `drifted`, or `waiting` if there was none.",
					},
					"config_revision": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Revision of the deployed configuration.",
					},
				}},
			},
			"waiting_on": schema.ListAttribute{
				Computed:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Reasons why the promotion waits.",
			},
			"deployed_at": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Time at which the running release was deployed, in RFC 3339 format. Null if nothing was deployed.",
			},
		},
	}
}

func computedArtifactAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"uri": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Address of the artifact.",
		},
		"digest": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Digest of the artifact.",
		},
	}
}

// ValidateConfig validates what is known of the configuration.
func (r *promotionResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, "promotion", &resp.Diagnostics, r.validate)
}

func (r *promotionResource) validate(m promotionModel) delivery.Errors { return m.toSpec().Validate() }

// ModifyPlan is the dry run: what would be deployed, and which gates block it.
func (r *promotionResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.session == nil || req.Plan.Raw.IsNull() {
		return
	}
	if !req.Config.Raw.IsFullyKnown() { // the framework plans all that is computed as unknown
		r.session.requireOrderOfUnknown(ctx, req.Plan, &resp.Diagnostics, "cd_promotion", "promote")
		return
	}
	var plan promotionModel
	var state *promotionModel // nil on create
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	spec := plan.toSpec()
	changed := state == nil || state.toSpec() != spec
	preview, err := r.preview(ctx, spec, changed, &resp.Diagnostics)
	if err != nil {
		tf.AddErrors(&resp.Diagnostics, "preview", "promotion", spec.ID(), err)
		return
	}
	plan.ID = types.StringValue(spec.ID())
	if changed || preview.Changes {
		plan.expectWork()
		// Terraform plans once more right before it applies. If the gate has passed in between, a value that was planned to stay is unknown
		// now, and Terraform refuses to apply the plan. The next plan says what is going to change.
		switch {
		case preview.Promotion != nil:
			resp.Diagnostics.Append(plan.expect(ctx, *preview.Promotion)...)
		case state != nil && spec.WhenBlocked == delivery.WhenBlockedPend && pends(preview.DeliveryPreview):
			plan.keepWhatRuns(*state)
		}
	}
	if state != nil && len(preview.Steps) == 0 {
		warnOfDrift(ctx, state.Environments, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// preview asks what applying would do, and says so in warnings.
func (r *promotionResource) preview(ctx context.Context, spec delivery.PromotionSpec, changed bool, diags *diag.Diagnostics) (delivery.PromotionPreview, error) {
	r.session.changes.AddPromotion(spec, changed)
	d := r.delivering(spec)
	r.session.addDelivery(d)
	if !changed && r.session.keeps(ctx, spec.Pipeline) {
		r.session.requireOrder(ctx, diags, d, delivery.DeliveryPreview{}, true, false)
		return delivery.PromotionPreview{}, nil
	}
	preview, known, err := preview(ctx, r.session, "cd_promotion", spec.Pipeline, spec, (*client.Client).PreviewPromotion)
	if err != nil {
		return preview, err
	}
	preview.Changes = preview.Changes || !known // something may change
	r.session.requireOrder(ctx, diags, d, preview.DeliveryPreview, known, changed || preview.Changes)
	r.session.changes.AddGateUses("cd_promotion", spec.Stage, spec.Pipeline, spec.Version, preview.Stages)
	tf.AddErrorsInPlan(diags, changed, "promote", "release", spec.Pipeline+"/"+spec.Version, preview.Refused)
	r.session.warnIfLetIn(ctx, diags, d, preview.DeliveryPreview, known)
	warnPreview(diags, promotionTitle(spec), preview.DeliveryPreview, spec.WhenBlocked)
	return preview, nil
}

func (r *promotionResource) delivering(spec delivery.PromotionSpec) delivering {
	return delivering{
		resource: configuration.Object{Type: "cd_promotion", Values: map[string]string{"pipeline": spec.Pipeline, "stage": spec.Stage, "version": spec.Version}},
		action:   "promote", noun: "release", name: spec.Pipeline + "/" + spec.Version, pipeline: spec.Pipeline,
		ask: func(ctx context.Context, changes delivery.ChangeSet) (delivery.DeliveryPreview, error) {
			preview, err := previewWith(ctx, r.session, changes, spec, (*client.Client).PreviewPromotion)
			return preview.DeliveryPreview, err
		},
	}
}

func promotionTitle(spec delivery.PromotionSpec) string {
	return fmt.Sprintf("Promotion of %s %s to %s", spec.Pipeline, spec.Version, spec.Stage)
}

// warnOfDrift names the environments that drifted although this plan does nothing about it: a gate that does not pass also blocks healing,
// and without a warning the plan would look as if there was no drift.
func warnOfDrift(ctx context.Context, environments types.Map, diags *diag.Diagnostics) {
	found := map[string]promotionEnvironmentModel{}
	diags.Append(environments.ElementsAs(ctx, &found, false)...)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if found[name].Status.ValueString() == string(delivery.StageDrifted) {
			diags.AddWarning(fmt.Sprintf("What runs in %q drifted", name), "It is not what was deployed there. This plan leaves it unchanged, "+
				"because the declared release may not be deployed there now. Once it may, a plan heals it.")
		}
	}
}

// pends reports whether a gate blocks the release and there is nothing else to do in the stage.
func pends(p delivery.DeliveryPreview) bool {
	return len(p.Steps) == 0 && len(p.Stages) > 0 && p.Stages[0].GatesClosed()
}

// Create promotes. A failure leaves no state: the next plan creates again, and the control plane knows what it already did.
func (r *promotionResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan promotionModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Create(ctx, tf.DefaultTimeout)
	resp.Diagnostics.Append(diags...)
	promoted, ok := r.promote(ctx, plan, timeout, &resp.Diagnostics)
	if ok && promoted.asPlanned(plan, &resp.Diagnostics) {
		r.setState(ctx, &promoted, &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// Update promotes what is declared now. A failure leaves the state as it was, so that the difference remains.
func (r *promotionResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan promotionModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Update(ctx, tf.DefaultTimeout)
	resp.Diagnostics.Append(diags...)
	promoted, ok := r.promote(ctx, plan, timeout, &resp.Diagnostics)
	if !ok || !promoted.asPlanned(plan, &resp.Diagnostics) {
		return
	}
	r.setState(ctx, &promoted, &resp.State, resp.Identity, &resp.Diagnostics)
}

// promote requests the promotion and waits until it is finished; ok is false if it failed.
func (r *promotionResource) promote(ctx context.Context, plan promotionModel, timeout time.Duration, diags *diag.Diagnostics) (promoted promotionModel, ok bool) {
	spec := plan.toSpec()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	api, err := r.session.client(ctx)
	if err != nil {
		tf.AddErrors(diags, "promote", "release", spec.Pipeline+"/"+spec.Version, err)
		return plan, false
	}
	state, err := api.PutPromotion(ctx, spec)
	if err == nil && state.Work.Failure != nil {
		err = state.Work.Failure
	}
	if err != nil {
		tf.AddErrors(diags, "promote", "release", spec.Pipeline+"/"+spec.Version, err)
		return plan, false
	}
	if state.Work.Stopped != nil {
		warnIfWaiting(diags, promotionTitle(spec), *state.Work.Stopped)
	}
	promoted, d := promotionModelFrom(ctx, state, plan)
	diags.Append(d...)
	return promoted, !diags.HasError()
}

// Read copies the state of the stage from the ledger.
func (r *promotionResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var prior promotionModel
	r.setIdentity(ctx, req.State, resp.Identity, &resp.Diagnostics)
	if !tf.Decode(ctx, req.State, &prior, &resp.Diagnostics) || r.session == nil {
		return
	}
	pipeline, stage := prior.Pipeline.ValueString(), prior.Stage.ValueString()
	state, err := r.session.promotion(ctx, pipeline, stage)
	switch {
	case delivery.IsNotFound(err) || err == nil && state.Unmanaged:
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "read", "promotion", pipeline+"/"+stage, err)
		return
	}
	read, diags := promotionModelFrom(ctx, state, prior)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, &read)...)
}

// Delete stops managing the stage. What runs there keeps running.
func (r *promotionResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state promotionModel
	if !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	api, err := r.session.client(ctx)
	if err == nil {
		err = api.DeletePromotion(ctx, state.Pipeline.ValueString(), state.Stage.ValueString())
	}
	if err != nil && !delivery.IsNotFound(err) {
		tf.AddErrors(&resp.Diagnostics, "delete", "promotion", state.ID.ValueString(), err)
	}
}

// ImportState accepts pipeline/stage or the identity.
func (r *promotionResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := r.identity.ImportID(ctx, req, &resp.Diagnostics)
	pipeline, stage, ok := strings.Cut(id, "/")
	if !ok || pipeline == "" || stage == "" || strings.Contains(stage, "/") {
		resp.Diagnostics.AddError("Unable to import promotion", fmt.Sprintf("%q does not name a promotion; write pipeline/stage, as in shop/production", id))
		return
	}
	r.identity.Import(ctx, resp, id)
}
