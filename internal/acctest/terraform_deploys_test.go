package acctest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// plannedChange is the change of one resource in a plan.
type plannedChange struct {
	actions []string
	after   map[string]any
}

// planned plans, and returns the change of each resource.
func (w *workspace) planned() map[string]plannedChange {
	w.t.Helper()
	w.run("plan", "-out=plan.bin")
	var plan struct {
		Changes []struct {
			Address string `json:"address"`
			Change  struct {
				Actions []string       `json:"actions"`
				After   map[string]any `json:"after"`
			} `json:"change"`
		} `json:"resource_changes"`
	}
	require.NoError(w.t, json.Unmarshal([]byte(w.run("show", "-json", "plan.bin")), &plan))
	found := map[string]plannedChange{}
	for _, c := range plan.Changes {
		found[c.Address] = plannedChange{c.Change.Actions, c.Change.After}
	}
	return found
}

// fails runs a command that must fail, and returns its output in one line.
func (w *workspace) fails(args ...string) string {
	w.t.Helper()
	output, status := w.try(args...)
	require.NotZero(w.t, status, output)
	return flat(output)
}

// flat makes one line of what Terraform wrapped and framed.
func flat(output string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(output, "│", " ")), " ")
}

// TestTerraformDeploys follows the README of the scenario terraform-deploys.
func TestTerraformDeploys(t *testing.T) {
	t.Parallel()
	acctest.OnEachLedger(t, terraformDeploys)
}

func terraformDeploys(t *testing.T, h *acctest.Harness) {
	const site, promotion, verification = "terraform_data.site", "cd_promotion.production", "cd_verification.production"
	w := newWorkspace(t, "", "CD_LEDGER="+h.Ledger)
	require.NoError(t, os.CopyFS(w.dir, os.DirFS(filepath.Join(examples, "scenarios", "terraform-deploys"))))
	deliver := func(from, to string) {
		text, err := os.ReadFile(filepath.Join(w.dir, "main.tf"))
		require.NoError(t, err)
		require.Contains(t, string(text), `"`+from+`"`)
		w.write("main.tf", strings.ReplaceAll(string(text), `"`+from+`"`, `"`+to+`"`))
	}
	requireRunning := func(version string) {
		t.Helper()
		page, err := os.ReadFile(filepath.Join(w.dir, "srv", "site", "index.html"))
		require.NoError(t, err)
		require.Contains(t, string(page), "version "+version+"<")
	}
	requireVerified := func(version string) {
		t.Helper()
		requireRunning(version)
		w.requireEmptyPlan()
	}
	archive := func(p map[string]plannedChange) any {
		artifact, known := p[site].after["triggers_replace"].(map[string]any)
		require.True(t, known, "the plan knows what is deployed")
		return artifact["uri"]
	}
	replaced := []string{"delete", "create"}

	// The first plan already knows what will be deployed.
	first := w.planned()
	require.Equal(t, "./site-1.0.0.tar.gz", archive(first))
	require.Equal(t, "deployed", first[promotion].after["status"])
	require.Equal(t, "1.0.0", first[verification].after["version"])
	w.run("apply")
	requireVerified("1.0.0")

	// The next release shows at the resource that deploys it, in the same plan.
	deliver("1.0.0", "1.1.0")
	next := w.planned()
	require.Equal(t, replaced, next[site].actions)
	require.Equal(t, "./site-1.1.0.tar.gz", archive(next))
	require.Equal(t, "1.1.0", next[promotion].after["running_version"])
	require.Equal(t, []string{"update"}, next[verification].actions)
	// While a gate is closed, nothing changes.
	hold := w.write("srv/hold", "")
	closed := w.planned()
	require.Equal(t, []string{"update"}, closed[promotion].actions)
	require.Equal(t, "waiting", closed[promotion].after["status"])
	require.Equal(t, []string{"no-op"}, closed[site].actions)
	require.Equal(t, []string{"no-op"}, closed[verification].actions)
	require.Contains(t, w.run("apply"), "Promotion of shop 1.1.0 to production waits")
	requireVerified("1.0.0")

	// The gate passes and the release is deployed, but it does not work.
	require.NoError(t, os.Remove(hold))
	broken := w.write("srv/broken", "")
	require.Equal(t, replaced, w.planned()[site].actions)
	require.Contains(t, w.fails("apply"), "the site does not answer")
	requireRunning("1.1.0")
	require.Equal(t, []string{"update"}, w.planned()[promotion].actions, "a failure is never recorded as success")
	require.Contains(t, w.fails("apply"), "until attempt is raised to 2")
	requireRunning("1.1.0")

	// To go back, set the version that ran before.
	require.NoError(t, os.Remove(broken))
	deliver("1.1.0", "1.0.0")
	back := w.planned()
	require.Equal(t, "./site-1.0.0.tar.gz", archive(back))
	require.Equal(t, []string{"update"}, back[verification].actions)
	w.run("apply")
	requireVerified("1.0.0")

	// Try again with another attempt.
	deliver("1.0.0", "1.1.0")
	text, err := os.ReadFile(filepath.Join(w.dir, "main.tf"))
	require.NoError(t, err)
	w.write("main.tf", strings.Replace(string(text), `when_blocked = "pend"`, "attempt = 2\n  when_blocked = \"pend\"", 1))
	w.run("apply")
	requireVerified("1.1.0")
	require.Contains(t, w.run("destroy"), "Destroy complete!")
}
