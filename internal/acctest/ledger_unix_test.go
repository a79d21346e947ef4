//go:build unix

package acctest_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// TestALedgerMovesToATeamAndBack applies on a file, copies the ledger to PostgreSQL, and goes on there as if nothing had been: the
// plan is empty, and the next version is delivered. Then all of it goes back to a file.
func TestALedgerMovesToATeamAndBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, team, back := filepath.Join(dir, "ledger.db"), pgtest.URL(t), filepath.Join(dir, "back.db")
	w := newWorkspace(t, "")
	w.write("main.tf", requiredProviders+storefront(w.dir, 1))
	w.write("page.html", "hello")
	w.write("healthy", "")
	tool := func(args ...string) string {
		t.Helper()
		said, err := w.command(filepath.Join(pluginDir(t), "terraform-provider-cd"), append([]string{"ledger"}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", said)
		return string(said)
	}
	on := func(ledger string) { w.env = []string{"CD_LEDGER=" + ledger} }

	on(file)
	w.run("apply")
	w.requireEmptyPlan()
	require.Contains(t, tool("copy", file, team), "copied")

	on(team)
	w.requireEmptyPlan()
	w.write("main.tf", requiredProviders+strings.ReplaceAll(storefront(w.dir, 1), `"1.0.0"`, `"1.1.0"`))
	w.run("apply")
	w.requireEmptyPlan()
	tool("copy", team, back)

	on(back)
	w.requireEmptyPlan()
	require.Equal(t, tool("export", team), tool("export", back))
	require.Contains(t, tool("verify", back), "is unbroken")
}
