package provider

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// releaseResource is cd_release: an immutable version of a pipeline's artifacts, carried through the leading automatic stages.
type releaseResource struct{ resourceBase }

var (
	_ resource.ResourceWithIdentity       = (*releaseResource)(nil)
	_ resource.ResourceWithConfigure      = (*releaseResource)(nil)
	_ resource.ResourceWithImportState    = (*releaseResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*releaseResource)(nil)
	_ resource.ResourceWithValidateConfig = (*releaseResource)(nil)
)

func newReleaseResource() resource.Resource {
	return &releaseResource{resourceBase{noun: "release", mutableIdentity: true, identity: tf.Identity{{Name: "pipeline", Description: "Name of the pipeline."}, {Name: "version", Description: "Version of the release."}}}}
}

// Schema describes cd_release.
func (r *releaseResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	defer tf.FixTypes(&resp.Schema)
	resp.Schema = schema.Schema{
		MarkdownDescription: "A release: an immutable version of the artifacts of one pipeline. Applying it registers the release and carries it through the leading `automatic` stages of the pipeline: it checks the gates, deploys, verifies, and continues with the next stage. It stops before the first manual stage, at a pending gate (with a warning that says what it waits for), or at a failure (the apply fails). Changing `version` delivers another release; an older version rolls back. Destroying the resource stops managing the release: what runs keeps running.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "`pipeline/version`.",
			},
			"pipeline": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the pipeline that carries the release. Changing it replaces the resource.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"version": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Version of the release. The content of a version never changes. Changing `version` delivers another release, in place.",
			},
			"artifacts": schema.MapNestedAttribute{
				Required:            true,
				MarkdownDescription: "The artifacts to deploy, by name. Each digest is checked before the artifact is used.",
				NestedObject:        schema.NestedAttributeObject{Attributes: artifactAttributes()},
			},
			"source":   sourceAttribute(),
			"labels":   labelsAttribute(),
			"attempt":  attemptAttribute(),
			"timeouts": tf.TimeoutsAttribute(ctx),
			"digest": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Digest of the release's whole content: artifacts, source and labels.",
			},
			"stages": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "State of the release in each stage, by stage name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"status": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Status of this release in the stage: `waiting`, `deploying`, `verifying`, `deployed` (authorized for Terraform to deploy, not verified yet), `verified`, `failed`, `rolled_back`, `superseded` or `drifted`.",
					},
					"version": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Version that runs in the stage now, of any release. Empty if nothing runs. Several versions, separated by commas, if the environments of the stage differ.",
					},
					"waiting_on": schema.ListAttribute{
						Computed:            true,
						ElementType:         types.StringType,
						MarkdownDescription: "Reasons why the release waits.",
					},
				}},
			},
		},
	}
}

func artifactAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"uri": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Address of the artifact: a path (relative to where Terraform runs), `file://`, `https://` or `oci://`. `oci://` is for `command` and `webhook` targets, and for environments without a target. A `directory` target refuses it.",
		},
		"digest": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "`sha256:` and the hexadecimal SHA-256 of the artifact, for example `\"sha256:${filesha256(path)}\"`. To release a directory, pack it first: see [Target: directory](../guides/target-directory).",
		},
	}
}

func sourceAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Source revision from which the release was built.",
		Attributes: map[string]schema.Attribute{
			"repository": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "URL of the repository.",
			},
			"revision": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Revision, such as a commit hash.",
			},
			"author": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Author of the revision. Authors may not approve their own release, unless a gate allows it. If no author is set, the actor who registers the release is the author.",
			},
			"committed_at": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Time of the commit, in RFC 3339 format.",
			},
		},
	}
}

func labelsAttribute() schema.Attribute {
	return schema.MapAttribute{
		Optional:            true,
		ElementType:         types.StringType,
		MarkdownDescription: "Facts about the release, such as a ticket. They are part of its content.",
	}
}

func attemptAttribute() schema.Attribute {
	return schema.Int64Attribute{
		Optional:            true,
		Computed:            true,
		Default:             int64default.StaticInt64(1),
		MarkdownDescription: "Number of the attempt. Defaults to 1. A release that failed in a stage is not tried there again until you raise it.",
	}
}

