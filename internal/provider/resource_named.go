package provider

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/changeset"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// namedResource is a resource with a name that restricts deliveries of many pipelines: cd_freeze and cd_policy. M is its model, S its
// declaration.
type namedResource[M namedModel[S], S namedSpec] struct {
	resourceBase
	kind namedKind[M, S]
}

type namedModel[S any] interface{ toSpec() S }

type namedSpec interface {
	Validate() delivery.Errors
	Mismatches(scope delivery.Scope) []delivery.Mismatch
}

// namedKind is what distinguishes one named resource from another.
type namedKind[M, S any] struct {
	description string
	attributes  func() map[string]schema.Attribute // beside name and id
	model       func(spec S, prior M) M
	name        func(spec S) string
	withName    func(name string) S
	subject     func(name string) delivery.Subject
	closes      bool   // a new one changes what stages ask, which the plan lists
	relaxed     string // the warning about an edit that weakens it, with %q for its name
	removed     string // the warning about its removal, with %q for its name

	// How it is written and read, and how the change set of a plan notes it.
	put                  func(c *client.Client, ctx context.Context, spec S) (S, error)
	get                  func(c *client.Client, ctx context.Context, name string) (S, error)
	delete               func(c *client.Client, ctx context.Context, name string) error
	add                  func(changes *changeset.Collector, spec S, changed bool)
	addUnknown, noteGone func(changes *changeset.Collector, name string)
}

var (
	_ resource.ResourceWithIdentity       = (*namedResource[freezeModel, delivery.FreezeSpec])(nil)
	_ resource.ResourceWithConfigure      = (*namedResource[freezeModel, delivery.FreezeSpec])(nil)
	_ resource.ResourceWithValidateConfig = (*namedResource[freezeModel, delivery.FreezeSpec])(nil)
	_ resource.ResourceWithModifyPlan     = (*namedResource[freezeModel, delivery.FreezeSpec])(nil)
	_ resource.ResourceWithImportState    = (*namedResource[freezeModel, delivery.FreezeSpec])(nil)
)

func newNamedResource[M namedModel[S], S namedSpec](noun string, kind namedKind[M, S]) resource.Resource {
	return &namedResource[M, S]{resourceBase{noun: noun, identity: tf.NamedIdentity(noun)}, kind}
}

// Schema describes the resource.
func (r *namedResource[M, S]) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: fmt.Sprintf("Name: letters, digits, hyphens and underscores, at most 63 characters. Changing it replaces the %s.", r.noun),
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The name.",
		},
	}
	maps.Copy(attributes, r.kind.attributes())
	resp.Schema = schema.Schema{MarkdownDescription: r.kind.description, Attributes: attributes}
	tf.FixTypes(&resp.Schema)
}

// ValidateConfig validates what is known of the configuration.
func (r *namedResource[M, S]) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, r.noun, &resp.Diagnostics, func(m M) delivery.Errors { return m.toSpec().Validate() })
}

// ModifyPlan notes the declaration for the releases that are planned after it, and warns if the change weakens it. A weaker freeze or policy
// is a decision of the user, so it never fails a plan.
func (r *namedResource[M, S]) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, state *M // nil when there is none
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
	if state != nil && (plan == nil || r.kind.name((*plan).toSpec()) != r.kind.name((*state).toSpec())) {
		r.planRemoval(ctx, (*state).toSpec(), &resp.Diagnostics)
	}
	if plan == nil {
		return
	}
	spec := (*plan).toSpec()
	if tf.AddInvalid(&resp.Diagnostics, r.noun, spec.Validate()); resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), r.kind.name(spec))...)
	if r.session == nil {
		return
	}
	changed := !resp.Plan.Raw.Equal(req.State.Raw)
	noted := r.session.changes.Noting(func() { r.kind.add(r.session.changes, spec, changed) })
	if changed && (state != nil || r.kind.closes) {
		r.planEdit(ctx, noted, spec, &resp.Diagnostics)
	}
	if changed {
		r.session.requireOrderAgain(ctx, &resp.Diagnostics, "")
	}
	r.session.warnOfMismatches(ctx, &resp.Diagnostics, r.noun, r.kind.name(spec), changed, spec.Mismatches)
}

