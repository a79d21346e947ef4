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
func (c *Control) pipelineRelaxation(ctx context.Context, changes *delivery.ChangeSet, after delivery.PipelineSpec) (w delivery.Weakening, err error) {
	before, err := c.view(ctx, after.Name, nil)
	if delivery.IsNotFound(err) {
		return w, nil
	}
	if err != nil {
		return w, err
	}
	if w.Relaxations = delivery.PipelineRelaxation(before.Pipeline, after); len(w.Relaxations) == 0 {
		return w, nil
	}
	edited := before
	edited.Pipeline = after
	edited.Environments = maps.Clone(before.Environments)
	if err := c.o.Store.View(ctx, func(r store.Reader) error {
		known, err := world.EnvironmentsOf(ctx, r, after, changes)
		maps.Copy(edited.Environments, known)
		return errors.Join(err, world.LoadRollouts(ctx, r, &edited))
	}); err != nil {
		return w, err
	}
	w.Unblocked, err = c.unblocked(ctx, before, edited)
	return w, err
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

// PreviewPolicy says what an edit of a policy, or its removal, weakens in every pipeline where it holds.
func (c *Control) PreviewPolicy(ctx context.Context, r delivery.PolicyEdit) (delivery.PolicyPreview, error) {
	weakening, err := c.policyRelaxation(ctx, r.Policy, r.Removed)
	return answer(delivery.PolicyPreview{Weakening: weakening}, err)
}

func (c *Control) policyRelaxation(ctx context.Context, spec delivery.PolicySpec, removed bool) (delivery.Weakening, error) {
	if err := spec.Validate().Err(); err != nil && !removed {
		return delivery.Weakening{}, err
	}
	before, err := c.Policy(ctx, spec.Name)
	if err != nil {
		if delivery.IsNotFound(err) {
			err = nil // a new policy weakens nothing
		}
		return delivery.Weakening{}, err
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

// relaxes names the releases, of every pipeline, that wait now and would not after an edit that weakens something. edit makes it
// in a copy of the world.
func (c *Control) relaxes(ctx context.Context, relaxations []string, edit func(*delivery.World)) (delivery.Weakening, error) {
	weakening := delivery.Weakening{Relaxations: relaxations}
	if len(relaxations) == 0 {
		return weakening, nil
	}
	pipelines, err := c.Pipelines(ctx)
	if err != nil {
		return weakening, err
	}
	for _, p := range pipelines {
		before, err := c.view(ctx, p.Spec.Name, nil)
		if err != nil {
			return weakening, err
		}
		after := before
		edit(&after)
		if err := c.o.Store.View(ctx, func(r store.Reader) error { return world.LoadRollouts(ctx, r, &after) }); err != nil {
			return weakening, err
		}
		unblocked, err := c.unblocked(ctx, before, after)
		if err != nil {
			return weakening, err
		}
		weakening.Unblocked = append(weakening.Unblocked, unblocked...)
	}
	return weakening, nil
}