// ValidateConfig validates what is known of the configuration.
func (r *releaseResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, "release", &resp.Diagnostics, r.validate)
}

func (r *releaseResource) validate(m releaseModel) delivery.Errors {
	request := m.toSpec()
	return append(request.Spec.Validate(), delivery.ValidateAttempt(request.Attempt)...)
}

// ModifyPlan is the dry run: what would be delivered, and where it would stop.
func (r *releaseResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.session == nil || req.Plan.Raw.IsNull() {
		return
	}
	if !req.Config.Raw.IsFullyKnown() {
		// The framework plans all that is computed as unknown. Nothing can be said of what depends on this release either.
		var pipeline types.String
		resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("pipeline"), &pipeline)...)
		r.session.changes.AddUnknownDelivery(pipeline.ValueString())
		r.session.requireOrderOfUnknown(ctx, req.Plan, &resp.Diagnostics, "cd_release", "deliver")
		return
	}
	var plan releaseModel
	var state *releaseModel // nil on create
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) || !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	request := plan.toSpec()
	changed := state == nil || !reflect.DeepEqual(state.toSpec(), request)
	preview, err := r.preview(ctx, request, changed, &resp.Diagnostics)
	if err != nil {
		tf.AddErrors(&resp.Diagnostics, "preview", "release", request.Spec.ID(), err)
		return
	}
	plan.ID = types.StringValue(request.Spec.ID())
	plan.Digest = types.StringValue(request.Spec.Digest())
	if changed || preview.Changes {
		plan.Stages = types.MapUnknown(releaseStageType)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	r.setIdentity(ctx, resp.Plan, resp.Identity, &resp.Diagnostics)
}

// preview asks what applying would do, and says so in warnings.
func (r *releaseResource) preview(ctx context.Context, request delivery.ReleaseRequest, changed bool, diags *diag.Diagnostics) (delivery.ReleasePreview, error) {
	spec := request.Spec
	rival, rivalChanges := r.session.changes.AddRelease(request, changed)
	autoStarts, err := r.session.autoStarts(ctx, spec.Pipeline)
	if err != nil {
		return delivery.ReleasePreview{}, err
	}
	if rival != "" && autoStarts {
		refusals := delivery.Errors{{Code: delivery.CodeConflict, Field: "version", Message: fmt.Sprintf(
			"another cd_release of pipeline %q in this configuration has version %s. Its first stage is automatic, so it carries one release at a time: keep one of the two resources, and change its version to deliver another release",
			spec.Pipeline, rival)}}
		tf.AddErrorsInPlan(diags, changed || rivalChanges, "deliver", "release", spec.ID(), refusals)
	}
	d := r.delivering(request)
	r.session.addDelivery(d)
	if !changed && r.session.keeps(ctx, spec.Pipeline) {
		r.session.requireOrder(ctx, diags, d, delivery.DeliveryPreview{}, true, false)
		return delivery.ReleasePreview{}, nil
	}
	preview, known, err := preview(ctx, r.session, "cd_release", spec.Pipeline, request, (*client.Client).PreviewRelease)
	if err != nil {
		return preview, err
	}
	preview.Changes = preview.Changes || !known // something may change
	r.session.requireOrder(ctx, diags, d, preview.DeliveryPreview, known, changed || preview.Changes)
	r.session.changes.AddGateUses("cd_release", "", spec.Pipeline, spec.Version, preview.Stages)
	tf.AddErrorsInPlan(diags, changed, "deliver", "release", spec.ID(), preview.Refused)
	r.session.warnIfLetIn(ctx, diags, d, preview.DeliveryPreview, known)
	warnPreview(diags, fmt.Sprintf("Delivery of %s %s", spec.Pipeline, spec.Version), preview.DeliveryPreview, "")
	return preview, nil
}

