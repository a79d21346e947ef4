package provider

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/fastpath"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// What the fast path asks about objects that a plan does not change. Each answer of reads is what the resource's own Read would find, and each
// of plansNothing says that its ModifyPlan would leave everything as it is. The framework calls those otherwise, and neither would add a
// diagnostic.

// unchanged returns the resource of a type name, if the fast path recognizes its unchanged objects. s is nil while the provider is not
// configured.
func (s *session) unchanged(typeName string) (fastpath.Resource, bool) {
	base := resourceBase{session: s}
	switch typeName {
	case "cd_pipeline":
		r := &pipelineResource{base}
		return recognized(s, pipelineTypes(), r.validate, r.reads, r.plansNothing), true
	case "cd_release":
		r := &releaseResource{base}
		return recognized(s, releaseTypes(), r.validate, r.reads, r.plansNothing), true
	case "cd_approval":
		r := newApproval()
		r.session = s
		return recognized(s, approvalTypes(), r.kind.validate, r.reads, r.plansNothing), true
	case "cd_promotion":
		r := &promotionResource{base}
		return recognized(s, promotionTypes(), r.validate, r.reads, r.plansNothing), true
	}
	return fastpath.Resource{}, false
}

// recognizedTypes are what does not change in a process: they are made when they are first needed.
type recognizedTypes[M any] struct {
	decoder         *tf.Decoder[M]
	identity        tftypes.Object
	mutableIdentity bool
	validated       tf.Validated
}

var (
	pipelineTypes  = sync.OnceValue(func() recognizedTypes[pipelineModel] { return typesOf[pipelineModel](newPipelineResource()) })
	releaseTypes   = sync.OnceValue(func() recognizedTypes[releaseModel] { return typesOf[releaseModel](newReleaseResource()) })
	approvalTypes  = sync.OnceValue(func() recognizedTypes[approvalModel] { return typesOf[approvalModel](newApprovalResource()) })
	promotionTypes = sync.OnceValue(func() recognizedTypes[promotionModel] { return typesOf[promotionModel](newPromotionResource()) })
)

func typesOf[M any](r resource.Resource) recognizedTypes[M] {
	ctx := context.Background()
	var schema resource.SchemaResponse
	r.Schema(ctx, resource.SchemaRequest{}, &schema)
	var metadata resource.MetadataResponse
	r.Metadata(ctx, resource.MetadataRequest{}, &metadata)
	var identity resource.IdentitySchemaResponse
	r.(resource.ResourceWithIdentity).IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identity) //nolint:errcheck,forcetypeassert // our own resources and schemas have it; each is made in the tests
	return recognizedTypes[M]{
		decoder:         tf.NewDecoder[M](schema.Schema.Type().(attr.TypeWithAttributeTypes).AttributeTypes()), //nolint:errcheck,forcetypeassert // our own resources and schemas have it; each is made in the tests
		identity:        identity.IdentitySchema.Type().TerraformType(ctx).(tftypes.Object),                    //nolint:errcheck,forcetypeassert // our own resources and schemas have it; each is made in the tests
		mutableIdentity: metadata.ResourceBehavior.MutableIdentity,
		validated:       tf.NewValidated(schema.Schema.Attributes),
	}
}

// recognized is a resource whose objects are compared as models.
func recognized[M any](s *session, types recognizedTypes[M], validate func(M) delivery.Errors, reads func(context.Context, M) (M, bool),
	plansNothing func(ctx context.Context, config, state M) bool) fastpath.Resource {
	return fastpath.Resource{
		Type:            types.decoder.Type(),
		Identity:        types.identity,
		MutableIdentity: types.mutableIdentity,
		Validate: func(ctx context.Context, config tftypes.Value) bool {
			return !types.validated.In(config) && types.decoder.IsValid(ctx, config, validate)
		},
		Read: func(ctx context.Context, state tftypes.Value) (map[string]tftypes.Value, bool) {
			model, ok := types.decoder.Decode(ctx, state)
			if !ok || s == nil {
				return nil, false
			}
			read, ok := reads(ctx, model)
			if !ok {
				return nil, false
			}
			return types.decoder.Changed(ctx, model, read)
		},
		Plan: func(ctx context.Context, config, state tftypes.Value) bool {
			configured, ok := types.decoder.Decode(ctx, config)
			if !ok || s == nil {
				return false
			}
			model, ok := types.decoder.Decode(ctx, state)
			return ok && plansNothing(ctx, configured, model)
		},
	}
}

