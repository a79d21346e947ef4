package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

type pipelineResource struct{ resourceBase }

var (
	_ resource.ResourceWithIdentity       = (*pipelineResource)(nil)
	_ resource.ResourceWithConfigure      = (*pipelineResource)(nil)
	_ resource.ResourceWithValidateConfig = (*pipelineResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*pipelineResource)(nil)
	_ resource.ResourceWithImportState    = (*pipelineResource)(nil)
)

func newPipelineResource() resource.Resource {
	return &pipelineResource{resourceBase{noun: "pipeline", identity: tf.NamedIdentity("pipeline")}}
}

// ValidateConfig validates what is known of the configuration.
func (r *pipelineResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, "pipeline", &resp.Diagnostics, r.validate)
}

func (r *pipelineResource) validate(m pipelineModel) delivery.Errors { return m.toSpec().Validate() }

// ModifyPlan is the dry run: everything computed follows from the configuration, and a stage that names an environment which
// does not exist fails the plan.
func (r *pipelineResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		r.planRemoval(ctx, req.State, &resp.Diagnostics)
		return
	}
	if !req.Config.Raw.IsFullyKnown() {
		r.planUnknown(ctx, req, resp)
		return
	}
	var plan pipelineModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	spec := plan.toSpec()
	if tf.AddInvalid(&resp.Diagnostics, "pipeline", spec.Validate()); resp.Diagnostics.HasError() {
		return
	}
	changed := r.planComputed(ctx, spec, plan, req, resp)
	if r.session == nil || resp.Diagnostics.HasError() {
		return
	}
	former, renamed := r.renamed(ctx, req.State, spec.Name, &resp.Diagnostics)
	noted := r.session.changes.Noting(func() {
		if renamed {
			r.session.changes.RemovePipeline(former)
		}
		r.session.changes.AddPipeline(spec, changed)
	})
	if err := r.session.noteElsewhere(ctx, configuration.Object{Type: "cd_pipeline", Values: map[string]string{"name": spec.Name}}, "cd_environment", spec.EnvironmentNames()...); err != nil {
		tf.AddErrors(&resp.Diagnostics, "plan", "pipeline", spec.Name, err)
		return
	}
	r.planEnvironments(ctx, spec, changed, &resp.Diagnostics)
	if changed && !renamed && !resp.Diagnostics.HasError() { // a renamed one is planned again, as a new one
		r.planRelaxation(ctx, noted, spec, &resp.Diagnostics)
		r.session.requireOrderAgain(ctx, &resp.Diagnostics, spec.Name)
	}
}

// renamed returns the name that the pipeline had, if this plan gives it another one: Terraform then destroys it and makes a new one.
func (r *pipelineResource) renamed(ctx context.Context, state tfsdk.State, name string, diags *diag.Diagnostics) (former string, renamed bool) {
	if state.Raw.IsNull() {
		return "", false
	}
	var before types.String
	diags.Append(state.GetAttribute(ctx, path.Root("name"), &before)...)
	return before.ValueString(), before.ValueString() != name
}

// planRemoval notes that this plan removes the pipeline, and warns if the gates of its stages go with it.
func (r *pipelineResource) planRemoval(ctx context.Context, state tfsdk.State, diags *diag.Diagnostics) {
	name, _ := r.renamed(ctx, state, "", diags)
	if r.session == nil || name == "" {
		return
	}
	noted := r.session.changes.Noting(func() { r.session.changes.RemovePipeline(name) })
	r.session.warnRemoval(ctx, diags, fmt.Sprintf("Destroying pipeline %q removes its gates", name), noted, delivery.Subject{Pipeline: name})
}

// planRelaxation warns of what the declaration makes easier to enter.
func (r *pipelineResource) planRelaxation(ctx context.Context, noted delivery.ChangeSet, spec delivery.PipelineSpec, diags *diag.Diagnostics) {
	if !r.session.changes.PipelineKnown(spec.Name, &spec) {
		return
	}
	report, err := r.session.relaxations(ctx, noted, delivery.Subject{Pipeline: spec.Name})
	if err != nil {
		tf.AddErrors(diags, "plan", "pipeline", spec.Name, err)
		return
	}
	r.session.warnRelaxation(diags, func(report delivery.RelaxationReport) string {
		if report.New {
			return fmt.Sprintf("Pipeline %q asks less than what is asked where it deploys", spec.Name)
		}
		return fmt.Sprintf("This edit weakens the gates of pipeline %q", spec.Name)
	}, report)
}

// planUnknown plans as unknown what cannot be computed yet.
func (r *pipelineResource) planUnknown(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var name types.String
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("name"), &name)...)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), name)...)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("revision"), types.StringUnknown())...)
	if r.session != nil && name.IsUnknown() {
		r.session.changes.AddUnnamed(r.noun)
	}
	if r.session != nil { // without a name it may be any pipeline
		r.session.changes.AddUnknownPipeline(name.ValueString())
		r.session.requireOrderAgain(ctx, &resp.Diagnostics, name.ValueString())
	}
}

// planComputed sets what follows from the configuration and reports whether the pipeline changes. A pipeline that does not change keeps its
// revision: one that was declared by other means may omit a default that is written here.
func (r *pipelineResource) planComputed(ctx context.Context, spec delivery.PipelineSpec, plan pipelineModel, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) (changed bool) {
	planned := pipelineModelFrom(delivery.PipelineOf(spec), plan)
	if !req.State.Raw.IsNull() {
		kept := planned
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("revision"), &kept.Revision)...)
		resp.Diagnostics.Append(resp.Plan.Set(ctx, kept)...)
		if resp.Plan.Raw.Equal(req.State.Raw) {
			return false
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, planned)...)
	return true
}

