package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// drawOptional draws an optional text: not written, empty, or something.
func drawOptional(t *rapid.T, label string) types.String {
	return rapid.SampledFrom([]types.String{types.StringNull(), types.StringValue(""), types.StringValue(label)}).Draw(t, label)
}

func drawReleaseModel(t *rapid.T) releaseModel {
	m := releaseModel{
		Pipeline:  types.StringValue("shop"),
		Version:   types.StringValue(rapid.StringMatching(`[0-9]\.[0-9]`).Draw(t, "version")),
		Artifacts: map[string]artifactModel{},
		Attempt:   types.Int64Value(rapid.Int64Range(1, 5).Draw(t, "attempt")),
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,4}`), 1, 3, rapid.ID[string]).Draw(t, "artifacts") {
		m.Artifacts[name] = artifactModel{URI: types.StringValue("dist/" + name), Digest: types.StringValue("sha256:" + name)}
	}
	if rapid.Bool().Draw(t, "source") {
		m.Source = &sourceModel{
			Repository:  drawOptional(t, "repository"),
			Revision:    types.StringValue("3f2c"),
			Author:      drawOptional(t, "author"),
			CommittedAt: drawOptional(t, "committed_at"),
		}
	}
	if rapid.Bool().Draw(t, "labels") {
		m.Labels = rapid.MapOf(rapid.StringMatching(`[a-z]{1,4}`), rapid.StringMatching(`[a-z]{0,4}`)).Draw(t, "label")
	}
	return m
}

func (m releaseModel) configured() releaseModel {
	return releaseModel{Pipeline: m.Pipeline, Version: m.Version, Artifacts: m.Artifacts, Source: m.Source, Labels: m.Labels, Attempt: m.Attempt}
}

// What is read back is what was written, to the last null; and a release read without knowing what was written declares the same.
func TestReleaseModelRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := drawReleaseModel(t)
		request := written.toSpec()
		ledger := delivery.ReleaseState{Release: delivery.Release{Spec: request.Spec, Attempt: request.Attempt, Digest: request.Spec.Digest()}}

		read, diags := releaseModelFrom(t.Context(), ledger, written)
		require.Empty(t, diags)
		require.Equal(t, written.configured(), read.configured())
		require.Equal(t, request.Spec.Digest(), read.Digest.ValueString())
		require.Equal(t, request.Spec.ID(), read.ID.ValueString())

		imported, diags := releaseModelFrom(t.Context(), ledger, releaseModel{})
		require.Empty(t, diags)
		require.Equal(t, request, imported.toSpec())
	})
}

func TestReleaseStages(t *testing.T) {
	read, diags := releaseModelFrom(t.Context(), delivery.ReleaseState{Stages: map[string]delivery.StageState{
		"staging":    {Status: delivery.StageVerified, Version: "1.4.2"},
		"production": {Status: delivery.StageWaiting, Version: "1.4.1", WaitingOn: []string{"approvals: 0 of 1 approvals"}},
	}}, releaseModel{})
	require.Empty(t, diags)
	stages := map[string]releaseStageModel{}
	require.Empty(t, read.Stages.ElementsAs(t.Context(), &stages, false))
	require.Equal(t, types.StringValue("verified"), stages["staging"].Status)
	require.False(t, stages["staging"].WaitingOn.IsNull(), "nothing to wait for is an empty list")
	require.Equal(t, types.StringValue("1.4.1"), stages["production"].Version)
	require.Len(t, stages["production"].WaitingOn.Elements(), 1)
}

// Validation sees a configuration before Terraform fills in defaults.
func TestDefaultsBeforeTerraformFillsThemIn(t *testing.T) {
	require.Equal(t, 1, releaseModel{Attempt: types.Int64Null()}.toSpec().Attempt)
	require.Equal(t, 1, releaseModel{Attempt: types.Int64Unknown()}.toSpec().Attempt)
	spec := promotionModel{WhenBlocked: types.StringNull(), Attempt: types.Int64Null()}.toSpec()
	require.Equal(t, delivery.WhenBlockedFail, spec.WhenBlocked)
	require.Equal(t, 1, spec.Attempt)
}
