package acctest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// gatedShop is a shop whose production asks for two approvals. KEY is how its gates are written, and STAGES where its stages come from.
const gatedShop = requiredProviders + `
resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  target              = { directory = { path = "${path.module}/srv" } }
  deletion_protection = false
}
locals {
  stages = [{ name = "production", environments = [cd_environment.production.name], promotion = "manual", KEY = { approvals = { required = 2, approvers = ["bob@example.com", "carol@example.com"] } } }]
}
resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = STAGES
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.0.0"
  artifacts = { page = { uri = "${path.module}/page.html", digest = "sha256:${filesha256("${path.module}/page.html")}" } }
}
resource "cd_promotion" "shop" {
  pipeline     = cd_pipeline.shop.name
  stage        = "production"
  version      = cd_release.shop.version
  when_blocked = "pend"
}
`

const literalStages = `[{ name = "production", environments = [cd_environment.production.name], promotion = "manual", KEY = { approvals = { required = 2, approvers = ["bob@example.com", "carol@example.com"] } } }]`

func misspelt(key, stages string) string {
	return strings.NewReplacer("KEY", key).Replace(strings.ReplaceAll(gatedShop, "STAGES", stages))
}

// TestMisspeltGates misspells the gates of production, which Terraform drops silently. The plan is an error while the pipeline would be created
// or changed, and says nothing of a pipeline that stays as it is.
func TestMisspeltGates(t *testing.T) {
	t.Parallel()
	const said = `has no key "gate", and Terraform drops it without a word, with all that it says. Did you mean "gates"?`
	w := newWorkspace(t, misspelt("gate", literalStages))
	w.page("hello")
	for _, command := range []string{"plan", "apply"} {
		output := w.fails(command)
		require.Contains(t, output, `Unknown key "gate" in cd_pipeline.shop`)
		require.Contains(t, output, "main.tf:18: stages "+said)
		require.Equal(t, 1, strings.Count(output, "Unknown key"), "each is said once")
	}
	require.NoDirExists(t, w.dir+"/srv/shop")

	// In a local value it is a warning, because the value may have other uses.
	w.write("main.tf", misspelt("gate", "local.stages"))
	warned := flat(w.run("plan"))
	require.Contains(t, warned, "main.tf:14, in local.stages: stages "+said)

	w.write("main.tf", misspelt("gates", literalStages))
	w.run("apply")
	w.requireEmptyPlan()
	w.write("main.tf", strings.Replace(misspelt("gates", literalStages), `name = "production", environments`, `gaets = {}, name = "production", environments`, 1))
	w.requireEmptyPlan() // the local value is not used
	w.write("main.tf", misspelt("gate", literalStages))
	require.Contains(t, w.fails("plan"), "main.tf:18: stages "+said, "the gates would go")
}

// TestAMisspeltKeyOfWhatStays is no error: nothing of it changes.
func TestAMisspeltKeyOfWhatStays(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, requiredProviders+"resource \"cd_environment\" \"lab\" {\n  name   = \"lab\"\n  tier   = \"testing\"\n  target = { directory = { path = \"srv\" } }\n}\n")
	w.run("apply")
	w.write("main.tf", strings.Replace(w.read("main.tf"), `path = "srv"`, `path = "srv", pathh = "srv2"`, 1))
	w.requireEmptyPlan()
	w.write("main.tf", strings.Replace(w.read("main.tf"), `"testing"`, `"staging"`, 1))
	require.Contains(t, w.fails("plan"), `target.directory has no key "pathh"`)
}
