package provider_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// renamed is a shop of one stage in which names and the lifecycle of what has them are open.
func (s shop) renamed(replace ...string) resource.TestStep {
	text := strings.NewReplacer(append(replace, "DIR", filepath.ToSlash(s.Dir), "ENVIRONMENT", "qa", "PIPELINE", "shop", "POLICY", "four-eyes", "PROTECTED", "false", "FIRST", "false")...).Replace(`
resource "cd_environment" "qa" {
  name                = "ENVIRONMENT"
  tier                = "testing"
  deletion_protection = PROTECTED
  target              = { directory = { path = "DIR/srv" } }
  lifecycle { create_before_destroy = FIRST }
}

resource "cd_pipeline" "shop" {
  name   = "PIPELINE"
  stages = [{ name = "qa", environments = [cd_environment.qa.name], promotion = "automatic" }]
}

resource "cd_policy" "four_eyes" {
  name  = "POLICY"
  tiers = ["production"]
  gates = { approvals = { required = 1, approvers = ["*"], allow_author = true } }
  lifecycle { create_before_destroy = FIRST }
}

resource "cd_release" "shop" {
  pipeline  = cd_pipeline.shop.name
  version   = "1.0.0"
  artifacts = { page = { uri = "DIR/shop-1.0.0.html", digest = "sha256:${filesha256("DIR/shop-1.0.0.html")}" } }
}
`)
	return resource.TestStep{Config: text}
}

const (
	qa          = "cd_environment.qa"
	fourEyes    = "cd_policy.four_eyes"
	thePipeline = "cd_pipeline.shop"
)

// TestAccRenamedEnvironment: another name is another environment. Terraform destroys the old one first, which is refused while the
// pipeline still has it; made first, the pipeline moves over and the old one goes last, all in one apply.
func TestAccRenamedEnvironment(t *testing.T) {
	s := newShop(t)
	first := s.renamed("ENVIRONMENT", "quality", "FIRST", "true", "POLICY", "two-eyes")
	s.test(
		s.renamed(),
		refused(expecting(s.renamed("ENVIRONMENT", "quality"), inPlan(qa, plancheck.ResourceActionDestroyBeforeCreate)),
			`Terraform destroys before it updates. Remove the environment in a separate apply, or let Terraform destroy it last: lifecycle { create_before_destroy = true }`),
		expecting(s.renamed(), plancheck.ExpectEmptyPlan()), // nothing was done, so the old name is still right
		s.renamed("FIRST", "true"),
		behind(expecting(first, inPlan(qa, plancheck.ResourceActionCreateBeforeDestroy), inPlan(fourEyes, plancheck.ResourceActionCreateBeforeDestroy),
			inPlan(thePipeline, plancheck.ResourceActionUpdate), inPlan(theRelease, plancheck.ResourceActionUpdate)), func() {
			require.Len(t, s.Drivers["directory"].Deployed(), 1)
		}),
		behind(expecting(first, plancheck.ExpectEmptyPlan()), func() {
			api := s.Client(acctest.Actor)
			all, err := api.Environments(t.Context())
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.Equal(t, "quality", all[0].Spec.Name)
			deployed := s.Drivers["directory"].Deployed()
			require.Len(t, deployed, 2, "what ran under the old name says nothing about the new environment")
			require.Equal(t, "quality", deployed[1].Environment)
		}),
	)
}

// TestAccRenamedPipeline: another name is another pipeline, and its releases are other releases. What ran keeps running until then.
func TestAccRenamedPipeline(t *testing.T) {
	s := newShop(t)
	renamed := s.renamed("PIPELINE", "store")
	s.test(
		s.renamed(),
		expecting(renamed, inPlan(thePipeline, plancheck.ResourceActionDestroyBeforeCreate), inPlan(theRelease, plancheck.ResourceActionDestroyBeforeCreate), inPlan(qa, plancheck.ResourceActionNoop)),
		behind(expecting(renamed, plancheck.ExpectEmptyPlan()), func() {
			pages, err := filepath.Glob(filepath.Join(s.Dir, "srv", "*", "current", "*.html"))
			require.NoError(t, err)
			require.Len(t, pages, 2, "the old pipeline's deployment is left where it is")
		}),
	)
}

// TestAccProtectedEnvironmentKeepsItsName: the plan refuses what would destroy it, before anything is destroyed.
func TestAccProtectedEnvironmentKeepsItsName(t *testing.T) {
	s := newShop(t)
	planned := func(step resource.TestStep) resource.TestStep {
		step.PlanOnly = true
		return step
	}
	gone := s.renamed("PROTECTED", "true")
	before, _, ok := strings.Cut(gone.Config, `resource "cd_policy"`)
	require.True(t, ok)
	_, pipeline, ok := strings.Cut(before, `resource "cd_pipeline"`)
	require.True(t, ok)
	gone.Config = `resource "cd_pipeline"` + strings.ReplaceAll(pipeline, "cd_environment.qa.name", `"qa"`)
	s.test(
		s.renamed("PROTECTED", "true"),
		refused(planned(s.renamed("PROTECTED", "true", "ENVIRONMENT", "quality", "FIRST", "true")), `a new name makes a new environment and destroys this one, and its deletion protection is on`),
		// Both in one step is too early: it is protected until that is applied.
		refused(planned(s.renamed("PROTECTED", "false", "ENVIRONMENT", "quality", "FIRST", "true")), `set deletion_protection = false and apply that first`),
		refused(planned(gone), `Unable to destroy environment "qa"`),
		expecting(s.renamed("PROTECTED", "true"), plancheck.ExpectEmptyPlan()),
		s.renamed("PROTECTED", "false", "FIRST", "true"),
		s.renamed("PROTECTED", "false", "ENVIRONMENT", "quality", "FIRST", "true"),
	)
}