// planEnvironments checks that the pipeline's environments exist and can be deployed to. It does nothing while one of them is not known.
func (r *pipelineResource) planEnvironments(ctx context.Context, spec delivery.PipelineSpec, changed bool, diags *diag.Diagnostics) {
	if !r.session.changes.PipelineKnown(spec.Name, &spec) {
		return
	}
	r.session.refreshes.expect(spec.Name)
	if !changed && r.session.works(ctx, spec) {
		r.planGuards(ctx, spec, diags)
		return
	}
	api, err := r.session.client(ctx)
	if err != nil {
		tf.AddErrors(diags, "plan", "pipeline", spec.Name, err)
		return
	}
	preview, err := api.PreviewPipeline(ctx, delivery.PreviewRequest[delivery.PipelineSpec]{Changes: r.session.changes.ForPipeline(spec.Name, &spec), Subject: spec})
	switch {
	case err != nil:
		tf.AddErrors(diags, "plan", "pipeline", spec.Name, err)
	case len(preview.Refused) == 0:
		r.warnOfUnguarded(diags, spec, preview.Unguarded, changed)
	case changed:
		tf.AddErrors(diags, "plan", "pipeline", spec.Name, preview.Refused)
	default:
		// The pipeline does not change: an error would stop plans that have nothing to do with it, and terraform destroy.
		for _, one := range preview.Refused {
			diags.AddWarning(fmt.Sprintf("Pipeline %q cannot work as it is", spec.Name), one.Error())
		}
	}
}

// planGuards warns of unguarded stages of a pipeline that does not change. It asks only if there may be one.
func (r *pipelineResource) planGuards(ctx context.Context, spec delivery.PipelineSpec, diags *diag.Diagnostics) {
	if !slices.ContainsFunc(spec.Stages, delivery.Stage.MayBeUnguarded) {
		return
	}
	state, err := r.session.refresh(ctx, spec.Name)
	if err != nil {
		tf.AddErrors(diags, "plan", "pipeline", spec.Name, err)
		return
	}
	r.warnOfUnguarded(diags, spec, state.Unguarded, false)
}

// warnOfUnguarded warns of automatic stages that deploy to production without any gate. It does not while a policy may come that holds there.
func (r *pipelineResource) warnOfUnguarded(diags *diag.Diagnostics, spec delivery.PipelineSpec, unguarded []delivery.UnguardedStage, changed bool) {
	if len(unguarded) == 0 || r.session.expectsPolicies(changed) {
		return
	}
	for _, one := range unguarded {
		diags.AddAttributeWarning(path.Root("stages").AtListIndex(spec.StageIndex(one.Stage)).AtName("gates"), fmt.Sprintf("Stage %q of pipeline %q delivers to production without a gate", one.Stage, spec.Name),
			fmt.Sprintf("Nobody is asked in this stage, it deploys to %s, and neither it nor a policy has a gate, so the gate guarded will refuse every release. Give it gates, declare a cd_policy, or write gates = { none = \"the reason\" }.", one.Environment))
	}
}

// Create declares the pipeline.
func (r *pipelineResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan pipelineModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if written, ok := r.put(ctx, "create", plan, &resp.Diagnostics); ok {
		r.setState(ctx, pipelineModelFrom(written, plan), &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// Read copies the pipeline from the ledger to the state.
func (r *pipelineResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state pipelineModel
	r.setIdentity(ctx, req.State, resp.Identity, &resp.Diagnostics)
	if r.session == nil || !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	name := state.Name.ValueString()
	found, err := r.session.pipeline(ctx, name)
	switch {
	case delivery.IsNotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "read", "pipeline", name, err)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, pipelineModelFrom(found, state))...)
	}
}

// Update declares the pipeline again.
func (r *pipelineResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan pipelineModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if written, ok := r.put(ctx, "update", plan, &resp.Diagnostics); ok {
		r.setState(ctx, pipelineModelFrom(written, plan), &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

func (r *pipelineResource) put(ctx context.Context, action string, plan pipelineModel, diags *diag.Diagnostics) (delivery.Pipeline, bool) {
	spec := plan.toSpec()
	api, err := r.session.client(ctx)
	if err != nil {
		tf.AddErrors(diags, action, "pipeline", spec.Name, err)
		return delivery.Pipeline{}, false
	}
	written, err := api.PutPipeline(ctx, spec)
	if err != nil {
		tf.AddErrors(diags, action, "pipeline", spec.Name, err)
		return delivery.Pipeline{}, false
	}
	return written, true
}

// Delete stops managing the pipeline.
func (r *pipelineResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state pipelineModel
	if !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	name := state.Name.ValueString()
	api, err := r.session.client(ctx)
	if err != nil {
		tf.AddErrors(&resp.Diagnostics, "destroy", "pipeline", name, err)
		return
	}
	if err := api.DeletePipeline(ctx, name); err != nil && !delivery.IsNotFound(err) {
		tf.AddErrors(&resp.Diagnostics, "destroy", "pipeline", name, err)
	}
}

// ImportState accepts the name or the identity. Read fills in the rest.
func (r *pipelineResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := r.identity.ImportID(ctx, req, &resp.Diagnostics)
	for _, problem := range (delivery.PipelineSpec{Name: name}).Validate() {
		if problem.Field == "name" {
			tf.AddImportNameError(&resp.Diagnostics, "pipeline", name, problem.Message)
			return
		}
	}
	r.identity.Import(ctx, resp, name)
}
