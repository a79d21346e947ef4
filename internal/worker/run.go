package worker

import (
	"context"
	"errors"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// runKey names the work on one promotion: the pipeline, and the stage that is entered.
type runKey struct{ pipeline, entry string }

// run is this process's work on one request. Only the newest of a key is kept, and with it those that it waits for.
type run struct {
	cancel context.CancelFunc
	done   chan struct{} // closed once this work, and all before it, has ended
	before *run          // the work that this one waits for; nil once that has ended

	tried map[string]bool // the deployments that this work has brought to an end, by id; only its own goroutine uses it
	known *delivery.World // as a transaction of this very work left it, for the decision that comes next; nil: to be read

	record   delivery.WorkRecord // as the ledger is to hold it; read and written under the worker's mutex
	recorded bool                // valid once done: the ledger holds how it ended
	facts    *world.Facts        // valid once done: what the transaction that recorded the end left; nil when there was none
	err      error               // valid once done
}

// key names the work of the run.
func (r *run) key() runKey { return runKey{r.record.Pipeline, r.record.Stage} }

// conclusion is what work on a promotion found out last.
type conclusion struct {
	loaded   delivery.World // from which the decision was made
	wanted   delivery.Promotion
	decision delivery.Decision
	seen     []delivery.Recording // what the ledger does not know yet
}

// Request records, in the transaction of the command that asks for it, that this process will work on a stage.
func (w *Worker) Request(ctx context.Context, tx store.Tx, actor, pipeline, stage, version string) (delivery.WorkRecord, error) {
	return tx.RequestWork(ctx, delivery.WorkRecord{Pipeline: pipeline, Stage: stage, Holder: w.holder, Version: version,
		RequestedBy: actor, RequestedAt: w.now()}, w.now(), w.o.LeaseTTL)
}

// StartPromotion begins the requested work on a promotion, for a caller that still wants it. known is the world as the transaction of
// the request left it.
func (w *Worker) StartPromotion(asked context.Context, request delivery.WorkRecord, known delivery.World) error {
	return w.launch(asked, &run{record: request, known: &known}, func(ctx context.Context, r *run) (conclusion, error) {
		return w.advance(ctx, r, func(d delivery.Decision) delivery.Decision { return d })
	})
}

// launch does work on a stage in a goroutine, after the work on the same stage that is under way, if any. A request that was given up
// by now starts nothing: who gives one up asks for the work to be stopped only afterwards, and either that finds the work here, or the
// work finds that nobody wants it anymore. The same goes for a worker that is closed.
func (w *Worker) launch(asked context.Context, r *run, work func(context.Context, *run) (conclusion, error)) error {
	r.done = make(chan struct{})
	ctx, err := w.admit(asked, r)
	if err != nil {
		w.conclude(asked, r, conclusion{}, context.Canceled)
		return err
	}
	go func(before *run) {
		defer close(r.done)
		defer r.cancel()
		attended := w.attend(ctx, r)
		w.queue(r, before)
		var c conclusion
		err := ctx.Err()
		if err == nil {
			c, err = work(ctx, r)
		}
		attended()
		w.conclude(ctx, r, c, err)
		if r.err != nil {
			w.o.Log.Error("delivery stopped", "pipeline", r.record.Pipeline, "stage", r.record.Stage, "error", r.err)
		}
	}(r.before)
	return nil
}

// admit makes a run the newest of its stage, unless it was given up.
func (w *Worker) admit(asked context.Context, r *run) (context.Context, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := r.key()
	if asked.Err() != nil || w.lifetime.Err() != nil || r.record.Number <= w.givenUp[key] {
		return nil, stopped(key)
	}
	ctx, cancel := context.WithCancel(w.lifetime)
	r.cancel, r.before = cancel, w.runs[key]
	w.runs[key] = r
	return ctx, nil
}

// queue waits for the work before, also when this one is canceled meanwhile: that one is canceled then too, and who waits for this one
// to stop must not go on before it has.
func (w *Worker) queue(r, before *run) {
	if before == nil {
		return
	}
	select {
	case <-before.done:
	default:
		<-before.done
		r.known = nil // that work may have changed it
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r.before = nil // or a process would keep all that it ever did
}

// conclude records how work ended, what the world outside said last, and the refusal of the release if a gate refused it. When that is
// impossible, this process alone knows.
func (w *Worker) conclude(ctx context.Context, r *run, c conclusion, err error) {
	now := w.now()
	record := w.recordOf(r)
	record.FinishedAt, record.Stopped, record.Failure = &now, c.decision.Stopped(), delivery.Outcome(c.wanted, c.decision)
	if err != nil {
		record.Failure = failure(r.key(), err)
	}
	limit := statusWriteTimeout
	if err == nil {
		limit = w.o.LeaseTTL
	}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	var facts *world.Facts
	told := w.o.Store.Update(detached, func(tx store.Tx) (err error) {
		facts, err = w.recordEnd(detached, tx, record, c)
		return err
	})
	if err != nil || told != nil {
		facts = nil // anyone who waits reads why
	}
	if err == nil && told != nil {
		err, record.Failure = told, failure(r.key(), told)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r.record, r.recorded, r.facts, r.err = record, told == nil, facts, err
}

// recordEnd records a conclusion and the end of the work, and returns the facts that this leaves.
func (w *Worker) recordEnd(ctx context.Context, tx store.Tx, record delivery.WorkRecord, c conclusion) (*world.Facts, error) {
	if err := tx.PutRecordings(ctx, record.Pipeline, c.seen); err != nil {
		return nil, err
	}
	if err := w.recordStop(ctx, tx, record.RequestedBy, c); err != nil {
		return nil, err
	}
	if err := tx.PutWork(ctx, record, w.now(), w.o.LeaseTTL); err != nil || c.loaded.Pipeline.Name == "" {
		return nil, err
	}
	loaded, err := world.Refresh(ctx, tx, w.now(), c.loaded, record.Version)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // the end is to be recorded even so, and anyone who waits for it reads the ledger, and why that fails
	}
	if _, ok := loaded.Releases[record.Version]; !ok {
		return nil, nil //nolint:nilnil // another version was wanted by then: anyone who waits for this one reads how it stands
	}
	facts, err := world.FactsOf(ctx, tx, loaded, w.o.Observer.Unrecorded(record.Pipeline))
	return &facts, err
}

// statusWriteTimeout bounds recording why work failed: the reason may be the ledger, and that was waited for already.
const statusWriteTimeout = time.Second

// recordOf is the run's record as it is now.
func (w *Worker) recordOf(r *run) delivery.WorkRecord {
	w.mu.Lock()
	defer w.mu.Unlock()
	return r.record
}

// tell records what a run is doing, and that its process lives.
func (w *Worker) tell(ctx context.Context, tx store.Tx, r *run, progress string) error {
	record := w.recordOf(r)
	if record.Number == 0 {
		return nil // nobody asked for it through the ledger
	}
	record.Progress = progress
	w.mu.Lock()
	r.record.Progress = progress
	w.mu.Unlock()
	return tx.PutWork(ctx, record, w.now(), w.o.LeaseTTL)
}

// noticeCancel is how soon work notices that another process asked it to stop.
const noticeCancel = time.Second

// attend keeps a run's record alive while the work goes on, and cancels the run when the ledger says that somebody asked for that. The
// returned function ends it. A ledger that does not answer is no reason to stop: the leases under which the work acts are watched apart.
func (w *Worker) attend(ctx context.Context, r *run) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		renewed := time.Now()
		for pause(ctx, min(noticeCancel, w.o.LeaseTTL/leaseRenewals)) == nil {
			if w.cancelRequested(ctx, r) {
				r.cancel()
				return
			}
			if time.Since(renewed) >= w.o.LeaseTTL/leaseRenewals && w.keepAlive(ctx, r) {
				renewed = time.Now()
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (w *Worker) cancelRequested(ctx context.Context, r *run) bool {
	record := w.recordOf(r)
	held, err := w.held(ctx, r.key())
	return err == nil && record.Number > 0 && held.Canceled >= record.Number
}

func (w *Worker) keepAlive(ctx context.Context, r *run) bool {
	record := w.recordOf(r)
	err := w.o.Store.Update(ctx, func(tx store.Tx) error { return tx.PutWork(ctx, record, w.now(), w.o.LeaseTTL) })
	return err == nil
}

// held is the record of a stage in the ledger; the zero record when nobody ever asked for work on it.
func (w *Worker) held(ctx context.Context, key runKey) (found delivery.WorkRecord, err error) {
	err = w.o.Store.View(ctx, func(r store.Reader) error {
		all, err := r.Work(ctx, key.pipeline, w.now())
		for _, one := range all {
			if one.Stage == key.entry {
				found = one
			}
		}
		return err
	})
	return found, err
}

// Await waits until the work of this process on a stage has ended, or until d has passed, which is no error. It returns at once when this
// process has nothing under way there.
func (w *Worker) Await(ctx context.Context, pipeline, stage string, d time.Duration) error {
	w.mu.Lock()
	r := w.runs[runKey{pipeline, stage}]
	w.mu.Unlock()
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

// Finish waits until this process has done the requested work, or until d has passed, which is no error. It returns the facts of the
// transaction that recorded the end: nil when it has not ended, or when that is not in the ledger.
func (w *Worker) Finish(ctx context.Context, request delivery.WorkRecord, d time.Duration) (*world.Facts, error) {
	r := w.runOf(request)
	if r == nil {
		return nil, nil //nolint:nilnil // another request came since; reading tells
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.done:
		return r.facts, nil
	case <-timer.C:
		return nil, nil //nolint:nilnil // not yet
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// runOf finds this process's work on a request; nil when it is not the newest of its stage, nor one that the newest waits for.
func (w *Worker) runOf(request delivery.WorkRecord) *run {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := w.runs[runKey{request.Pipeline, request.Stage}]; r != nil; r = r.before {
		if r.record.Number == request.Number {
			return r
		}
	}
	return nil
}

// Unrecorded is how the newest work of this process on a stage ended, if the ledger could not be told.
func (w *Worker) Unrecorded(pipeline, stage string) (delivery.WorkRecord, bool) {
	w.mu.Lock()
	r := w.runs[runKey{pipeline, stage}]
	w.mu.Unlock()
	if r == nil {
		return delivery.WorkRecord{}, false
	}
	select {
	case <-r.done:
		return w.recordOf(r), !r.recorded
	default:
		return delivery.WorkRecord{}, false
	}
}

// WorksOn reports whether this process is at the work of a record.
func (w *Worker) WorksOn(record delivery.WorkRecord) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := w.runs[runKey{record.Pipeline, record.Stage}]; r != nil; r = r.before {
		select {
		case <-r.done:
			return false // and all before it
		default:
		}
		if r.record.Number == record.Number && record.Holder == w.holder {
			return true
		}
	}
	return false
}

// Cancel stops the work on a stage at its next safe point, whichever process does it, with whatever waits after it, and waits until all
// of it has stopped. Another process is asked through the ledger.
func (w *Worker) Cancel(ctx context.Context, pipeline, stage string) error {
	key := runKey{pipeline, stage}
	w.mu.Lock()
	r := w.runs[key]
	for one := r; one != nil; one = one.before {
		one.cancel()
	}
	w.mu.Unlock()
	if r != nil {
		select {
		case <-r.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return w.cancelElsewhere(ctx, key)
}

// cancelElsewhere asks the process that holds the work to stop, and waits for it. What this process is only about to begin is given up.
func (w *Worker) cancelElsewhere(ctx context.Context, key runKey) error {
	for asked := false; ; {
		held, err := w.held(ctx, key)
		switch {
		case err != nil || held.Number == 0 || held.Ended():
			return err
		case held.Holder == w.holder:
			w.mu.Lock()
			w.givenUp[key] = max(w.givenUp[key], held.Number)
			w.mu.Unlock()
			return nil
		case !asked:
			asked = true
			if err := w.o.Store.Update(ctx, func(tx store.Tx) error { return tx.CancelWork(ctx, key.pipeline, key.entry) }); err != nil {
				return err
			}
		}
		if err := pause(ctx, min(noticeCancel, w.o.Poll)); err != nil {
			return err
		}
	}
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
