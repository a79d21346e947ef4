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
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/blocks"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// policyResource is cd_policy: gates that pipelines get whether they declare them or not.
type policyResource struct{ resourceBase }

var (
	_ resource.ResourceWithIdentity       = (*policyResource)(nil)
	_ resource.ResourceWithConfigure      = (*policyResource)(nil)
	_ resource.ResourceWithValidateConfig = (*policyResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*policyResource)(nil)
	_ resource.ResourceWithImportState    = (*policyResource)(nil)
)

func newPolicyResource() resource.Resource {
	return &policyResource{resourceBase{noun: "policy", identity: tf.NamedIdentity("policy")}}
}

// Schema describes cd_policy.
func (r *policyResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	defer tf.FixTypes(&resp.Schema)
	resp.Schema = schema.Schema{
		MarkdownDescription: "A policy: gates that are added to every stage of every pipeline that deploys to its tiers or environments. " +
			"All gates of the stage and of every policy must pass. So a stage can be stricter than a policy, but never less strict. No override skips a gate of a policy. " +
			"It applies at once, also to releases that are already waiting. A plan considers a new one only for resources that depend on it.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name: letters, digits, hyphens and underscores, at most 63 characters. Changing it replaces the policy.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"tiers": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Tiers to which the policy applies: `development`, `testing`, `staging`, `production` or `other`. Set tiers, environments, or both. The policy applies to a stage that deploys to any of them.",
			},
			"environments": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Names of environments to which the policy applies, in addition to those of its tiers.",
			},
			"gates": blocks.GatesAttribute("Gates that must pass before a release enters a stage, as in a stage of a `cd_pipeline`. At least one gate.", true),
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The name.",
			},
		},
	}
}

// ValidateConfig validates what is known of the configuration.
func (r *policyResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, "policy", &resp.Diagnostics, func(m policyModel) delivery.Errors { return m.toSpec().Validate() })
}

// ModifyPlan notes the policy for the releases that are planned after it, and warns of what the edit weakens. It never stops a
// plan but for what is invalid: a weaker policy is a decision, and this is where people see it.
func (r *policyResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, state *policyModel // nil when there is none
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
	if tf.AddInvalid(&resp.Diagnostics, "policy", spec.Validate()); resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), spec.Name)...)
	if r.session == nil {
		return
	}
	r.session.changes.AddPolicy(spec)
	if !resp.Plan.Raw.Equal(req.State.Raw) {
		r.planEdit(ctx, spec, &resp.Diagnostics)
	}
}

// planUnknown plans what cannot be computed yet as unknown.
func (r *policyResource) planUnknown(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var name types.String
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("name"), &name)...)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), name)...)
	if r.session != nil {
		r.session.changes.AddUnknownPolicy(name.ValueString())
	}
}

func (r *policyResource) planEdit(ctx context.Context, spec delivery.PolicySpec, diags *diag.Diagnostics) {
	preview, err := r.session.weakenedBy(ctx, delivery.PreviewRequest{Policy: &spec})
	if err != nil {
		tf.AddErrors(diags, "plan", "policy", spec.Name, err)
		return
	}
	tf.AddErrorsInPlan(diags, true, "plan", "policy", spec.Name, preview.Refused)
	weakens(diags, fmt.Sprintf("This edit weakens policy %q", spec.Name), preview)
}

func (r *policyResource) planRemoval(ctx context.Context, spec delivery.PolicySpec, diags *diag.Diagnostics) {
	if r.session == nil {
		return
	}
	r.session.changes.RemovePolicy(spec.Name)
	r.session.weakensGone(ctx, diags, fmt.Sprintf("Removing policy %q weakens the stages it holds for", spec.Name), delivery.PreviewRequest{Policy: &spec})
}

// Create declares the policy.
func (r *policyResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan policyModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if written, ok := r.put(ctx, "create", plan.toSpec(), &resp.Diagnostics); ok {
		r.setState(ctx, policyModelFrom(written, plan), &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// Read takes over what the ledger holds.
func (r *policyResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state policyModel
	r.setIdentity(ctx, req.State, resp.Identity, &resp.Diagnostics)
	if r.session == nil || !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	name := state.Name.ValueString()
	var found delivery.PolicySpec
	api, err := r.session.client(ctx)
	if err == nil {
		found, err = api.Policy(ctx, name)
	}
	switch {
	case delivery.IsNotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "read", "policy", name, err)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, policyModelFrom(found, state))...)
	}
}

// Update declares the policy anew.
func (r *policyResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan policyModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if written, ok := r.put(ctx, "update", plan.toSpec(), &resp.Diagnostics); ok {
		r.setState(ctx, policyModelFrom(written, plan), &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

func (r *policyResource) put(ctx context.Context, action string, spec delivery.PolicySpec, diags *diag.Diagnostics) (delivery.PolicySpec, bool) {
	var written delivery.PolicySpec
	api, err := r.session.client(ctx)
	if err == nil {
		written, err = api.PutPolicy(ctx, spec)
	}
	if err != nil {
		tf.AddErrors(diags, action, "policy", spec.Name, err)
	}
	return written, err == nil
}

// Delete removes the policy.
func (r *policyResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state policyModel
	if !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	name := state.Name.ValueString()
	api, err := r.session.client(ctx)
	if err == nil {
		err = api.DeletePolicy(ctx, name)
	}
	if err != nil && !delivery.IsNotFound(err) {
		tf.AddErrors(&resp.Diagnostics, "destroy", "policy", name, err)
	}
}

// ImportState takes the name or the identity; Read fills in the rest.
func (r *policyResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := r.identity.ImportID(ctx, req, &resp.Diagnostics)
	for _, problem := range (delivery.PolicySpec{Name: name}).Validate() {
		if problem.Field == "name" {
			tf.AddImportNameError(&resp.Diagnostics, "policy", name, problem.Message)
			return
		}
	}
	r.identity.Import(ctx, resp, name)
}
