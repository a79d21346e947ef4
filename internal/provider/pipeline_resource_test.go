package provider_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestAccPipeline(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	mallory := h.Client("mallory@example.com")
	const address = "cd_pipeline.shop"
	first := stepOf("TestAccPipeline/declared", inPlan(address, plancheck.ResourceActionCreate),
		plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact("shop")),
		plancheck.ExpectKnownValue(address, tfjsonpath.New("revision"), knownvalue.StringRegexp(regexp.MustCompile(`^sha256:[0-9a-f]{64}$`))))
	stage := func(i int, attribute string) tfjsonpath.Path {
		return tfjsonpath.New("stages").AtSliceIndex(i).AtMapKey(attribute)
	}
	first.ConfigStateChecks = []statecheck.StateCheck{
		statecheck.ExpectKnownValue(address, stage(0, "on_failure"), knownvalue.StringExact("rollback")),
		statecheck.ExpectKnownValue(address, stage(0, "gates"), knownvalue.Null()),
		statecheck.ExpectKnownValue(address, stage(1, "environments"), knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("us"), knownvalue.StringExact("eu")})),
		statecheck.ExpectKnownValue(address, stage(1, "gates").AtMapKey("approvals").AtMapKey("allow_author"), knownvalue.Bool(false)),
	}
	again := stepOf("TestAccPipeline/declared", plancheck.ExpectEmptyPlan())
	importedBy := func(id string, kind resource.ImportStateKind) resource.TestStep {
		return resource.TestStep{ConfigDirectory: config.StaticDirectory("testdata/TestAccPipeline/declared"), ResourceName: address,
			ImportState: true, ImportStateKind: kind, ImportStateId: id, ImportStateVerify: kind == resource.ImportCommandWithID}
	}

	runTerraform(t, h,
		first,
		again,
		importedBy("shop", resource.ImportCommandWithID),
		importedBy("shop", resource.ImportBlockWithID),
		refused(importedBy("shop/production", resource.ImportCommandWithID), `Import it by its name`),
		behind(stepOf("TestAccPipeline/declared", inPlan(address, plancheck.ResourceActionUpdate)), func() {
			found, err := mallory.Pipeline(t.Context(), "shop")
			require.NoError(t, err)
			require.Equal(t, []string{"alice", "bob", "carol"}, found.Spec.Stages[1].Gates.Approvals.Approvers)
			found.Spec.Stages[1].Gates = delivery.Gates{}
			slices.Reverse(found.Spec.Stages[1].Environments)
			_, err = mallory.PutPipeline(t.Context(), found.Spec)
			require.NoError(t, err)
		}),
		again,
		behind(stepOf("TestAccPipeline/declared", inPlan(address, plancheck.ResourceActionCreate)), func() {
			require.NoError(t, mallory.DeletePipeline(t.Context(), "shop"))
		}),
		stepOf("TestAccPipeline/changed", inPlan(address, plancheck.ResourceActionUpdate)),
		stepOf("TestAccPipeline/changed", plancheck.ExpectEmptyPlan()),
		stepOf("TestAccPipeline/declared", inPlan(address, plancheck.ResourceActionUpdate)),
	)
}

func TestAccPipelineOfWhatIsKnownAtApplyOnly(t *testing.T) {
	t.Parallel()
	runTerraform(t, acctest.New(t),
		stepOf("TestAccPipeline/unknown",
			plancheck.ExpectUnknownValue("cd_pipeline.shop", tfjsonpath.New("revision")),
			plancheck.ExpectKnownValue("cd_pipeline.shop", tfjsonpath.New("id"), knownvalue.StringExact("shop"))),
		stepOf("TestAccPipeline/unknown", plancheck.ExpectEmptyPlan()),
	)
}

const oneStage = `
resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  target = { directory = { path = "/srv/staging" } }
}

resource "cd_pipeline" "shop" {
  name   = "%s"
  stages = [{ name = "one", environments = [%s], promotion = "%s" }]
}
`

func TestAccPipelineRefusals(t *testing.T) {
	t.Parallel()
	const staging = "cd_environment.staging.name"
	good := resource.TestStep{Config: fmt.Sprintf(oneStage, "shop", staging, "manual")}
	renamed := resource.TestStep{Config: fmt.Sprintf(oneStage, "store", staging, "manual")}
	renamed.ConfigPlanChecks.PreApply = []plancheck.PlanCheck{inPlan("cd_pipeline.shop", plancheck.ResourceActionDestroyBeforeCreate)}
	nowhere := resource.TestStep{Config: fmt.Sprintf(oneStage, "shop", staging+`, "nowhere"`, "manual"), PlanOnly: true}
	runTerraform(t, acctest.New(t),
		refused(resource.TestStep{Config: fmt.Sprintf(oneStage, "shop", staging, "auto")}, `"auto" is not a promotion policy`),
		refused(nowhere, `environment "nowhere" does not exist; declare it as a cd_environment`),
		good,
		refused(nowhere, `Unable to plan pipeline "shop"`),
		renamed,
	)
}
