package directory

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// replaced deploys two artifacts as version 1 and then version 2, and takes the artifacts of version 1 away. It returns a rollback to it.
func replaced(t *testing.T) (d *directoryDriver, back driver.Request, copied string) {
	t.Helper()
	d = newTestDriver(nil)
	target, page := t.TempDir(), artifactFile(t, "page.html", []byte("page 1"))["app"]
	app := artifactFile(t, "app.tar.gz", tarGz(t, packed{name: "bin/", directory: true}, packed{name: "bin/shop", text: "program", mode: 0o755},
		packed{name: "run", link: "bin/shop"}, packed{name: "bin-notes", text: "notes"}))["app"]
	first := deployed(t, d, requestTo(target, "d1", "1", map[string]delivery.Artifact{"app": app, "page": page}))
	deployed(t, d, requestTo(target, "d2", "2", artifactFile(t, "app", []byte("program 2"))))
	require.NoError(t, os.Remove(app.URI))
	require.NoError(t, os.WriteFile(page.URI, []byte("page 2"), 0o600))
	back = requestTo(target, "d3", "1", first.Artifacts)
	back.Earlier = first.Receipt
	return d, back, filepath.Join(target, "shop", "releases", "1-d1")
}

func TestARollbackTakesWhatTheTargetKeeps(t *testing.T) {
	d, back, _ := replaced(t)
	require.NoError(t, d.Keeps(t.Context(), back))
	again := deployed(t, d, back)
	current := filepath.Join(back.Target.Directory.Path, "shop", "current")
	require.Equal(t, "program", read(t, current, "app", "run"))
	require.Equal(t, "page 1", read(t, current, "page", "page.html"))
	info, err := os.Stat(filepath.Join(current, "app", "bin", "shop"))
	require.NoError(t, err)
	require.Equal(t, "-rwxr-xr-x", info.Mode().String())
	seen, err := d.Observe(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, delivery.Observation{Running: true, Version: "1"}, seen)
}

// TestACopyThatWasChangedIsNotUsed changes the copy in each way that matters. The artifacts are gone, so the rollback fails and says both.
func TestACopyThatWasChangedIsNotUsed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, copied string, back *driver.Request)
		why    string
	}{
		"a file is another one": {func(t *testing.T, copied string, _ *driver.Request) {
			require.NoError(t, os.WriteFile(filepath.Join(copied, "page", "page.html"), []byte("page X"), 0o600))
		}, "is not what was deployed: file page/page.html"},
		"the manifest fits the changed file": {func(t *testing.T, copied string, _ *driver.Request) {
			manifest := filepath.Join(copied, manifestName)
			require.NoError(t, os.WriteFile(manifest, append([]byte(read(t, manifest)), ' '), 0o600))
		}, "its manifest was changed"},
		"there is no manifest": {func(t *testing.T, copied string, _ *driver.Request) {
			require.NoError(t, os.Remove(filepath.Join(copied, manifestName)))
		}, "has no manifest that can be read"},
		"it is gone": {func(t *testing.T, copied string, _ *driver.Request) { require.NoError(t, os.RemoveAll(copied)) }, "1-d1 is gone"},
		"it was made of something else": {func(t *testing.T, _ string, back *driver.Request) {
			back.Artifacts = map[string]delivery.Artifact{"app": {URI: back.Artifacts["app"].URI, Digest: sha256Of(nil)}}
		}, "is not what was deployed"},
		"the receipt leads elsewhere": {func(_ *testing.T, _ string, back *driver.Request) {
			back.Earlier = receipt{Release: "../../x", Manifest: "sha256:0"}.String()
		}, "keeps no copy of it"},
		"there is no receipt": {func(_ *testing.T, _ string, back *driver.Request) { back.Earlier = "x" }, "keeps no copy of it"},
	} {
		t.Run(name, func(t *testing.T) {
			d, back, copied := replaced(t)
			c.change(t, copied, &back)
			require.ErrorContains(t, d.Keeps(t.Context(), back), c.why)
			_, err := d.Deploy(t.Context(), back)
			require.ErrorContains(t, err, c.why)
			require.ErrorContains(t, err, "there is no such file or directory")
			require.Equal(t, "program 2", read(t, back.Target.Directory.Path, "shop", "current", "app"))
		})
	}
}

// TestAnUnusableCopyIsNotNeeded brings the artifacts back instead.
func TestAnUnusableCopyIsNotNeeded(t *testing.T) {
	d := newTestDriver(nil)
	target, artifacts := t.TempDir(), artifactFile(t, "app", []byte("program 1"))
	first := deployed(t, d, requestTo(target, "d1", "1", artifacts))
	require.NoError(t, os.RemoveAll(filepath.Join(target, "shop", "releases", "1-d1")))
	back := requestTo(target, "d2", "1", artifacts)
	back.Earlier = first.Receipt
	deployed(t, d, back)
	require.Equal(t, "program 1", read(t, target, "shop", "current", "app"))
}

func TestNothingIsKeptWhereNothingWasDeployed(t *testing.T) {
	d := newTestDriver(nil)
	back := requestTo(filepath.Join(t.TempDir(), "none"), "d1", "1", nil)
	require.ErrorContains(t, d.Keeps(t.Context(), back), "keeps no copy: it does not exist")
	back.Target = delivery.Target{}
	require.ErrorContains(t, d.Keeps(t.Context(), back), "target of another kind")
}

func TestACanceledRollbackCopiesNothing(t *testing.T) {
	d, back, _ := replaced(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Keeps(canceled, back), context.Canceled)
	_, err := d.Deploy(canceled, back)
	require.ErrorIs(t, err, context.Canceled)
}
