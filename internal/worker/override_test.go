package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// An override that was revoked stays in the ledger. The same one made again is a new one that is valid.
func TestARevokedOverrideIsMadeAgain(t *testing.T) {
	h := newFixture(t)
	h.declares(delivery.Stage{Name: "production", Environments: []string{"eu"}, Promotion: delivery.Manual,
		Gates: delivery.Gates{Approvals: &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}}, Overridable: []string{"approvals"}})
	h.delivers("1.0", 1)
	spec := delivery.OverrideSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Content: h.contentOf("shop", "1.0", "production"), Gates: []string{"approvals"},
		Reason: "the shop is down", Ticket: "OPS-1", ExpiresAt: delivery.Timestamp(h.clock.now().Add(time.Hour).Format(time.RFC3339))}
	create := func() delivery.Override {
		made, err := h.AddOverride(t.Context(), bob, spec)
		require.NoError(t, err)
		return made
	}
	first := create()
	require.Equal(t, first, create(), "while it is valid, the same override is the one that is there")
	require.NoError(t, h.RevokeOverride(t.Context(), ann, first.ID))

	second := create()
	require.NotEqual(t, first.ID, second.ID)
	require.Nil(t, second.RevokedAt)
	found, err := h.Override(t.Context(), second.ID)
	require.NoError(t, err)
	require.Equal(t, second, found)
	_, err = h.Override(t.Context(), first.ID)
	require.Equal(t, delivery.CodeNotFound, delivery.CodeOf(err))
	require.Equal(t, second, create())

	state, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
	require.NoError(t, err)
	require.Nil(t, state.Work.Failure)
	require.Equal(t, delivery.StageVerified, state.Status, "it opens the gate")
}
