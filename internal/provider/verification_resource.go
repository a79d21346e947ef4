package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// verificationResource is cd_verification: it runs the checks of a stage on what Terraform deployed there.
type verificationResource struct{ resourceBase }

var (
	_ resource.ResourceWithConfigure      = (*verificationResource)(nil)
	_ resource.ResourceWithIdentity       = (*verificationResource)(nil)
	_ resource.ResourceWithImportState    = (*verificationResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*verificationResource)(nil)
	_ resource.ResourceWithValidateConfig = (*verificationResource)(nil)
)

func newVerificationResource() resource.Resource {
	return &verificationResource{resourceBase{noun: "verification", identity: tf.Identity{
		{Name: "pipeline", Description: "Name of the pipeline."}, {Name: "stage", Description: "Name of the stage that Terraform deploys to."},
	}}}
}

// Schema describes cd_verification.
func (r *verificationResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	defer tf.FixTypes(&resp.Schema)
	resp.Schema = schema.Schema{
		MarkdownDescription: "Verifies what Terraform itself has deployed, in a stage whose environments have no `target`. A `cd_promotion` authorizes the artifacts of a release, other resources deploy them, and this resource then runs the stage's `verify` checks and records the result: verified, or failed. Only a verified release can enter the next stage; automatic stages that follow are entered at once. Make it depend on the resources that deploy, with `depends_on`. If a check does not pass, the apply fails, and the release is held in the stage until the promotion's `attempt` is raised. Destroying the resource stops managing the verification.",
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
				MarkdownDescription: "Name of the stage. None of its environments may have a target. Changing it replaces the resource.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"version": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Version of the release to verify. Use `running_version` of the promotion: the version whose artifacts are authorized, also while another version waits for its gates. If it is empty, because nothing is authorized yet, there is nothing to do.",
			},
			"triggers": schema.MapAttribute{
				Optional:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Values that run the checks again when they change, for example an id of the resource that deploys. If a check does not pass then, the release counts as failed in the stage.",
			},
			"timeouts": tf.TimeoutsAttribute(ctx),
			"status": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Status of the release in the stage: `verified`, `deployed` (not verified yet), `failed`, `rolled_back` (it failed in another environment of the stage), `superseded`, or `waiting` if nothing is authorized.",
			},
		},
	}
}

// ValidateConfig validates what is known of the configuration.
func (r *verificationResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, "verification", &resp.Diagnostics, func(m verificationModel) delivery.Errors { return m.toSpec().Validate() })
}

