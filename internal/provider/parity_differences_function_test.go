package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// difference is one object that parity_differences returns; a nil value is null.
type difference struct {
	key         string
	this, other *string
	allowed     bool
}

func differences(t *testing.T, result tftypes.Value) []difference {
	t.Helper()
	var list []tftypes.Value
	require.NoError(t, result.As(&list))
	found := []difference{}
	for _, one := range list {
		var d difference
		fields := map[string]tftypes.Value{}
		require.NoError(t, one.As(&fields))
		require.NoError(t, fields["key"].As(&d.key))
		require.NoError(t, fields["this"].As(&d.this))
		require.NoError(t, fields["other"].As(&d.other))
		require.NoError(t, fields["allowed"].As(&d.allowed))
		found = append(found, d)
	}
	return found
}

func TestParityDifferencesFunction(t *testing.T) {
	text := func(s string) *string { return &s }
	cases := map[string]struct {
		this, other map[string]string
		globs       []string
		want        []difference
	}{
		"nothing at all": {map[string]string{}, map[string]string{}, []string{}, []difference{}},
		"equal":          {map[string]string{"A": "1"}, map[string]string{"A": "1"}, []string{}, []difference{}},
		"another value":  {map[string]string{"A": "1"}, map[string]string{"A": "2"}, []string{}, []difference{{"A", text("1"), text("2"), false}}},
		"absent on one side": {map[string]string{"B": "", "C": "1"}, map[string]string{"A": "1", "C": "1"}, []string{},
			[]difference{{"A", nil, text("1"), false}, {"B", text(""), nil, false}}},
		"allowed": {map[string]string{"DB_HOST": "x", "LEVEL": "debug"}, map[string]string{"DB_HOST": "y", "LEVEL": "info"}, []string{"DB_*", "[A-C]"},
			[]difference{{"DB_HOST", text("x"), text("y"), true}, {"LEVEL", text("debug"), text("info"), false}}},
		"secrets and platform are keys like any": {map[string]string{"secrets.KEY": "env:A"}, map[string]string{"secrets.KEY": "env:B"}, []string{"secrets.*"},
			[]difference{{"secrets.KEY", text("env:A"), text("env:B"), true}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result, failure := call(t, "parity_differences", c.this, c.other, c.globs)
			require.Nil(t, failure)
			require.Equal(t, c.want, differences(t, result))
		})
	}
}

func TestParityDifferencesFunctionRefusals(t *testing.T) {
	none := map[string]string{}
	_, failure := call(t, "parity_differences", none, none, []string{"OK", "[A"})
	requireRefused(t, failure, 2, `"[A" is not a glob`)
	_, failure = call(t, "parity_differences", none, none, []any{nil})
	requireRefused(t, failure, 2, "is not a glob")
	_, failure = call(t, "parity_differences", map[string]any{"A": nil}, none, []string{})
	requireRefused(t, failure, 0, `"A" is null`)
	_, failure = call(t, "parity_differences", none, map[string]any{"A": nil}, []string{})
	requireRefused(t, failure, 1, `"A" is null`)
}

// TestAccFunctionsInTerraform calls each function as a configuration does, with one of a pipeline's windows among the arguments.
func TestAccFunctionsInTerraform(t *testing.T) {
	h := acctest.New(t)
	const config = `
resource "cd_environment" "production" {
  name                = "production"
  tier                = "production"
  config              = { LEVEL = "info", DB_HOST = "one" }
  target              = { directory = { path = "/srv/production" } }
  deletion_protection = false
}

resource "cd_pipeline" "shop" {
  name = "shop"
  stages = [{
    name         = "production"
    environments = [cd_environment.production.name]
    promotion    = "manual"
    gates        = { windows = { office = { days = ["mon", "tue"], start = "09:00", end = "16:00", time_zone = "Europe/Berlin" }, night = { start = "22:00", end = "04:00" } } }
  }]
}

locals {
  windows = cd_pipeline.shop.stages[0].gates.windows
}

output "differences" {
  value = provider::cd::parity_differences(cd_environment.production.effective_config, { LEVEL = "debug", DB_HOST = "two" }, ["DB_*"])
}

output "open" {
  value = [for at in ["2027-03-01T07:59:59Z", "2027-03-01T08:00:00Z"] : provider::cd::window_open(local.windows["office"], at)]
}

output "next" {
  value = [for name, window in local.windows : provider::cd::window_next(window, "2027-03-02T15:00:00Z")]
}

output "literal" {
  value = [provider::cd::window_open({}, "2027-03-01T12:00:00+01:00"), provider::cd::window_open({ days = ["sun"] }, "2027-03-01T12:00:00+01:00")]
}`
	object := func(key, this, other string, allowed bool) knownvalue.Check {
		return knownvalue.ObjectExact(map[string]knownvalue.Check{"key": knownvalue.StringExact(key), "this": knownvalue.StringExact(this),
			"other": knownvalue.StringExact(other), "allowed": knownvalue.Bool(allowed)})
	}
	answers := func(name string, want ...knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownOutputValue(name, knownvalue.TupleExact(want))
	}
	resource.ParallelTest(t, resource.TestCase{ProtoV6ProviderFactories: h.Factories(), Steps: []resource.TestStep{{Config: config, ConfigStateChecks: []statecheck.StateCheck{
		statecheck.ExpectKnownOutputValue("differences", knownvalue.ListExact([]knownvalue.Check{object("DB_HOST", "one", "two", true), object("LEVEL", "info", "debug", false)})),
		answers("open", knownvalue.Bool(false), knownvalue.Bool(true)),
		answers("next", knownvalue.StringExact("2027-03-02T22:00:00Z"), knownvalue.StringExact("2027-03-08T08:00:00Z")),
		answers("literal", knownvalue.Bool(true), knownvalue.Bool(false)),
	}}}})
}
