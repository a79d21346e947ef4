package worker

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// histories is how many random histories one run goes through, whatever rapid's own flag says.
const histories = 1000

// onTheRealLedger is how many more go through the real ledger: the same, but slower.
const onTheRealLedger = 6

// mutation is a way to break the engine, to see whether the property finds it.
type mutation struct {
	options func(*engineOptions)
	ledger  func(store.Store) store.Store
	preview func(delivery.DeliveryPreview) delivery.DeliveryPreview

	only []string // kinds of gates and guards: the histories have no others
}

// happensSomewhere is what the histories of one run must have gone through, each at least once: a property that was never
// tempted to break was not tested.
var happensSomewhere = []string{
	"deployment: deliver verified", "deployment: deliver superseded", "deployment: deliver failed", "deployment: deliver rolled_back",
	"deployment: heal verified", "deployment: heal failed", "deployment: rollback verified", "deployment: rollback failed",
	"stopped by previous_stage", "stopped by approvals", "stopped by soak", "stopped by parity", "stopped by checks",
	"went on after an interruption", "interrupted, rolled back", "interrupted, stayed", "interrupted, rolled back for freeze",
	"moved", "stopped by move", "stopped by rollback", "failed rollback tried again", "failed rollback ended", "failed rollback told",
	"held", "went on after a failure", "attempt raised", "other content refused", "waited", "clock set back", "judged by a clock that is behind", "approve", "reject", "revoke",
	"rejection revoked", "rejection of another person kept",
	"crashed", "asked to stop", "continued after a crash", "event deployment.resumed", "two at once",
	"let through by tests", "let through by windows", "let through by cooldown", "let through by max_deploys", "let through by expressions",
	"let through by signatures", "let through by a policy", "live without gates, for a reason",
	"stopped by tests", "stopped by windows", "stopped by cooldown", "stopped by max_deploys", "stopped by expressions", "stopped by freeze",
	"stopped by a policy's approvals", "stopped by a policy's tests", "stopped by a policy's soak", "stopped by a policy's windows",
	"stopped by a policy's expressions", "override used", "override used for approvals", "override used for previous_stage", "rollback under a freeze",
	"event override.made", "event override.refused", "event override.revoked", "event test_report.withdrawn", "event policy.deleted",
	"event freeze.deleted", "report written by a verification", "signed approve", "signature forged", "signature replayed",
	"authorized: deliver verified", "authorized: deliver verifying", "authorized: deliver superseded", "authorized: deliver failed",
	"event deployment.superseded", "event verification.requested", "event verification.refused", "went on after a verification",
	"verified again", "found broken when verified again", "preview agreed on a verification",
	"preview agreed on deployments", "preview agreed on nothing to deploy", "event environment.refused",
	"replica looked at", "tested with what it runs with", "refreshed, settled true", "refreshed, settled false", "kept as it stands",
}

// TestNothingBreaksAnInvariant plays random histories and lets the oracle judge each deployment of theirs.
func TestNothingBreaksAnInvariant(t *testing.T) {
	counts, played := newCounters(), atomic.Int64{}
	t.Run("histories", func(t *testing.T) {
		const parts = 5
		for part := range parts {
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				for mine := int64(0); mine < histories/parts; {
					rapid.Check(t, func(t *rapid.T) {
						mine++
						played.Add(1)
						requireNothingWrong(t, newSimulation(t, newMemory(), mutation{}, counts))
					})
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	require.GreaterOrEqual(t, played.Load(), int64(histories))
	t.Logf("%d histories:\n%s", played.Load(), counts)
	for _, what := range happensSomewhere {
		require.NotZero(t, counts.counts[what], "%s never happened", what)
	}
}

func requireNothingWrong(t *rapid.T, u *simulation) {
	if wrong := u.live(); len(wrong) > 0 {
		t.Fatalf("%s\n\nafter:\n%s", strings.Join(wrong, "\n"), strings.Join(u.trace, "\n"))
	}
}

func TestNothingBreaksAnInvariantOnTheRealLedger(t *testing.T) {
	t.Parallel()
	counts := newCounters()
	for seed := range onTheRealLedger {
		path := filepath.Join(t.TempDir(), fmt.Sprint(seed), "ledger.db")
		ledger, err := sqlstore.Open(t.Context(), path)
		require.NoError(t, err)
		lived := rapid.Custom(func(t *rapid.T) *simulation {
			u := newSimulation(t, ledger, mutation{}, counts)
			u.live()
			return u
		}).Example(seed + 1)
		require.Empty(t, lived.wrong(), strings.Join(lived.trace, "\n"))
		require.NoError(t, ledger.Close())
	}
	t.Logf("%d histories:\n%s", onTheRealLedger, counts)
}