// ModifyPlan is the dry run: what would be verified, and how far the release would go from there. There is a change exactly when
// applying would do something, or fail.
func (r *verificationResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.session == nil || req.Plan.Raw.IsNull() {
		return
	}
	if !req.Config.Raw.IsFullyKnown() { // the framework plans all that is computed as unknown
		r.planUntriggered(ctx, req, &resp.Diagnostics)
		r.session.requireOrderOfUnknown(ctx, req.Plan, &resp.Diagnostics, "cd_verification", "verify")
		return
	}
	var plan verificationModel
	var state *verificationModel // nil on create
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	spec := plan.toSpec()
	changed := state == nil || state.toSpec() != spec || plan.triggered(state)
	request := delivery.VerificationRequest{Spec: spec, Again: plan.triggered(state)}
	d := r.delivering(request)
	r.session.addDelivery(d)
	preview, known, err := preview(ctx, r.session, "cd_verification", spec.Pipeline, request, (*client.Client).PreviewVerification)
	if err != nil {
		tf.AddErrors(&resp.Diagnostics, "preview", "verification", spec.ID(), err)
		return
	}
	r.session.requireOrder(ctx, &resp.Diagnostics, d, preview.DeliveryPreview, known, changed || preview.Changes || !known)
	r.session.changes.AddVerification(spec, changed || preview.Changes || !known || len(preview.Refused) > 0)
	tf.AddErrorsInPlan(&resp.Diagnostics, changed, "verify", "release", spec.Pipeline+"/"+spec.Version, preview.Refused)
	r.session.warnIfLetIn(ctx, &resp.Diagnostics, d, preview.DeliveryPreview, known)
	warnPreview(&resp.Diagnostics, verificationTitle(spec), preview.DeliveryPreview, "")
	plan.ID = types.StringValue(spec.ID())
	if changed || preview.Changes || !known || len(preview.Refused) > 0 {
		plan.Status = types.StringUnknown()
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// planUntriggered refuses a verification that cannot work while its triggers are not known. After the resources that they come from have
// deployed, it is too late to find a misspelled stage.
func (r *verificationResource) planUntriggered(ctx context.Context, req resource.ModifyPlanRequest, diags *diag.Diagnostics) {
	var pipeline, stage, version types.String
	for name, into := range map[string]*types.String{"pipeline": &pipeline, "stage": &stage, "version": &version} {
		diags.Append(req.Plan.GetAttribute(ctx, path.Root(name), into)...)
	}
	if pipeline.IsUnknown() || stage.IsUnknown() || version.IsUnknown() || diags.HasError() {
		return
	}
	spec := verificationModel{Pipeline: pipeline, Stage: stage, Version: version}.toSpec()
	preview, _, err := preview(ctx, r.session, "cd_verification", spec.Pipeline, delivery.VerificationRequest{Spec: spec}, (*client.Client).PreviewVerification)
	if err != nil {
		tf.AddErrors(diags, "preview", "verification", spec.ID(), err)
		return
	}
	tf.AddErrorsInPlan(diags, true, "verify", "release", spec.Pipeline+"/"+spec.Version, preview.Refused)
}

func (r *verificationResource) delivering(request delivery.VerificationRequest) delivering {
	spec := request.Spec
	return delivering{
		resource: configuration.Object{Type: "cd_verification", Values: map[string]string{"pipeline": spec.Pipeline, "stage": spec.Stage, "version": spec.Version}},
		action:   "verify", noun: "release", name: spec.Pipeline + "/" + spec.Version, pipeline: spec.Pipeline,
		ask: func(ctx context.Context, changes delivery.ChangeSet) (delivery.DeliveryPreview, error) {
			preview, err := previewWith(ctx, r.session, changes, request, (*client.Client).PreviewVerification)
			return preview.DeliveryPreview, err
		},
	}
}

func verificationTitle(spec delivery.VerificationSpec) string {
	return fmt.Sprintf("Verification of %s %s in %s", spec.Pipeline, spec.Version, spec.Stage)
}

// Create verifies. Nothing is put into state when that fails: the next plan creates again, and the control plane knows what it
// already did.
func (r *verificationResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan verificationModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Create(ctx, tf.DefaultTimeout)
	resp.Diagnostics.Append(diags...)
	if verified, ok := r.verify(ctx, plan, nil, timeout, &resp.Diagnostics); ok {
		r.setState(ctx, &verified, &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// Update verifies what is declared now. A failure leaves the state as it was, so that the difference remains.
func (r *verificationResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state verificationModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Update(ctx, tf.DefaultTimeout)
	resp.Diagnostics.Append(diags...)
	if verified, ok := r.verify(ctx, plan, &state, timeout, &resp.Diagnostics); ok {
		r.setState(ctx, &verified, &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// verify runs the checks and waits until they and the deliveries that follow are finished; ok is false if they failed.
func (r *verificationResource) verify(ctx context.Context, plan verificationModel, prior *verificationModel, timeout time.Duration, diags *diag.Diagnostics) (verified verificationModel, ok bool) {
	spec := plan.toSpec()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	api, err := r.session.client(ctx)
	var state delivery.VerificationState
	if err == nil {
		state, err = api.PutVerification(ctx, delivery.VerificationRequest{Spec: spec, Again: plan.triggered(prior)})
	}
	if err == nil && state.Work.Failure != nil {
		err = state.Work.Failure
	}
	if err != nil {
		tf.AddErrors(diags, "verify", "release", spec.Pipeline+"/"+spec.Version, err)
		return plan, false
	}
	if state.Work.Stopped != nil {
		warnIfWaiting(diags, verificationTitle(spec), *state.Work.Stopped)
	}
	return verificationModelFrom(state, plan), true
}

// Read copies the status of the release from the ledger.
func (r *verificationResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var prior verificationModel
	r.setIdentity(ctx, req.State, resp.Identity, &resp.Diagnostics)
	if !tf.Decode(ctx, req.State, &prior, &resp.Diagnostics) || r.session == nil {
		return
	}
	var state delivery.VerificationState
	api, err := r.session.client(ctx)
	if err == nil {
		state, err = api.Verification(ctx, prior.toSpec())
	}
	switch {
	case delivery.IsNotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "read", "verification", prior.toSpec().ID(), err)
	default:
		read := verificationModelFrom(state, prior)
		resp.Diagnostics.Append(resp.State.Set(ctx, &read)...)
	}
}

// Delete stops managing. The ledger keeps the deployments and their results.
func (r *verificationResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}

// ImportState accepts pipeline/stage or the identity.
func (r *verificationResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := r.identity.ImportID(ctx, req, &resp.Diagnostics)
	pipeline, stage, ok := strings.Cut(id, "/")
	if !ok || pipeline == "" || stage == "" || strings.Contains(stage, "/") {
		resp.Diagnostics.AddError("Unable to import verification", fmt.Sprintf("%q does not name a verification; write pipeline/stage, as in shop/production", id))
		return
	}
	r.identity.Import(ctx, resp, id)
}