func (r *releaseResource) delivering(request delivery.ReleaseRequest) delivering {
	spec := request.Spec
	return delivering{
		resource: configuration.Object{Type: "cd_release", Values: map[string]string{"pipeline": spec.Pipeline, "version": spec.Version}},
		action:   "deliver", noun: "release", name: spec.ID(), pipeline: spec.Pipeline,
		ask: func(ctx context.Context, changes delivery.ChangeSet) (delivery.DeliveryPreview, error) {
			preview, err := previewWith(ctx, r.session, changes, request, (*client.Client).PreviewRelease)
			return preview.DeliveryPreview, err
		},
	}
}

// Create registers the release and delivers it. A failure leaves no state: the next plan creates again, and the control plane knows what it
// already did.
func (r *releaseResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan releaseModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Create(ctx, tf.DefaultTimeout)
	resp.Diagnostics.Append(diags...)
	if delivered, ok := r.deliver(ctx, plan, timeout, &resp.Diagnostics); ok {
		r.setState(ctx, &delivered, &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// Update delivers what is declared now. A failure leaves the state as it was, so that the difference remains.
func (r *releaseResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan releaseModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	timeout, diags := plan.Timeouts.Update(ctx, tf.DefaultTimeout)
	resp.Diagnostics.Append(diags...)
	if delivered, ok := r.deliver(ctx, plan, timeout, &resp.Diagnostics); ok {
		r.setState(ctx, &delivered, &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// deliver registers the release and waits until the delivery is finished; ok is false if it failed.
func (r *releaseResource) deliver(ctx context.Context, plan releaseModel, timeout time.Duration, diags *diag.Diagnostics) (delivered releaseModel, ok bool) {
	request := plan.toSpec()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	api, err := r.session.client(ctx)
	if err != nil {
		tf.AddErrors(diags, "deliver", "release", request.Spec.ID(), err)
		return plan, false
	}
	state, err := api.PutRelease(ctx, request)
	if err == nil && state.Work.Failure != nil {
		err = state.Work.Failure
	}
	if err != nil {
		tf.AddErrors(diags, "deliver", "release", request.Spec.ID(), err)
		return plan, false
	}
	if state.Work.Stopped != nil {
		warnIfWaiting(diags, fmt.Sprintf("Delivery of %s %s", request.Spec.Pipeline, request.Spec.Version), *state.Work.Stopped)
	}
	delivered, d := releaseModelFrom(ctx, state, plan)
	diags.Append(d...)
	return delivered, !diags.HasError()
}

// Read copies the release that the state names from the ledger. It may not be the newest one: a failed update leaves the previous version
// in the state.
func (r *releaseResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var prior releaseModel
	r.setIdentity(ctx, req.State, resp.Identity, &resp.Diagnostics)
	if !tf.Decode(ctx, req.State, &prior, &resp.Diagnostics) || r.session == nil {
		return
	}
	pipeline, version := prior.Pipeline.ValueString(), prior.Version.ValueString()
	state, err := r.session.release(ctx, pipeline, version)
	switch {
	case delivery.IsNotFound(err) || err == nil && state.Retired:
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "read", "release", pipeline+"/"+version, err)
		return
	}
	read, diags := releaseModelFrom(ctx, state, prior)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, &read)...)
}

// Delete stops managing the release.
func (r *releaseResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state releaseModel
	if !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	api, err := r.session.client(ctx)
	if err == nil {
		err = api.DeleteRelease(ctx, state.Pipeline.ValueString(), state.Version.ValueString())
	}
	if err != nil && !delivery.IsNotFound(err) {
		tf.AddErrors(&resp.Diagnostics, "delete", "release", state.ID.ValueString(), err)
	}
}

// ImportState accepts pipeline/version or the identity.
func (r *releaseResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := r.identity.ImportID(ctx, req, &resp.Diagnostics)
	pipeline, version, ok := strings.Cut(id, "/")
	if !ok || pipeline == "" || version == "" || strings.Contains(version, "/") {
		resp.Diagnostics.AddError("Unable to import release", fmt.Sprintf("%q does not name a release; write pipeline/version, as in shop/1.4.2", id))
		return
	}
	r.identity.Import(ctx, resp, id)
}
