package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// shopName is the pipeline of a typical workspace of a team: three stages and six directories.
const shopName = "shop"

// shopStages are its stages. The last one is entered by a promotion, with an approval.
var shopStages = []delivery.Stage{
	{Name: "development", Promotion: delivery.Automatic, Environments: []string{"development"}},
	{Name: "staging", Promotion: delivery.Automatic, Environments: []string{"staging-eu", "staging-us"}},
	{Name: "production", Promotion: delivery.Manual, Environments: []string{"production-ap", "production-eu", "production-us"}},
}

// writeShop writes the configuration of the workspace, and its artifact, into a directory.
func writeShop(dir, version, stateURL string) error {
	page := filepath.Join(dir, "page-"+version+".html")
	text := []byte("<h1>" + version + "</h1>\n")
	if err := os.WriteFile(page, text, 0o600); err != nil {
		return err
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(text))
	return writeMain(dir, shopConfiguration(stateURL, filepath.ToSlash(dir), version, digest))
}

func shopConfiguration(stateURL, dir, version, digest string) string {
	var text strings.Builder
	text.WriteString(settings(ours, stateURL))
	stages := []string{}
	for _, s := range shopStages {
		for _, env := range s.Environments {
			fmt.Fprintf(&text, shopEnvironment, env, s.Name, dir)
		}
		names := `"` + strings.Join(s.Environments, `", "`) + `"`
		stages = append(stages, fmt.Sprintf(lineStage, s.Name, names, s.Promotion, shopGates[s.Promotion]))
	}
	fmt.Fprintf(&text, lineDelivery, shopName, strings.Join(stages, ""), version, dir, digest)
	return text.String()
}

// shopGates are the gates for which a plan reads most of the ledger: decisions, reports, soak time and frequency.
var shopGates = map[delivery.PromotionPolicy]string{
	delivery.Automatic: `{ max_deploys = { count = 100, per = "24h" } }`,
	delivery.Manual: `{
        approvals   = { required = 1, approvers = ["*"], allow_author = true }
        tests       = { unit = { min_tests = 1 } }
        soak        = { stage = "staging", duration = "1s" }
        max_deploys = { count = 100, per = "24h" }
      }`,
}

const shopEnvironment = `
resource "cd_environment" "%[1]s" {
  name                = "%[1]s"
  tier                = "%[2]s"
  config              = { LOG_LEVEL = "info", REGION = "%[1]s" }
  target              = { directory = { path = "%[3]s/srv/%[1]s" } }
  deletion_protection = false
}
`

const lineStage = `
    {
      name         = "%[1]s"
      environments = [%[2]s]
      promotion    = "%[3]s"
      gates        = %[4]s
    },`

const lineDelivery = `
resource "cd_pipeline" "line" {
  name       = "%[1]s"
  stages     = [%[2]s
  ]
  depends_on = [cd_environment.development, cd_environment.staging-eu, cd_environment.staging-us, cd_environment.production-ap, cd_environment.production-eu, cd_environment.production-us]
}

resource "cd_policy" "everywhere" {
  name  = "everywhere"
  tiers = ["development", "staging", "production"]
  gates = { expressions = { source = { condition = "release.version != ''", message = "a release has a version" } } }
}

resource "cd_release" "line" {
  pipeline   = cd_pipeline.line.name
  version    = "%[3]s"
  artifacts  = { page = { uri = "%[4]s/page-%[3]s.html", digest = "%[5]s" } }
  source     = { repository = "https://git.example.com/shop", revision = "v%[3]s", author = "dave@example.com" }
  depends_on = [cd_policy.everywhere]
}

resource "cd_test_report" "unit" {
  pipeline = cd_pipeline.line.name
  version  = cd_release.line.version
  suite    = "unit"
  junit    = "<testsuite tests=\"1\"><testcase name=\"a\"/></testsuite>"
}

resource "cd_approval" "line" {
  pipeline = cd_pipeline.line.name
  version  = cd_test_report.unit.version
  stage    = "production"
  decision = "approve"
  content  = try(file("%[4]s/content-line"), null)
}

resource "cd_promotion" "line" {
  pipeline     = cd_pipeline.line.name
  version      = cd_approval.line.version
  stage        = "production"
  when_blocked = "wait"
}
`
