package engine

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// keep renews a lease while the work under it goes on. The returned context ends when the lease is lost, with the reason as its
// cause: whoever holds it then may act, and this process must not.
func (e *Engine) keep(ctx context.Context, lease store.Lease) (context.Context, func()) {
	working, lose := context.WithCancelCause(ctx)
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(e.o.LeaseTTL / 3)
		defer ticker.Stop()
		lastHeld := time.Now()
		for {
			select {
			case <-renewing.Done():
				return
			case <-ticker.C:
			}
			err := e.renew(renewing, lease)
			switch {
			case err == nil:
				lastHeld = time.Now()
			case renewing.Err() != nil:
				return
			case time.Since(lastHeld) >= e.o.LeaseTTL*2/3:
				lose(err)
				return
			}
		}
	}()
	return working, func() {
		stop()
		<-done
		lose(nil)
	}
}

func (e *Engine) renew(ctx context.Context, lease store.Lease) error {
	return e.o.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.CheckLease(ctx, lease); err != nil {
			return err
		}
		_, err := tx.AcquireLease(ctx, lease.Key, lease.Holder, e.now(), e.o.LeaseTTL)
		return err
	})
}

// giveUp releases a lease early. It is a courtesy to whoever comes next: a lease that is not released lapses by itself.
func (e *Engine) giveUp(ctx context.Context, lease store.Lease) {
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.o.LeaseTTL)
	defer cancel()
	if err := e.o.Store.Update(detached, func(tx store.Tx) error { return tx.ReleaseLease(detached, lease) }); err != nil {
		e.o.Log.Warn("lease not released; it lapses by itself", "key", lease.Key, "error", err)
	}
}
