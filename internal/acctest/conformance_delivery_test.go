package acctest_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// page makes an artifact in the harness's directory.
func page(t *testing.T, h *acctest.Harness, text string) delivery.Artifact {
	t.Helper()
	at := filepath.Join(h.Dir, "page.html")
	require.NoError(t, os.WriteFile(at, []byte(text), 0o600))
	return delivery.Artifact{URI: at, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text)))}
}

// shop declares a pipeline with an automatic and a manual stage.
func shop(t *testing.T, h *acctest.Harness, api *client.Client) {
	t.Helper()
	for _, name := range []string{"staging", "production"} {
		_, err := api.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther,
			Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(h.Dir, "srv", name)}}})
		require.NoError(t, err)
	}
	_, err := api.PutPipeline(t.Context(), delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		{Name: "staging", Environments: []string{"staging"}, Promotion: delivery.Automatic},
		{Name: "production", Environments: []string{"production"}, Promotion: delivery.Manual,
			Gates: delivery.Gates{Approvals: &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}}},
	}})
	require.NoError(t, err)
}

// timeoutsAreLocal says why timeouts cannot change outside Terraform.
func timeoutsAreLocal() map[string]string {
	const why = "it says how long Terraform waits; the ledger does not have it"
	return map[string]string{"timeouts": why, "timeouts.create": why, "timeouts.update": why}
}

func TestReleaseConformance(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := h.Client(mallory)
	shop(t, h, api)
	artifact := page(t, h, "hello")
	current := "1.0.0"
	conformance[delivery.ReleaseRequest]{
		typ: "cd_release",
		configs: []string{fmt.Sprintf(`{
			"pipeline": "shop", "version": "1.0.0", "attempt": 1, "labels": {"ticket": "SHOP-1"},
			"artifacts": {"app": {"uri": %q, "digest": %q}},
			"source": {"repository": "https://git.example.com/shop", "revision": "3f2c", "author": "dave", "committed_at": "2026-11-20T10:00:00Z"},
			"timeouts": {"create": "5m", "update": "5m"}}`, artifact.URI, artifact.Digest)},
		declared: func() delivery.ReleaseRequest {
			r, err := api.Release(t.Context(), "shop", current)
			require.NoError(t, err)
			return delivery.ReleaseRequest{Spec: r.Spec, Attempt: r.Attempt}
		},
		put: func(r delivery.ReleaseRequest) error {
			_, err := api.PutRelease(t.Context(), r)
			return err
		},
		remove: func() error { return api.DeleteRelease(t.Context(), "shop", current) },
		changes: map[string]change[delivery.ReleaseRequest]{
			// Somebody delivers another version. This one is still as declared, but no longer runs.
			"version": {to: func(r *delivery.ReleaseRequest) { r.Spec.Version = "1.1.0" }, at: "stages"},
			"attempt": {to: func(r *delivery.ReleaseRequest) { r.Attempt = 2 }},
		},
		refused: map[string]func(*delivery.ReleaseRequest){
			"artifacts": func(r *delivery.ReleaseRequest) { r.Spec.Artifacts["more"] = artifact },
			"artifacts.uri": func(r *delivery.ReleaseRequest) {
				r.Spec.Artifacts["app"] = delivery.Artifact{URI: "other.html", Digest: artifact.Digest}
			},
			"artifacts.digest": func(r *delivery.ReleaseRequest) {
				r.Spec.Artifacts["app"] = delivery.Artifact{URI: artifact.URI, Digest: emptyDigest}
			},
			"source":              func(r *delivery.ReleaseRequest) { r.Spec.Source = nil },
			"source.repository":   func(r *delivery.ReleaseRequest) { r.Spec.Source.Repository = "https://git.example.com/other" },
			"source.revision":     func(r *delivery.ReleaseRequest) { r.Spec.Source.Revision = "0000" },
			"source.author":       func(r *delivery.ReleaseRequest) { r.Spec.Source.Author = mallory },
			"source.committed_at": func(r *delivery.ReleaseRequest) { r.Spec.Source.CommittedAt = "2020-01-01T00:00:00Z" },
			"labels":              func(r *delivery.ReleaseRequest) { r.Spec.Labels["ticket"] = "SHOP-2" },
		},
		names: []string{"pipeline"},
		local: timeoutsAreLocal(),
	}.run(t, h)
}

// emptyDigest is the digest of nothing.
const emptyDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// deliver brings a version to staging and approves it for production.
func deliver(t *testing.T, h *acctest.Harness, api *client.Client, artifact delivery.Artifact, version string) {
	t.Helper()
	register(t, h, artifact, version)
	_, err := api.AddApproval(t.Context(), delivery.ApprovalSpec{Pipeline: "shop", Version: version, Stage: "production", Decision: delivery.Approve,
		Content: contentOf(t, api, "shop", version, "production")})
	require.NoError(t, err)
}

// register registers a release, and delivers it to staging.
func register(t *testing.T, h *acctest.Harness, artifact delivery.Artifact, version string) {
	t.Helper()
	state, err := h.Client(rita).PutRelease(t.Context(), delivery.ReleaseRequest{Attempt: 1, Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: version,
		Artifacts: map[string]delivery.Artifact{"app": artifact}, Source: &delivery.Source{Revision: "3f2c", Author: "dave"}}})
	require.NoError(t, err)
	require.Nil(t, state.Work.Failure)
}

func TestPromotionConformance(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := h.Client(mallory)
	shop(t, h, api)
	artifact := page(t, h, "hello")
	deliver(t, h, api, artifact, "1.0.0")
	conformance[delivery.PromotionSpec]{
		typ: "cd_promotion",
		configs: []string{`{"pipeline": "shop", "stage": "production", "version": "1.0.0", "when_blocked": "pend", "attempt": 1,
			"timeouts": {"create": "5m", "update": "5m"}}`},
		declared: func() delivery.PromotionSpec {
			p, err := api.Promotion(t.Context(), "shop", "production")
			require.NoError(t, err)
			return p.Spec
		},
		put: func(spec delivery.PromotionSpec) error {
			_, err := api.PutPromotion(t.Context(), spec)
			return err
		},
		remove: func() error { return api.DeletePromotion(t.Context(), "shop", "production") },
		changes: map[string]change[delivery.PromotionSpec]{
			"version": {to: func(s *delivery.PromotionSpec) {
				register(t, h, artifact, "1.1.0") // it waits: what supersedes 1.0.0 would use up its approval
				s.Version = "1.1.0"
			}},
			"when_blocked": {to: func(s *delivery.PromotionSpec) { s.WhenBlocked = delivery.WhenBlockedWait }},
			"attempt":      {to: func(s *delivery.PromotionSpec) { s.Attempt = 2 }},
		},
		names: []string{"pipeline", "stage"},
		local: timeoutsAreLocal(),
	}.run(t, h)
}
