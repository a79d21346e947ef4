package engine

import (
	"context"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

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
	case r.Policy != nil:
		preview, err = e.previewPolicy(ctx, *r.Policy, r.Removed)
	case r.Freeze != nil:
		preview, err = e.previewFreeze(ctx, *r.Freeze, r.Removed)
	case r.Override != nil:
		err = e.previewOverride(ctx, overlay, *r.Override)
	case r.Verification != nil:
		preview, err = e.previewVerification(ctx, overlay, *r.Verification)
	case r.TestReport != nil:
		preview, err = e.previewTestReport(ctx, overlay, *r.TestReport)
	default:
		return preview, delivery.Errorf(delivery.CodeInvalid, "a preview needs a subject, such as an environment, a release or a promotion")
	}
	// What would be refused at apply is an answer here, not an error.
	if refusals := delivery.ErrorsOf(err); refusals != nil && foreseen(refusals) {
		return delivery.Preview{Refused: refusals}, nil
	}
	return preview, err
}

func foreseen(refusals delivery.Errors) bool {
	return !slices.ContainsFunc(refusals, func(r *delivery.Error) bool {
		return r.Code == delivery.CodeInternal || r.Code == delivery.CodeUnavailable || r.Code == delivery.CodeForbidden
	})
}

func (e *Engine) previewEnvironment(ctx context.Context, overlay *plan, spec delivery.EnvironmentSpec) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.Preview{}, err
	}
	preview := delivery.Preview{}
	before, err := e.Environment(ctx, spec.Name)
	if err != nil && !delivery.IsNotFound(err) {
		return preview, err
	}
	if err == nil {
		preview.Relaxations = delivery.ParityRelaxation(before.Spec, spec)
	}
	return preview, e.o.Store.View(ctx, func(r store.Reader) error { return e.checkEnvironment(ctx, r, overlay, spec) })
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
	if err := spec.ValidateEnvironments(known).Err(); err != nil {
		return delivery.Preview{}, err
	}
	weakened, through, err := e.pipelineRelaxation(ctx, overlay, spec)
	return delivery.Preview{Relaxations: weakened, Unblocked: through}, err
}

func (e *Engine) previewRelease(ctx context.Context, overlay *plan, r delivery.ReleaseRequest) (delivery.Preview, error) {
	if err := validateRelease(r); err != nil {
		return delivery.Preview{}, err
	}
	overlay.releases = nil // the subject stands for itself
	w, err := e.view(ctx, r.Spec.Pipeline, overlay, r.Spec.Version)
	if err != nil {
		return delivery.Preview{}, noPipeline(err)
	}
	if err := sameContent(w.Releases, r.Spec); err != nil {
		return delivery.Preview{}, err
	}
	w.Releases[r.Spec.Version] = overlay.registered(r, &w)
	if !w.Pipeline.AutoStart() {
		return delivery.Preview{}, nil
	}
	return e.simulate(ctx, overlay, w, nil, leading(w.Pipeline, r, overlay.actor, w.Now))
}

func (e *Engine) previewPromotion(ctx context.Context, overlay *plan, spec delivery.PromotionSpec) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.Preview{}, err
	}
	overlay.promotions = slices.DeleteFunc(overlay.promotions, func(p delivery.PromotionSpec) bool { return p.Stage == spec.Stage })
	w, err := e.view(ctx, spec.Pipeline, overlay, spec.Version)
	if err != nil {
		return delivery.Preview{}, noPipeline(err)
	}
	if err := promotable(w, spec); err != nil {
		return delivery.Preview{}, err
	}
	return e.simulate(ctx, overlay, w, overlay.before(w.Pipeline, spec.Stage), delivery.Promotion{Spec: spec, RequestedBy: overlay.actor, RequestedAt: w.Now})
}

// before lists the entries ahead of a stage that the same plan brings releases into.
func (p *plan) before(pipeline delivery.PipelineSpec, stage string) []string {
	entries := []string{}
	for _, s := range pipeline.Stages[:pipeline.StageIndex(stage)] {
		led := len(p.releases) > 0 && pipeline.AutoStart() && s.Name == pipeline.Stages[0].Name
		if led || p.promotes(s.Name) {
			entries = append(entries, s.Name)
		}
	}
	return entries
}

// promotes reports whether the same plan promotes something into a stage.
func (p *plan) promotes(stage string) bool {
	return slices.ContainsFunc(p.promotions, func(spec delivery.PromotionSpec) bool { return spec.Stage == stage })
}

func (e *Engine) simulate(ctx context.Context, overlay *plan, w delivery.World, before []string, wanted delivery.Promotion) (delivery.Preview, error) {
	var f delivery.Simulation
	err := e.settle(ctx, w, newAnswers(w.Pipeline.Name), func(w delivery.World) delivery.Questions {
		f = delivery.Simulate(w, before, wanted)
		return f.Questions
	})
	preview := delivery.Preview{Changes: f.Changes(), Steps: f.Steps, Stages: f.Decision.Stages, Promotion: f.Expected}
	for _, s := range f.Decision.Stages {
		if stage, ok := w.Pipeline.Stage(s.Stage); ok {
			preview.Overrides = append(preview.Overrides, w.LiveOverrides(stage, w.Releases[wanted.Spec.Version])...)
		}
	}
	if err != nil {
		return preview, err
	}
	err = e.preflight(ctx, w, overlay.news, &preview)
	return preview, err
}

func (e *Engine) previewApproval(ctx context.Context, overlay *plan, spec delivery.ApprovalSpec) (delivery.Preview, error) {
	overlay.approvals = slices.DeleteFunc(overlay.approvals, func(planned delivery.ApprovalSpec) bool { return planned == spec }) // the subject stands for itself
	w, err := e.view(ctx, spec.Pipeline, overlay, spec.Version)
	if err != nil {
		return delivery.Preview{}, noPipeline(err)
	}
	request, err := approvable(w, overlay.actor, &spec)
	return delivery.Preview{ContentDigest: request.ContentDigest}, err
}

// noPipeline turns "the pipeline does not exist" into a refusal at the attribute that names it, so that a plan can show it.
func noPipeline(err error) error {
	if !delivery.IsNotFound(err) {
		return err
	}
	return &delivery.Error{Code: delivery.CodeInvalid, Field: "pipeline", Message: delivery.ErrorsOf(err)[0].Message +
		"; declare it first, and refer to it by its resource so that Terraform creates it first"}
}