func (r *pipelineResource) reads(ctx context.Context, state pipelineModel) (pipelineModel, bool) {
	found, err := r.session.pipeline(ctx, state.Name.ValueString())
	return pipelineModelFrom(found, state), err == nil
}

func (r *pipelineResource) plansNothing(ctx context.Context, config, state pipelineModel) bool {
	spec := config.toSpec()
	planned := pipelineModelFrom(delivery.PipelineOf(spec), state)
	planned.Revision = state.Revision // as planComputed has it
	if len(spec.Validate()) > 0 || state.lacksDefault() || !reflect.DeepEqual(planned, state) {
		return false
	}
	r.session.changes.AddPipeline(spec, false)
	var diags diag.Diagnostics
	r.planEnvironments(ctx, spec, false, &diags)
	return len(diags) == 0
}

// lacksDefault reports whether an attribute with a default is null, as it may be after an import. Planning fills it in.
func (m pipelineModel) lacksDefault() bool {
	return slices.ContainsFunc(m.Stages, func(stage stageModel) bool {
		return stage.OnFailure.IsNull() || stage.Rollout != nil && stage.Rollout.MaxFailures.IsNull() || stage.Gates != nil && stage.Gates.LacksDefault()
	})
}

func (r *releaseResource) reads(ctx context.Context, state releaseModel) (releaseModel, bool) {
	found, err := r.session.release(ctx, state.Pipeline.ValueString(), state.Version.ValueString())
	if err != nil || found.Retired {
		return state, false
	}
	read, diags := releaseModelFrom(ctx, found, state)
	return read, len(diags) == 0
}

func (r *releaseResource) plansNothing(ctx context.Context, config, state releaseModel) bool {
	request := state.toSpec()
	if !reflect.DeepEqual(config.toSpec(), request) || state.Attempt.IsNull() ||
		state.ID.ValueString() != request.Spec.ID() || state.Digest.ValueString() != request.Spec.Digest() {
		return false
	}
	var diags diag.Diagnostics
	preview, err := r.preview(ctx, request, false, &diags)
	return err == nil && len(diags) == 0 && !preview.Changes
}

func (r *approvalResource) reads(ctx context.Context, state approvalModel) (approvalModel, bool) {
	found, err := r.find(ctx, state.ID.ValueString())
	return approvalModelFrom(found, state), err == nil && found.RevokedAt == nil
}

func (r *approvalResource) plansNothing(ctx context.Context, _, state approvalModel) bool {
	if state.undecided() {
		return false
	}
	preview, _, err := r.preview(ctx, state.toSpec(), state.ID.ValueString())
	var diags diag.Diagnostics
	warnIfInvalid(&diags, state, preview)
	return err == nil && len(diags) == 0
}

func (r *promotionResource) reads(ctx context.Context, state promotionModel) (promotionModel, bool) {
	found, err := r.session.promotion(ctx, state.Pipeline.ValueString(), state.Stage.ValueString())
	if err != nil || found.Unmanaged {
		return state, false
	}
	read, diags := promotionModelFrom(ctx, found, state)
	return read, len(diags) == 0
}

func (r *promotionResource) plansNothing(ctx context.Context, config, state promotionModel) bool {
	spec := state.toSpec()
	if config.toSpec() != spec || state.Attempt.IsNull() || state.WhenBlocked.IsNull() || state.ID.ValueString() != spec.ID() {
		return false
	}
	var diags diag.Diagnostics
	preview, err := r.preview(ctx, spec, false, &diags)
	warnOfDrift(ctx, state.Environments, &diags)
	return err == nil && len(diags) == 0 && !preview.Changes
}
