package provider_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

func TestAccPipelineDataSource(t *testing.T) {
	t.Parallel()
	stage := tfjsonpath.New("stages").AtSliceIndex(0)
	value := func(at tfjsonpath.Path, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.cd_pipeline.shop", at, check)
	}
	runTerraform(t, acctest.New(t),
		refused(resource.TestStep{Config: `
data "cd_pipeline" "shop" {
  name = "shop"
}`}, `pipeline "shop" does not exist`),
		resource.TestStep{Config: fmt.Sprintf(oneStage, "shop", "cd_environment.staging.name", "manual") + `
data "cd_pipeline" "shop" {
  name       = "shop"
  depends_on = [cd_pipeline.shop]
}`, ConfigStateChecks: []statecheck.StateCheck{
			value(tfjsonpath.New("id"), knownvalue.StringExact("shop")),
			value(stage.AtMapKey("environments").AtSliceIndex(0), knownvalue.StringExact("staging")),
			value(stage.AtMapKey("on_failure"), knownvalue.StringExact("rollback")),
			value(stage.AtMapKey("gates"), knownvalue.Null()),
		}},
	)
}