// planUnknown plans as unknown what cannot be computed yet.
func (r *namedResource[M, S]) planUnknown(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var name types.String
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("name"), &name)...)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), name)...)
	if r.session != nil {
		r.kind.addUnknown(r.session.changes, name.ValueString())
		r.session.requireOrderAgain(ctx, &resp.Diagnostics, "")
	}
}

func (r *namedResource[M, S]) planEdit(ctx context.Context, noted delivery.ChangeSet, spec S, diags *diag.Diagnostics) {
	name := r.kind.name(spec)
	report, err := r.session.relaxations(ctx, noted, r.kind.subject(name))
	if err != nil {
		tf.AddErrors(diags, "plan", r.noun, name, err)
		return
	}
	r.session.warnRelaxation(diags, always(fmt.Sprintf(r.kind.relaxed, name)), report)
}

func (r *namedResource[M, S]) planRemoval(ctx context.Context, spec S, diags *diag.Diagnostics) {
	if r.session == nil {
		return
	}
	name := r.kind.name(spec)
	noted := r.session.changes.Noting(func() { r.kind.noteGone(r.session.changes, name) })
	r.session.warnRemoval(ctx, diags, fmt.Sprintf(r.kind.removed, name), noted, r.kind.subject(name))
	r.session.requireOrderAgain(ctx, diags, "")
}

// Create declares the object.
func (r *namedResource[M, S]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan M
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if written, ok := r.put(ctx, "create", plan.toSpec(), &resp.Diagnostics); ok {
		r.setState(ctx, r.kind.model(written, plan), &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// Update declares the object again.
func (r *namedResource[M, S]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan M
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	if written, ok := r.put(ctx, "update", plan.toSpec(), &resp.Diagnostics); ok {
		r.setState(ctx, r.kind.model(written, plan), &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

func (r *namedResource[M, S]) put(ctx context.Context, action string, spec S, diags *diag.Diagnostics) (written S, ok bool) {
	api, err := r.session.client(ctx)
	if err == nil {
		written, err = r.kind.put(api, ctx, spec)
	}
	if err != nil {
		tf.AddErrors(diags, action, r.noun, r.kind.name(spec), err)
	}
	return written, err == nil
}

// Read copies the object from the ledger to the state.
func (r *namedResource[M, S]) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state M
	r.setIdentity(ctx, req.State, resp.Identity, &resp.Diagnostics)
	if r.session == nil || !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	name := r.kind.name(state.toSpec())
	var found S
	api, err := r.session.client(ctx)
	if err == nil {
		found, err = r.kind.get(api, ctx, name)
	}
	switch {
	case delivery.IsNotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "read", r.noun, name, err)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, r.kind.model(found, state))...)
	}
}

// Delete removes the object.
func (r *namedResource[M, S]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state M
	if !tf.Decode(ctx, req.State, &state, &resp.Diagnostics) {
		return
	}
	name := r.kind.name(state.toSpec())
	api, err := r.session.client(ctx)
	if err == nil {
		err = r.kind.delete(api, ctx, name)
	}
	if err != nil && !delivery.IsNotFound(err) {
		tf.AddErrors(&resp.Diagnostics, "destroy", r.noun, name, err)
	}
}

// ImportState accepts the name or the identity. Read fills in the rest.
func (r *namedResource[M, S]) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := r.identity.ImportID(ctx, req, &resp.Diagnostics)
	for _, problem := range r.kind.withName(name).Validate() {
		if problem.Field == "name" {
			tf.AddImportNameError(&resp.Diagnostics, r.noun, name, problem.Message)
			return
		}
	}
	r.identity.Import(ctx, resp, name)
}
