package provider

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/blocks"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

type environmentResource struct{ resourceBase }

var (
	_ resource.ResourceWithIdentity       = (*environmentResource)(nil)
	_ resource.ResourceWithConfigure      = (*environmentResource)(nil)
	_ resource.ResourceWithValidateConfig = (*environmentResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*environmentResource)(nil)
	_ resource.ResourceWithImportState    = (*environmentResource)(nil)
)

func newEnvironmentResource() resource.Resource {
	return &environmentResource{resourceBase{noun: "environment", identity: tf.NamedIdentity("environment")}}
}

// Schema describes cd_environment.
func (r *environmentResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	defer tf.FixTypes(&resp.Schema)
	resp.Schema = schema.Schema{
		MarkdownDescription: "An environment: a place where software runs, with its configuration, its deployment target, and the environment that it must equal. " +
			"Destroying it stops managing it: what runs there keeps running, and its history stays. You cannot destroy an environment that a pipeline uses. " +
			"Terraform destroys before it updates, so remove the environment from its pipeline in a separate apply first, or set `lifecycle { create_before_destroy = true }`.",
		Attributes: environmentAttributes(),
	}
}

func environmentAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name: letters, digits, hyphens and underscores, at most 63 characters. Changing it replaces the environment. If a pipeline uses it, set `lifecycle { create_before_destroy = true }`, so that the pipeline can switch in the same apply.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"tier": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Kind of environment: `development`, `testing`, `staging`, `production` or `other`.",
		},
		"replica_of": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Name of another environment whose effective configuration and platform this one follows. " +
				"`config` and `platform` may set other values; each difference must be allowed, with its reason, in `parity.allow`. " +
				"Secrets are not copied: a replica declares its own. The other environment cannot be a replica itself, and cannot be destroyed while it has replicas.",
		},
		"config": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Configuration. Software that runs here gets it as environment variables.",
		},
		"secrets": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "References to secrets (`env:NAME` or `file:PATH`) by variable name. The values are read when deploying, and never stored or logged.",
		},
		"platform": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Facts about the environment itself, such as the version of its database. They are not passed to what runs. Parity compares them.",
		},
		"parity": blocks.ParityAttribute(),
		"target": blocks.TargetAttribute(),
		"deletion_protection": schema.BoolAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "If true, destroying or renaming the environment is refused, already in the plan. Defaults to `true` for tier `production`, and to `false` otherwise.",
		},
		"id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The name.",
		},
		"effective_config": schema.MapAttribute{
			Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Configuration that releases get here, before the stage's `config` is applied over it. For a replica, it is the configuration of its source with its own values over it.",
		},
		"revision": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Digest that changes exactly when the configuration, secret references, platform or target change.",
		},
	}
}

// ValidateConfig validates what is known of the configuration.
func (r *environmentResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, "environment", &resp.Diagnostics, func(m environmentModel) delivery.Errors { return m.toSpec().Validate() })
}

// ModifyPlan is the dry run: everything computed follows from the configuration, and a parity violation fails the plan.
func (r *environmentResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.planProtection(ctx, req, &resp.Diagnostics); req.Plan.Raw.IsNull() {
		r.planRemoval(ctx, req.State, "", &resp.Diagnostics)
		return
	}
	var protection types.Bool
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("deletion_protection"), &protection)...)
	if !req.Config.Raw.IsFullyKnown() {
		r.planUnknown(ctx, protection.IsNull(), req, resp)
		return
	}
	var plan environmentModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	proposed := plan
	plan.DeletionProtection = protection // a default is planned again: the tier may have changed
	spec := plan.toSpec()
	if tf.AddInvalid(&resp.Diagnostics, "environment", spec.Validate()); resp.Diagnostics.HasError() {
		return
	}
	protected := spec.Protected()
	spec.DeletionProtection = &protected
	// Writing a plan or a state costs more than everything else here, so what is the same already is not written again.
	as, known := r.planned(ctx, spec, &resp.Diagnostics)
	computed := environmentModelFrom(as, plan)
	if !known {
		computed = computed.unknownEffect()
	}
	if !reflect.DeepEqual(computed, proposed) {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, computed)...)
	}
	if r.session == nil {
		return
	}
	changed := !resp.Plan.Raw.Equal(req.State.Raw)
	r.planRemoval(ctx, req.State, spec.Name, &resp.Diagnostics)
	noted := r.note(spec, known, changed, req.State.Raw.IsNull())
	if len(spec.RelatedTo()) > 0 || noted != nil {
		r.planEdit(ctx, noted, spec, changed, &resp.Diagnostics)
	}
	if changed {
		r.refuseLateSource(spec.Name, &resp.Diagnostics)
		r.session.requireOrderAgain(ctx, &resp.Diagnostics, "")
	}
	r.planClaimants(ctx, spec, changed, &resp.Diagnostics)
}

