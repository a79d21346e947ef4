package control

import (
	"context"
	"maps"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Refresh looks at what pipelines run, records what it saw, and says where everything of them stands. It does the same for those that the
// caller may ask for next, as far as they were looked at from this place before. Pipelines that do not exist are left out.
func (c *Control) Refresh(ctx context.Context, actor string, r delivery.RefreshRequest) ([]delivery.PipelineState, error) {
	if err := r.Validate().Err(); err != nil {
		return nil, err
	}
	found, err := c.recordedAll(ctx, slices.Concat(r.Pipelines, r.Next))
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(f world.Facts) bool {
		return !slices.Contains(r.Pipelines, f.Pipeline.Name) && !c.o.Observer.LookedFromHere(f)
	})
	answers, err := c.o.Observer.Look(ctx, found)
	if err != nil {
		return nil, err
	}
	states, moved := []delivery.PipelineState{}, []string{}
	for i, f := range found {
		if f.World = answers[i].Apply(f.World); delivery.Settled(f.World, actor) {
			states = append(states, pipelineState(f, true))
		} else {
			moved = append(moved, f.Pipeline.Name)
		}
	}
	// Something may have been deployed while it was looked for, so these are read again.
	again, err := c.recordedAll(ctx, moved)
	for _, f := range again {
		states = append(states, pipelineState(f, false))
	}
	return states, err
}

// recordedAll is recorded for several pipelines, each once. Those that do not exist are left out.
func (c *Control) recordedAll(ctx context.Context, pipelines []string) (all []world.Facts, err error) {
	if len(pipelines) == 0 {
		return nil, nil
	}
	slices.Sort(pipelines)
	pipelines = slices.Compact(pipelines)
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		all = nil
		for _, pipeline := range pipelines {
			f, err := c.loadFacts(ctx, r, pipeline)
			if delivery.IsNotFound(err) {
				continue
			}
			if err != nil {
				return err
			}
			all = append(all, f)
		}
		return nil
	})
	return all, err
}

// pipelineState is where everything of a pipeline stands.
func pipelineState(f world.Facts, settled bool) delivery.PipelineState {
	s := delivery.PipelineState{Pipeline: f.Pipeline.Name, AutoStart: f.Pipeline.AutoStart(), Leading: delivery.Leading(f.World), Settled: settled, Unguarded: f.UnguardedStages(),
		Reports: slices.DeleteFunc(slices.Clone(f.Reports), func(r delivery.TestReport) bool { return r.WithdrawnAt != nil }), Overrides: f.Overrides}
	for _, version := range slices.Sorted(maps.Keys(f.Releases)) {
		if release, err := releaseState(f, version); err == nil { // else it is retired
			s.Releases = append(s.Releases, release)
		}
	}
	for _, stage := range f.Pipeline.Stages {
		promotion, err := requestedPromotionState(f, stage.Name, "")
		if err == nil && len(promotion.Spec.ValidateStage(f.Pipeline)) == 0 { // else nobody declares it, or nobody may
			s.Promotions = append(s.Promotions, promotion)
		}
	}
	for _, a := range f.Approvals {
		if a.RevokedAt == nil {
			a.Status = f.ApprovalStatus(a)
			s.Approvals = append(s.Approvals, a)
		}
	}
	return s
}
