package control

import (
	"context"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// The previews say what applying one declaration would do, over the ledger and over what the same plan is about to change. They write
// nothing.

// answer is what a preview answers. What would be refused at apply is an answer here, not an error, and then it is all that is said.
func answer[A any, P interface {
	*A
	Refuse(why delivery.Errors)
}](preview A, err error) (A, error) {
	refusals := delivery.ErrorsOf(err)
	if refusals == nil || !foreseen(refusals) {
		return preview, err
	}
	var refused A
	P(&refused).Refuse(refusals)
	return refused, nil
}

func foreseen(refusals delivery.Errors) bool {
	return !slices.ContainsFunc(refusals, func(r *delivery.Error) bool {
		return r.Code == delivery.CodeInternal || r.Code == delivery.CodeUnavailable || r.Code == delivery.CodeForbidden
	})
}

// PreviewEnvironment says what declaring an environment would do.
func (c *Control) PreviewEnvironment(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.EnvironmentSpec]) (delivery.EnvironmentPreview, error) {
	r.Changes.Actor = actor
	return answer(c.previewEnvironment(ctx, &r.Changes, r.Subject))
}

func (c *Control) previewEnvironment(ctx context.Context, changes *delivery.ChangeSet, spec delivery.EnvironmentSpec) (preview delivery.EnvironmentPreview, err error) {
	if err := spec.Validate().Err(); err != nil {
		return preview, err
	}
	return preview, c.o.Store.View(ctx, func(r store.Reader) error {
		if err := c.checkEnvironment(ctx, r, changes, spec); err != nil {
			return err
		}
		preview.Unmatched, err = unmatched(ctx, r, changes, spec)
		return err
	})
}

// unmatched lists the allowances of an environment that match no key of it, of what it is compared with, or of a stage that deploys to one of
// them.
func unmatched(ctx context.Context, r store.Reader, changes *delivery.ChangeSet, spec delivery.EnvironmentSpec) ([]string, error) {
	if spec.Parity == nil || len(spec.Parity.Allow) == 0 {
		return nil, nil
	}
	known := map[string]delivery.EnvironmentSpec{}
	for _, names := range []func() []string{spec.RelatedTo, func() []string { return world.Related(known, delivery.EnvironmentSpec.Sources) }} {
		if err := world.LoadEnvironments(ctx, r, names(), changes, known); err != nil {
			return nil, err
		}
	}
	known[spec.Name] = spec
	pipelines, err := r.Pipelines(ctx)
	return spec.UnmatchedAllowances(known, changes.Pipelines.Over(pipelines, delivery.PipelineSpec.ID)), err
}

// PreviewPipeline says what declaring a pipeline would do.
func (c *Control) PreviewPipeline(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.PipelineSpec]) (delivery.PipelinePreview, error) {
	r.Changes.Actor = actor
	return answer(c.previewPipeline(ctx, &r.Changes, r.Subject))
}

func (c *Control) previewPipeline(ctx context.Context, changes *delivery.ChangeSet, spec delivery.PipelineSpec) (preview delivery.PipelinePreview, err error) {
	if err := spec.Validate().Err(); err != nil {
		return preview, err
	}
	w := delivery.World{Pipeline: spec}
	err = c.o.Store.View(ctx, func(r store.Reader) (err error) {
		if w.Environments, err = world.EnvironmentsOf(ctx, r, spec, changes); err != nil {
			return err
		}
		w.Policies, err = r.Policies(ctx)
		return err
	})
	if err != nil {
		return preview, err
	}
	w.Policies = changes.Policies.Over(w.Policies, delivery.PolicySpec.ID)
	preview.Unguarded = w.UnguardedStages()
	return preview, c.validateEnvironments(spec, w.Environments).Err()
}

// PreviewRelease says what delivering a release would do.
func (c *Control) PreviewRelease(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.ReleaseRequest]) (delivery.ReleasePreview, error) {
	r.Changes.Actor = actor
	return answer(c.previewRelease(ctx, &r.Changes, r.Subject))
}

func (c *Control) previewRelease(ctx context.Context, changes *delivery.ChangeSet, r delivery.ReleaseRequest) (preview delivery.ReleasePreview, err error) {
	if err := validateRelease(r); err != nil {
		return preview, err
	}
	changes.Releases = nil // the subject stands for itself
	w, err := c.view(ctx, r.Spec.Pipeline, changes, r.Spec.Version)
	if err != nil {
		return preview, noPipeline(err)
	}
	if err := sameContent(w.Releases, r.Spec); err != nil {
		return preview, err
	}
	w = changes.Register(w, r)
	if !w.Pipeline.AutoStart() {
		return preview, nil
	}
	preview.DeliveryPreview, _, err = c.simulate(ctx, w, nil, r.LeadingPromotion(w.Pipeline, changes.Actor, w.Now))
	return preview, err
}

// PreviewPromotion says what promoting a release would do.
func (c *Control) PreviewPromotion(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.PromotionSpec]) (delivery.PromotionPreview, error) {
	r.Changes.Actor = actor
	return answer(c.previewPromotion(ctx, &r.Changes, r.Subject))
}

