package control

import (
	"context"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Preview says what applying one declaration would do, over the ledger and over what the same plan is about to change. It
// writes nothing.
func (c *Control) Preview(ctx context.Context, actor string, r delivery.PreviewRequest) (delivery.Preview, error) {
	changes := &r.Changes
	changes.Actor = actor
	var preview delivery.Preview
	var err error
	switch {
	case r.Environment != nil:
		preview, err = c.previewEnvironment(ctx, changes, *r.Environment)
	case r.Pipeline != nil:
		preview, err = c.previewPipeline(ctx, changes, *r.Pipeline)
	case r.Release != nil:
		preview, err = c.previewRelease(ctx, changes, *r.Release)
	case r.Promotion != nil:
		preview, err = c.previewPromotion(ctx, changes, *r.Promotion)
	case r.Approval != nil:
		preview, err = c.previewApproval(ctx, changes, *r.Approval)
	case r.Policy != nil:
		preview, err = c.previewPolicy(ctx, *r.Policy, r.Removed)
	case r.Freeze != nil:
		preview, err = c.previewFreeze(ctx, *r.Freeze, r.Removed)
	case r.Override != nil:
		err = c.previewOverride(ctx, changes, *r.Override)
	case r.Verification != nil:
		preview, err = c.previewVerification(ctx, changes, *r.Verification)
	case r.TestReport != nil:
		preview, err = c.previewTestReport(ctx, changes, *r.TestReport)
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

func (c *Control) previewEnvironment(ctx context.Context, changes *delivery.ChangeSet, spec delivery.EnvironmentSpec) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.Preview{}, err
	}
	preview := delivery.Preview{}
	before, err := c.Environment(ctx, spec.Name)
	if err != nil && !delivery.IsNotFound(err) {
		return preview, err
	}
	if err == nil {
		preview.Relaxations = delivery.ParityRelaxation(before.Spec, spec)
	}
	return preview, c.o.Store.View(ctx, func(r store.Reader) error { return c.checkEnvironment(ctx, r, changes, spec) })
}

func (c *Control) previewPipeline(ctx context.Context, changes *delivery.ChangeSet, spec delivery.PipelineSpec) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.Preview{}, err
	}
	var known map[string]delivery.EnvironmentSpec
	err := c.o.Store.View(ctx, func(r store.Reader) (err error) {
		known, err = world.EnvironmentsOf(ctx, r, spec, changes)
		return err
	})
	if err != nil {
		return delivery.Preview{}, err
	}
	if err := spec.ValidateEnvironments(known).Err(); err != nil {
		return delivery.Preview{}, err
	}
	relaxations, unblocked, err := c.pipelineRelaxation(ctx, changes, spec)
	return delivery.Preview{Relaxations: relaxations, Unblocked: unblocked}, err
}

func (c *Control) previewRelease(ctx context.Context, changes *delivery.ChangeSet, r delivery.ReleaseRequest) (delivery.Preview, error) {
	if err := validateRelease(r); err != nil {
		return delivery.Preview{}, err
	}
	changes.Releases = nil // the subject stands for itself
	w, err := c.view(ctx, r.Spec.Pipeline, changes, r.Spec.Version)
	if err != nil {
		return delivery.Preview{}, noPipeline(err)
	}
	if err := sameContent(w.Releases, r.Spec); err != nil {
		return delivery.Preview{}, err
	}
	w = changes.Register(w, r)
	if !w.Pipeline.AutoStart() {
		return delivery.Preview{}, nil
	}
	return c.simulate(ctx, w, nil, r.LeadingPromotion(w.Pipeline, changes.Actor, w.Now))
}

func (c *Control) previewPromotion(ctx context.Context, changes *delivery.ChangeSet, spec delivery.PromotionSpec) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.Preview{}, err
	}
	changes.Promotions = changes.Promotions.Where(func(s delivery.PromotionSpec) bool { return s.Stage != spec.Stage }) // as above
	w, err := c.view(ctx, spec.Pipeline, changes, spec.Version)
	if err != nil {
		return delivery.Preview{}, noPipeline(err)
	}
	if err := promotable(w, spec); err != nil {
		return delivery.Preview{}, err
	}
	return c.simulate(ctx, w, changes.EntriesBefore(w.Pipeline, spec.Stage), delivery.Promotion{Spec: spec, RequestedBy: changes.Actor, RequestedAt: w.Now})
}

func (c *Control) simulate(ctx context.Context, w delivery.World, before []string, wanted delivery.Promotion) (delivery.Preview, error) {
	var f delivery.Simulation
	err := c.resolve(ctx, w, world.NewAnswers(w.Pipeline.Name), func(w delivery.World) delivery.Questions {
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
	err = c.preflight(ctx, w, &preview)
	return preview, err
}

func (c *Control) previewApproval(ctx context.Context, changes *delivery.ChangeSet, spec delivery.ApprovalSpec) (delivery.Preview, error) {
	changes.Approvals = changes.Approvals.Where(func(s delivery.ApprovalSpec) bool { return s != spec }) // the subject stands for itself
	w, err := c.view(ctx, spec.Pipeline, changes, spec.Version)
	if err != nil {
		return delivery.Preview{}, noPipeline(err)
	}
	request, err := approvable(w, changes.Actor, &spec)
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
