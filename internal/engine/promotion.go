package engine

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Promotion returns what is wanted in a stage and where it stands. One that nobody declares any more is not found.
func (e *Engine) Promotion(ctx context.Context, pipeline, stage string) (delivery.PromotionState, error) {
	work := e.workOf(runKey{pipeline, stage}) // before the ledger is read: settled work must not be told with what was before it
	w, err := e.view(ctx, pipeline, nil)
	if err != nil {
		return delivery.PromotionState{}, err
	}
	p, ok := w.Promotions[stage]
	at, exists := w.Pipeline.Stage(stage)
	if !ok || p.Unmanaged || !exists {
		return delivery.PromotionState{}, delivery.Errorf(delivery.CodeNotFound, "promotion %s/%s does not exist", pipeline, stage)
	}
	var state delivery.PromotionState
	err = e.settle(ctx, w, newAnswers(pipeline), func(w delivery.World) (asks delivery.Questions) {
		state, asks = delivery.PromotionStateOf(w, p, at)
		return asks
	})
	state.Work = work
	return state, err
}

// PutPromotion asks that a release be brought into a stage, and starts the work. It returns once the wish is saved. With
// when_blocked = "fail", a release that cannot enter now is refused with every gate's verdict.
func (e *Engine) PutPromotion(ctx context.Context, actor string, spec delivery.PromotionSpec) (delivery.PromotionState, error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.PromotionState{}, err
	}
	w, err := e.view(ctx, spec.Pipeline, nil, spec.Version)
	if err != nil {
		return delivery.PromotionState{}, noPipeline(err)
	}
	found := newAnswers(spec.Pipeline)
	if promotable(w, spec) == nil { // else there is nothing to ask, and it is refused below, where refusals are recorded
		err = e.settle(ctx, w, found, func(w delivery.World) delivery.Questions {
			_, asks := delivery.Admit(w, delivery.Promotion{Spec: spec})
			return asks
		})
	}
	if err != nil {
		return delivery.PromotionState{}, err
	}
	err = e.change(ctx, actor, "promotion", spec.ID(), func(tx store.Tx) ([]eventRecord, error) {
		w, err := e.world(ctx, tx, spec.Pipeline, nil, spec.Version)
		if err != nil {
			return nil, noPipeline(err)
		}
		if err := promotable(w, spec); err != nil {
			return nil, err
		}
		p := delivery.Promotion{Spec: spec, RequestedBy: actor, RequestedAt: e.now()}
		if refusal, _ := delivery.Admit(found.answered(w), p); refusal != nil {
			return nil, refusal
		}
		return want(ctx, tx, p)
	})
	if err != nil {
		return delivery.PromotionState{}, err
	}
	if err := e.start(ctx, runKey{spec.Pipeline, spec.Stage}, actor, spec.Version); err != nil {
		return delivery.PromotionState{}, err
	}
	return e.Promotion(ctx, spec.Pipeline, spec.Stage)
}

// promotable refuses a promotion that could never be carried out: no such stage, or no such release.
func promotable(w delivery.World, spec delivery.PromotionSpec) error {
	if err := spec.ValidateStage(w.Pipeline).Err(); err != nil {
		return err
	}
	if _, ok := w.Releases[spec.Version]; !ok {
		return noRelease(w, spec.Version)
	}
	return nil
}

// DeletePromotion stops managing a promotion: what runs keeps running, and nothing moves it any more.
func (e *Engine) DeletePromotion(ctx context.Context, actor, pipeline, stage string) error {
	return e.change(ctx, actor, "promotion", pipeline+"/"+stage, func(tx store.Tx) ([]eventRecord, error) {
		p, err := tx.Promotion(ctx, pipeline, stage)
		if err != nil {
			return nil, err
		}
		if p.Unmanaged {
			return nil, delivery.Errorf(delivery.CodeNotFound, "promotion %s/%s does not exist", pipeline, stage)
		}
		p.Unmanaged = true
		return []eventRecord{{"promotion.removed", p.Spec.ID(), p}}, tx.PutPromotion(ctx, p)
	})
}

// WaitPromotion returns the promotion as soon as this process's work on it is settled, or when d has passed.
func (e *Engine) WaitPromotion(ctx context.Context, pipeline, stage string, d time.Duration) (delivery.PromotionState, error) {
	return settled(ctx, e, runKey{pipeline, stage}, d, func(ctx context.Context) (delivery.PromotionState, error) {
		return e.Promotion(ctx, pipeline, stage)
	})
}
