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
func refusesOtherLedgers(t *testing.T, p Place) {
	first := p.request(t, "d1", "1.0.0", "mine")
	first.Ledger = thisLedger
	after := p.deploy(t, first)
	p.requireInOrder(t, after)

	other := p.request(t, "d2", "1.1.0", "theirs")
	other.Ledger, other.Replaced = otherLedger, []string{otherLedger}
	for range 2 {
		_, err := p.Driver.Deploy(t.Context(), other)
		require.ErrorContains(t, err, "belongs to ledger "+thisLedger)
		require.ErrorContains(t, err, "To take this one over, remove ")
		require.Equal(t, "mine", p.Running(t, "shop").Content)
	}
	seen := p.observe(t, observed(other, driver.Result{Receipt: after.Receipt}))
	require.Contains(t, seen.Unknown, "belongs to ledger "+thisLedger)
	require.False(t, seen.Drifted(), "what another ledger runs is not this one's drift")
	p.requireInOrder(t, after)

	other.Replaced = []string{thisLedger, otherLedger}
	p.requireInOrder(t, p.deploy(t, other))
	require.Equal(t, "theirs", p.Running(t, "shop").Content)
	first.ID = "d3"
	_, err := p.Driver.Deploy(t.Context(), first)
	require.ErrorContains(t, err, "belongs to ledger "+otherLedger)
}

// takesAnyLedger deploys for two ledgers where nothing remembers one.
func takesAnyLedger(t *testing.T, p Place) {
	for i, ledger := range []string{thisLedger, otherLedger} {
		r := p.request(t, fmt.Sprintf("d%d", i), "1.0.0", ledger)
		r.Ledger = ledger
		p.requireInOrder(t, p.deploy(t, r))
	}
}
