package engine

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Advance works on the promotion into a stage until nothing is left to do now, and returns what was wanted and the last
// decision on it. It is idempotent, resumable and safe from many processes. With when_blocked = "wait" it stays while a gate is
// pending. Cancelling ctx stops it at its next safe point, with ctx's error.
func (e *Engine) Advance(ctx context.Context, actor, pipeline, entry string) (delivery.Promotion, delivery.Decision, error) {
	for {
		w, found, d, err := e.decide(ctx, pipeline, entry)
		wanted := w.Promotions[entry]
		if err != nil {
			return wanted, d, err
		}
		if len(d.Steps) == 0 {
			if !waits(wanted, d) {
				return wanted, d, e.recordStop(ctx, actor, wanted, d)
			}
			if err := e.o.Pause(ctx, e.untilReady(w.Now, d)); err != nil {
				return wanted, d, err
			}
			continue
		}
		busy, err := e.take(ctx, actor, found, d)
		if err != nil {
			return wanted, d, err
		}
		if busy {
			if err := e.o.Pause(ctx, e.o.Poll); err != nil {
				return wanted, d, err
			}
		}
	}
}

// decide loads the world, answers what the decision asks, and decides.
func (e *Engine) decide(ctx context.Context, pipeline, entry string) (delivery.World, answers, delivery.Decision, error) {
	var d delivery.Decision
	found := newAnswers(pipeline)
	w, err := e.view(ctx, pipeline, nil)
	if err == nil {
		err = e.settle(ctx, w, found, func(w delivery.World) delivery.Asks {
			d = e.o.decide(w, entry)
			return d.Asks
		})
	}
	return w, found, d, err
}

// waits reports whether the promotion asked to stay until its gates pass, and they still can.
func waits(wanted delivery.Promotion, d delivery.Decision) bool {
	stopped := d.Stopped()
	return wanted.Spec.WhenBlocked == delivery.WhenBlockedWait && stopped != nil && stopped.Held == "" && !stopped.FailedGate()
}

// untilReady is how long to wait before looking again: until the earliest moment that time alone can help, at most one poll.
func (e *Engine) untilReady(now time.Time, d delivery.Decision) time.Duration {
	wait := e.o.Poll
	for _, g := range d.Stopped().Gates {
		if g.ReadyAt != nil && g.ReadyAt.Sub(now) > 0 {
			wait = min(wait, g.ReadyAt.Sub(now))
		}
	}
	return wait
}

// take does the steps of a decision at the same time. busy says that none of them could be begun: other processes are acting in
// those places, or the ledger has moved on.
func (e *Engine) take(ctx context.Context, actor string, found answers, d delivery.Decision) (busy bool, err error) {
	jobs, pipeline, err := e.begin(ctx, actor, found, d)
	if err != nil || len(jobs) == 0 {
		return err == nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, j := range jobs {
		group.Go(func() error { return e.carryOut(ctx, pipeline, j) })
	}
	return false, group.Wait()
}

// recordStop records that a release was refused at a gate, if it was.
func (e *Engine) recordStop(ctx context.Context, actor string, wanted delivery.Promotion, d delivery.Decision) error {
	refusal := delivery.Outcome(wanted, d)
	if refusal == nil {
		return nil
	}
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		return e.record(ctx, tx, actor, []happened{{"promotion.refused", wanted.Spec.ID(), map[string]string{"version": wanted.Spec.Version, "reason": refusal.Message}}})
	})
}
