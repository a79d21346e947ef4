package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

const theRelease = "cd_release.shop"

// then adds a look at what runs after the step.
func (s shop) then(step resource.TestStep, staging, production string) resource.TestStep {
	step.Check = func(*terraform.State) error {
		if err := s.runs("staging", staging); err != nil {
			return err
		}
		return s.runs("production", production)
	}
	return step
}

func stageStatus(resourceName, stage, status, version string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(resourceName, tfjsonpath.New("stages").AtMapKey(stage), knownvalue.ObjectPartial(map[string]knownvalue.Check{
		"status": knownvalue.StringExact(status), "version": knownvalue.StringExact(version)}))
}

func TestRelease(t *testing.T) {
	s := newShop(t)
	first := s.then(s.step(wish{"release": release("1.0.0")}), "1.0.0", "")
	first.ConfigStateChecks = []statecheck.StateCheck{
		statecheck.ExpectKnownValue(theRelease, tfjsonpath.New("id"), knownvalue.StringExact("shop/1.0.0")),
		statecheck.ExpectKnownValue(theRelease, tfjsonpath.New("attempt"), knownvalue.Int64Exact(1)),
		stageStatus(theRelease, "staging", "verified", "1.0.0"),
		stageStatus(theRelease, "production", "waiting", ""),
	}
	newer := expecting(s.then(s.step(wish{"release": release("1.1.0")}), "1.1.0", ""),
		plancheck.ExpectResourceAction(theRelease, plancheck.ResourceActionUpdate))
	older := expecting(s.then(s.step(wish{"release": release("1.0.0")}), "1.0.0", ""),
		plancheck.ExpectResourceAction(theRelease, plancheck.ResourceActionUpdate))
	s.test(first, newer, older,
		resource.TestStep{ResourceName: theRelease, ImportState: true, ImportStateVerify: true, ConfigDirectory: first.ConfigDirectory, ConfigVariables: first.ConfigVariables},
	)
}
