package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const readStaging = `
data "cd_environment" "staging" {
  name = "staging"
}
`

func TestAccEnvironmentDataSource(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	bob := h.Client("bob@example.com")
	for _, name := range []string{"production", "staging"} {
		spec := delivery.EnvironmentSpec{Name: name, Tier: delivery.TierStaging, Config: map[string]string{"A": "1"}}
		if name == "staging" {
			spec.Parity = &delivery.Parity{With: "production"}
			spec.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/staging"}}
		}
		_, err := bob.PutEnvironment(t.Context(), spec)
		require.NoError(t, err)
	}
	const address = "data.cd_environment.staging"
	value := func(at tfjsonpath.Path, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address, at, check)
	}
	runTerraform(t, h,
		refused(resource.TestStep{Config: `
data "cd_environment" "staging" {
  name = "nowhere"
}`}, `environment "nowhere" does not exist`),
		resource.TestStep{Config: readStaging, ConfigStateChecks: []statecheck.StateCheck{
			value(tfjsonpath.New("id"), knownvalue.StringExact("staging")),
			value(tfjsonpath.New("tier"), knownvalue.StringExact("staging")),
			value(tfjsonpath.New("config").AtMapKey("A"), knownvalue.StringExact("1")),
			value(tfjsonpath.New("effective_config").AtMapKey("A"), knownvalue.StringExact("1")),
			value(tfjsonpath.New("secrets"), knownvalue.Null()),
			value(tfjsonpath.New("parity").AtMapKey("with"), knownvalue.StringExact("production")),
			value(tfjsonpath.New("target").AtMapKey("directory").AtMapKey("path"), knownvalue.StringExact("/srv/staging")),
			value(tfjsonpath.New("deletion_protection"), knownvalue.Bool(false)),
		}},
		// What an apply writes, a data source of the same apply reads.
		resource.TestStep{Config: `
resource "cd_environment" "new" {
  name   = "new"
  tier   = "other"
  config = { B = "2" }
}

data "cd_environment" "new" {
  name = cd_environment.new.id
}

data "cd_environment" "later" {
  name       = "new"
  depends_on = [cd_environment.new]
}`, ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.cd_environment.later", tfjsonpath.New("effective_config").AtMapKey("B"), knownvalue.StringExact("2")),
		}},
	)
}
