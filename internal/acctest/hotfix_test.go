package acctest_test

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
)

// hotfix follows the README of examples/scenarios/hotfix from the second step on: the customer runs 1.0.0, which has a bug.
func (w *workspace) hotfix() {
	w.t.Helper()
	requireLive := func(environment, version string) {
		w.t.Helper()
		text, err := os.ReadFile(filepath.Join(w.dir, "srv", environment, "live", "VERSION"))
		require.NoError(w.t, err)
		require.Equal(w.t, version, strings.TrimSpace(string(text)))
	}
	setVariables := func(variables string) {
		w.write("terraform.tfvars", variables)
	}
	requireLive("acme", "1.0.0")

	setVariables("reproduce = true\n")
	w.run("apply")
	w.requireEmptyPlan()
	requireLive("acme-repro", "1.0.0")
	text, err := os.ReadFile(filepath.Join(w.dir, "srv", "acme-repro", "live", ".env"))
	require.NoError(w.t, err)
	require.Equal(w.t, "CURRENCY=\"JPY\"\nLOG_LEVEL=\"debug\"\n", string(text), "the customer's configuration, except for declared differences")

	// The customer's version fails the test of the bug, so it stops in the replica.
	setVariables("reproduce = true\nfix = \"1.0.0\"\n")
	output, status := w.try("apply", "-auto-approve")
	require.NotZero(w.t, status)
	require.Contains(w.t, strings.Join(strings.Fields(strings.ReplaceAll(output, "│", "")), " "), `1980 yen are shown as "1980.00 JPY"`)
	requireLive("acme-repro", "1.0.0")

	setVariables("reproduce = true\nfix = \"1.0.1\"\n")
	w.run("apply")
	w.requireEmptyPlan()
	requireLive("acme-repro", "1.0.1")
	requireLive("acme", "1.0.1")
	requireLive("staging", "1.0.0")

	// The fix goes through the normal pipeline too, with an approval, and the hotfix ends.
	setVariables("live = \"1.0.1\"\n")
	w.register()
	w.decide()
	w.run("apply")
	w.requireEmptyPlan()
	requireLive("staging", "1.0.1")
	requireLive("acme", "1.0.1")
	target, err := os.Readlink(filepath.Join(w.dir, "srv", "acme", "live"))
	require.NoError(w.t, err)
	require.Equal(w.t, "shop/current", filepath.ToSlash(target), "the normal pipeline serves the customer again")
}
