package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Leases.
//
// A lease is the right of one process to act on one environment for one pipeline. It holds for TTL after the ledger granted or renewed it.
// The process renews it while it works, and stops when it cannot. Anyone who wants it next waits until it is released or lapses.
//
//	granted      renewed      renewed      ledger silent              work stops    lapses
//	   │            │            │            ×  ×  ×  ×  ×  ×  ×  ×  ×  ×  │             │
//	   ├── TTL/3 ───┼── TTL/3 ───┼── TTL/3 ───┼───────── TTL/3 ────────────┼─── TTL/3 ───┤
//	                             └───────────── trusted: TTL·2/3 ──────────┘             └─ another process may act
//
// With r the moment, on this machine's monotonic clock, just before the last successful renewal was asked for:
//
//	renew at            r + TTL/leaseRenewals
//	stop acting at      r + TTL·2/3                   (leaseTrusted)
//	others may act at   r + TTL or later, because the ledger granted the lease after r
//
// So a process that stops at once leaves TTL/3 between its end and the next one's beginning, for a driver to be ended in and for clocks that
// run at different speeds. A holder that dies keeps others waiting for at most TTL. Which process may take a lease over is judged by the
// ledger's clock where several machines share it, and by the caller's otherwise.
//
// The bound is not a proof: a process may be suspended between checking and acting. So each lease has a fence, a number that grows with
// every new holder, and each result is saved only if the ledger still holds that fence. A late process can disturb an environment, but it
// can never record anything over its successor.
const (
	// leaseRenewals is how often a lease is renewed in its TTL.
	leaseRenewals = 3
	// The first attempt to renew gets this part of the TTL, and each further one twice as long as the one before: a connection may be dead
	// without anybody knowing, and the next attempt gets another one; or many others write, and then patience helps.
	leaseFirstAttempt = 10
	// Between two attempts this part of the TTL passes at least.
	leaseRetryPause = 15
)

// leaseTrusted is how long work may go on under a lease that was not renewed.
func leaseTrusted(ttl time.Duration) time.Duration { return ttl * 2 / 3 }

// acquire takes the right to act in one environment. Each call asks as a new holder, because two works of one process must keep
// each other out, as those of two processes do.
func (w *Worker) acquire(ctx context.Context, tx store.Tx, environment, pipeline string) (store.Lease, error) {
	holder := fmt.Sprintf("%s.%d", w.holder, w.acquired.Add(1))
	return tx.AcquireLease(ctx, environment+"/"+pipeline, holder, w.now(), w.o.LeaseTTL)
}

// keep renews a lease while the work under it goes on. The returned context ends when the lease is lost, or could not be renewed
// for so long that it may be lost soon, with the reason as its cause: another process may hold it then, and act, and this process must not.
// since is a moment before the lease was taken. How long it holds is measured on the clock that nobody can set.
func (w *Worker) keep(ctx context.Context, lease store.Lease, since time.Time) (context.Context, func()) {
	working, lose := context.WithCancelCause(ctx)
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	if time.Since(since) >= w.o.LeaseTTL/leaseRenewals { // taking it took long: nothing is done under a lease that may have lapsed
		var err error
		if since, err = w.renewInTime(ctx, lease, time.Now()); err != nil {
			lose(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.renewAgain(renewing, lease, since); err != nil {
			lose(err)
		}
	}()
	return working, func() {
		stop()
		<-done
		lose(nil)
	}
}

// renewAgain renews a lease again and again. It returns why the lease can be trusted no longer, or nil once ctx has ended.
func (w *Worker) renewAgain(ctx context.Context, lease store.Lease, held time.Time) error {
	for pause(ctx, time.Until(held.Add(w.o.LeaseTTL/leaseRenewals))) == nil {
		renewed, err := w.renewInTime(ctx, lease, held)
		if err != nil && ctx.Err() == nil { // once the work has ended its lease is no longer needed
			return err
		}
		held = renewed
	}
	return nil
}

// renewInTime renews a lease that is held since a moment, and returns since when it is held now. A ledger that does not answer is
// asked until two thirds of the lease have passed; the last third is for whatever is at work to come to its end. The first answer is not
// waited for as long as that: it may be the connection that is dead, and not the ledger, and the next try gets another one. That may
// take twice as long, since it may also be that many others write.
func (w *Worker) renewInTime(ctx context.Context, lease store.Lease, held time.Time) (time.Time, error) {
	limited, cancel := context.WithDeadline(ctx, held.Add(leaseTrusted(w.o.LeaseTTL)))
	defer cancel()
	for most := w.o.LeaseTTL / leaseFirstAttempt; ; most *= 2 {
		asked := time.Now()
		err := w.renew(limited, lease, most)
		switch {
		case err == nil:
			return asked, nil
		case delivery.CodeOf(err) == delivery.CodeConflict:
			return held, err
		case ctx.Err() != nil:
			return held, ctx.Err()
		case pause(limited, time.Until(asked.Add(w.o.LeaseTTL/leaseRetryPause))) != nil:
			return held, delivery.Errorf(delivery.CodeUnavailable, "the right to act on %q could not be renewed for %s, so the work was stopped: %v. Nothing is lost; apply again once the ledger answers",
				lease.Key, leaseTrusted(w.o.LeaseTTL), err)
		}
	}
}

func (w *Worker) renew(ctx context.Context, lease store.Lease, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return w.o.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.CheckLease(ctx, lease); err != nil {
			return err
		}
		_, err := tx.AcquireLease(ctx, lease.Key, lease.Holder, w.now(), w.o.LeaseTTL)
		return err
	})
}

// because gives why work under leases ended: if one of them could be trusted no longer, that is it, whatever it interrupted.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	return err
}

// releaseLease releases the lease of work that ended for the given reason. It is a courtesy to the next holder: a lease that is not
// released lapses. If the reason is a ledger that does not answer, it was waited for already, and is not once more.
func (w *Worker) releaseLease(ctx context.Context, lease store.Lease, why error) {
	if delivery.CodeOf(why) == delivery.CodeUnavailable {
		return
	}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.o.LeaseTTL-leaseTrusted(w.o.LeaseTTL))
	defer cancel()
	if err := w.o.Store.Update(detached, func(tx store.Tx) error { return tx.ReleaseLease(detached, lease) }); err != nil {
		w.o.Log.Warn("lease not released; it will lapse", "key", lease.Key, "error", err)
	}
}
