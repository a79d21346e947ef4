package provider_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// stepOf applies a directory of testdata; the framework then demands that a second plan is empty.
func stepOf(directory string, checks ...plancheck.PlanCheck) resource.TestStep {
	return resource.TestStep{
		ConfigDirectory:  config.StaticDirectory("testdata/" + directory),
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: checks},
	}
}

// refused expects a plan or an apply to fail with words that Terraform may have wrapped.
func refused(step resource.TestStep, words string) resource.TestStep {
	step.ExpectError = regexp.MustCompile(regexp.MustCompile(`[ \n]+`).ReplaceAllString(regexp.QuoteMeta(words), `[\s│]+`))
	return step
}

// behind runs something between two walks of Terraform.
func behind(step resource.TestStep, do func()) resource.TestStep {
	step.PreConfig = do
	return step
}

func inPlan(address string, action plancheck.ResourceActionType) plancheck.PlanCheck {
	return plancheck.ExpectResourceAction(address, action)
}

func runTerraform(t *testing.T, h *acctest.Harness, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: h.Factories(), WorkingDir: h.WorkingDir(), Steps: steps})
}

// redeclare changes an environment through the API.
func redeclare(t *testing.T, api *client.Client, name string, change func(*delivery.EnvironmentSpec)) {
	t.Helper()
	found, err := api.Environment(t.Context(), name)
	require.NoError(t, err)
	change(&found.Spec)
	_, err = api.PutEnvironment(t.Context(), found.Spec)
	require.NoError(t, err)
}

func TestAccEnvironment(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	mallory := h.Client("mallory@example.com")
	const staging, plain = "cd_environment.staging", "cd_environment.plain"
	known := func(attribute, value string) plancheck.PlanCheck {
		return plancheck.ExpectKnownValue(staging, tfjsonpath.New(attribute), knownvalue.StringExact(value))
	}
	first := stepOf("TestAccEnvironment/declared", inPlan(staging, plancheck.ResourceActionCreate), known("id", "staging"),
		plancheck.ExpectKnownValue(staging, tfjsonpath.New("effective_config").AtMapKey("REPLICAS"), knownvalue.StringExact("2")),
		plancheck.ExpectKnownValue(staging, tfjsonpath.New("revision"), knownvalue.StringRegexp(regexp.MustCompile(`^sha256:[0-9a-f]{64}$`))),
		plancheck.ExpectKnownValue(staging, tfjsonpath.New("deletion_protection"), knownvalue.Bool(false)))
	first.ConfigStateChecks = []statecheck.StateCheck{
		statecheck.ExpectKnownValue(plain, tfjsonpath.New("config"), knownvalue.Null()),
		statecheck.ExpectKnownValue(plain, tfjsonpath.New("effective_config"), knownvalue.MapSizeExact(0)),
	}
	again := stepOf("TestAccEnvironment/declared", plancheck.ExpectEmptyPlan())
	importedBy := func(id string, kind resource.ImportStateKind) resource.TestStep {
		return resource.TestStep{ConfigDirectory: config.StaticDirectory("testdata/TestAccEnvironment/declared"), ResourceName: staging,
			ImportState: true, ImportStateKind: kind, ImportStateId: id, ImportStateVerify: kind == resource.ImportCommandWithID}
	}

	runTerraform(t, h,
		first,
		again,
		importedBy("staging", resource.ImportCommandWithID),
		importedBy("staging", resource.ImportBlockWithID),
		refused(importedBy("not a name", resource.ImportCommandWithID), `Import it by its name`),
		refused(importedBy("nowhere", resource.ImportCommandWithID), `Cannot import non-existent remote object`),

		behind(stepOf("TestAccEnvironment/declared", inPlan(staging, plancheck.ResourceActionUpdate), inPlan(plain, plancheck.ResourceActionUpdate)), func() {
			redeclare(t, mallory, "staging", func(s *delivery.EnvironmentSpec) { s.Target.Directory.AfterDeploy.Argv = []string{"./steal"} })
			redeclare(t, mallory, "plain", func(s *delivery.EnvironmentSpec) { s.Config = map[string]string{"A": "1"} })
		}),
		again,
		behind(stepOf("TestAccEnvironment/declared", inPlan(plain, plancheck.ResourceActionCreate), inPlan(staging, plancheck.ResourceActionNoop)), func() {
			require.NoError(t, mallory.DeleteEnvironment(t.Context(), "plain"))
		}),

		stepOf("TestAccEnvironment/changed", inPlan(staging, plancheck.ResourceActionUpdate), inPlan(plain, plancheck.ResourceActionUpdate)),
		stepOf("TestAccEnvironment/changed", plancheck.ExpectEmptyPlan()),
		stepOf("TestAccEnvironment/declared", inPlan(staging, plancheck.ResourceActionUpdate)),
		stepOf("TestAccEnvironment/empty", inPlan(plain, plancheck.ResourceActionUpdate), inPlan(staging, plancheck.ResourceActionDestroy)),
		stepOf("TestAccEnvironment/empty", plancheck.ExpectEmptyPlan()),
		stepOf("TestAccEnvironment/renamed", inPlan(plain, plancheck.ResourceActionDestroyBeforeCreate)),
		behind(stepOf("TestAccEnvironment/renamed", plancheck.ExpectEmptyPlan()), func() {
			all, err := mallory.Environments(t.Context())
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.Equal(t, "simple", all[0].Spec.Name)
		}),
	)
}

