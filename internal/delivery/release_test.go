package delivery_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func release() delivery.ReleaseSpec {
	return delivery.ReleaseSpec{
		Pipeline: "shop", Version: "1.4.2",
		Artifacts: map[string]delivery.Artifact{"app": {URI: "dist/shop-1.4.2.tar.gz", Digest: "sha256:" + strings.Repeat("a", 64)}},
		Source:    &delivery.Source{Revision: "3f2c", Author: "dave@example.com", CommittedAt: "2026-11-20T10:00:00Z"},
		Labels:    map[string]string{"ticket": "SHOP-42"},
	}
}

func TestReleaseValidate(t *testing.T) {
	app := func(a delivery.Artifact) map[string]delivery.Artifact { return map[string]delivery.Artifact{"app": a} }
	digest := release().Artifacts["app"].Digest
	for _, c := range []struct {
		name string
		edit func(*delivery.ReleaseSpec)
		want []refusal
	}{
		{"as it should be", func(*delivery.ReleaseSpec) {}, nil},
		{"a version that climbs", func(r *delivery.ReleaseSpec) { r.Version = "../1" }, []refusal{{"version", "not a version"}}},
		{"no artifacts", func(r *delivery.ReleaseSpec) { r.Artifacts = nil }, []refusal{{"artifacts", "at least one"}}},
		{"a digest of another kind", func(r *delivery.ReleaseSpec) { r.Artifacts = app(delivery.Artifact{URI: "a", Digest: "md5:1"}) }, []refusal{{`artifacts["app"].digest`, "filesha256"}}},
		{"an unknown scheme", func(r *delivery.ReleaseSpec) { r.Artifacts = app(delivery.Artifact{URI: "ftp://a/b", Digest: digest}) }, []refusal{{`artifacts["app"].uri`, "not supported"}}},
		{"plain http elsewhere", func(r *delivery.ReleaseSpec) {
			r.Artifacts = app(delivery.Artifact{URI: "http://127.0.0.1.evil.example/a", Digest: digest})
		}, []refusal{{`artifacts["app"].uri`, "https"}}},
		{"plain http to somebody else's host", func(r *delivery.ReleaseSpec) {
			r.Artifacts = app(delivery.Artifact{URI: "http://127.0.0.1:80@evil.example/a", Digest: digest})
		}, []refusal{{`artifacts["app"].uri`, "https"}}},
		{"plain http here", func(r *delivery.ReleaseSpec) {
			r.Artifacts = app(delivery.Artifact{URI: "http://127.0.0.1:8080/a", Digest: digest})
		}, nil},
		{"a source without revision", func(r *delivery.ReleaseSpec) { r.Source.Revision = "" }, []refusal{{"source.revision", "needs its revision"}}},
		{"a commit at no time", func(r *delivery.ReleaseSpec) { r.Source.CommittedAt = "yesterday" }, []refusal{{"source.committed_at", "RFC 3339"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := release()
			c.edit(&spec)
			requireRefusals(t, spec.Validate(), c.want...)
		})
	}
}

func TestReleaseDigestCoversTheWholeContent(t *testing.T) {
	base := release().Digest()
	for name, edit := range map[string]func(*delivery.ReleaseSpec){
		"pipeline":  func(r *delivery.ReleaseSpec) { r.Pipeline = "other" },
		"version":   func(r *delivery.ReleaseSpec) { r.Version = "1.4.3" },
		"artifacts": func(r *delivery.ReleaseSpec) { r.Artifacts["more"] = r.Artifacts["app"] },
		"source":    func(r *delivery.ReleaseSpec) { r.Source.Revision = "4" },
		"labels":    func(r *delivery.ReleaseSpec) { r.Labels["ticket"] = "SHOP-43" },
	} {
		spec := release()
		edit(&spec)
		require.NotEqual(t, base, spec.Digest(), name)
	}
}

func TestAuthorFallsBackToWhoRegistered(t *testing.T) {
	r := delivery.Release{Spec: release(), RegisteredBy: "ci"}
	require.Equal(t, "dave@example.com", r.Author())
	r.Spec.Source = nil
	require.Equal(t, "ci", r.Author())
}
