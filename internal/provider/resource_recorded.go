package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// recordedResource is what resources share that record evidence or a decision about one release: cd_approval, cd_override and
// cd_test_report. The ledger gives a record its id. A record never changes, it can only be revoked. M is the model, R the record.
type recordedResource[M, R any] struct {
	resourceBase
	kind recordedKind[M, R]
}

// recordedKind is what distinguishes one recorded resource from another.
type recordedKind[M, R any] struct {
	noun           string // as users read it
	action, revoke string // the verbs of error messages
	name           func(m M) string
	validate       func(m M) delivery.Errors
	model          func(record R, prior M) M
	unrecorded     func(m M) bool      // whether the ledger has no record of it, and needs none; nil if it always has
	isGone         func(record R) bool // whether a record that can still be read is revoked

	subject []string // the attributes that tell what it is about
	// planGone notes that this plan revokes a record. in is what takes its place, as far as that is known; nil if nothing does.
	planGone func(ctx context.Context, s *session, state M, in map[string]string, diags *diag.Diagnostics)

	known  func(s delivery.PipelineState, id string) (R, bool)
	record func(ctx context.Context, c *client.Client, m M) (R, error)
	get    func(c *client.Client, ctx context.Context, id string) (R, error)
	remove func(c *client.Client, ctx context.Context, id string) error
}

func newRecordedResource[M, R any](typeName string, kind recordedKind[M, R]) recordedResource[M, R] {
	return recordedResource[M, R]{resourceBase{noun: typeName, identity: tf.RecordedIdentity(kind.noun)}, kind}
}

// ValidateConfig validates what is known of the configuration.
func (r *recordedResource[M, R]) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, r.kind.noun, &resp.Diagnostics, r.kind.validate)
}

// decodePlan reads the plan and the state; each is nil if there is none. ok is false if there is nothing to plan: without a session, after an
// error, and while the configuration is not known. In the last case it notes that deliveries of the pipeline are not known either.
func (r *recordedResource[M, R]) decodePlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) (plan, state *M, ok bool) {
	if r.session == nil {
		return nil, nil, false
	}
	if !req.Plan.Raw.IsNull() && !req.Config.Raw.IsFullyKnown() {
		r.planUnknown(ctx, req, &resp.Diagnostics)
		return nil, nil, false
	}
	ok = tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) && tf.Decode(ctx, req.State, &state, &resp.Diagnostics)
	return plan, state, ok
}

// planUnknown notes a record with parts that are not known yet, and what it takes the place of: the one may close what the plan delivers, and the
// other may be why it is delivered.
func (r *recordedResource[M, R]) planUnknown(ctx context.Context, req resource.ModifyPlanRequest, diags *diag.Diagnostics) {
	known := map[string]string{}
	for _, attribute := range r.kind.subject {
		var value types.String
		diags.Append(req.Plan.GetAttribute(ctx, path.Root(attribute), &value)...)
		known[attribute] = value.ValueString()
	}
	record := delivery.UnknownRecord{Noun: r.kind.noun, Pipeline: known["pipeline"], Version: known["version"], Stage: known["stage"],
		Suite: known["suite"], Decision: delivery.ApprovalDecision(known["decision"])}
	if r.kind.noun == "override" { // it opens, and what is not known opens nothing
		r.session.changes.AddUnknownDelivery(record.Pipeline)
	} else {
		r.session.changes.AddUnknownRecord(record)
	}
	r.session.requireOrderAgain(ctx, diags, record.Pipeline)
	var state *M
	if tf.Decode(ctx, req.State, &state, diags) && state != nil {
		r.kind.planGone(ctx, r.session, *state, known, diags)
	}
}

// Create records.
func (r *recordedResource[M, R]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan M
	if !tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		return
	}
	var recorded R
	api, err := r.session.client(ctx)
	if err == nil {
		recorded, err = r.kind.record(ctx, api, plan)
	}
	if err != nil {
		tf.AddErrors(&resp.Diagnostics, r.kind.action, r.kind.noun, r.kind.name(plan), err)
		return
	}
	r.setState(ctx, r.kind.model(recorded, plan), &resp.State, resp.Identity, &resp.Diagnostics)
}

// find returns a record, from what this walk learned about its pipeline if it did. An id begins with the pipeline.
func (r *recordedResource[M, R]) find(ctx context.Context, id string) (R, error) {
	pipeline, _, _ := strings.Cut(id, "/")
	if state, ok := r.session.refreshes.peek(pipeline); ok {
		if found, ok := r.kind.known(state, id); ok {
			return found, nil
		}
	}
	api, err := r.session.client(ctx)
	if err != nil {
		var none R
		return none, err
	}
	return r.kind.get(api, ctx, id)
}

// Read copies the record from the ledger to the state.
func (r *recordedResource[M, R]) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var prior M
	r.setIdentity(ctx, req.State, resp.Identity, &resp.Diagnostics)
	if r.session == nil || !tf.Decode(ctx, req.State, &prior, &resp.Diagnostics) {
		return
	}
	var id types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	if r.kind.unrecorded != nil && r.kind.unrecorded(prior) {
		return // only the state has it
	}
	recorded, err := r.find(ctx, id.ValueString())
	switch {
	case delivery.IsNotFound(err) || err == nil && r.kind.isGone(recorded):
		resp.State.RemoveResource(ctx)
	case err != nil:
		tf.AddErrors(&resp.Diagnostics, "read", r.kind.noun, id.ValueString(), err)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, r.kind.model(recorded, prior))...)
	}
}

// Delete revokes the record. The revocation is recorded too.
func (r *recordedResource[M, R]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var id types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	api, err := r.session.client(ctx)
	if err == nil {
		err = r.kind.remove(api, ctx, id.ValueString())
	}
	if err != nil && !delivery.IsNotFound(err) {
		tf.AddErrors(&resp.Diagnostics, r.kind.revoke, r.kind.noun, id.ValueString(), err)
	}
}

// ImportState accepts the id of the record or the identity.
func (r *recordedResource[M, R]) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	r.importRecorded(ctx, req, resp)
}
