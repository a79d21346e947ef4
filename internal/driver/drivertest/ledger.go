package drivertest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// Ledgers, as their ids look.
const (
	thisLedger  = "0123456789abcdef0123456789abcdef"
	otherLedger = "fedcba9876543210fedcba9876543210"
)

// refusesOtherLedgers deploys for one ledger where nobody did, and then for another one, which sees nothing there that it may judge.
func refusesOtherLedgers(t *testing.T, f Fixture) {
	first := f.request(t, "d1", "1.0.0", "mine")
	first.Ledger = thisLedger
	after := f.deploy(t, first)
	f.requireInOrder(t, after)

	other := f.request(t, "d2", "1.1.0", "theirs")
	other.Ledger, other.Replaced = otherLedger, []string{otherLedger}
	for range 2 {
		_, err := f.Driver.Deploy(t.Context(), other)
		require.ErrorContains(t, err, "belongs to ledger "+thisLedger)
		require.ErrorContains(t, err, "To take this one over, remove ")
		require.Equal(t, "mine", f.Running(t, "shop").Content)
	}
	seen := f.observe(t, observed(other, driver.Result{Receipt: after.Receipt}))
	require.Contains(t, seen.Unknown, "belongs to ledger "+thisLedger)
	require.False(t, seen.Drifted(), "what another ledger runs is not this one's drift")
	f.requireInOrder(t, after)

	other.Replaced = []string{thisLedger, otherLedger}
	f.requireInOrder(t, f.deploy(t, other))
	require.Equal(t, "theirs", f.Running(t, "shop").Content)
	first.ID = "d3"
	_, err := f.Driver.Deploy(t.Context(), first)
	require.ErrorContains(t, err, "belongs to ledger "+otherLedger)
}

// takesAnyLedger deploys for two ledgers where nothing remembers one.
func takesAnyLedger(t *testing.T, f Fixture) {
	for i, ledger := range []string{thisLedger, otherLedger} {
		r := f.request(t, fmt.Sprintf("d%d", i), "1.0.0", ledger)
		r.Ledger = ledger
		f.requireInOrder(t, f.deploy(t, r))
	}
}
