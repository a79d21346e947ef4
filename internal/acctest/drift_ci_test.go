package acctest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// guarded is a shop whose production requires an approval.
const guarded = requiredProviders + `
resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  config              = { LOG_LEVEL = "info" }
  target              = { directory = { path = "${path.module}/srv" } }
  deletion_protection = false
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name         = "production"
    environments = [cd_environment.production.name]
    promotion    = "manual"
    gates        = { approvals = { required = 1, approvers = ["*"], allow_author = true } }
  }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.0.0"
  artifacts = { page = { uri = "${path.module}/page.html", digest = "sha256:${filesha256("${path.module}/page.html")}" } }
  source    = { revision = "3f2c", author = "dave@example.com" }
}
APPROVAL
resource "cd_promotion" "production" {
  pipeline     = cd_pipeline.shop.name
  stage        = "production"
  version      = VERSION
  when_blocked = "pend"
}
`

// guardedShop returns guarded, with the approval or without.
func guardedShop(approved bool) string {
	if !approved {
		return strings.NewReplacer("APPROVAL", "", "VERSION", "cd_release.shop.version").Replace(guarded)
	}
	return strings.NewReplacer("VERSION", "cd_approval.shop.version", "APPROVAL", `
resource "cd_approval" "shop" {
  pipeline = cd_pipeline.shop.name
  version  = cd_release.shop.version
  stage    = "production"
  decision = "approve"
  content  = try(file("${path.module}/content"), null)
}
`).Replace(guarded)
}

const watched = `
data "cd_deployed" "production" {
  pipeline    = "shop"
  environment = "production"
  depends_on  = [cd_promotion.production]
}

output "production_drifted" {
  value = data.cd_deployed.production.drifted
}
`

// outside changes something in the ledger from another configuration, as another actor.
func (w *workspace) outside(block string) {
	w.t.Helper()
	other := newWorkspace(w.t, requiredProviders+block, "CD_LEDGER="+w.ledger(), "CD_ACTOR="+mallory)
	require.Contains(w.t, other.run("apply"), "1 imported, 0 added, 1 changed")
}

const weakerPipeline = `
import {
  to = cd_pipeline.shop
  id = "shop"
}

resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "production", environments = ["production"], promotion = "manual" }]
}
`

const chattyProduction = `
import {
  to = cd_environment.production
  id = "production"
}

resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  config              = { LOG_LEVEL = "debug" }
  target              = { directory = { path = "./srv" } }
  deletion_protection = false
}
`

// TestDetectDriftInCI follows the guide "Detect drift in CI", and compares the output that it shows with what Terraform prints.
func TestDetectDriftInCI(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, guardedShop(false))
	w.page("hello")
	printed := []string{}
	expect := func(status int, args ...string) string {
		output, got := w.try(append([]string{"plan", "-detailed-exitcode"}, args...)...)
		require.Equal(t, status, got, output)
		printed = append(printed, output)
		return output
	}

	// A promotion that waits is not drift, but values that are read again may differ.
	w.run("apply")
	require.Contains(t, expect(0), "Promotion of shop 1.0.0 to production waits")
	require.Contains(t, expect(2, "-refresh-only"), "waiting_on")
	w.write("main.tf", guardedShop(true))
	w.decide()
	w.run("apply")
	expect(0)

	w.outside(weakerPipeline)
	require.Contains(t, expect(2), "cd_pipeline.shop will be updated in-place")
	w.run("apply")
	expect(0)
	w.outside(chattyProduction)
	require.Contains(t, expect(2), "cd_environment.production will be updated in-place")
	w.run("apply")
	expect(0)

	w.write("srv/shop/current/page.html", "hacked")
	require.Contains(t, expect(2), "cd_promotion.production will be updated in-place")
	require.Contains(t, expect(2, "-refresh-only"), `"verified" -> "drifted"`)
	w.run("apply")
	expect(0)

	// If an environment cannot be observed, it is unknown whether it drifted.
	srv, away := filepath.Join(w.dir, "srv"), filepath.Join(w.dir, "away")
	require.NoError(t, os.Rename(srv, away))
	w.write("srv", "not a directory")
	require.Contains(t, expect(0), `Unable to see what runs in "production"`)
	require.NoError(t, os.Remove(srv))
	require.NoError(t, os.Rename(away, srv))

	// Behind a closed gate nothing is healed, so the plan is empty. The output shows the drift.
	w.write("main.tf", strings.ReplaceAll(guardedShop(true), `"info"`, `"warn"`)+watched)
	w.run("apply")
	expect(0)
	w.write("srv/shop/current/page.html", "hacked")
	output := expect(2)
	require.Contains(t, output, `What runs in "production" drifted`)
	require.Contains(t, output, "production_drifted = false -> true")
	w.write("main.tf", "nonsense")
	expect(1)
	requireGuideIsTrue(t, "detect-drift-in-ci.md", strings.Join(printed, "\n"))
}

// requireGuideIsTrue requires that each line of a guide's text blocks was printed. Digests and times are ignored.
func requireGuideIsTrue(t *testing.T, guide, printed string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "templates", "guides", guide))
	require.NoError(t, err)
	volatile := regexp.MustCompile(`sha256:[0-9a-f]{64}|sha256:…|\d{4}-\d\d-\d\dT[0-9:.]+Z|/\S+/srv`)
	lines := map[string]bool{}
	for line := range strings.Lines(volatile.ReplaceAllString(printed, "…")) {
		lines[strings.TrimSpace(line)] = true
	}
	blocks := regexp.MustCompile("(?s)```text\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		for line := range strings.Lines(volatile.ReplaceAllString(block[1], "…")) {
			require.True(t, lines[strings.TrimSpace(line)] || strings.TrimSpace(line) == "", "the guide shows a line that Terraform does not print: %s", line)
		}
	}
}