func TestAccEnvironmentOfWhatIsKnownAtApplyOnly(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	with := func(currency string, checks ...plancheck.PlanCheck) resource.TestStep {
		step := stepOf("TestAccEnvironment/unknown", checks...)
		step.ConfigVariables = config.Variables{"currency": config.StringVariable(currency)}
		return step
	}
	const production = "cd_environment.production"
	runTerraform(t, h,
		// What plan could not see, apply still refuses.
		refused(with("EUR"), `CURRENCY is "JPY" here and "EUR" there`),
		with("JPY"),
		with("JPY", plancheck.ExpectEmptyPlan()),
	)
	runTerraform(t, acctest.New(t), with("JPY",
		plancheck.ExpectUnknownValue(production, tfjsonpath.New("revision")),
		plancheck.ExpectUnknownValue(production, tfjsonpath.New("effective_config")),
		plancheck.ExpectKnownValue(production, tfjsonpath.New("id"), knownvalue.StringExact("production")),
	))
}

const currencies = `
resource "cd_environment" "production" {
  name   = "production"
  tier   = "staging"
  config = { CURRENCY = "JPY" }
}

resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { CURRENCY = "%s" }
  parity = { with = cd_environment.production.name%s }
}
`

func TestAccEnvironmentParityFailsTheFirstPlan(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	allowed := `, allow = { CURRENCY = { reason = "a trial", until = "2027-04-01T00:00:00Z" } }`
	broken := resource.TestStep{Config: fmt.Sprintf(currencies, "EUR", ""), PlanOnly: true}
	same := resource.TestStep{Config: fmt.Sprintf(currencies, "JPY", "")}
	trial := resource.TestStep{Config: fmt.Sprintf(currencies, "EUR", allowed)}
	runTerraform(t, h,
		refused(broken, `parity with environment "production" is broken: CURRENCY is "EUR" here and "JPY" there`),
		same,
		refused(broken, `Unable to plan environment "staging"`),
		trial,
		// The allowance lapses. Nothing of these changes, so the plan stays empty and warns, and destroying still works.
		behind(expectingEmpty(trial), func() { h.Clock.Advance(31 * 24 * time.Hour) }),
		refused(resource.TestStep{Config: fmt.Sprintf(currencies, "USD", allowed)}, `parity.allow["CURRENCY"] does not cover it: it ended at 2027-04-01T00:00:00Z`),
	)
}

