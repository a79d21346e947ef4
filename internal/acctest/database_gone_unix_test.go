//go:build unix

package acctest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// mortally makes a workspace use the provider whose leases and clock can be set.
func mortally(t *testing.T, w *workspace, ledger string, env ...string) *workspace {
	t.Helper()
	w.env = append(w.env, mortalVariable+"="+ledger, leaseVariable+"=1500ms", "TF_CLI_CONFIG_FILE="+mortalPlugins(t))
	w.env = append(w.env, env...)
	return w
}

// TestPostgresKilledInTheMiddleOfAnApply and started again: the apply waits, and goes on.
func TestPostgresKilledInTheMiddleOfAnApply(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t)
	h := acctest.NewAt(t, cluster.Database(t))
	w := slowShop(t, h, true)
	apply := w.start("apply")
	w.child()
	cluster.Crash(t)
	w.hurry()
	letGo(t, w) // the deployment ends while there is nothing to record it in
	cluster.Start(t)
	said, status := apply.wait()
	require.Zero(t, status, said)
	w.requireEmptyPlan()
	requireDeliveredOnce(t, h)
}

// TestPostgresGoneForLongerThanALease: the apply stops what it runs before anybody else may begin, and says why.
func TestPostgresGoneForLongerThanALease(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*pgtest.Proxy){
		"unreachable": func(p *pgtest.Proxy) {
			p.Decide(func(string) pgtest.Fate { return pgtest.Lost })
			p.Cut()
		},
		"silent": func(p *pgtest.Proxy) { p.Decide(func(string) pgtest.Fate { return pgtest.Silenced }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := pgtest.URL(t)
			h, proxy := acctest.NewAt(t, ledger), pgtest.Shared(t).NewProxy(t)
			w := mortally(t, slowShop(t, h, true), proxy.Through(t, ledger))
			apply := w.start("apply")
			child, grandchild := w.child(), w.grandchild()
			lose(proxy)
			requireGone(t, child, "the script still runs, under a lease that has lapsed")
			requireGone(t, grandchild, "what the script started still runs")
			proxy.Decide(nil)
			proxy.Cut()
			said, status := apply.wait()
			require.NotZero(t, status, said)
			require.Regexp(t, `could not be renewed for 1s.*Nothing is lost`, unwrapped(said))

			w.hurry()
			w.run("apply")
			w.requireEmptyPlan()
			requireDeliveredOnce(t, h)
		})
	}
}

// TestPostgresGoneForGood: the apply waits for as long as the guide says, once, and then says why. Nobody waits again on top of the
// ledger's own waiting.
func TestPostgresGoneForGood(t *testing.T) {
	t.Parallel()
	ledger := pgtest.URL(t)
	h, proxy := acctest.NewAt(t, ledger), pgtest.Shared(t).NewProxy(t)
	w := slowShop(t, h, true)
	w.env = append(w.env, "CD_LEDGER="+proxy.Through(t, ledger))
	apply := w.start("apply")
	w.child()
	proxy.Decide(func(string) pgtest.Fate { return pgtest.Lost })
	proxy.Cut()
	lost := time.Now()
	w.hurry()
	letGo(t, w) // the deployment ends while there is nothing to record it in
	said, status := apply.wait()
	waited := time.Since(lost)
	require.NotZero(t, status, said)
	require.Regexp(t, `the ledger postgres://.* cannot be (read|written)|could not be renewed`, unwrapped(said))
	require.Less(t, waited, 25*time.Second, "ten seconds, and what a busy machine adds")

	proxy.Decide(nil)
	w.run("apply")
	w.requireEmptyPlan()
	requireDeliveredOnce(t, h)
}

// TestConnectionsCutInTheMiddleOfAnApply: the apply takes new ones, and goes on.
func TestConnectionsCutInTheMiddleOfAnApply(t *testing.T) {
	t.Parallel()
	ledger := pgtest.URL(t)
	h, proxy := acctest.NewAt(t, ledger), pgtest.Shared(t).NewProxy(t)
	w := slowShop(t, h, true)
	w.env = append(w.env, "CD_LEDGER="+proxy.Through(t, ledger))
	apply := w.start("apply")
	w.child()
	proxy.Cut()
	commits := 0
	proxy.Decide(func(statement string) pgtest.Fate {
		if statement != "commit" {
			return pgtest.Passed
		}
		commits++
		return []pgtest.Fate{pgtest.Unheard, pgtest.Lost, pgtest.Passed, pgtest.Abandoned, pgtest.Passed}[commits%5]
	})
	w.hurry()
	letGo(t, w)
	said, status := apply.wait()
	require.Zero(t, status, said)
	require.Positive(t, commits)
	proxy.Decide(nil)
	w.requireEmptyPlan()
	requireDeliveredOnce(t, h)
}

// TestAFileLockedInTheMiddleOfAnApply by another process, for a while: the apply waits, and goes on.
func TestAFileLockedInTheMiddleOfAnApply(t *testing.T) {
	t.Parallel()
	h := acctest.NewOn(t, "sqlite")
	w := slowShop(t, h, true)
	apply := w.start("apply")
	w.child()
	ledger, err := sqlstore.Open(t.Context(), h.Ledger)
	require.NoError(t, err)
	require.NoError(t, ledger.Update(t.Context(), func(store.Tx) error {
		w.hurry()
		letGo(t, w)
		requireGone(t, w.child(), "the script still runs") // from here on the apply waits for the lock
		return nil
	}))
	require.NoError(t, ledger.Close())
	said, status := apply.wait()
	require.Zero(t, status, said)
	w.requireEmptyPlan()
	requireDeliveredOnce(t, h)
}

// TestTheClockIsSetBackAfterACrash: nobody waits for as long as the clock was wrong.
func TestTheClockIsSetBackAfterACrash(t *testing.T) {
	t.Parallel()
	for name, clocks := range map[string][2]string{"back": {"24h", "0s"}, "forward": {"0s", "24h"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
				w := slowShop(t, h, true)
				mortally(t, w, h.Ledger, clockVariable+"="+clocks[0])
				apply := w.start("apply")
				end(t, providerOf(t, w.child()))
				said, status := apply.wait()
				require.NotZero(t, status, said)
				w.hurry()
				letGo(t, w)
				w.env = append(w.env, clockVariable+"="+clocks[1])
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				again := w.start("apply")
				select {
				case err := <-again.done:
					require.NoError(t, err, again.said.String())
				case <-ctx.Done():
					require.Fail(t, "it waits for the lease of a process that is dead", again.said.String())
				}
				w.requireEmptyPlan()
				requireDeliveredOnce(t, h)
			})
		})
	}
}
