package engine

import (
	"context"
	"errors"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// runKey names the work on one promotion: the pipeline, and the stage that is entered.
type runKey struct{ pipeline, entry string }

// run is this process's work on one promotion. Only the newest of a key is kept.
type run struct {
	cancel   context.CancelFunc
	done     chan struct{}
	decision delivery.Decision // valid once done
	wanted   delivery.Promotion
	err      error
}

// start begins work on a promotion of a version.
func (e *Engine) start(key runKey, actor, version string) {
	e.launch(key, func(ctx context.Context, r *run) (err error) {
		r.wanted, r.decision, err = e.Advance(ctx, actor, key.pipeline, key.entry)
		if err == nil && r.wanted.Spec.Version != version {
			err = delivery.Errorf(delivery.CodeConflict, "%s/%s was to get %s, but %s asked for %s meanwhile; see what is wanted and apply again",
				key.pipeline, key.entry, version, r.wanted.RequestedBy, r.wanted.Spec.Version)
		}
		return err
	})
}

// launch does work on a stage in a goroutine, after the work on the same stage that is under way, if any.
func (e *Engine) launch(key runKey, work func(context.Context, *run) error) {
	ctx, cancel := context.WithCancel(e.lifetime)
	r := &run{cancel: cancel, done: make(chan struct{})}
	e.mu.Lock()
	before := e.runs[key]
	e.runs[key] = r
	e.mu.Unlock()
	go func() {
		defer close(r.done)
		defer cancel()
		if before != nil {
			<-before.done
		}
		if r.err = work(ctx, r); r.err != nil {
			e.o.Log.Error("delivery stopped", "pipeline", key.pipeline, "stage", key.entry, "error", r.err)
		}
	}()
}

// await waits until the work on a promotion is settled, or until d has passed, which is no error.
func (e *Engine) await(ctx context.Context, key runKey, d time.Duration) error {
	e.mu.Lock()
	r := e.runs[key]
	e.mu.Unlock()
	if r == nil {
		return nil
	}
	limit, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-r.done:
	case <-limit.Done():
	}
	return ctx.Err()
}

// glance bounds a look at a ledger that was waited for in vain a moment ago.
const glance = time.Second

// settled reads how something stands as soon as the work on a promotion is settled, or when d has passed. Work that ended because
// something does not answer has waited for it already. That may be the ledger: it is not waited for as long once more, only to say
// that it cannot be read, when why the work ended says more.
func settled[S any](ctx context.Context, e *Engine, key runKey, d time.Duration, read func(context.Context) (S, error)) (S, error) {
	var none S
	if err := e.await(ctx, key, d); err != nil {
		return none, err
	}
	why := e.workOf(key).Failure
	if why == nil || why.Code != delivery.CodeUnavailable {
		return read(ctx)
	}
	brief, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	state, err := read(brief)
	if delivery.CodeOf(err) == delivery.CodeUnavailable && ctx.Err() == nil {
		return none, why
	}
	return state, err
}

// Cancel stops this process's work on the promotion into a stage at its next safe point, and waits until it has stopped.
func (e *Engine) Cancel(ctx context.Context, pipeline, stage string) error {
	e.mu.Lock()
	r := e.runs[runKey{pipeline, stage}]
	e.mu.Unlock()
	if r == nil {
		return nil
	}
	r.cancel()
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// workOf tells where this process's work on a promotion stands. A process that started none has nothing under way.
func (e *Engine) workOf(key runKey) delivery.Work {
	e.mu.Lock()
	r := e.runs[key]
	e.mu.Unlock()
	if r == nil {
		return delivery.Work{Settled: true}
	}
	select {
	case <-r.done:
		return r.work(key)
	default:
		return delivery.Work{}
	}
}

// worksOn tells where this process's work on each promotion of a pipeline stands, by the stage that is entered.
func (e *Engine) worksOn(pipeline string) map[string]delivery.Work {
	e.mu.Lock()
	entries := []string{}
	for key := range e.runs {
		if key.pipeline == pipeline {
			entries = append(entries, key.entry)
		}
	}
	e.mu.Unlock()
	works := map[string]delivery.Work{}
	for _, entry := range entries {
		works[entry] = e.workOf(runKey{pipeline, entry})
	}
	return works
}

func (r *run) work(key runKey) delivery.Work {
	work := delivery.Work{Settled: true, Stopped: r.decision.Stopped()}
	if r.err != nil {
		work.Failure = failure(key, r.err)
		return work
	}
	work.Failure = delivery.Outcome(r.wanted, r.decision)
	return work
}

func failure(key runKey, err error) *delivery.Error {
	if errors.Is(err, context.Canceled) { // before refusals: a ledger that was not waited for says "unavailable"
		return delivery.Errorf(delivery.CodeUnavailable, "work on %s/%s was stopped at a safe point; applying again goes on from the ledger", key.pipeline, key.entry)
	}
	if refusals := delivery.ErrorsOf(err); len(refusals) > 0 {
		return refusals[0]
	}
	return delivery.Errorf(delivery.CodeInternal, "work on %s/%s: %v", key.pipeline, key.entry, err)
}