func expectingEmpty(step resource.TestStep) resource.TestStep {
	step.ConfigPlanChecks.PreApply = append(step.ConfigPlanChecks.PreApply, plancheck.ExpectEmptyPlan())
	return step
}

func TestAccEnvironmentBadInputShowsWhere(t *testing.T) {
	t.Parallel()
	runTerraform(t, acctest.New(t), refused(resource.TestStep{Config: `
resource "cd_environment" "staging" {
  name    = "staging"
  tier    = "staging"
  secrets = { PASSWORD = "hunter2" }
}`}, `"env:NAME" or "file:PATH", never the value itself`))
}

// A value that readers of .env would read in different ways is refused at its attribute: of the environment, and of a stage.
func TestAccConfigurationThatAnEnvFileCannotHold(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	config := func(environment, stage string) resource.TestStep {
		return resource.TestStep{Config: fmt.Sprintf(`
resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { GREETING = %q }
  target = { directory = { path = %q } }
}

resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "staging", environments = [cd_environment.staging.name], promotion = "manual", config = { SIGN = %q } }]
}`, environment, filepath.Join(h.Dir, "srv"), stage)}
	}
	runTerraform(t, h,
		refused(config(`it's \"`, "!"), "a single quote together with one of"),
		refused(config("it's", `C:\`), `the directory target of environment "staging" cannot take it: the value holds two backslashes in a row or ends with one`),
		config("it's", `"$x\y"`))
}

func TestAccEnvironmentIsNotDestroyedWhileProtectedOrInUse(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	environment := func(rest string) string {
		return fmt.Sprintf(`
resource "cd_environment" "live" {
  name   = "live"
  tier   = "production"
  target = { directory = { path = "/srv/live" } }
  %s
}
`, rest)
	}
	pipeline := func(name string) string {
		return fmt.Sprintf(`
resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "live", environments = [%s], promotion = "manual" }]
}
`, name)
	}
	unprotected := environment("deletion_protection = false")
	runTerraform(t, h,
		resource.TestStep{Config: environment("")},
		refused(resource.TestStep{Config: environment(""), Destroy: true}, `deletion protection is on; set deletion_protection = false and apply`),
		resource.TestStep{Config: unprotected + pipeline("cd_environment.live.name")},
		refused(resource.TestStep{Config: pipeline(`"live"`)}, `it is in use by shop; take it out of their stages first`),
		expectingEmpty(resource.TestStep{Config: unprotected + pipeline("cd_environment.live.name")}),
	)
}

func TestAccEnvironmentLeavesItsPipelineInOneApply(t *testing.T) {
	t.Parallel()
	environment := func(name, rest string) string {
		return fmt.Sprintf(`
resource "cd_environment" %[1]q {
  name   = %[1]q
  tier   = "other"
  target = { directory = { path = "/srv/%[1]s" } }
  %[2]s
}
`, name, rest)
	}
	pipeline := func(environments string) string {
		return fmt.Sprintf(`
resource "cd_pipeline" "shop" {
  name   = "shop"
  stages = [{ name = "one", environments = [%s], promotion = "manual" }]
}
`, environments)
	}
	stays := environment("stays", "")
	const both, one = "cd_environment.stays.name, cd_environment.goes.name", "cd_environment.stays.name"
	runTerraform(t, acctest.New(t),
		resource.TestStep{Config: stays + environment("goes", "") + pipeline(both)},
		refused(resource.TestStep{Config: stays + pipeline(one)}, `Terraform destroys before it updates. Remove the environment in a separate apply`),
		resource.TestStep{Config: stays + environment("goes", "") + pipeline(one)},
		resource.TestStep{Config: stays + environment("goes", "lifecycle { create_before_destroy = true }") + pipeline(both)},
		resource.TestStep{Config: stays + pipeline(one)},
	)
}
