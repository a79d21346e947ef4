package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// acquire takes the right to act in one place. Every time it is another holder who asks: two works of one process must not be in
// one place together any more than those of two processes.
func (e *Worker) acquire(ctx context.Context, tx store.Tx, environment, pipeline string) (store.Lease, error) {
	holder := fmt.Sprintf("%s.%d", e.holder, e.acquired.Add(1))
	return tx.AcquireLease(ctx, environment+"/"+pipeline, holder, e.now(), e.o.LeaseTTL)
}

// keep renews a lease while the work under it goes on. The returned context ends when the lease is lost, or could not be renewed
// for so long that it may be lost soon, with the reason as its cause: whoever holds it then may act, and this process must not.
// since is a moment before the lease was taken. How long it holds is measured on the clock that nobody can set.
func (e *Worker) keep(ctx context.Context, lease store.Lease, since time.Time) (context.Context, func()) {
	working, lose := context.WithCancelCause(ctx)
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	if time.Since(since) >= e.o.LeaseTTL/3 { // taking it took long: nothing is done under a lease that may have lapsed
		var err error
		if since, err = e.renewInTime(ctx, lease, time.Now()); err != nil {
			lose(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.renewAgain(renewing, lease, since); err != nil {
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
func (e *Worker) renewAgain(ctx context.Context, lease store.Lease, held time.Time) error {
	for pause(ctx, time.Until(held.Add(e.o.LeaseTTL/3))) == nil {
		renewed, err := e.renewInTime(ctx, lease, held)
		if err != nil && ctx.Err() == nil { // once the work has ended its lease is needed no more
			return err
		}
		held = renewed
	}
	return nil
}

// renewInTime renews a lease that is held since a moment, and returns since when it is held now. A ledger that does not answer is
// asked until two thirds of the lease are over; the last third is for whatever is at work to come to its end. The first answer is not
// waited for as long as that: it may be the connection that is dead, and not the ledger, and the next try gets another one. That may
// take twice as long, since it may also be that many others write.
func (e *Worker) renewInTime(ctx context.Context, lease store.Lease, held time.Time) (time.Time, error) {
	limited, cancel := context.WithDeadline(ctx, held.Add(e.o.LeaseTTL*2/3))
	defer cancel()
	for most := e.o.LeaseTTL / 10; ; most *= 2 {
		asked := time.Now()
		err := e.renew(limited, lease, most)
		switch {
		case err == nil:
			return asked, nil
		case delivery.CodeOf(err) == delivery.CodeConflict:
			return held, err
		case ctx.Err() != nil:
			return held, ctx.Err()
		case pause(limited, time.Until(asked.Add(e.o.LeaseTTL/15))) != nil:
			return held, delivery.Errorf(delivery.CodeUnavailable, "the right to act on %q could not be renewed for %s, so the work was stopped: %v. Nothing is lost; apply again once the ledger answers",
				lease.Key, e.o.LeaseTTL*2/3, err)
		}
	}
}

func (e *Worker) renew(ctx context.Context, lease store.Lease, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.CheckLease(ctx, lease); err != nil {
			return err
		}
		_, err := tx.AcquireLease(ctx, lease.Key, lease.Holder, e.now(), e.o.LeaseTTL)
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

// giveUp releases the lease of work that ended for the given reason. It is a courtesy to whoever comes next: a lease that is not
// released lapses by itself. If the reason is a ledger that does not answer, it was waited for already, and is not once more.
func (e *Worker) releaseLease(ctx context.Context, lease store.Lease, why error) {
	if delivery.CodeOf(why) == delivery.CodeUnavailable {
		return
	}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.o.LeaseTTL/3)
	defer cancel()
	if err := e.o.Store.Update(detached, func(tx store.Tx) error { return tx.ReleaseLease(detached, lease) }); err != nil {
		e.o.Log.Warn("lease not released; it lapses by itself", "key", lease.Key, "error", err)
	}
}
