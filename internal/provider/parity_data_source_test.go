package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

const compared = `
resource "cd_environment" "production" {
  name    = "production"
  tier    = "staging"
  config  = { LOG_LEVEL = "info", REGION = "eu-west-1" }
  secrets = { PASSWORD = "env:PASSWORD" }
}

resource "cd_environment" "staging" {
  name   = "staging"
  tier   = "staging"
  config = { LOG_LEVEL = "debug", REGION = "eu-west-1" }
  parity = { with = cd_environment.production.name, allow = {
    LOG_LEVEL   = { reason = "debug output" }
    "secrets.*" = { reason = "no database of its own" }
  } }
}

data "cd_parity" "there" {
  environment = "staging"
  with        = "production"
  depends_on  = [cd_environment.staging]
}

data "cd_parity" "back" {
  environment = "production"
  with        = "staging"
  depends_on  = [cd_environment.staging]
}
`

func TestAccParityIsRead(t *testing.T) {
	t.Parallel()
	difference := func(key string, this, other knownvalue.Check, allowed bool, reason string) knownvalue.Check {
		return knownvalue.ObjectExact(map[string]knownvalue.Check{"key": knownvalue.StringExact(key), "this": this, "other": other,
			"allowed": knownvalue.Bool(allowed), "reason": knownvalue.StringExact(reason)})
	}
	runTerraform(t, acctest.New(t), resource.TestStep{Config: compared, ConfigStateChecks: []statecheck.StateCheck{
		expectData("cd_parity.there", "in_parity", knownvalue.Bool(true)),
		expectData("cd_parity.there", "source", knownvalue.StringExact("declared")),
		expectData("cd_parity.there", "differences", knownvalue.ListExact([]knownvalue.Check{
			difference("LOG_LEVEL", knownvalue.StringExact("debug"), knownvalue.StringExact("info"), true, "debug output"),
			difference("secrets.PASSWORD", knownvalue.Null(), knownvalue.StringExact("env:PASSWORD"), true, "no database of its own"),
		})),
		expectData("cd_parity.there", "report", knownvalue.StringExact(`staging equals production, except for 2 declared differences.

config       staging  production
  LOG_LEVEL  "debug"  "info"      allowed: debug output

secrets     staging  production
  PASSWORD  absent   "env:PASSWORD"  allowed: no database of its own
`)),
		expectData("cd_parity.back", "in_parity", knownvalue.Bool(false)),
	}})
}

func TestParityBadInput(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	w.apply(environmentType, w.null(environmentType), object(t, production))
	schema := w.schemas.DataSourceSchemas["cd_parity"]
	for _, c := range []struct {
		config map[string]any
		want   string
	}{
		{map[string]any{"environment": "a", "with": "a"}, `AttributeName("with"): Invalid parity: an environment cannot be compared with itself`},
		{map[string]any{"environment": "a", "with": "b", "source": "running"}, `AttributeName("pipeline"): Invalid parity: what runs is what a pipeline brought there`},
		{map[string]any{"environment": "a", "with": "b", "source": "dreamt"}, `AttributeName("source"): Invalid parity: "dreamt" is not a source`},
	} {
		resp, err := w.server.ValidateDataResourceConfig(t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: "cd_parity",
			Config: w.dynamic(schema, w.value(schema, c.config))})
		require.NoError(t, err)
		require.Len(t, resp.Diagnostics, 1)
		require.Contains(t, said(resp.Diagnostics)[0], c.want)
	}
	for _, c := range []struct {
		config map[string]any
		want   string
	}{
		{map[string]any{"environment": "nowhere", "with": "production"}, `AttributeName("environment"): Unable to compare "nowhere" with "production": environment "nowhere" does not exist`},
		{map[string]any{"environment": "production", "with": "nowhere"}, `AttributeName("with"): Unable to compare "production" with "nowhere": environment "nowhere" does not exist`},
		{map[string]any{"environment": "production", "with": "nowhere", "pipeline": "none"}, `AttributeName("pipeline"): Unable to compare`},
	} {
		_, diagnostics := w.readData("cd_parity", c.config)
		require.Len(t, diagnostics, 1)
		require.Contains(t, said(diagnostics)[0], c.want)
	}
}

// What runs is what was deployed, with the stage's own configuration, and whether it is there still.
func TestParityOfWhatRuns(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0"})...)
	w.configure()
	found, diagnostics := w.readData("cd_parity", map[string]any{"environment": "staging", "with": "production", "pipeline": "shop", "source": "running"})
	require.Empty(t, diagnostics)
	require.Contains(t, found["in_parity"].String(), "false")
	require.Contains(t, w.text(found["report"]), "running    staging (1.0.0)  production\n  unknown")
}
