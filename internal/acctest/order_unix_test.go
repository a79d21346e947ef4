//go:build unix

package acctest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// orderedShop is a pipeline with one automatic stage, and what a later change declares beside the release.
const orderedShop = `
resource "cd_environment" "production" {
  name   = "production"
  tier   = "testing"
  target = { directory = { path = "DIR/srv" } }
}

resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "production", environments = [cd_environment.production.name], promotion = "automatic" }]
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "VERSION"
  artifacts = { page = { uri = "DIR/page.html", digest = "sha256:${filesha256("DIR/page.html")}" } }
  ORDER
}
`

// lateFreeze is a freeze that Terraform records late, because something slow comes first.
const lateFreeze = `
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "sleep 2"
  }
}

resource "cd_freeze" "inventory" {
  name       = "inventory"
  reason     = "we count what is on the shelves"
  starts_at  = "2020-01-01T00:00:00Z"
  ends_at    = "2090-01-01T00:00:00Z"
  tiers      = ["testing"]
  depends_on = [terraform_data.slow]
}

output "frozen" {
  value = cd_freeze.inventory.name
}
`

const providerOfTests = `
terraform {
  required_providers {
    cd = { source = "delivery-as-code/cd" }
  }
}
`

// TestAFreezeInTheSameApplyHoldsTheRelease declares a freeze together with the release that it must hold. Nothing but the files says which of
// the two Terraform handles first.
func TestAFreezeInTheSameApplyHoldsTheRelease(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, "")
	w.write("page.html", "shop")
	shopWith := func(version, order string) string {
		return providerOfTests + strings.NewReplacer("DIR", w.dir, "VERSION", version, "ORDER", order).Replace(orderedShop)
	}
	w.write("main.tf", shopWith("1.0.0", ""))
	w.run("apply")
	running := func() string {
		target, err := os.Readlink(filepath.Join(w.dir, "srv", "shop", "current"))
		require.NoError(t, err)
		return target
	}
	before := running()

	module := func(arguments string) string {
		return "\nmodule \"stop\" {\n  source = \"./stop\"\n" + arguments + "}\n"
	}
	w.write("stop/freeze.tf", providerOfTests+lateFreeze)
	for name, c := range map[string]struct{ config, want string }{
		"nothing":           {shopWith("1.1.0", "") + lateFreeze, `depends_on = [cd_freeze.inventory]`},
		"in a module":       {shopWith("1.1.0", "") + module(""), `depends_on = [module.stop]`},
		"a reference":       {shopWith("1.1.0", `labels = { freeze = cd_freeze.inventory.name }`) + lateFreeze, ""},
		"a local value":     {shopWith("1.1.0", `labels = local.labels`) + lateFreeze + "\nlocals {\n  labels = { freeze = cd_freeze.inventory.name }\n}\n", ""},
		"an output":         {shopWith("1.1.0", `labels = { freeze = module.stop.frozen }`) + module(""), ""},
		"the whole module":  {shopWith("1.1.0", `depends_on = [module.stop]`) + module(""), ""},
		"the other way":     {shopWith("1.1.0", "") + module("  depends_on = [cd_release.shop]\n"), "deploy 1.1.0"},
		"an instance of it": {shopWith("1.1.0", `labels = { freeze = module.stop["a"].frozen }`) + module("  for_each = toset([\"a\"])\n"), ""},
	} {
		w.write("main.tf", c.config)
		w.run("get")
		output, status := w.try("plan")
		if strings.HasPrefix(c.want, "depends_on") {
			require.Equal(t, 1, status, "%s:\n%s", name, output)
			require.Contains(t, flat(output), `nothing orders it after freeze "inventory"`, name)
			require.Contains(t, flat(output), c.want, name)
			continue
		}
		require.Zero(t, status, "%s:\n%s", name, output)
		require.Contains(t, flat(output), c.want, name)
	}

	// -chdir and another data directory lead to the same files.
	w.write("main.tf", shopWith("1.1.0", `depends_on = [module.stop]`)+module(""))
	elsewhere := &workspace{t, t.TempDir(), append(w.env, "CD_LEDGER="+w.ledger(), "TF_DATA_DIR="+t.TempDir())}
	elsewhere.run("-chdir="+w.dir, "get")
	elsewhere.run("-chdir="+w.dir, "plan")

	// A saved plan is applied where there are no files.
	w.run("get")
	w.run("plan", "-out=saved")
	there := &workspace{t, t.TempDir(), append(w.env, "CD_LEDGER="+w.ledger())}
	for _, name := range []string{"saved", "terraform.tfstate"} {
		text, err := os.ReadFile(filepath.Join(w.dir, name))
		require.NoError(t, err)
		there.write(name, string(text))
	}
	output := there.run("apply", "saved")
	require.Contains(t, flat(output), `production is frozen until 2090-01-01T00:00:00Z by "inventory"`)
	require.Equal(t, before, running(), "1.1.0 waits")
}

// TestEvidenceThatIsWithdrawnInTheSamePlanHoldsTheRelease withdraws a test report and promotes the release that it is about. Nothing says which
// of the two Terraform handles first, because the block of the report is gone.
func TestEvidenceThatIsWithdrawnInTheSamePlanHoldsTheRelease(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, "")
	w.write("page.html", "shop")
	base := providerOfTests + strings.NewReplacer("DIR", w.dir, "VERSION", "1.0.0", "ORDER", "", `promotion = "automatic"`,
		`promotion = "manual", gates = { tests = { unit = {} } }`).Replace(orderedShop)
	const report = `
resource "cd_test_report" "unit" {
  pipeline            = cd_release.shop.pipeline
  version             = cd_release.shop.version
  suite               = "unit"
  junit               = "<testsuite name='unit'><testcase name='a'/></testsuite>"
  withdraw_on_destroy = true
}
`
	const promotion = `
resource "cd_promotion" "production" {
  pipeline     = cd_release.shop.pipeline
  stage        = "production"
  version      = cd_release.shop.version
  when_blocked = "pend"
}
`
	w.write("main.tf", base+report)
	w.run("apply")
	w.write("main.tf", base+promotion)
	for _, command := range []string{"plan", "apply"} {
		output, status := w.try(command)
		require.Equal(t, 1, status, output)
		require.Contains(t, flat(output), `Unable to promote release "shop/1.0.0": nothing orders it after the removal of the test report of shop/1.0.0`)
		require.Contains(t, flat(output), "Remove it first: apply that alone, and deliver in the next apply.")
	}
	require.NoDirExists(t, filepath.Join(w.dir, "srv"))
	w.write("main.tf", base)
	w.run("apply")
	w.write("main.tf", base+promotion)
	require.Contains(t, flat(w.run("apply")), "waits before production")
	require.NoDirExists(t, filepath.Join(w.dir, "srv"))
	w.requireEmptyPlan()
}
