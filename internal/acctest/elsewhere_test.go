package acctest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// twoActors is a shop of two provider configurations over one ledger: ci declares the environments and delivers, alice the pipeline.
const twoActors = requiredProviders + `
provider "cd" {
  actor = "ci@example.com"
}
provider "cd" {
  alias = "alice"
  actor = "alice@example.com"
}
resource "cd_environment" "production" {
  name                = "production"
  tier                = "testing"
  target              = { directory = { path = "${path.module}/srv" } }
  deletion_protection = false
}
resource "cd_environment" "staging" {
  provider = cd.alice
  name     = "staging"
  tier     = "testing"
  parity   = { with = cd_environment.production.name }
}
resource "cd_pipeline" "shop" {
  provider = cd.alice
  name     = "shop"
  stages   = [{ name = "production", environments = [cd_environment.production.name], promotion = "automatic" }]
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.0.0"
  artifacts = { page = { uri = "${path.module}/page.html", digest = "sha256:${filesha256("${path.module}/page.html")}" } }
}
`

// TestTwoProviderConfigurationsOverOneLedger plans what each of them declares before the other one has applied it: what is declared elsewhere
// is not known yet, and is no error. A name that nobody declares is one.
func TestTwoProviderConfigurationsOverOneLedger(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, twoActors)
	w.page("hello")
	require.NotContains(t, w.run("plan"), "does not exist")
	w.run("apply")
	w.requireEmptyPlan()
	require.FileExists(t, w.dir+"/srv/shop/current/page.html")

	w.write("main.tf", strings.Replace(twoActors, "environments = [cd_environment.production.name]", `environments = ["elsewhere"]`, 1))
	require.Contains(t, w.fails("plan"), `environment "elsewhere" does not exist`)
	w.write("main.tf", twoActors)
	require.Contains(t, w.run("destroy"), "Destroy complete!")
}
