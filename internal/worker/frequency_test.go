package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// A policy that is about to be made counts the deliveries before it: no gate of the ledger asked for them.
func TestAPlannedPolicyCountsWhatWasDeliveredBefore(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.declares(stage("staging", delivery.Automatic, "staging"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	h.clock.move(time.Hour)
	policy := delivery.PolicySpec{Name: "calm", Tiers: []delivery.Tier{delivery.TierOther}, Gates: delivery.Gates{Cooldown: &delivery.CooldownGate{Duration: "4h"}}}
	foreseen, err := h.PreviewRelease(t.Context(), ann, delivery.PreviewRequest[delivery.ReleaseRequest]{Subject: release("1.1", 1), Changes: delivery.ChangeSet{Policies: delivery.Changes[delivery.PolicySpec]{"calm": {After: &policy}}}})
	require.NoError(t, err)
	require.Empty(t, foreseen.Steps)

	_, err = h.PutPolicy(t.Context(), ann, policy)
	require.NoError(t, err)
	before := h.deployments()
	h.delivers("1.1", 1)
	require.Equal(t, before, h.deployments(), "nor does applying both deploy anything")
}

// An edit that asks for less in one gate and for more in another lets nobody through who is held by the other.
func TestAnEditedGateCountsAsFarBackAsItLooksNow(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	s := stage("staging", delivery.Automatic, "staging")
	h.declares(s)
	require.Nil(t, h.delivers("1.0", 1).Failure)
	h.clock.move(30 * time.Minute)
	s.Gates = delivery.Gates{Cooldown: &delivery.CooldownGate{Duration: "1h"}, Approvals: &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}}
	h.declares(s)
	h.delivers("1.1", 1)
	h.clock.move(time.Hour)

	less := s
	less.Gates.Approvals = nil
	spec := delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{less}}
	report := func() delivery.RelaxationReport {
		changes := delivery.ChangeSet{}
		changes.Pipelines.Put("shop", spec, true)
		edited, err := h.Relaxations(t.Context(), ann, delivery.RelaxationRequest{Changes: changes, Subject: delivery.Subject{Pipeline: "shop"}})
		require.NoError(t, err)
		return edited
	}
	require.Equal(t, []string{"shop/1.1 into staging"}, report().Unblocked)

	spec.Stages[0].Gates.Cooldown = &delivery.CooldownGate{Duration: "4h"}
	require.NotEmpty(t, report().Lines)
	require.Empty(t, report().Unblocked)
}

// Anyone who asks about a moment is told what holds at that moment, also of one that is gone.
func TestReadinessCountsTheDeliveriesBeforeItsMoment(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	s := stage("staging", delivery.Automatic, "staging")
	s.Gates.MaxDeploys = &delivery.MaxDeploysGate{Count: 1, Per: "1h"}
	h.declares(s)
	require.Nil(t, h.delivers("1.0", 1).Failure)
	soon := h.clock.now().Add(time.Minute)
	h.clock.move(5 * time.Hour)
	ready := func(at time.Time) bool {
		answer, err := h.Readiness(t.Context(), "shop", "1.0", "staging", at)
		require.NoError(t, err)
		for _, g := range answer.Gates {
			if g.Name == "max_deploys" {
				return g.Verdict == delivery.VerdictPassed
			}
		}
		require.Fail(t, "max_deploys was not asked")
		return false
	}
	require.True(t, ready(time.Time{}))
	require.False(t, ready(soon))
}
