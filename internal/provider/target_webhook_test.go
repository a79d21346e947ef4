package provider_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// behindWebhook is a shop whose only environment is deployed to through the receiver. Extra stands in the target.
func behindWebhook(r *acctest.Receiver, dir, version, extra string) string {
	return strings.NewReplacer("URL", r.URL, "DIR", filepath.ToSlash(dir), "VERSION", version, "EXTRA", extra).Replace(`
resource "cd_environment" "cloud" {
  name    = "cloud"
  tier    = "staging"
  config  = { LOG_LEVEL = "info" }
  secrets = { PASSWORD = "file:DIR/password" }
  target  = { webhook = { url = "URL/deploy", secret = "file:DIR/key", poll_interval = "100ms", EXTRA } }
}
resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "production", environments = [cd_environment.cloud.name], promotion = "automatic" }]
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "VERSION"
  artifacts = { app = { uri = "https://dist.example.com/shop-VERSION", digest = "sha256:` + strings.Repeat("0", 64) + `" } }
}
data "cd_deployed" "cloud" {
  pipeline    = cd_pipeline.shop.name
  environment = "cloud"
  depends_on  = [cd_release.shop]
}
`)
}

func TestAccWebhookTarget(t *testing.T) {
	t.Parallel()
	s := shop{acctest.New(t), t}
	s.write("key", "a key that nobody guesses\n")
	s.write("password", "hunter2-hunter2")
	r := acctest.NewReceiver(t, "a key that nobody guesses")
	observed := fmt.Sprintf("observe_url = %q, send_secrets = true, headers = { X-Site = \"eu\" }", r.URL+"/running")
	runs := func(version string, orders int) func() {
		return func() {
			require.Equal(t, version, r.Running("cloud"))
			require.Len(t, r.Orders(), orders)
		}
	}
	step := func(version, extra string) resource.TestStep {
		return resource.TestStep{Config: behindWebhook(r, s.Dir, version, extra)}
	}
	first, healed, upgrade, broken, back := step("1.0.0", observed), step("1.0.0", observed), step("1.1.0", observed), step("2.0.0", observed), step("1.0.0", observed)
	first.PostApplyFunc = runs("1.0.0", 1)

	healed.PreConfig = func() { r.Alter("cloud", "somebody stopped two servers") }
	healed = expecting(healed, plancheck.ExpectResourceAction("cd_release.shop", plancheck.ResourceActionUpdate))
	healed.PostApplyFunc = runs("1.0.0", 2)

	upgrade.PostApplyFunc = runs("1.1.0", 3)

	broken.PreConfig = func() { r.Refuse("2.0.0") }
	broken.ExpectError = regexp.MustCompile(`(?s)through\s+the\s+target's\s+webhook:\s+the\s+receiver\s+says\s+that\s+it\s+failed`)

	back.ConfigStateChecks = []statecheck.StateCheck{
		statecheck.ExpectKnownValue("data.cd_deployed.cloud", tfjsonpath.New("version"), knownvalue.StringExact("1.0.0")),
		statecheck.ExpectKnownValue("data.cd_deployed.cloud", tfjsonpath.New("drifted"), knownvalue.Bool(false)),
	}
	s.test(first, healed, upgrade, broken, back)

	orders := r.Orders()
	versions := []string{}
	for _, o := range orders {
		versions = append(versions, o.Version)
		require.Equal(t, map[string]string{"PASSWORD": "hunter2-hunter2"}, o.Secrets)
		require.Equal(t, []string{"PASSWORD"}, o.SecretNames)
		require.Equal(t, map[string]string{"LOG_LEVEL": "info"}, o.Config)
		require.Equal(t, "https://dist.example.com/shop-"+o.Version, o.Artifacts["app"].URI)
	}
	require.Equal(t, []string{"1.0.0", "1.0.0", "1.1.0", "2.0.0", "1.1.0", "1.0.0"}, versions, "the one that fails is rolled back to what ran before it")
}

func TestAccWebhookTargetWithoutObserveURL(t *testing.T) {
	t.Parallel()
	s := shop{acctest.New(t), t}
	s.write("key", "a key")
	s.write("password", "hunter2-hunter2")
	r := acctest.NewReceiver(t, "a key")
	s.test(resource.TestStep{Config: behindWebhook(r, s.Dir, "1.0.0", "")}, resource.TestStep{
		PreConfig: func() { r.Alter("cloud", "nobody can see this") },
		Config:    behindWebhook(r, s.Dir, "1.0.0", ""),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.cd_deployed.cloud", tfjsonpath.New("drifted"), knownvalue.Bool(false)),
		},
	})
	require.Len(t, r.Orders(), 1)
	require.Empty(t, r.Orders()[0].Secrets, "they are sent on request only")
}

func TestAccWebhookTargetWithoutItsKey(t *testing.T) {
	t.Parallel()
	s := shop{acctest.New(t), t}
	s.write("password", "hunter2-hunter2")
	r := acctest.NewReceiver(t, "a key")
	s.test(resource.TestStep{
		Config:      behindWebhook(r, s.Dir, "1.0.0", ""),
		ExpectError: regexp.MustCompile(`(?s)target\.webhook\.secret\s+of\s+environment\s+"cloud":\s+the\s+secret's\s+file\s+cannot\s+be\s+read`),
	})
	require.Empty(t, r.Orders())
}