func (c *Control) previewPromotion(ctx context.Context, changes *delivery.ChangeSet, spec delivery.PromotionSpec) (preview delivery.PromotionPreview, err error) {
	if err := spec.Validate().Err(); err != nil {
		return preview, err
	}
	changes.Promotions = changes.Promotions.Where(func(s delivery.PromotionSpec) bool { return s.Stage != spec.Stage }) // as above
	w, err := c.view(ctx, spec.Pipeline, changes, spec.Version)
	if err != nil {
		return preview, noPipeline(err)
	}
	if err := promotable(w, spec); err != nil {
		return preview, err
	}
	preview.DeliveryPreview, preview.Promotion, err = c.simulate(ctx, w, changes.EntriesBefore(w.Pipeline, spec.Stage),
		delivery.Promotion{Spec: spec, RequestedBy: changes.Actor, RequestedAt: w.Now})
	return preview, err
}

// simulate says what a promotion would do, and how it would read afterwards; nil if that is not certain.
func (c *Control) simulate(ctx context.Context, w delivery.World, before []string, wanted delivery.Promotion) (delivery.DeliveryPreview, *delivery.PromotionState, error) {
	var f delivery.Simulation
	err := c.resolve(ctx, w, world.NewAnswers(w.Pipeline.Name), func(w delivery.World) delivery.Questions {
		f = delivery.Simulate(w, before, wanted)
		return f.Questions
	})
	preview := delivery.DeliveryPreview{Changes: f.Changes(), Steps: f.Steps, Stages: f.Decision.Stages}
	for _, s := range f.Decision.Stages {
		if stage, ok := w.Pipeline.Stage(s.Stage); ok {
			preview.Overrides = append(preview.Overrides, w.LiveOverrides(stage, w.Releases[wanted.Spec.Version])...)
		}
	}
	if err != nil {
		return preview, f.Expected, err
	}
	if irreversible := f.Decision.Irreversible(); irreversible != nil {
		preview.Refused = append(preview.Refused, irreversible)
	}
	err = c.preflight(ctx, w, &preview)
	return preview, f.Expected, err
}

// PreviewApproval says whether a decision would be recorded, and what it would cover.
func (c *Control) PreviewApproval(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.ApprovalSpec]) (delivery.ApprovalPreview, error) {
	r.Changes.Actor = actor
	found, err := c.previewApproval(ctx, &r.Changes, r.Subject)
	preview, err := answer(found, err)
	preview.ContentDigest, preview.Undecided, preview.Status = found.ContentDigest, found.Undecided, found.Status // also of one that would be refused if it were made now
	return preview, err
}

func (c *Control) previewApproval(ctx context.Context, changes *delivery.ChangeSet, spec delivery.ApprovalSpec) (preview delivery.ApprovalPreview, err error) {
	changes.Approvals = changes.Approvals.Where(func(s delivery.ApprovalSpec) bool { return s != spec }) // the subject stands for itself
	w, err := c.view(ctx, spec.Pipeline, changes, spec.Version)
	if err != nil {
		return preview, noPipeline(err)
	}
	request, err := approvable(w, changes.Actor, &spec)
	preview.ContentDigest, preview.Undecided = request.ContentDigest, spec.Undecided(changes.Actor)
	if recorded := w.Recorded(spec); recorded != nil {
		preview.Status = w.ApprovalStatus(*recorded)
	}
	return preview, err
}

// PreviewOverride says whether an override would be made.
func (c *Control) PreviewOverride(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.OverrideSpec]) (delivery.OverridePreview, error) {
	r.Changes.Actor = actor
	return answer(delivery.OverridePreview{}, c.previewOverride(ctx, &r.Changes, r.Subject))
}

func (c *Control) previewOverride(ctx context.Context, changes *delivery.ChangeSet, spec delivery.OverrideSpec) error {
	w, err := c.view(ctx, spec.Pipeline, changes, spec.Version)
	if err != nil {
		return noPipeline(err)
	}
	return overridable(w, spec, changes.Actor)
}

// PreviewTestReport reads a report without recording it.
func (c *Control) PreviewTestReport(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.TestReportRequest]) (delivery.TestReportPreview, error) {
	r.Changes.Actor = actor
	return answer(c.previewTestReport(ctx, &r.Changes, r.Subject))
}

func (c *Control) previewTestReport(ctx context.Context, changes *delivery.ChangeSet, r delivery.TestReportRequest) (preview delivery.TestReportPreview, err error) {
	counts, err := countsOf(r)
	if err != nil {
		return preview, err
	}
	preview.Counts, preview.Digest = &counts, digestOf(r.JUnit)
	w, err := c.view(ctx, r.Spec.Pipeline, changes, r.Spec.Version)
	if err != nil {
		return preview, noPipeline(err)
	}
	_, err = reportable(w, r.Spec)
	return preview, err
}

// noPipeline turns "the pipeline does not exist" into a refusal at the attribute that names it, so that a plan can show it.
func noPipeline(err error) error {
	if !delivery.IsNotFound(err) {
		return err
	}
	return &delivery.Error{Code: delivery.CodeInvalid, Field: "pipeline", Message: delivery.ErrorsOf(err)[0].Message +
		"; declare it first, and refer to it by its resource so that Terraform creates it first"}
}
