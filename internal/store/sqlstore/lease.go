package sqlstore

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// AcquireLease implements store.Tx. The row outlives the lease, so that the fence goes on growing.
func (w *writer) AcquireLease(ctx context.Context, key, holder string, now time.Time, ttl time.Duration) (store.Lease, error) {
	if key == "" || holder == "" {
		return store.Lease{}, delivery.Errorf(delivery.CodeInternal, "a lease needs a key and a holder, not %q and %q", key, holder)
	}
	lease := store.Lease{Key: key, Holder: holder}
	var expires int64
	taken, err := w.value(ctx, []any{&lease.Fence, &expires}, w.ledger.acquireLease(), key, now.UnixMicro(), holder, ttl.Microseconds())
	if err != nil {
		return store.Lease{}, err
	}
	if !taken {
		return store.Lease{}, w.leaseHeld(ctx, key, now, ttl)
	}
	lease.Expires = time.UnixMicro(expires).UTC()
	return lease, nil
}

// acquireLease takes a lease that nobody holds, or renews that of the same holder. It changes nothing while another holds it.
func (l *ledger) acquireLease() string {
	return `INSERT INTO leases (key, holder, fence, expires) VALUES ($1, $3, 1, ` + l.dialect.clock + ` + CAST($4 AS BIGINT))
		ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, expires = excluded.expires,
			fence = CASE WHEN leases.holder = excluded.holder THEN leases.fence ELSE leases.fence + 1 END
		WHERE leases.holder IN ('', excluded.holder) OR leases.expires <= ` + l.dialect.clock + `
		RETURNING fence, expires`
}

// leaseHeld is the error when another process holds the lease. A lease that lasts longer than one taken now was taken before the clock was
// set back, and would outlive a dead holder by as much.
func (w *writer) leaseHeld(ctx context.Context, key string, now time.Time, ttl time.Duration) error {
	held, now, err := w.leaseAndTime(ctx, key, now)
	if err != nil {
		return err
	}
	if atMost := moment(now.Add(ttl)); held.Expires.After(atMost) {
		held.Expires = atMost
		if _, err := w.exec(ctx, `UPDATE leases SET expires = $1 WHERE key = $2`, atMost.UnixMicro(), held.Key); err != nil {
			return err
		}
	}
	return delivery.Errorf(delivery.CodeConflict, "%s holds the lease on %q until %s; it is free then, or when they release it", held.Holder, held.Key, held.Expires.Format(time.RFC3339))
}

// CheckLease implements store.Tx.
func (w *writer) CheckLease(ctx context.Context, lease store.Lease) error {
	held, err := w.lease(ctx, lease.Key)
	switch {
	case err != nil:
		return err
	case held.Holder == lease.Holder && held.Fence == lease.Fence:
		return nil
	case held.Holder == "":
		return delivery.Errorf(delivery.CodeConflict, "%s no longer holds the lease on %q: it was released", lease.Holder, lease.Key)
	}
	return delivery.Errorf(delivery.CodeConflict, "%s no longer holds the lease on %q: %s took it over", lease.Holder, lease.Key, held.Holder)
}

// ReleaseLease implements store.Tx.
func (w *writer) ReleaseLease(ctx context.Context, lease store.Lease) error {
	_, err := w.exec(ctx, `UPDATE leases SET holder = '', expires = 0 WHERE key = $1 AND holder = $2 AND fence = $3`,
		lease.Key, lease.Holder, lease.Fence)
	return err
}

// lease reads who holds a key. If the lease was released or never taken, the holder is empty and the fence is that of the last one.
func (w *writer) lease(ctx context.Context, key string) (store.Lease, error) {
	held := store.Lease{Key: key}
	var expires int64
	if _, err := w.value(ctx, []any{&held.Holder, &held.Fence, &expires}, `SELECT holder, fence, expires FROM leases WHERE key = $1`, key); err != nil {
		return store.Lease{}, err
	}
	held.Expires = time.UnixMicro(expires).UTC()
	return held, nil
}

// leaseAndTime reads a lease together with the current time of the clock by which leases lapse.
func (w *writer) leaseAndTime(ctx context.Context, key string, now time.Time) (held store.Lease, at time.Time, err error) {
	held.Key = key
	var expires, moment int64
	_, err = w.value(ctx, []any{&held.Holder, &held.Fence, &expires, &moment},
		`SELECT COALESCE(held.holder, ''), COALESCE(held.fence, 0), COALESCE(held.expires, 0), clock.now
		FROM (SELECT `+w.ledger.dialect.clock+` AS now) AS clock LEFT JOIN leases AS held ON held.key = $1`, key, now.UnixMicro())
	held.Expires = time.UnixMicro(expires).UTC()
	return held, time.UnixMicro(moment).UTC(), err
}
