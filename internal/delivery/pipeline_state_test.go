package delivery_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func kept() (delivery.PipelineState, delivery.ChangeSet) {
	release := delivery.ReleaseRequest{Attempt: 1, Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.0", Artifacts: map[string]delivery.Artifact{"app": {URI: "app.tar.gz", Digest: "sha256:" + strings.Repeat("0", 64)}}}}
	promotion := delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.0", WhenBlocked: delivery.WhenBlockedFail, Attempt: 1}
	state := delivery.PipelineState{Pipeline: "shop", AutoStart: true, Leading: "1.0", Settled: true,
		Releases:   []delivery.ReleaseState{{Release: delivery.Release{Spec: release.Spec, Digest: release.Spec.Digest(), Attempt: 1}}},
		Promotions: []delivery.PromotionState{{Promotion: delivery.Promotion{Spec: promotion}}}}
	var changes delivery.ChangeSet
	changes.Environments.Put("eu", delivery.EnvironmentSpec{Name: "eu"}, false)
	changes.Pipelines.Put("shop", delivery.PipelineSpec{Name: "shop"}, false)
	changes.Policies.Put("strict", delivery.PolicySpec{Name: "strict"}, false)
	changes.Freezes.Put("calm", delivery.FreezeSpec{Name: "calm"}, false)
	changes.Releases.Put(release.Spec.ID(), release, false)
	changes.Promotions.Put(promotion.ID(), promotion, false)
	return state, changes
}

// A plan that declares what is recorded keeps a settled pipeline as it stands. Anything else has to be previewed.
func TestWhatAPlanKeeps(t *testing.T) {
	state, changes := kept()
	require.True(t, state.KeptBy(changes))
	require.True(t, state.KeptBy(delivery.ChangeSet{}))
	for name, differs := range map[string]func(s *delivery.PipelineState, c *delivery.ChangeSet){
		"not settled": func(s *delivery.PipelineState, _ *delivery.ChangeSet) { s.Settled = false },
		"an edited environment": func(_ *delivery.PipelineState, c *delivery.ChangeSet) {
			c.Environments.Put("eu", delivery.EnvironmentSpec{}, true)
		},
		"an unknown environment": func(_ *delivery.PipelineState, c *delivery.ChangeSet) { c.Environments.PutUnknown("eu") },
		"an edited pipeline": func(_ *delivery.PipelineState, c *delivery.ChangeSet) {
			c.Pipelines.Put("shop", delivery.PipelineSpec{}, true)
		},
		"an edited policy": func(_ *delivery.PipelineState, c *delivery.ChangeSet) {
			c.Policies.Put("strict", delivery.PolicySpec{}, true)
		},
		"a removed policy": func(_ *delivery.PipelineState, c *delivery.ChangeSet) { c.Policies.Remove("lax") },
		"an edited freeze": func(_ *delivery.PipelineState, c *delivery.ChangeSet) {
			c.Freezes.Put("calm", delivery.FreezeSpec{}, true)
		},
		"a revoked approval": func(_ *delivery.PipelineState, c *delivery.ChangeSet) { c.Approvals.Remove("a1") },
		"a new approval": func(_ *delivery.PipelineState, c *delivery.ChangeSet) {
			c.Approvals.Put("a", delivery.ApprovalSpec{}, true)
		},
		"a new report": func(_ *delivery.PipelineState, c *delivery.ChangeSet) {
			c.Reports.Put("r", delivery.TestReport{}, true)
		},
		"a revoked override": func(_ *delivery.PipelineState, c *delivery.ChangeSet) { c.Overrides.Remove("o1") },
		"a verification to make": func(_ *delivery.PipelineState, c *delivery.ChangeSet) {
			c.Verifications.Put("v", delivery.VerificationSpec{}, true)
		},
		"an unknown delivery": func(_ *delivery.PipelineState, c *delivery.ChangeSet) {
			c.UnknownDeliveries = map[string]bool{"shop": true}
		},
		"another version leads":      func(s *delivery.PipelineState, _ *delivery.ChangeSet) { s.Leading = "2.0" },
		"another attempt":            func(s *delivery.PipelineState, _ *delivery.ChangeSet) { s.Releases[0].Attempt = 2 },
		"another content":            func(s *delivery.PipelineState, _ *delivery.ChangeSet) { s.Releases[0].Digest = "sha256:11" },
		"an unknown release":         func(s *delivery.PipelineState, _ *delivery.ChangeSet) { s.Releases = nil },
		"another promotion":          func(s *delivery.PipelineState, _ *delivery.ChangeSet) { s.Promotions[0].Spec.Version = "0.9" },
		"a promotion nobody manages": func(s *delivery.PipelineState, _ *delivery.ChangeSet) { s.Promotions = nil },
	} {
		state, changes := kept()
		differs(&state, &changes)
		require.False(t, state.KeptBy(changes), name)
	}
	state.AutoStart, state.Leading = false, ""
	require.True(t, state.KeptBy(changes), "a release that no stage takes by itself leads nowhere")
}

func TestARefreshIsBounded(t *testing.T) {
	names := make([]string, delivery.MaxRefresh)
	require.NoError(t, delivery.RefreshRequest{Pipelines: names}.Validate().Err())
	require.NoError(t, delivery.RefreshRequest{Pipelines: names[1:], Next: names[:1]}.Validate().Err())
	require.ErrorContains(t, delivery.RefreshRequest{Pipelines: names, Next: names[:1]}.Validate(), "pipelines: 251 pipelines are named; at most 250 are looked at in one request")
}
