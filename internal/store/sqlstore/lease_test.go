package sqlstore

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

func leaseAt(t *testing.T, l *ledger, holder string, now time.Time) (lease store.Lease, err error) {
	t.Helper()
	return lease, l.Update(t.Context(), func(tx store.Tx) (err error) {
		lease, err = tx.AcquireLease(t.Context(), "eu/shop", holder, now, time.Minute)
		if delivery.CodeOf(err) == delivery.CodeConflict && err != nil {
			lease = store.Lease{}
			return nil //nolint:nilerr // as the engine does, which keeps the rest of the transaction
		}
		return err
	})
}

// The processes on one SQLite file share their machine's clock, which the engine hands in.
func TestLeasesInAFileGoByTheMachinesClock(t *testing.T) {
	t.Parallel()
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	noon := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	held, err := leaseAt(t, l, "alice", noon)
	require.NoError(t, err)
	require.Equal(t, noon.Add(time.Minute), held.Expires)
	early, err := leaseAt(t, l, "bob", noon.Add(59*time.Second))
	require.NoError(t, err)
	require.Zero(t, early)
	inTime, err := leaseAt(t, l, "bob", noon.Add(time.Minute))
	require.NoError(t, err)
	require.Equal(t, held.Fence+1, inTime.Fence)
	// The clock is set back by a year, and bob is dead: nobody waits for a year.
	before := noon.AddDate(-1, 0, 0)
	first, err := leaseAt(t, l, "alice", before)
	require.NoError(t, err)
	require.Zero(t, first, "bob may still be alive")
	second, err := leaseAt(t, l, "alice", before.Add(time.Minute))
	require.NoError(t, err)
	require.Equal(t, inTime.Fence+1, second.Fence)
}

// The machines on one PostgreSQL do not agree on the time; none of their clocks can take or keep a lease.
func TestLeasesInPostgresGoByItsOwnClock(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL(t))
	held, err := leaseAt(t, l, "alice", time.Now().AddDate(-1, 0, 0))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Minute), held.Expires, 30*time.Second)
	for _, now := range []time.Time{time.Now().AddDate(1, 0, 0), time.Now().AddDate(-1, 0, 0), {}} {
		taken, err := leaseAt(t, l, "bob", now)
		require.NoError(t, err)
		require.Zero(t, taken, "bob's clock says %s", now)
	}
	require.NoError(t, l.Update(t.Context(), func(tx store.Tx) error { return tx.CheckLease(context.WithoutCancel(t.Context()), held) }))
}

// Work goes by the same clock: its holder counts as silent from the moment on at which its lease would lapse.
func TestWorkInAFileGoesByTheMachinesClock(t *testing.T) {
	t.Parallel()
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	noon := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	require.NoError(t, l.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.RequestWork(t.Context(), delivery.WorkRecord{Pipeline: "shop", Stage: "staging", Holder: "h", RequestedAt: noon}, noon, time.Minute)
		return err
	}))
	for at, interrupted := range map[time.Time]bool{noon: false, noon.Add(time.Minute - time.Microsecond): false, noon.Add(time.Minute): true} {
		require.NoError(t, l.View(t.Context(), func(r store.Reader) error {
			found, err := r.Work(t.Context(), "shop", at)
			require.Equal(t, interrupted, found[0].Interrupted, at)
			return err
		}))
	}
}
