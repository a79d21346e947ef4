package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestPromotionModelRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := delivery.PromotionSpec{
			Pipeline:    "shop",
			Stage:       "production",
			Version:     rapid.StringMatching(`[0-9]\.[0-9]`).Draw(t, "version"),
			WhenBlocked: rapid.SampledFrom([]delivery.WhenBlocked{delivery.WhenBlockedFail, delivery.WhenBlockedWait, delivery.WhenBlockedPend}).Draw(t, "when_blocked"),
			Attempt:     rapid.IntRange(1, 5).Draw(t, "attempt"),
		}
		read, diags := promotionModelFrom(t.Context(), delivery.PromotionState{Promotion: delivery.Promotion{Spec: spec}}, promotionModel{})
		require.Empty(t, diags)
		require.Equal(t, spec, read.toSpec())
		require.Equal(t, "shop/production", read.ID.ValueString())
		require.True(t, read.DeployedAt.IsNull(), "nothing was deployed")
		for name, c := range map[string]interface{ IsNull() bool }{"artifacts": read.Artifacts, "environments": read.Environments, "waiting_on": read.WaitingOn} {
			require.False(t, c.IsNull(), "%s is empty, not null", name)
		}
	})
}

func promoted(t *testing.T, version string, at time.Time) promotionModel {
	t.Helper()
	m, diags := promotionModelFrom(t.Context(), delivery.PromotionState{
		Promotion:      delivery.Promotion{Spec: delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: version}},
		Status:         delivery.StageVerified,
		RunningVersion: version,
		Artifacts:      map[string]delivery.Artifact{"app": {URI: "dist/" + version, Digest: "sha256:" + version}},
		Environments:   map[string]delivery.EnvironmentState{"eu": {Version: version, Status: "verified", ConfigRevision: "sha256:c"}},
		DeployedAt:     &at,
	}, promotionModel{})
	require.Empty(t, diags)
	return m
}

// While a promotion pends, what refers to what runs does not move: neither in the plan nor after applying.
func TestWhatRunsStaysWhileAPromotionPends(t *testing.T) {
	state := promoted(t, "1.4.1", morning)
	plan := promoted(t, "1.4.1", morning)
	plan.Version = types.StringValue("1.4.2")
	plan.expectWork()
	require.True(t, plan.Artifacts.IsUnknown())
	plan.keepWhatRuns(state)
	require.Equal(t, state.Artifacts, plan.Artifacts)
	require.Equal(t, state.RunningVersion, plan.RunningVersion)
	require.Equal(t, state.Environments, plan.Environments)
	require.Equal(t, state.DeployedAt, plan.DeployedAt)
	require.True(t, plan.Status.IsUnknown())
	require.True(t, plan.WaitingOn.IsUnknown())

	// The gate passed between plan and apply: what was planned comes back all the same, and the next refresh says what runs.
	applied := promoted(t, "1.4.2", morning.Add(time.Hour))
	applied.keepWhatRuns(plan)
	require.Equal(t, state.Artifacts, applied.Artifacts)
	require.Equal(t, "verified", applied.Status.ValueString())

	// Nothing was kept: what runs now is what counts.
	plan.expectWork()
	applied = promoted(t, "1.4.2", morning)
	applied.keepWhatRuns(plan)
	require.Equal(t, promoted(t, "1.4.2", morning), applied)
}

func TestPends(t *testing.T) {
	require.True(t, pends(delivery.DeliveryPreview{Stages: []delivery.StageDecision{blocked}}))
	require.False(t, pends(delivery.DeliveryPreview{Stages: []delivery.StageDecision{blocked}, Steps: []delivery.Step{stagingStep}}), "what stands there is healed")
	require.False(t, pends(delivery.DeliveryPreview{Stages: []delivery.StageDecision{stagingDone, blocked}}), "it is in already")
	require.False(t, pends(delivery.DeliveryPreview{Changes: true}), "nothing is known")
}
