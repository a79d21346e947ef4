package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// plan is an overlay made easy to look things up in. A nil plan lays nothing over the ledger.
type plan struct {
	actor        string
	environments map[string]delivery.EnvironmentSpec
	pipelines    map[string]delivery.PipelineSpec
	releases     []delivery.ReleaseRequest
	promotions   []delivery.PromotionSpec
	approvals    []delivery.ApprovalSpec
	revoked      []string
}

func newPlan(actor string, o delivery.Overlay) *plan {
	p := &plan{actor: actor, environments: map[string]delivery.EnvironmentSpec{}, pipelines: map[string]delivery.PipelineSpec{},
		releases: o.Releases, promotions: o.Promotions, approvals: o.Approvals, revoked: o.Revoked}
	for _, spec := range o.Environments {
		p.environments[spec.Name] = spec
	}
	for _, spec := range o.Pipelines {
		p.pipelines[spec.Name] = spec
	}
	return p
}

func (p *plan) environment(name string) (delivery.EnvironmentSpec, bool) {
	if p == nil {
		return delivery.EnvironmentSpec{}, false
	}
	spec, ok := p.environments[name]
	return spec, ok
}

// versions adds the versions that the plan speaks of.
func (p *plan) versions(known []string) []string {
	if p == nil {
		return known
	}
	for _, r := range p.releases {
		known = append(known, r.Spec.Version)
	}
	for _, r := range p.promotions {
		known = append(known, r.Version)
	}
	return known
}

// lay puts the plan's releases, promotions and approvals over the world. Environments and the pipeline are in it already.
func (p *plan) lay(w *delivery.World) {
	for _, r := range p.releases {
		if r.Spec.Pipeline != w.Pipeline.Name {
			continue
		}
		release := registered(r, p.actor, w)
		w.Releases[r.Spec.Version] = release
		if w.Pipeline.Leads() {
			lead := leading(w.Pipeline, r, p.actor, w.Now)
			w.Promotions[lead.Spec.Stage] = lead
		}
	}
	for _, spec := range p.promotions {
		if spec.Pipeline == w.Pipeline.Name {
			w.Promotions[spec.Stage] = delivery.Promotion{Spec: spec, RequestedBy: p.actor, RequestedAt: w.Now}
		}
	}
	w.Approvals = slices.DeleteFunc(w.Approvals, func(a delivery.Approval) bool { return slices.Contains(p.revoked, a.ID) })
	for i, spec := range p.approvals {
		release, known := w.Releases[spec.Version]
		stage, ok := w.Pipeline.Stage(spec.Stage)
		if spec.Pipeline != w.Pipeline.Name || !known || !ok {
			continue
		}
		if spec.Approver == "" {
			spec.Approver = p.actor
		}
		const behindAll = 1 << 30
		w.Approvals = append(w.Approvals, delivery.Approval{ID: fmt.Sprintf("planned-%d", i), Spec: spec, Number: behindAll + i, DecidedAt: w.Now,
			ContentDigest: w.ApprovalDigest(stage, release)})
	}
}

// registered is the release as the ledger would hold it: who registered it first stays.
func registered(r delivery.ReleaseRequest, actor string, w *delivery.World) delivery.Release {
	release := delivery.Release{Spec: r.Spec, Digest: r.Spec.Digest(), Attempt: r.Attempt, RegisteredBy: actor, RegisteredAt: w.Now}
	if known, ok := w.Releases[r.Spec.Version]; ok {
		release.RegisteredBy, release.RegisteredAt = known.RegisteredBy, known.RegisteredAt
	}
	return release
}

// Preview says what applying one declaration would do, over the ledger and over what the same plan is about to change. It
// writes nothing.
func (e *Engine) Preview(ctx context.Context, actor string, r delivery.PreviewRequest) (delivery.Preview, error) {
	overlay := newPlan(actor, r.Overlay)
	var preview delivery.Preview
	var err error
	switch {
	case r.Environment != nil:
		preview, err = e.previewEnvironment(ctx, overlay, *r.Environment)
	case r.Pipeline != nil:
		preview, err = e.previewPipeline(ctx, overlay, *r.Pipeline)
	case r.Release != nil:
		preview, err = e.previewRelease(ctx, overlay, *r.Release)
	case r.Promotion != nil:
		preview, err = e.previewPromotion(ctx, overlay, *r.Promotion)
	case r.Approval != nil:
		preview, err = e.previewApproval(ctx, overlay, *r.Approval)
	default:
		return preview, delivery.Errorf(delivery.CodeInvalid, "a preview needs a subject: environment, pipeline, release, promotion or approval")
	}
	// What would be refused at apply is an answer here, not an error.
	if refusals := delivery.ErrorsOf(err); refusals != nil && foreseen(refusals) {
		return delivery.Preview{Refused: refusals}, nil
	}
	return preview, err
}

