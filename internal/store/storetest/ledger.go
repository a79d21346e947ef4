package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var events = map[string]func(*testing.T, ledger){
	"are a chain": func(t *testing.T, l ledger) {
		want := l.append(t, event("environment.declared", "eu"), event("environment.declared", "us"))
		want = append(want, l.append(t, event("environment.deleted", "eu"))...)
		require.Equal(t, []int64{1, 2, 3}, numbers(want))
		require.Equal(t, want, read(t, l, eventsAfter(0, 10)))
		count, err := VerifyEvents(t.Context(), l)
		require.NoError(t, err)
		require.Equal(t, 3, count)
	},
	"keep their data byte for byte, and times in UTC, to the microsecond": func(t *testing.T, l ledger) {
		given := event("environment.declared", "eu")
		given.Data = []byte("{ \"b\":1,\n\t\"a\" : 1.50, \"b\":\"\\u00e9 é <\" }")
		given.At = noon.Add(789 * time.Nanosecond).In(time.FixedZone("CET", 3600))
		bare := event("environment.deleted", "eu")
		bare.Data = nil
		want := l.append(t, given, bare)
		require.Equal(t, string(given.Data), string(want[0].Data))
		require.Equal(t, noon, want[0].At)
		require.Equal(t, want, read(t, l, eventsAfter(0, 10)))
		_, err := VerifyEvents(t.Context(), l)
		require.NoError(t, err)
	},
	"whose data is not JSON are refused": func(t *testing.T, l ledger) {
		broken := event("environment.declared", "eu")
		broken.Data = []byte(`{"a":`)
		l.refuse(t, delivery.CodeInternal, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.AppendEvents(ctx, broken)
			return err
		})
	},
	"are numbered by the ledger": func(t *testing.T, l ledger) {
		given := event("environment.declared", "eu")
		given.Seq, given.Previous, given.Hash = 9, "sha256:other", "sha256:made-up"
		appended := l.append(t, given)[0]
		require.NoError(t, delivery.VerifyLink(nil, appended))
	},
	"are paged": func(t *testing.T, l ledger) {
		l.append(t, event("environment.declared", "eu"), event("pipeline.declared", "shop"), event("environment.declared", "us"), event("environment.deleted", "eu"))
		require.Equal(t, []int64{1, 2}, numbers(read(t, l, eventsAfter(0, 2))))
		require.Equal(t, []int64{3, 4}, numbers(read(t, l, eventsAfter(2, 10))))
		require.Equal(t, []delivery.Event{}, read(t, l, eventsAfter(4, 10)))
		require.Equal(t, []delivery.Event{}, read(t, l, eventsAfter(0, 0)))
	},
}

// append appends events and returns them as they were sealed.
func (l ledger) append(t *testing.T, all ...delivery.Event) []delivery.Event {
	t.Helper()
	var sealed []delivery.Event
	l.write(t, func(ctx context.Context, tx store.Tx) error {
		first, err := tx.AppendEvents(ctx, all[0])
		if err != nil {
			return err
		}
		rest, err := tx.AppendEvents(ctx, all[1:]...)
		sealed = append(first, rest...)
		return err
	})
	return sealed
}

func numbers(all []delivery.Event) []int64 {
	list := make([]int64, len(all))
	for i, e := range all {
		list[i] = e.Seq
	}
	return list
}