// planProtection refuses a change that destroys a protected environment: its removal from the configuration, and a new name. The ledger
// would refuse it too, but only after other resources were destroyed.
func (r *environmentResource) planProtection(ctx context.Context, req resource.ModifyPlanRequest, diags *diag.Diagnostics) {
	if req.State.Raw.IsNull() {
		return
	}
	var protected types.Bool
	var name, planned types.String
	diags.Append(req.State.GetAttribute(ctx, path.Root("deletion_protection"), &protected)...)
	diags.Append(req.State.GetAttribute(ctx, path.Root("name"), &name)...)
	gone := req.Plan.Raw.IsNull()
	if !gone {
		diags.Append(req.Plan.GetAttribute(ctx, path.Root("name"), &planned)...)
	}
	if !protected.ValueBool() || !gone && (planned.IsUnknown() || planned.Equal(name)) {
		return
	}
	refusal := delivery.Errorf(delivery.CodeConflict, "deletion protection is on; set deletion_protection = false and apply that first")
	if !gone {
		refusal = &delivery.Error{Code: delivery.CodeConflict, Field: "name", Message: "a new name makes a new environment and destroys this one, and its deletion protection is on; " +
			"set deletion_protection = false and apply that first, or keep the name"}
	}
	tf.AddErrors(diags, "destroy", "environment", name.ValueString(), refusal)
}

// planUnknown plans as unknown what cannot be computed yet.
func (r *environmentResource) planUnknown(ctx context.Context, protectionIsDefault bool, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var name, tier types.String
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("name"), &name)...)
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("tier"), &tier)...)
	set := func(attribute string, value any) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(attribute), value)...)
	}
	set("id", name)
	set("effective_config", types.MapUnknown(types.StringType))
	set("revision", types.StringUnknown())
	switch {
	case protectionIsDefault && tier.IsUnknown():
		set("deletion_protection", types.BoolUnknown())
	case protectionIsDefault:
		set("deletion_protection", delivery.EnvironmentSpec{Tier: delivery.Tier(tier.ValueString())}.Protected())
	}
	if r.session != nil && name.IsUnknown() {
		r.session.changes.AddUnnamed(r.noun)
	}
	if r.session != nil && !name.IsUnknown() {
		r.refuseLateSource(name.ValueString(), &resp.Diagnostics)
	}
	if r.session != nil { // without a name it may be any environment
		r.session.changes.AddUnknownEnvironment(name.ValueString())
		r.session.requireOrderAgain(ctx, &resp.Diagnostics, "")
	}
}

// planEdit compares the environment with its source and with the environment that it must equal, all as this plan leaves them, with the
// environment that it had to equal before, and with those to which the same pipelines deploy.
func (r *environmentResource) planEdit(ctx context.Context, noted *delivery.ChangeSet, spec delivery.EnvironmentSpec, changed bool, diags *diag.Diagnostics) {
	preview, ok := r.preview(ctx, spec, diags)
	if !ok {
		return
	}
	for _, glob := range preview.Unmatched {
		diags.AddAttributeWarning(path.Root("parity").AtName("allow").AtMapKey(glob), fmt.Sprintf("Environment %q allows a difference of %q, which matches no key", spec.Name, glob),
			fmt.Sprintf("Neither %s nor %s has such a key in config, secrets or platform, so the allowance matches nothing. Correct the key, or remove the allowance.", spec.Name, spec.Parity.With))
	}
	if noted != nil && len(preview.Refused) == 0 {
		r.planRelaxation(ctx, *noted, spec.Name, diags)
	}
	if changed || slices.ContainsFunc(spec.RelatedTo(), r.session.changes.ChangesEnvironment) {
		tf.AddErrorsInPlan(diags, true, "plan", "environment", spec.Name, preview.Refused)
		return
	}
	// This plan changes none of them. An error would stop plans that have nothing to do with it, and terraform destroy.
	for _, one := range preview.Refused {
		diags.AddWarning(fmt.Sprintf("Environment %q violates its parity", spec.Name), one.Error())
	}
}

// note notes the environment. For an edit it returns all that this plan changes so far, and nil otherwise: nothing deploys to a new
// environment yet, and there may be many.
func (r *environmentResource) note(spec delivery.EnvironmentSpec, known, changed, isNew bool) *delivery.ChangeSet {
	add := func() {
		if known {
			r.session.changes.AddEnvironment(spec, changed)
		} else {
			r.session.changes.AddUnknownEnvironment(spec.Name)
		}
	}
	if !changed || isNew {
		add()
		return nil
	}
	noted := r.session.changes.Noting(add)
	return &noted
}