func foreseen(refusals delivery.Errors) bool {
	return !slices.ContainsFunc(refusals, func(r *delivery.Error) bool {
		return r.Code == delivery.CodeInternal || r.Code == delivery.CodeUnavailable || r.Code == delivery.CodeUnauthorized
	})
}

func (e *Engine) previewEnvironment(ctx context.Context, overlay *plan, spec delivery.EnvironmentSpec) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil || spec.Parity == nil {
		return delivery.Preview{}, err
	}
	var reference *delivery.EnvironmentSpec
	if planned, ok := overlay.environment(spec.Parity.With); ok {
		reference = &planned
	} else if err := e.o.Store.View(ctx, func(r store.Reader) (err error) {
		reference, err = parityReference(ctx, r, spec)
		return err
	}); err != nil {
		return delivery.Preview{}, err
	}
	return delivery.Preview{}, delivery.CheckParity(spec, reference, e.now()).Err()
}

func (e *Engine) previewPipeline(ctx context.Context, overlay *plan, spec delivery.PipelineSpec) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.Preview{}, err
	}
	var known map[string]delivery.EnvironmentSpec
	err := e.o.Store.View(ctx, func(r store.Reader) (err error) {
		known, err = environmentsOf(ctx, r, spec, overlay)
		return err
	})
	if err != nil {
		return delivery.Preview{}, err
	}
	return delivery.Preview{}, spec.ValidateEnvironments(known).Err()
}

func (e *Engine) previewRelease(ctx context.Context, overlay *plan, r delivery.ReleaseRequest) (delivery.Preview, error) {
	if err := validateRelease(r); err != nil {
		return delivery.Preview{}, err
	}
	overlay.releases = nil // the subject stands for itself
	w, err := e.view(ctx, r.Spec.Pipeline, overlay, r.Spec.Version)
	if err != nil {
		return delivery.Preview{}, missing(err, "pipeline")
	}
	if err := sameContent(w.Releases, r.Spec); err != nil {
		return delivery.Preview{}, err
	}
	w.Releases[r.Spec.Version] = registered(r, overlay.actor, &w)
	if !w.Pipeline.Leads() {
		return delivery.Preview{}, nil
	}
	return e.foresee(ctx, w, nil, leading(w.Pipeline, r, overlay.actor, w.Now))
}

func (e *Engine) previewPromotion(ctx context.Context, overlay *plan, spec delivery.PromotionSpec) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.Preview{}, err
	}
	overlay.promotions = slices.DeleteFunc(overlay.promotions, func(p delivery.PromotionSpec) bool { return p.Stage == spec.Stage })
	w, err := e.view(ctx, spec.Pipeline, overlay, spec.Version)
	if err != nil {
		return delivery.Preview{}, missing(err, "pipeline")
	}
	if err := promotable(w, spec); err != nil {
		return delivery.Preview{}, err
	}
	return e.foresee(ctx, w, overlay.before(w.Pipeline, spec.Stage), delivery.Promotion{Spec: spec, RequestedBy: overlay.actor, RequestedAt: w.Now})
}

// before lists the entries ahead of a stage that the same plan brings releases into.
func (p *plan) before(pipeline delivery.PipelineSpec, stage string) []string {
	entries := []string{}
	for _, s := range pipeline.Stages[:pipeline.StageIndex(stage)] {
		led := len(p.releases) > 0 && pipeline.Leads() && s.Name == pipeline.Stages[0].Name
		promoted := slices.ContainsFunc(p.promotions, func(spec delivery.PromotionSpec) bool { return spec.Stage == s.Name })
		if led || promoted {
			entries = append(entries, s.Name)
		}
	}
	return entries
}

func (e *Engine) foresee(ctx context.Context, w delivery.World, before []string, wanted delivery.Promotion) (delivery.Preview, error) {
	var f delivery.Foresight
	err := e.settle(ctx, w, newAnswers(w.Pipeline.Name), func(w delivery.World) delivery.Asks {
		f = delivery.Foresee(w, before, wanted)
		return f.Asks
	})
	return delivery.Preview{Changes: f.Changes(), Steps: f.Steps, Stages: f.Decision.Stages}, err
}

func (e *Engine) previewApproval(ctx context.Context, overlay *plan, spec delivery.ApprovalSpec) (delivery.Preview, error) {
	w, err := e.view(ctx, spec.Pipeline, overlay, spec.Version)
	if err != nil {
		return delivery.Preview{}, missing(err, "pipeline")
	}
	digest, err := approvable(w, overlay.actor, &spec)
	return delivery.Preview{ContentDigest: digest}, err
}

// missing puts a not_found at the attribute that names what is missing, as a refusal that a plan can show.
func missing(err error, field string) error {
	if !delivery.IsNotFound(err) {
		return err
	}
	return &delivery.Error{Code: delivery.CodeInvalid, Field: field, Message: delivery.ErrorsOf(err)[0].Message +
		"; declare it first, and refer to it by its resource so that Terraform creates it first"}
}
