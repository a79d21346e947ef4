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

// useCrashingProvider makes a workspace use the provider of this test binary, whose lease time and clock can be set.
func useCrashingProvider(t *testing.T, w *workspace, ledger string, env ...string) *workspace {
	t.Helper()
	w.env = append(w.env, crashLedgerVariable+"="+ledger, leaseVariable+"=1500ms", "TF_CLI_CONFIG_FILE="+crashingPlugins(t))
	w.env = append(w.env, env...)
	return w
}

// TestPostgresKilledInTheMiddleOfAnApply kills and restarts the server: the apply waits, and then continues.
func TestPostgresKilledInTheMiddleOfAnApply(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t)
	h := acctest.NewAt(t, cluster.Database(t))
	w := slowShop(t, h, true)
	apply := w.start("apply")
	w.child()
	cluster.Crash(t)
	w.finishAtOnce()
	releaseScripts(t, w) // the deployment ends while the ledger is away
	cluster.Start(t)
	output, status := apply.wait()
	require.Zero(t, status, output)
	w.requireEmptyPlan()
	requireDeliveredOnce(t, h)
}

// TestPostgresGoneForLongerThanALease: the apply stops its programs before another process may start, and says why.
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
			w := useCrashingProvider(t, slowShop(t, h, true), proxy.Through(t, ledger))
			apply := w.start("apply")
			child, grandchild := w.child(), w.grandchild()
			lose(proxy)
			requireExit(t, child, "the script still runs after its lease has expired")
			requireExit(t, grandchild, "the child of the script still runs")
			proxy.Decide(nil)
			proxy.Cut()
			output, status := apply.wait()
			require.NotZero(t, status, output)
			require.Regexp(t, `could not be renewed for 1s.*Nothing is lost`, unwrapped(output))

			w.finishAtOnce()
			w.run("apply")
			w.requireEmptyPlan()
			requireDeliveredOnce(t, h)
		})
	}
}

// TestPostgresGoneForGood: the apply waits once, for as long as the guide says, and then says why. Nothing else waits in addition.
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
	w.finishAtOnce()
	releaseScripts(t, w) // the deployment ends while the ledger is away
	output, status := apply.wait()
	waited := time.Since(lost)
	require.NotZero(t, status, output)
	require.Regexp(t, `the ledger postgres://.* cannot be (read|written)|could not be renewed`, unwrapped(output))

	proxy.Decide(nil)
	again := time.Now()
	w.run("apply")
	usual := time.Since(again) // what a whole apply takes on this machine now
	require.Less(t, waited, 15*time.Second+4*usual, "ten seconds, once")
	w.requireEmptyPlan()
	requireDeliveredOnce(t, h)
}

// TestConnectionsCutInTheMiddleOfAnApply: the apply opens new connections, and continues.
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
	w.finishAtOnce()
	releaseScripts(t, w)
	output, status := apply.wait()
	require.Zero(t, status, output)
	require.Positive(t, commits)
	proxy.Decide(nil)
	w.requireEmptyPlan()
	requireDeliveredOnce(t, h)
}

// TestAFileLockedInTheMiddleOfAnApply locks the file from another process for a while: the apply waits, and then continues.
func TestAFileLockedInTheMiddleOfAnApply(t *testing.T) {
	t.Parallel()
	h := acctest.NewOn(t, "sqlite")
	w := slowShop(t, h, true)
	apply := w.start("apply")
	w.child()
	ledger, err := sqlstore.Open(t.Context(), h.Ledger)
	require.NoError(t, err)
	require.NoError(t, ledger.Update(t.Context(), func(store.Tx) error {
		w.finishAtOnce()
		releaseScripts(t, w)
		requireExit(t, w.child(), "the script still runs") // from now on the apply waits for the lock
		return nil
	}))
	require.NoError(t, ledger.Close())
	output, status := apply.wait()
	require.Zero(t, status, output)
	w.requireEmptyPlan()
	requireDeliveredOnce(t, h)
}

// TestTheClockIsSetBackAfterACrash: the wait does not depend on how wrong the clock was.
func TestTheClockIsSetBackAfterACrash(t *testing.T) {
	t.Parallel()
	for name, clocks := range map[string][2]string{"back": {"24h", "0s"}, "forward": {"0s", "24h"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
				w := slowShop(t, h, true)
				useCrashingProvider(t, w, h.Ledger, clockVariable+"="+clocks[0])
				apply := w.start("apply")
				kill(t, providerOf(t, w.child()))
				output, status := apply.wait()
				require.NotZero(t, status, output)
				w.finishAtOnce()
				releaseScripts(t, w)
				w.env = append(w.env, clockVariable+"="+clocks[1])
				ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
				defer cancel()
				again := w.start("apply")
				select {
				case err := <-again.done:
					require.NoError(t, err, again.output.String())
				case <-ctx.Done():
					require.Fail(t, "the apply still waits for the lease of a dead process", again.output.String())
				}
				w.requireEmptyPlan()
				requireDeliveredOnce(t, h)
			})
		})
	}
}
