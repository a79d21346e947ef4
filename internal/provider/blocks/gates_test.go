package blocks

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestSetsAreSentInOneOrder(t *testing.T) {
	with := func(approvers, days []string) delivery.Gates {
		return (&Gates{Approvals: &ApprovalsGate{Approvers: approvers}, Windows: map[string]Window{"office": {Days: days}}}).ToSpec()
	}
	gates := with([]string{"carol", "alice", "bob"}, []string{"wed", "sun", "mon"})
	require.Equal(t, with([]string{"alice", "bob", "carol"}, []string{"mon", "wed", "sun"}), gates)
	require.Equal(t, []string{"mon", "wed", "sun"}, gates.Windows["office"].Days)
}

func TestZeroTestsDifferFromTheDefault(t *testing.T) {
	none := 0
	require.Equal(t, delivery.TestsGate{MinTests: &none}, TestsGate{MinTests: types.Int64Value(0)}.ToSpec())
	require.Equal(t, delivery.TestsGate{}, TestsGate{}.ToSpec())
}
