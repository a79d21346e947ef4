package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/ledger"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// The filled ledger is a valid ledger with exactly the given number of deployments, and can be used like any other.
func TestAFilledLedgerIsUnbroken(t *testing.T) {
	t.Parallel()
	l, now := &ledgers{dir: t.TempDir(), cluster: pgtest.Shared(t)}, time.Now()
	for _, kind := range []string{sqlite, postgres} {
		address, err := l.address(kind)
		require.NoError(t, err)
		require.NoError(t, l.fill(t.Context(), kind, address, endingBefore(now, 250)))
		verify := func() {
			_, err := ledger.Verify(t.Context(), address, "", func(string, int64, int64) {})
			require.NoError(t, err)
		}
		verify()

		held, err := sqlstore.Open(t.Context(), address)
		require.NoError(t, err)
		require.NoError(t, held.View(t.Context(), func(r store.Reader) error { return requirePast(t, r, now) }))
		require.NoError(t, held.Update(t.Context(), func(tx store.Tx) error {
			spec := delivery.FreezeSpec{Name: "now"}
			text, err := json.Marshal(spec)
			require.NoError(t, err)
			if err := tx.PutFreeze(t.Context(), spec); err != nil {
				return err
			}
			_, err = tx.AppendEvents(t.Context(), delivery.Event{At: now, Kind: "freeze.declared", Subject: "now", Data: text})
			return err
		}))
		require.NoError(t, held.Close())
		verify()
	}
}

func requirePast(t *testing.T, r store.Reader, now time.Time) error {
	t.Helper()
	all, err := r.Deployments(t.Context(), store.DeploymentFilter{Pipeline: shopName})
	require.Len(t, all, 250)
	by := map[delivery.DeploymentStatus]int{}
	for _, d := range all {
		by[d.Status]++
		require.Less(t, d.CreatedAt, now.Add(-24*time.Hour), "no gate of the shop counts it")
	}
	require.Equal(t, 6, by[delivery.Verified], "one in each environment")
	require.NotZero(t, by[delivery.Failed])
	return err
}

func TestAPastEndsWithWhateverStopsTheFilling(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := &ledgers{dir: t.TempDir()}
	address, err := l.address(sqlite)
	require.NoError(t, err)
	require.ErrorIs(t, l.fill(ctx, sqlite, address, endingBefore(time.Now(), 250)), context.Canceled)
}

func TestTheShopHasEveryEnvironmentAndGate(t *testing.T) {
	text := shopConfiguration("http://127.0.0.1:1/1", "/srv/shop", "2.0.0", "sha256:0")
	require.Equal(t, 6, strings.Count(text, `resource "cd_environment"`))
	for _, part := range []string{"approvals", "tests", "soak", "max_deploys", "expressions", `uri = "/srv/shop/page-2.0.0.html"`, "cd_promotion", "cd_approval"} {
		require.Contains(t, text, part)
	}
	require.NotContains(t, text, "%!")
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	good := options{rounds: 1, largeN: 1, historyN: 1}
	require.NoError(t, good.check())
	require.Equal(t, []string{sqlite, postgres}, good.kinds())
	good.fileOnly = true
	require.Equal(t, []string{sqlite}, good.kinds())
	for _, bad := range []options{{}, {rounds: 1, largeN: 1}, {rounds: 1, largeN: 1, historyN: 1, history: -1}, {rounds: 1, largeN: 1, historyN: 1, large: 5},
		{rounds: 1, largeN: 1, historyN: 1, fleet: -1}, {rounds: 1, largeN: 1, historyN: 1, fleetMany: 5}} {
		require.Error(t, bad.check())
	}
}
