//go:build unix

package acctest_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// TestALedgerMovesToATeamAndBack applies with a file, copies the ledger to PostgreSQL, and continues there: the plan is empty, and the next
// version is delivered. Then the ledger is copied back to a file.
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
		output, err := w.command(filepath.Join(pluginDir(t), "terraform-provider-cd"), append([]string{"ledger"}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", output)
		return string(output)
	}
	on := func(ledger string) { w.env = []string{"CD_LEDGER=" + ledger} }

	on(file)
	w.decide()
	w.run("apply")
	w.requireEmptyPlan()
	require.Contains(t, tool("copy", file, team), "copied")

	on(team)
	w.requireEmptyPlan()
	w.write("main.tf", requiredProviders+strings.ReplaceAll(storefront(w.dir, 1), `"1.0.0"`, `"1.1.0"`))
	w.decide()
	w.run("apply")
	w.requireEmptyPlan()
	tool("copy", "-keep-open", team, back)

	on(back)
	w.requireEmptyPlan()
	require.Equal(t, tool("export", team), tool("export", back))
	require.Contains(t, tool("verify", back), "is unbroken")
}

// TestANewerLedgerIsRefused: no command reads or changes a ledger of a newer release, and each of them says what to do.
func TestANewerLedgerIsRefused(t *testing.T) {
	t.Parallel()
	acctest.OnEachLedger(t, func(t *testing.T, h *acctest.Harness) {
		w := newWorkspace(t, required+"resource \"cd_environment\" \"lab\" {\n  name = \"lab\"\n  tier = \"testing\"\n}\n", "CD_LEDGER="+h.Ledger)
		w.run("apply")
		w.run("plan", "-destroy", "-out=destroy.plan")
		db := openDatabase(t, h)
		known := 0
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT MAX(version_id) FROM ledger_schema`).Scan(&known))
		_, err := db.ExecContext(t.Context(), `INSERT INTO ledger_schema (version_id, is_applied) VALUES (9999, CAST(1 AS boolean))`)
		require.NoError(t, err)
		words := fmt.Sprintf("was written by a newer release (its schema is version 9999, and this release knows %d); use that release or a newer one", known)
		for _, command := range [][]string{{"plan"}, {"apply"}, {"apply", "destroy.plan"}, {"destroy"}} {
			output, status := w.try(command...)
			require.Equal(t, 1, status, output)
			require.Contains(t, unwrapped(output), words, command)
		}
		for _, part := range []string{"verify", "export"} {
			output, err := w.command(filepath.Join(pluginDir(t), "terraform-provider-cd"), "ledger", part, h.Ledger).CombinedOutput()
			require.Error(t, err, "%s", output)
			require.Contains(t, string(output), words)
		}
		_, err = db.ExecContext(t.Context(), `DELETE FROM ledger_schema WHERE version_id = 9999`)
		require.NoError(t, err)
		w.requireEmptyPlan()
		requireWholeLedger(t, h)
	})
}
