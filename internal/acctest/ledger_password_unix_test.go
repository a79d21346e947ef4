//go:build unix

package acctest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest"
)

// printingConfiguration is a shop whose check prints its environment variables, and fails while the file "broken" exists.
const printingConfiguration = required + `
locals { here = abspath(path.module) }
resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  target = { directory = { path = "${local.here}/srv" } }
}
resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name         = "staging"
    environments = [cd_environment.staging.name]
    promotion    = "automatic"
    verify       = { smoke = { command = { argv = ["/bin/sh", "-c", "env; test ! -e ${local.here}/broken"] } } }
  }]
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.0.0"
  artifacts = { page = { uri = "${local.here}/page.html", digest = "sha256:${filesha256("${local.here}/page.html")}" } }
  attempt   = length(fileset(local.here, "attempt*"))
}
`

// TestLedgerPasswordsStayWhereTheyBelong plans and applies with the roles for each, and then searches for their password in the output of
// Terraform, its logs, state and plans, and in the ledger.
func TestLedgerPasswordsStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	g := followGuide(t)
	g.open()
	w := newWorkspace(t, printingConfiguration, "TF_LOG=trace")
	w.env = append(w.env, "TF_LOG_PATH="+filepath.Join(w.dir, "terraform.log"))
	w.write("page.html", "hello")
	w.write("attempt-1", "")
	broken := w.write("broken", "")
	output := bytes.Buffer{}
	try := func(ledger string, args ...string) (string, int) {
		as := *w
		as.env = append(append([]string{}, w.env...), "CD_LEDGER="+ledger)
		text, status := as.try(args...)
		output.WriteString(text)
		return unwrapped(text), status
	}
	events := func() (count int) {
		ledger, err := sqlstore.Open(t.Context(), g.planner)
		require.NoError(t, err)
		count, err = storetest.VerifyEvents(t.Context(), ledger)
		require.NoError(t, err)
		require.NoError(t, ledger.Close())
		return count
	}

	// The role for plans can plan, and cannot apply.
	text, status := try(g.planner, "plan", "-detailed-exitcode", "-out=saved.plan")
	require.Equal(t, 2, status, text)
	text, status = try(g.planner, "apply", "saved.plan")
	require.NotZero(t, status)
	require.Contains(t, text, `the role cd_planner may not do this (permission denied for table ledger_turn); use a role that may, as in the guide "A ledger on PostgreSQL"`)
	require.Zero(t, events(), "nothing was recorded")
	require.NoFileExists(t, filepath.Join(w.dir, "srv"))

	// The role for applies fails once, because of the check, and then delivers.
	text, status = try(g.applier, "apply")
	require.NotZero(t, status)
	require.Contains(t, text, "PATH=", "the output of the check is shown")
	require.NotContains(t, text, "CD_LEDGER")
	require.NoError(t, os.Remove(broken))
	w.write("attempt-2", "")
	text, status = try(g.applier, "apply")
	require.Zero(t, status, text)
	recorded := events()
	text, status = try(g.planner, "plan", "-detailed-exitcode")
	require.Zero(t, status, "the plan is empty for the role for plans too:\n%s", text)
	require.Equal(t, recorded, events(), "planning records nothing")

	// Terraform never stores the value of an ephemeral variable.
	variable := w.write("variable.tf", "variable \"ledger\" {\n  type      = string\n  ephemeral = true\n}\nprovider \"cd\" {\n  ledger = var.ledger\n}\n")
	w.env = append(w.env, "TF_VAR_ledger="+g.planner)
	text, status = try("", "plan", "-out=ephemeral.plan")
	require.Zero(t, status, text)
	text, status = try("", "show", "-json", "ephemeral.plan")
	require.Zero(t, status, text)
	require.NoError(t, os.Remove(variable))

	// Errors are shown without the password.
	for address, words := range map[string]string{
		strings.Replace(g.planner, "cd_planner", "cd_nobody", 1):              "rejected this user",
		"postgres://cd_planner:" + sentinel + "@127.0.0.1:1/cd":               "cannot be reached",
		"postgres://cd_planner:" + sentinel + "@127.0.0.1:1/cd?sslmode=maybe": "TLS cannot be set up",
	} {
		text, status = try(address, "plan")
		require.NotZero(t, status, address)
		require.Contains(t, text, words)
	}

	w.write("said.txt", output.String())
	searched := search(t, w.dir)
	for _, file := range []string{"terraform.tfstate", "saved.plan", "ephemeral.plan", "terraform.log", "said.txt"} {
		require.Contains(t, searched, file)
	}
	for _, table := range []string{"environments", "pipelines", "releases", "deployments", "events", "leases"} {
		require.NoError(t, g.may(g.planner, `DO $$ BEGIN IF EXISTS (SELECT FROM `+table+` r WHERE r::text LIKE '%`+sentinel+`%') THEN RAISE 'found'; END IF; END $$`), table)
	}
}
