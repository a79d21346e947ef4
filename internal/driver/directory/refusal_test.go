package directory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// requireRefused deploys over something that runs and requires that it still runs, whole, and that nothing else is left.
func requireRefused(t *testing.T, limits Limits, artifacts map[string]delivery.Artifact, says ...string) {
	t.Helper()
	target := t.TempDir()
	d := New(Options{Limits: limits})
	before := deployed(t, New(Options{}), requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"})))
	_, err := d.Deploy(t.Context(), requestTo(target, "d2", "2", artifacts))
	require.Error(t, err)
	for _, text := range says {
		require.ErrorContains(t, err, text)
	}
	require.Equal(t, []string{"shop"}, names(t, target))
	require.Empty(t, names(t, target, "shop", "staging"))
	require.Equal(t, []string{"1-d1"}, names(t, target, "shop", "releases"))
	seen, err := New(Options{}).Observe(t.Context(), before)
	require.NoError(t, err)
	require.Equal(t, delivery.Observation{Running: true, Version: "1"}, seen)
}

func TestArtifactsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "app.txt")
	require.NoError(t, os.WriteFile(file, []byte("hello"), 0o644))
	digest, err := Digest(file)
	require.NoError(t, err)
	other := "sha256:" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		uri, digest string
		says        []string
	}{
		"missing":            {filepath.Join(dir, "missing.zip"), digest, []string{`artifact "app"`, "missing.zip", "bring it back and raise attempt"}},
		"another digest":     {file, other, []string{file, "its digest is " + digest, "the release names " + other}},
		"below a file":       {filepath.Join(file, "x"), digest, []string{"app.txt"}},
		"oci":                {"oci://registry.example.com/shop:1", digest, []string{":// is not supported; use a path, file:// or https://"}},
		"another scheme":     {"ftp://example.com/x", digest, []string{":// is not supported; use a path, file:// or https://"}},
		"http":               {"http://example.com/x?token=hunter2", digest, []string{"https://", "http://…"}},
		"http in disguise":   {"http://127.0.0.1:80@example.com/x", digest, []string{"https://"}},
		"file on a machine":  {"file://dist/app.txt", digest, []string{"three slashes"}},
		"a broken address":   {"https://user:hunter2@exa mple.com/x", digest, []string{"no valid address"}},
		"an address of none": {"https:///x", digest, []string{"names no host"}},
	} {
		t.Run(name, func(t *testing.T) {
			requireRefused(t, Limits{}, map[string]delivery.Artifact{"app": {URI: c.uri, Digest: c.digest}}, c.says...)
			_, err := New(Options{}).Deploy(t.Context(), requestTo(t.TempDir(), "d1", "1", map[string]delivery.Artifact{"app": {URI: c.uri, Digest: c.digest}}))
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestADirectoryWithAnotherDigest(t *testing.T) {
	artifacts := artifactDirectory(t, map[string]string{"x": "1", "sub/y": "2"})
	a := artifacts["app"]
	require.NoError(t, os.WriteFile(filepath.Join(a.URI, "sub", "y"), []byte("3"), 0o644))
	now, err := Digest(a.URI)
	require.NoError(t, err)
	require.NotEqual(t, a.Digest, now)
	requireRefused(t, Limits{}, artifacts, "its digest is "+now, "the release names "+a.Digest)
}

func TestATargetInsideItsArtifact(t *testing.T) {
	artifacts := artifactDirectory(t, map[string]string{"x": "1"})
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(artifacts["app"].URI, link))
	for _, target := range []string{filepath.Join(artifacts["app"].URI, "srv", "staging"), filepath.Join(link, "srv")} {
		_, err := New(Options{}).Deploy(t.Context(), requestTo(target, "d1", "1", artifacts))
		require.ErrorContains(t, err, "would contain itself")
	}
}

func TestTargetsThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o644))
	artifacts := artifactDirectory(t, map[string]string{"x": "1"})
	for name, target := range map[string]string{"a file": file, "below a file": filepath.Join(file, "srv")} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{}).Deploy(t.Context(), requestTo(target, "d1", "1", artifacts))
			require.ErrorContains(t, err, target)
			require.ErrorContains(t, err, "set target.directory.path to a directory")
		})
	}
	target := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(target, "shop"), []byte("x"), 0o644))
	_, err := New(Options{}).Deploy(t.Context(), requestTo(target, "d1", "1", artifacts))
	require.ErrorContains(t, err, filepath.Join(target, "shop"))
}

func TestAPipelineDirectoryThatLeadsElsewhere(t *testing.T) {
	target, elsewhere := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(target, "shop")))
	_, err := New(Options{}).Deploy(t.Context(), requestTo(target, "d1", "1", artifactDirectory(t, map[string]string{"x": "1"})))
	require.ErrorContains(t, err, filepath.Join(target, "shop"))
	require.Empty(t, names(t, elsewhere))
}
