package worker

import (
	"context"
	"errors"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// runKey names the work on one promotion: the pipeline, and the stage that is entered.
type runKey struct{ pipeline, entry string }

// run is this process's work on one promotion. Only the newest of a key is kept, and with it those that it waits for.
type run struct {
	cancel   context.CancelFunc
	done     chan struct{}     // closed once this work, and all before it, has ended
	before   *run              // the work that this one waits for; nil once that has ended
	decision delivery.Decision // valid once done
	wanted   delivery.Promotion
	err      error
}

// StartPromotion begins work on the promotion of a version into a stage, for a request that is still wanted.
func (e *Worker) StartPromotion(asked context.Context, pipeline, stage, actor, version string) error {
	key := runKey{pipeline, stage}
	return e.launch(asked, key, func(ctx context.Context, r *run) (err error) {
		r.wanted, r.decision, err = e.Advance(ctx, actor, key.pipeline, key.entry)
		if err == nil && r.wanted.Spec.Version != version {
			err = delivery.Errorf(delivery.CodeConflict, "%s/%s was to get %s, but %s asked for %s meanwhile; see what is wanted and apply again",
				key.pipeline, key.entry, version, r.wanted.RequestedBy, r.wanted.Spec.Version)
		}
		return err
	})
}

// launch does work on a stage in a goroutine, after the work on the same stage that is under way, if any. A request that was given up
// by now starts nothing: who gives one up asks for the work to be stopped only afterwards, and either that finds the work here, or the
// work finds that nobody wants it any more. The same goes for an engine that is closed.
func (e *Worker) launch(asked context.Context, key runKey, work func(context.Context, *run) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if asked.Err() != nil || e.lifetime.Err() != nil {
		return stopped(key)
	}
	ctx, cancel := context.WithCancel(e.lifetime)
	r := &run{cancel: cancel, done: make(chan struct{}), before: e.runs[key]}
	e.runs[key] = r
	go func(before *run) {
		defer close(r.done)
		defer cancel()
		e.queue(r, before)
		if r.err = ctx.Err(); r.err == nil {
			r.err = work(ctx, r)
		}
		if r.err != nil {
			e.o.Log.Error("delivery stopped", "pipeline", key.pipeline, "stage", key.entry, "error", r.err)
		}
	}(r.before)
	return nil
}

// queue waits for the work before, also when this one is cancelled meanwhile: that one is cancelled then too, and who waits for this one
// to stop must not go on before it has.
func (e *Worker) queue(r, before *run) {
	if before == nil {
		return
	}
	<-before.done
	e.mu.Lock()
	defer e.mu.Unlock()
	r.before = nil // or a process would keep all that it ever did
}

// Await waits until the work on a promotion has ended, or until d has passed, which is no error.
func (e *Worker) Await(ctx context.Context, pipeline, stage string, d time.Duration) error {
	e.mu.Lock()
	r := e.runs[runKey{pipeline, stage}]
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

// Cancel stops this process's work on the promotion into a stage at its next safe point, with whatever waits behind it, and waits until
// all of it has stopped.
func (e *Worker) Cancel(ctx context.Context, pipeline, stage string) error {
	e.mu.Lock()
	r := e.runs[runKey{pipeline, stage}]
	for one := r; one != nil; one = one.before {
		one.cancel()
	}
	e.mu.Unlock()
	if r == nil {
		return nil
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Work tells where this process's work on a promotion stands. A process that started none has nothing under way.
func (e *Worker) Work(pipeline, stage string) delivery.Work {
	key := runKey{pipeline, stage}
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

// Works tells where this process's work on each promotion of a pipeline stands, by the stage that is entered.
func (e *Worker) Works(pipeline string) map[string]delivery.Work {
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
		works[entry] = e.Work(pipeline, entry)
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
		return stopped(key)
	}
	if refusals := delivery.ErrorsOf(err); len(refusals) > 0 {
		return refusals[0]
	}
	return delivery.Errorf(delivery.CodeInternal, "work on %s/%s: %v", key.pipeline, key.entry, err)
}

// stopped is why work that somebody stopped has not come to its end.
func stopped(key runKey) *delivery.Error {
	return delivery.Errorf(delivery.CodeUnavailable, "work on %s/%s was stopped at a safe point; applying again goes on from the ledger", key.pipeline, key.entry)
}
