package control

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// pipelineRelaxation lists what an edit of a pipeline makes easier to pass, and the waiting releases that it unblocks.
func (c *Control) pipelineRelaxation(ctx context.Context, changes *delivery.ChangeSet, after delivery.PipelineSpec) (relaxations, unblocked []string, err error) {
	before, err := c.view(ctx, after.Name, nil)
	if delivery.IsNotFound(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if relaxations = delivery.PipelineRelaxation(before.Pipeline, after); len(relaxations) == 0 {
		return nil, nil, nil
	}
	edited := before
	edited.Pipeline = after
	edited.Environments = maps.Clone(before.Environments)
	if err := c.o.Store.View(ctx, func(r store.Reader) error {
		known, err := world.EnvironmentsOf(ctx, r, after, changes)
		maps.Copy(edited.Environments, known)
		return errors.Join(err, world.LoadRollouts(ctx, r, &edited))
	}); err != nil {
		return nil, nil, err
	}
	unblocked, err = c.unblocked(ctx, before, edited)
	return relaxations, unblocked, err
}

// unblocked names the releases that wait in one world and would not in the other.
func (c *Control) unblocked(ctx context.Context, before, after delivery.World) (unblocked []string, err error) {
	found := world.NewAnswers(before.Pipeline.Name)
	err = c.resolve(ctx, after, found, func(answered delivery.World) delivery.Questions {
		was := found.Apply(before)
		var questions delivery.Questions
		unblocked, questions = delivery.Unblocked(was, answered)
		return questions
	})
	return unblocked, err
}

// previewPolicy says what an edit of a policy, or its removal, weakens in every pipeline where it holds.
func (c *Control) previewPolicy(ctx context.Context, spec delivery.PolicySpec, removed bool) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil && !removed {
		return delivery.Preview{}, err
	}
	before, err := c.Policy(ctx, spec.Name)
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
	return c.relaxes(ctx, delivery.PolicyRelaxation(before, after), func(w *delivery.World) {
		w.Policies = slices.DeleteFunc(slices.Clone(w.Policies), func(p delivery.PolicySpec) bool { return p.Name == spec.Name })
		if !removed {
			w.Policies = append(w.Policies, spec)
		}
	})
}

// weakens names the releases, of every pipeline, that wait now and would not after an edit that weakens something. edit makes it
// in a copy of the world.
func (c *Control) relaxes(ctx context.Context, relaxations []string, edit func(*delivery.World)) (delivery.Preview, error) {
	preview := delivery.Preview{Relaxations: relaxations}
	if len(relaxations) == 0 {
		return preview, nil
	}
	pipelines, err := c.Pipelines(ctx)
	if err != nil {
		return preview, err
	}
	for _, p := range pipelines {
		before, err := c.view(ctx, p.Spec.Name, nil)
		if err != nil {
			return preview, err
		}
		after := before
		edit(&after)
		if err := c.o.Store.View(ctx, func(r store.Reader) error { return world.LoadRollouts(ctx, r, &after) }); err != nil {
			return preview, err
		}
		unblocked, err := c.unblocked(ctx, before, after)
		if err != nil {
			return preview, err
		}
		preview.Unblocked = append(preview.Unblocked, unblocked...)
	}
	return preview, nil
}

// previewOverride says whether an override would be accepted.
func (c *Control) previewOverride(ctx context.Context, changes *delivery.ChangeSet, spec delivery.OverrideSpec) error {
	w, err := c.view(ctx, spec.Pipeline, changes, spec.Version)
	if err != nil {
		return noPipeline(err)
	}
	_, err = overridable(w, spec)
	return err
}

// previewTestReport reads a report without recording it.
func (c *Control) previewTestReport(ctx context.Context, changes *delivery.ChangeSet, r delivery.TestReportRequest) (delivery.Preview, error) {
	counts, err := countsOf(r)
	if err != nil {
		return delivery.Preview{}, err
	}
	preview := delivery.Preview{Counts: &counts, Digest: digestOf(r.JUnit)}
	w, err := c.view(ctx, r.Spec.Pipeline, changes, r.Spec.Version)
	if err != nil {
		return preview, noPipeline(err)
	}
	_, err = reportable(w, r.Spec)
	return preview, err
}
