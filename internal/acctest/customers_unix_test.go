//go:build unix

package acctest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// TestAHundredCustomers runs the scenario of many customers with a hundred: all get the release, a second plan is empty, a new release that
// fails for one customer reaches all others, and the apply names that customer.
func TestAHundredCustomers(t *testing.T) {
	t.Parallel()
	for kind, count := range map[string]int{"sqlite": 100, "postgres": 20} { // fewer are enough to show the same on the other database
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			serveCustomers(t, acctest.NewOn(t, kind), count)
		})
	}
}

func serveCustomers(t *testing.T, h *acctest.Harness, count int) {
	w := newWorkspace(t, "", "CD_LEDGER="+h.Ledger)
	require.NoError(t, os.CopyFS(w.dir, os.DirFS(filepath.Join(examples, "scenarios", "many-customers"))))
	lines := []string{"name,region,pilot"}
	for i := range count {
		pilot := "no"
		if i < 5 {
			pilot = "yes"
		}
		lines = append(lines, fmt.Sprintf("customer-%03d,eu-west-1,%s", i, pilot))
	}
	w.write("customers.csv", strings.Join(lines, "\n")+"\n")
	w.run("apply")
	w.requireEmptyPlan()
	require.Len(t, w.running("1.0.0"), count)

	smoke, err := os.ReadFile(filepath.Join(w.dir, "smoke.sh"))
	require.NoError(t, err)
	w.write("smoke.sh", `[ "$CD_ENVIRONMENT/$CD_VERSION" != customer-012/1.1.0 ] || { echo "no checkout for this one"; exit 1; }`+"\n"+string(smoke))
	text, err := os.ReadFile(filepath.Join(w.dir, "main.tf"))
	require.NoError(t, err)
	w.write("main.tf", strings.ReplaceAll(string(text), `"1.0.0"`, `"1.1.0"`))
	output, status := w.try("apply")
	require.Equal(t, 1, status, output)
	require.Regexp(t, `customer-012`, output)
	require.Regexp(t, `no\s+checkout\s+for\s+this\s+one`, output)
	require.Len(t, w.running("1.1.0"), count-1)
	require.Equal(t, []string{"customer-012"}, w.running("1.0.0"))
}

// running lists the customers that run a version.
func (w *workspace) running(version string) []string {
	w.t.Helper()
	links, err := filepath.Glob(filepath.Join(w.dir, "srv", "*", "shop", "current"))
	require.NoError(w.t, err)
	found := []string{}
	for _, link := range links {
		to, err := os.Readlink(link)
		require.NoError(w.t, err)
		if strings.Contains(to, version) {
			found = append(found, filepath.Base(filepath.Dir(filepath.Dir(link))))
		}
	}
	return found
}
