//go:build unix

package acctest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fragileShop has a check that 2.0.0 does not pass, and a hook that fails on the way back to 1.0.0 while the file "broken" exists.
const fragileShop = `
resource "cd_environment" "production" {
  name   = "production"
  tier   = "testing"
  target = { directory = { path = "DIR/srv", after_deploy = { argv = ["/bin/sh", "-c", "test ! -e DIR/broken || ! grep -q 1.0.0 page.html"] } } }
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name = "production", environments = [cd_environment.production.name], promotion = "automatic",
    verify = { smoke = { command = { argv = ["/bin/sh", "-c", "! grep -q 2.0.0 DIR/srv/shop/current/page.html"] } } }
  }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "VERSION"
  artifacts = { page = { uri = "DIR/VERSION/page.html", digest = "sha256:${filesha256("DIR/VERSION/page.html")}" } }
}
`

// release writes the configuration and the page of a version.
func (w *workspace) release(configuration, version string) {
	w.t.Helper()
	w.write(version+"/page.html", version)
	w.write("main.tf", providerOfTests+strings.NewReplacer("DIR", w.dir, "VERSION", version).Replace(configuration))
}

// runs returns the version that runs in a directory target.
func (w *workspace) runs() string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "srv", "shop", "current", "page.html"))
	require.NoError(w.t, err)
	return string(text)
}

// TestARollbackThatFailsIsTriedAgain rolls back to a version whose hook fails twice, and then does not.
func TestARollbackThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, "")
	w.release(fragileShop, "1.0.0")
	w.run("apply")
	w.write("broken", "")
	w.release(fragileShop, "2.0.0")
	for range 2 {
		output, status := w.try("apply")
		require.NotZero(t, status, output)
		require.Contains(t, unwrapped(output), "The rollback of production to 1.0.0 failed:")
		require.Contains(t, unwrapped(output), "2.0.0 runs there now. Apply again to try the rollback again, or deliver another version.")
		require.Equal(t, "2.0.0", w.runs())
		output, status = w.try("plan", "-detailed-exitcode")
		require.Equal(t, 2, status, "the plan is not empty: %s", output)
		require.Contains(t, unwrapped(output), "roll production back to 1.0.0 (2.0.0 failed in production; going back to 1.0.0 again, because the last rollback failed:")
	}
	require.NoError(t, os.Remove(filepath.Join(w.dir, "broken")))
	output, status := w.try("apply")
	require.NotZero(t, status, "2.0.0 is still held: %s", output)
	require.Contains(t, unwrapped(output), "release shop/2.0.0 is held")
	require.NotContains(t, unwrapped(output), "The rollback of production")
	require.Equal(t, "1.0.0", w.runs())

	// A failed rollback does not hold 1.0.0: it can be declared again.
	w.release(fragileShop, "1.0.0")
	w.run("apply")
	w.requireEmptyPlan()
	require.Equal(t, "1.0.0", w.runs())
}

// overwrittenShop has one file for all versions, and a check that 2.0.0 does not pass.
const overwrittenShop = `
resource "cd_environment" "production" {
  name   = "production"
  tier   = "testing"
  target = { directory = { path = "DIR/srv" } }
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name = "production", environments = [cd_environment.production.name], promotion = "automatic",
    verify = { smoke = { command = { argv = ["/bin/sh", "-c", "! grep -q 2.0.0 DIR/srv/shop/current/page.html"] } } }
  }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "VERSION"
  artifacts = { page = { uri = "DIR/page.html", digest = "sha256:${filesha256("DIR/page.html")}" } }
}
`

// TestOneFileForAllVersions rolls back to a version whose file was overwritten, because the target keeps a copy. Once that was changed too,
// the next version is refused in the plan, before anything is touched, and says what would help.
func TestOneFileForAllVersions(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, "")
	overwritten := func(version string) {
		w.write("page.html", version)
		w.write("main.tf", providerOfTests+strings.NewReplacer("DIR", w.dir, "VERSION", version).Replace(overwrittenShop))
	}
	overwritten("1.0.0")
	w.run("apply")
	overwritten("2.0.0")
	require.Contains(t, w.fails("apply"), `2.0.0 was rolled back in production (production, attempt 1): check "smoke" did not pass`)
	require.Equal(t, "1.0.0", w.runs(), "from the copy that the target keeps")

	overwritten("3.0.0")
	current := filepath.Join(w.dir, "srv", "shop", "current", "page.html")
	require.NoError(t, os.WriteFile(current, []byte("edited"), 0o600))
	for _, command := range []string{"plan", "apply"} {
		output := w.fails(command)
		require.Contains(t, output, `3.0.0 may not enter stage "production": if 3.0.0 failed, it could not be rolled back: 1.0.0 cannot be put back in production: artifact "page"`)
		require.Contains(t, output, "it is not what was released")
		require.Contains(t, output, `is not what was deployed: file page.html was changed. Bring that back, or set on_failure = "halt" for stage "production"`)
		require.Equal(t, "edited", w.runs(), "nothing was touched")
	}
	require.NoError(t, os.WriteFile(current, []byte("1.0.0"), 0o600)) // the file keeps its mode
	w.run("apply")
	require.Equal(t, "3.0.0", w.runs())
	w.requireEmptyPlan()
}
