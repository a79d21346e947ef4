//go:build unix

package acctest_test

import (
	"fmt"
	"os"
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
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// storefront is a shop whose check passes while a file exists, and whose production requires an approval. attempt is that of the release.
func storefront(dir string, attempt int) string {
	return strings.NewReplacer("DIR", filepath.ToSlash(dir), "ATTEMPT", fmt.Sprint(attempt)).Replace(`
resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { LOG_LEVEL = "debug" }
  target = { directory = { path = "DIR/srv/staging" } }
}
resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  target              = { directory = { path = "DIR/srv/production" } }
  deletion_protection = false
}
resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [
    {
      name         = "staging"
      environments = [cd_environment.staging.name]
      promotion    = "automatic"
      verify       = { smoke = { command = { argv = ["test", "-e", "DIR/healthy"] } } }
    },
    {
      name         = "production"
      environments = [cd_environment.production.name]
      promotion    = "manual"
      gates        = { approvals = { required = 1, approvers = ["*"], allow_author = true } }
    },
  ]
}
resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.0.0"
  artifacts = { page = { uri = "DIR/page.html", digest = "sha256:${filesha256("DIR/page.html")}" } }
  source    = { revision = "3f2c", author = "dave@example.com" }
  attempt   = ATTEMPT
}
resource "cd_approval" "shop" {
  pipeline = cd_pipeline.shop.name
  version  = cd_release.shop.version
  stage    = "production"
  decision = "approve"
  content  = try(file("DIR/content"), null)
}
resource "cd_promotion" "shop" {
  pipeline = cd_pipeline.shop.name
  version  = cd_approval.shop.version
  stage    = "production"
}
`)
}

// wholePlan checks the action of a plan for each resource of the storefront. Resources that are not named must not change.
func wholePlan(actions map[string]plancheck.ResourceActionType) []plancheck.PlanCheck {
	checks := []plancheck.PlanCheck{}
	for _, address := range []string{"cd_environment.staging", "cd_environment.production", "cd_pipeline.shop", "cd_release.shop", "cd_approval.shop", "cd_promotion.shop"} {
		action, ok := actions[address]
		if !ok {
			action = plancheck.ResourceActionNoop
		}
		checks = append(checks, plancheck.ExpectResourceAction(address, action))
	}
	return checks
}

// TestFailedApplyIsNeverSuccess: the first delivery fails. Nothing of it is in state, and nothing is tainted. Applying again reports
// the failure at once and deploys nothing. A raised attempt tries again.
func TestFailedApplyIsNeverSuccess(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	require.NoError(t, os.WriteFile(filepath.Join(h.Dir, "page.html"), []byte("hello"), 0o600))
	notDelivered := wholePlan(map[string]plancheck.ResourceActionType{
		"cd_release.shop": plancheck.ResourceActionCreate, "cd_approval.shop": plancheck.ResourceActionCreate, "cd_promotion.shop": plancheck.ResourceActionCreate,
	})
	deployments := func(want int) func() {
		return func() { require.Len(t, h.Drivers["directory"].Deployed(), want) }
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: h.Factories(),
		WorkingDir:               h.WorkingDir(),
		ErrorCheck:               copyContent(t, h.Dir),
		Steps: []resource.TestStep{
			{Config: storefront(h.Dir, 1)}, // prints the content
			{Config: storefront(h.Dir, 1), ExpectError: regexp.MustCompile(`check\s+"smoke"\s+did\s+not\s+pass`)},
			{
				PreConfig: deployments(1), Config: storefront(h.Dir, 1), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: notDelivered},
				ExpectError: regexp.MustCompile(`(?s)is\s+held.*until\s+attempt\s+is\s+raised\s+to\s+2`),
			},
			{
				PreConfig: func() {
					deployments(1)()
					require.NoError(t, os.WriteFile(filepath.Join(h.Dir, "healthy"), nil, 0o600))
				},
				Config: storefront(h.Dir, 2), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: notDelivered},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue("cd_promotion.shop", tfjsonpath.New("running_version"), knownvalue.StringExact("1.0.0")),
				},
			},
			{PreConfig: deployments(3), Config: storefront(h.Dir, 2), PlanOnly: true},
		},
	})
	requireWholeLedger(t, h)
}

// TestWhatChangesOutsideShows changes each resource in the ledger. Terraform must see the change, restore the resource, and then plan
// nothing.
func TestWhatChangesOutsideShows(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := h.Client(mallory)
	for _, name := range []string{"page.html", "healthy"} {
		require.NoError(t, os.WriteFile(filepath.Join(h.Dir, name), []byte("hello"), 0o600))
	}
	heals := func(address string, action plancheck.ResourceActionType, change func() error) resource.TestStep {
		return resource.TestStep{
			PreConfig:        func() { require.NoError(t, change(), address) },
			Config:           storefront(h.Dir, 1),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: wholePlan(map[string]plancheck.ResourceActionType{address: action})},
		}
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: h.Factories(),
		WorkingDir:               h.WorkingDir(),
		ErrorCheck:               copyContent(t, h.Dir),
		Steps: []resource.TestStep{
			{Config: storefront(h.Dir, 1)}, // prints the content
			{Config: storefront(h.Dir, 1)},
			heals("cd_environment.production", plancheck.ResourceActionUpdate, func() error {
				e, err := api.Environment(t.Context(), "production")
				require.NoError(t, err)
				protected := true
				e.Spec.DeletionProtection = &protected
				_, err = api.PutEnvironment(t.Context(), e.Spec)
				return err
			}),
			heals("cd_pipeline.shop", plancheck.ResourceActionUpdate, func() error {
				p, err := api.Pipeline(t.Context(), "shop")
				require.NoError(t, err)
				p.Spec.Stages[1].Gates = delivery.Gates{}
				_, err = api.PutPipeline(t.Context(), p.Spec)
				return err
			}),
			heals("cd_release.shop", plancheck.ResourceActionUpdate, func() error {
				r, err := api.Release(t.Context(), "shop", "1.0.0")
				require.NoError(t, err)
				_, err = api.PutRelease(t.Context(), delivery.ReleaseRequest{Spec: r.Spec, Attempt: 7})
				return err
			}),
			heals("cd_promotion.shop", plancheck.ResourceActionUpdate, func() error {
				p, err := api.Promotion(t.Context(), "shop", "production")
				require.NoError(t, err)
				p.Spec.WhenBlocked = delivery.WhenBlockedPend
				_, err = api.PutPromotion(t.Context(), p.Spec)
				return err
			}),
			// An approval that was used is history, and nobody takes it back.
			{Config: storefront(h.Dir, 1), PlanOnly: true, PreConfig: func() {
				err := api.RevokeApproval(t.Context(), "shop/1.0.0/production/"+acctest.Actor+"/1")
				require.Equal(t, delivery.CodeConflict, delivery.CodeOf(err), "%v", err)
			}},
			heals("cd_promotion.shop", plancheck.ResourceActionCreate, func() error { return api.DeletePromotion(t.Context(), "shop", "production") }),
		},
	})
	requireWholeLedger(t, h)
}
