package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// A pipeline that is imported does not change, whether its configuration writes defaults or leaves them out.
func TestAccImportedPipelineOfWrittenDefaults(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	config := func(tests, approvals, rollout string) string {
		return `
import {
  to = cd_pipeline.shop
  id = "shop"
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name         = "staging"
    environments = ["staging"]
    promotion    = "manual"
    gates        = { tests = { unit = { min_tests = 1` + tests + ` } }, approvals = { required = 1, approvers = ["bob@example.com"]` + approvals + ` } }
    rollout      = { max_parallel = 1` + rollout + ` }
  }]
}`
	}
	declare := func() {
		api, least := h.Client("alice@example.com"), 1
		_, err := api.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "staging", Tier: delivery.TierStaging})
		require.NoError(t, err)
		_, err = api.PutPipeline(t.Context(), delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{
			Name: "staging", Environments: []string{"staging"}, Promotion: delivery.Manual, Rollout: &delivery.Rollout{MaxParallel: 1},
			Gates: delivery.Gates{
				Tests:     map[string]delivery.TestsGate{"unit": {MinTests: &least}},
				Approvals: &delivery.ApprovalsGate{Required: 1, Approvers: []string{"bob@example.com"}},
			},
		}}})
		require.NoError(t, err)
	}
	runTerraform(t, h,
		behind(expectingNoChange(config(", max_failures = 0", ", allow_author = false, require_signed = false", ", max_failures = 0")), declare),
		expectingNoChange(config("", "", "")))
}

// expectingNoChange imports, and changes nothing.
func expectingNoChange(config string) resource.TestStep {
	return resource.TestStep{Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{
		PreApply: []plancheck.PlanCheck{inPlan("cd_pipeline.shop", plancheck.ResourceActionNoop)}}}
}