var leases = map[string]func(*testing.T, ledger){
	"are taken and checked": func(t *testing.T, l ledger) {
		got := l.acquire(t, "alice", time.Minute)
		require.WithinDuration(t, time.Now().Add(time.Minute), got.Expires, 30*time.Second)
		got.Expires = time.Time{}
		require.Equal(t, store.Lease{Key: "shop/eu", Holder: "alice", Fence: 1}, got)
		l.write(t, checkLease(got))
	},
	"keep others out until they lapse": func(t *testing.T, l ledger) {
		held := l.acquire(t, "alice", time.Minute)
		l.refuse(t, delivery.CodeConflict, acquireLease("bob", time.Hour), "alice", held.Expires.Format(time.RFC3339))
	},
	"are renewed by their holder, with the same fence": func(t *testing.T, l ledger) {
		first := l.acquire(t, "alice", lapsed)
		second := l.acquire(t, "alice", time.Minute)
		require.Equal(t, first.Fence, second.Fence, "nobody held it in between")
		require.Greater(t, second.Expires, first.Expires)
		l.refuse(t, delivery.CodeConflict, acquireLease("bob", time.Hour))
		l.write(t, checkLease(first)) // an older copy of the same lease
	},
	"are taken over once lapsed, with a higher fence": func(t *testing.T, l ledger) {
		lost := l.acquire(t, "alice", lapsed)
		taken := l.acquire(t, "bob", lapsed)
		require.Equal(t, lost.Fence+1, taken.Fence)
		l.refuse(t, delivery.CodeConflict, checkLease(lost), "bob")
		l.write(t, checkLease(taken))
		back := l.acquire(t, "alice", time.Minute)
		require.Equal(t, taken.Fence+1, back.Fence)
		l.refuse(t, delivery.CodeConflict, checkLease(lost)) // the same holder, but an older lease
	},
	"are checked by fence, not by clock": func(t *testing.T, l ledger) {
		l.write(t, checkLease(l.acquire(t, "alice", lapsed)))
	},
	"that last longer than any may were taken before the clock was set back, and are cut": func(t *testing.T, l ledger) {
		dead := l.acquire(t, "alice", 365*24*time.Hour)
		l.write(t, l.findHeld(t, "bob", 0))
		taken := l.acquire(t, "bob", time.Minute)
		require.Equal(t, dead.Fence+1, taken.Fence)
		l.refuse(t, delivery.CodeConflict, checkLease(dead))
	},
	"that were cut are renewed by a holder that lives": func(t *testing.T, l ledger) {
		held := l.acquire(t, "alice", 365*24*time.Hour)
		l.write(t, l.findHeld(t, "bob", 0))
		l.write(t, checkLease(held))
		l.acquire(t, "alice", time.Minute)
		l.refuse(t, delivery.CodeConflict, acquireLease("bob", time.Minute))
		l.write(t, checkLease(held))
	},
	"are given up": func(t *testing.T, l ledger) {
		first := l.acquire(t, "alice", time.Minute)
		l.write(t, releaseLease(first))
		l.refuse(t, delivery.CodeConflict, checkLease(first))
		l.write(t, releaseLease(first))
		second := l.acquire(t, "bob", time.Minute)
		require.Equal(t, first.Fence+1, second.Fence)
		l.write(t, releaseLease(first)) // lost already: bob's is left alone
		l.write(t, checkLease(second))
		l.write(t, releaseLease(second))
		require.Greater(t, l.acquire(t, "bob", time.Minute).Fence, second.Fence)
	},
	"are one per key": func(t *testing.T, l ledger) {
		l.acquire(t, "alice", time.Minute)
		l.write(t, func(ctx context.Context, tx store.Tx) error {
			other, err := tx.AcquireLease(ctx, "shop/us", "bob", time.Now(), time.Minute)
			require.Equal(t, int64(1), other.Fence)
			return err
		})
	},
	"never taken are not held": func(t *testing.T, l ledger) {
		l.refuse(t, delivery.CodeConflict, checkLease(store.Lease{Key: "shop/eu", Holder: "alice", Fence: 1}))
		l.write(t, releaseLease(store.Lease{Key: "shop/eu", Holder: "alice", Fence: 1}))
	},
	"need a key and a holder": func(t *testing.T, l ledger) {
		l.refuse(t, delivery.CodeInternal, acquireLease("", time.Minute))
	},
}

// lapsed is for how long a lease is taken that is over at once. A shared ledger goes by its own clock, which no test can set.
const lapsed = -time.Second

func acquireLease(holder string, ttl time.Duration) change {
	return func(ctx context.Context, tx store.Tx) error {
		_, err := tx.AcquireLease(ctx, "shop/eu", holder, time.Now(), ttl)
		return err
	}
}

func (l ledger) acquire(t *testing.T, holder string, ttl time.Duration) store.Lease {
	t.Helper()
	var lease store.Lease
	l.write(t, func(ctx context.Context, tx store.Tx) (err error) {
		lease, err = tx.AcquireLease(ctx, "shop/eu", holder, time.Now(), ttl)
		return err
	})
	return lease
}

// keptOut finds the lease held, and keeps what that changes.
func (l ledger) findHeld(t *testing.T, holder string, ttl time.Duration) change {
	return func(ctx context.Context, tx store.Tx) error {
		require.Equal(t, delivery.CodeConflict, delivery.CodeOf(acquireLease(holder, ttl)(ctx, tx)))
		return nil
	}
}

func checkLease(lease store.Lease) change {
	return func(ctx context.Context, tx store.Tx) error { return tx.CheckLease(ctx, lease) }
}

func releaseLease(lease store.Lease) change {
	return func(ctx context.Context, tx store.Tx) error { return tx.ReleaseLease(ctx, lease) }
}
