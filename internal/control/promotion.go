package control

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Promotion returns what is wanted in a stage and where it stands, as far as the ledger knows. One that nobody declares anymore is not
// found.
func (c *Control) Promotion(ctx context.Context, pipeline, stage string) (delivery.PromotionState, error) {
	return c.requestedPromotion(ctx, pipeline, stage, "")
}

// requestedPromotion is a promotion for a caller who asked for a version; any caller if it is empty.
func (c *Control) requestedPromotion(ctx context.Context, pipeline, stage, version string) (delivery.PromotionState, error) {
	f, err := c.recorded(ctx, pipeline)
	if err != nil {
		return delivery.PromotionState{}, err
	}
	return requestedPromotionState(f, stage, version)
}

func requestedPromotionState(f world.Facts, stage, version string) (delivery.PromotionState, error) {
	p, ok := f.Promotions[stage]
	at, exists := f.Pipeline.Stage(stage)
	if !ok || p.Unmanaged || !exists {
		return delivery.PromotionState{}, delivery.Errorf(delivery.CodeNotFound, "promotion %s/%s does not exist", f.Pipeline.Name, stage)
	}
	state, _ := delivery.PromotionStateOf(f.World, p, at)
	state.Work = requested(f, stage, version)
	return state, nil
}

// PutPromotion asks that a release be brought into a stage, and starts the work. It returns once the request is saved. With
// when_blocked = "fail", a release that cannot enter now is refused with every gate's verdict.
func (c *Control) PutPromotion(ctx context.Context, actor string, spec delivery.PromotionSpec) (delivery.PromotionState, error) {
	if _, err := c.startPromotion(ctx, actor, spec); err != nil {
		return delivery.PromotionState{}, err
	}
	return c.requestedPromotion(ctx, spec.Pipeline, spec.Stage, spec.Version)
}

// PutPromotionAndWait is PutPromotion, and then WaitPromotion for that version.
func (c *Control) PutPromotionAndWait(ctx context.Context, actor string, spec delivery.PromotionSpec, d time.Duration) (delivery.PromotionState, error) {
	request, err := c.startPromotion(ctx, actor, spec)
	if err != nil {
		return delivery.PromotionState{}, err
	}
	return finished(ctx, c, request, d, func(f world.Facts) (delivery.PromotionState, error) {
		return requestedPromotionState(f, spec.Stage, spec.Version)
	}, func(d time.Duration) (delivery.PromotionState, error) {
		return c.WaitPromotion(ctx, spec.Pipeline, spec.Stage, spec.Version, d)
	})
}

// startPromotion saves what is wanted in a stage, unless it is refused, and starts the work that it means.
func (c *Control) startPromotion(ctx context.Context, actor string, spec delivery.PromotionSpec) (request delivery.WorkRecord, err error) {
	if err := spec.Validate().Err(); err != nil {
		return request, err
	}
	asked, err := c.view(ctx, spec.Pipeline, nil, spec.Version)
	if err != nil {
		return request, noPipeline(err)
	}
	found := world.NewAnswers(spec.Pipeline)
	if promotable(asked, spec) == nil { // else there is nothing to ask, and it is refused below, where refusals are recorded
		err = c.resolve(ctx, asked, found, func(w delivery.World) delivery.Questions {
			_, questions := delivery.Admit(w, delivery.Promotion{Spec: spec})
			return questions
		})
	}
	if err != nil {
		return request, err
	}
	var w delivery.World
	err = c.journal.ChangeThen(ctx, actor, delivery.EventPromotionRefused, spec.ID(), func(tx store.Tx) (wanted []journal.Entry, err error) {
		if w, err = world.Refresh(ctx, tx, c.now(), asked, spec.Version); err != nil {
			return nil, noPipeline(err)
		}
		w.ResolvePath = c.o.ResolvePath
		if err := promotable(w, spec); err != nil {
			return nil, err
		}
		p := delivery.Promotion{Spec: spec, RequestedBy: actor, RequestedAt: c.now()}
		if refusal, _ := delivery.Admit(found.Apply(w), p); refusal != nil {
			return nil, refusal
		}
		if wanted, err = want(ctx, tx, w.Promotions[spec.Stage], p); len(wanted) > 0 {
			w = w.With(p)
		}
		return wanted, err
	}, func(tx store.Tx) (err error) {
		if err := tx.PutRecordings(ctx, spec.Pipeline, found.Pending()); err != nil {
			return err
		}
		if request, err = c.o.Worker.Request(ctx, tx, actor, spec.Pipeline, spec.Stage, spec.Version); err != nil {
			return err
		}
		w.Head, err = tx.Head(ctx) // what this transaction changed is in that world
		return err
	})
	if err != nil {
		return request, err
	}
	return request, c.o.Worker.StartPromotion(ctx, request, w)
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

// DeletePromotion stops managing a promotion: what runs keeps running, and nothing moves it anymore.
func (c *Control) DeletePromotion(ctx context.Context, actor, pipeline, stage string) error {
	return c.journal.Change(ctx, actor, delivery.EventPromotionRefused, pipeline+"/"+stage, func(tx store.Tx) ([]journal.Entry, error) {
		p, err := tx.Promotion(ctx, pipeline, stage)
		if err != nil {
			return nil, err
		}
		if p.Unmanaged {
			return nil, delivery.Errorf(delivery.CodeNotFound, "promotion %s/%s does not exist", pipeline, stage)
		}
		p.Unmanaged = true
		return journal.One(delivery.EventPromotionRemoved, p.Spec.ID(), p), tx.PutPromotion(ctx, p)
	})
}

// WaitPromotion returns the promotion as soon as the work on it has ended, or when d has passed. With a version it waits for that one, and
// says so when another one was asked for meanwhile.
func (c *Control) WaitPromotion(ctx context.Context, pipeline, stage, version string, d time.Duration) (delivery.PromotionState, error) {
	return waitFor(ctx, c, pipeline, stage, d, func(ctx context.Context) (delivery.PromotionState, delivery.Work, error) {
		state, err := c.requestedPromotion(ctx, pipeline, stage, version)
		return state, state.Work, err
	})
}
