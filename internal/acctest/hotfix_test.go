package acctest_test

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
)

// hotfix plays the README of examples/scenarios/hotfix from the second step on: the customer runs 1.0.0, which has a bug.
func (w *workspace) hotfix() {
	w.t.Helper()
	shows := func(environment, version string) {
		w.t.Helper()
		text, err := os.ReadFile(filepath.Join(w.dir, "srv", environment, "live", "VERSION"))
		require.NoError(w.t, err)
		require.Equal(w.t, version, strings.TrimSpace(string(text)))
	}
	wants := func(variables string) {
		w.write("terraform.tfvars", variables)
	}
	shows("acme", "1.0.0")

	wants("reproduce = true\n")
	w.run("apply")
	w.requireEmptyPlan()
	shows("acme-repro", "1.0.0")
	text, err := os.ReadFile(filepath.Join(w.dir, "srv", "acme-repro", "live", ".env"))
	require.NoError(w.t, err)
	require.Equal(w.t, "CURRENCY=\"JPY\"\nLOG_LEVEL=\"debug\"\n", string(text), "the customer's configuration, but for what is declared")

	// What the customer runs does not pass the test of the bug, so it gets no further than the replica.
	wants("reproduce = true\nfix = \"1.0.0\"\n")
	said, status := w.try("apply", "-auto-approve")
	require.NotZero(w.t, status)
	require.Contains(w.t, strings.Join(strings.Fields(strings.ReplaceAll(said, "│", "")), " "), `1980 yen are shown as "1980.00 JPY"`)
	shows("acme-repro", "1.0.0")

	wants("reproduce = true\nfix = \"1.0.1\"\n")
	w.run("apply")
	w.requireEmptyPlan()
	shows("acme-repro", "1.0.1")
	shows("acme", "1.0.1")
	shows("staging", "1.0.0")

	// The fix comes the normal way too, with a person's approval, and the hotfix has done its work.
	wants("live = \"1.0.1\"\n")
	w.run("apply")
	w.requireEmptyPlan()
	shows("staging", "1.0.1")
	shows("acme", "1.0.1")
	target, err := os.Readlink(filepath.Join(w.dir, "srv", "acme", "live"))
	require.NoError(w.t, err)
	require.Equal(w.t, "shop/current", filepath.ToSlash(target), "the normal pipeline serves the customer again")
}
