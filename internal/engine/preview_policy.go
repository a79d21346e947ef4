package engine

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// weakenedPipeline says what an edit of a pipeline weakens, and which releases that wait would get through.
func (e *Engine) pipelineRelaxation(ctx context.Context, overlay *plan, after delivery.PipelineSpec) (weakened, through []string, err error) {
	before, err := e.view(ctx, after.Name, nil)
	if delivery.IsNotFound(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if weakened = delivery.PipelineRelaxation(before.Pipeline, after); len(weakened) == 0 {
		return nil, nil, nil
	}
	edited := before
	edited.Pipeline = after
	edited.Environments = maps.Clone(before.Environments)
	if err := e.o.Store.View(ctx, func(r store.Reader) error {
		known, err := environmentsOf(ctx, r, after, overlay)
		maps.Copy(edited.Environments, known)
		return errors.Join(err, loadRollouts(ctx, r, &edited))
	}); err != nil {
		return nil, nil, err
	}
	through, err = e.unblocked(ctx, before, edited)
	return weakened, through, err
}

// letThrough names the releases that wait in one world and would not in the other.
func (e *Engine) unblocked(ctx context.Context, before, after delivery.World) (through []string, err error) {
	found := newAnswers(before.Pipeline.Name)
	err = e.settle(ctx, after, found, func(answered delivery.World) delivery.Questions {
		was := found.answered(before)
		var asks delivery.Questions
		through, asks = delivery.Unblocked(was, answered)
		return asks
	})
	return through, err
}

// previewPolicy says what an edit of a policy, or its removal, weakens in every pipeline where it holds.
func (e *Engine) previewPolicy(ctx context.Context, spec delivery.PolicySpec, removed bool) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil && !removed {
		return delivery.Preview{}, err
	}
	before, err := e.Policy(ctx, spec.Name)
	if err != nil {
		if delivery.IsNotFound(err) {
			err = nil // a new policy weakens nothing
		}
		return delivery.Preview{}, err
	}
	after := &spec
	if removed {
		after = nil
	}
	return e.relaxes(ctx, delivery.PolicyRelaxation(before, after), func(w *delivery.World) {
		w.Policies = slices.DeleteFunc(slices.Clone(w.Policies), func(p delivery.PolicySpec) bool { return p.Name == spec.Name })
		if !removed {
			w.Policies = append(w.Policies, spec)
		}
	})
}

// weakens names the releases, of every pipeline, that wait now and would not after an edit that weakens something. edit makes it
// in a copy of the world.
func (e *Engine) relaxes(ctx context.Context, weakened []string, edit func(*delivery.World)) (delivery.Preview, error) {
	preview := delivery.Preview{Relaxations: weakened}
	if len(weakened) == 0 {
		return preview, nil
	}
	pipelines, err := e.Pipelines(ctx)
	if err != nil {
		return preview, err
	}
	for _, p := range pipelines {
		before, err := e.view(ctx, p.Spec.Name, nil)
		if err != nil {
			return preview, err
		}
		after := before
		edit(&after)
		if err := e.o.Store.View(ctx, func(r store.Reader) error { return loadRollouts(ctx, r, &after) }); err != nil {
			return preview, err
		}
		through, err := e.unblocked(ctx, before, after)
		if err != nil {
			return preview, err
		}
		preview.Unblocked = append(preview.Unblocked, through...)
	}
	return preview, nil
}

// previewOverride says whether an override would be accepted.
func (e *Engine) previewOverride(ctx context.Context, overlay *plan, spec delivery.OverrideSpec) error {
	w, err := e.view(ctx, spec.Pipeline, overlay, spec.Version)
	if err != nil {
		return noPipeline(err)
	}
	_, err = overridable(w, spec)
	return err
}

// previewTestReport reads a report without recording it.
func (e *Engine) previewTestReport(ctx context.Context, overlay *plan, r delivery.TestReportRequest) (delivery.Preview, error) {
	counts, err := countsOf(r)
	if err != nil {
		return delivery.Preview{}, err
	}
	preview := delivery.Preview{Counts: &counts, Digest: digestOf(r.JUnit)}
	w, err := e.view(ctx, r.Spec.Pipeline, overlay, r.Spec.Version)
	if err != nil {
		return preview, noPipeline(err)
	}
	_, err = reportable(w, r.Spec)
	return preview, err
}