// planRemoval notes that this plan removes the environment that the state holds, unless that is the one that stays.
func (r *environmentResource) planRemoval(ctx context.Context, state tfsdk.State, stays string, diags *diag.Diagnostics) {
	var name types.String
	if r.session == nil || state.Raw.IsNull() {
		return
	}
	if diags.Append(state.GetAttribute(ctx, path.Root("name"), &name)...); name.ValueString() != stays {
		r.session.changes.RemoveEnvironment(name.ValueString())
		r.session.requireOrderAgain(ctx, diags, "")
	}
}

// planRelaxation warns of what an edit of the environment makes easier: its parity, or to enter it.
func (r *environmentResource) planRelaxation(ctx context.Context, noted delivery.ChangeSet, name string, diags *diag.Diagnostics) {
	report, err := r.session.relaxations(ctx, noted, delivery.Subject{Environment: name})
	if err != nil {
		tf.AddErrors(diags, "plan", "environment", name, err)
		return
	}
	r.session.warnRelaxation(diags, func(report delivery.RelaxationReport) string {
		if len(report.Relaxations) > 0 {
			return fmt.Sprintf("This edit makes environment %q easier to enter", name)
		}
		return fmt.Sprintf("This edit weakens the parity of environment %q", name)
	}, report)
}

// planClaimants compares again the environments that were planned before this one and must equal it.
func (r *environmentResource) planClaimants(ctx context.Context, spec delivery.EnvironmentSpec, changed bool, diags *diag.Diagnostics) {
	for _, claimant := range r.session.changes.ParityClaimants(spec.Name) {
		if !changed && !r.session.changes.ChangesEnvironment(claimant.Name) {
			continue
		}
		preview, _ := r.preview(ctx, claimant, diags)
		for _, one := range preview.Refused {
			diags.AddError(fmt.Sprintf("Unable to plan environment %q: environment %q must equal it", spec.Name, claimant.Name), one.Error())
		}
	}
}

// Create declares the environment.
func (r *environmentResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan environmentModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if written, ok := r.put(ctx, "create", plan, &resp.Diagnostics); ok {
		r.setState(ctx, environmentModelFrom(written, plan), &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// Read copies the environment from the ledger to the state.
func (r *environmentResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state environmentModel
	r.setIdentity(ctx, req.State, resp.Identity, &resp.Diagnostics)
	if r.session == nil || !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	name := state.Name.ValueString()
	found, err := r.session.Environment(ctx, name)
	switch {
	case delivery.IsNotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "read", "environment", name, err)
	default:
		if read := environmentModelFrom(found, state); !reflect.DeepEqual(read, state) {
			resp.Diagnostics.Append(resp.State.Set(ctx, read)...)
		}
	}
}

// Update declares the environment again.
func (r *environmentResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan environmentModel
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if written, ok := r.put(ctx, "update", plan, &resp.Diagnostics); ok {
		r.setState(ctx, environmentModelFrom(written, plan), &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

func (r *environmentResource) put(ctx context.Context, action string, plan environmentModel, diags *diag.Diagnostics) (delivery.Environment, bool) {
	spec := plan.toSpec()
	written, err := r.session.PutEnvironment(ctx, spec)
	if err != nil {
		tf.AddErrors(diags, action, "environment", spec.Name, err)
		return delivery.Environment{}, false
	}
	return written, true
}

// Delete stops managing the environment.
func (r *environmentResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state environmentModel
	if !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	name := state.Name.ValueString()
	api, err := r.session.client(ctx)
	if err != nil {
		tf.AddErrors(&resp.Diagnostics, "destroy", "environment", name, err)
		return
	}
	if err := api.DeleteEnvironment(ctx, name); err != nil && !delivery.IsNotFound(err) {
		tf.AddErrors(&resp.Diagnostics, "destroy", "environment", name, inOneApply(err))
	}
}

// inOneApply adds what to do if a configuration removes an environment and its use by a pipeline in one apply: Terraform destroys before it
// updates, so the pipeline still uses it then.
func inOneApply(err error) error {
	refusals := slices.Clone(delivery.ErrorsOf(err))
	for i, one := range refusals {
		if one.Code == delivery.CodeConflict && one.Field == "" {
			refusals[i] = &delivery.Error{Code: one.Code, Message: one.Message +
				". Terraform destroys before it updates. Remove the environment in a separate apply, or let Terraform destroy it last: lifecycle { create_before_destroy = true }."}
		}
	}
	if len(refusals) == 0 {
		return err
	}
	return refusals
}

// ImportState accepts the name or the identity. Read fills in the rest.
func (r *environmentResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := r.identity.ImportID(ctx, req, &resp.Diagnostics)
	for _, problem := range (delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther}).Validate() {
		tf.AddImportNameError(&resp.Diagnostics, "environment", name, problem.Message)
		return
	}
	r.identity.Import(ctx, resp, name)
}
