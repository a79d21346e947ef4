package provider_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

func expectData(address, attribute string, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("data."+address, tfjsonpath.New(attribute), want)
}

// The data sources cd_release, cd_deployed and cd_readiness over one small delivery.
func TestAccReading(t *testing.T) {
	s := newShop(t)
	step := func(at string, checks ...statecheck.StateCheck) resource.TestStep {
		variables := config.Variables{"dir": config.StringVariable(s.Dir)}
		if at != "" {
			variables["at"] = config.StringVariable(at)
		}
		return resource.TestStep{ConfigDirectory: config.TestNameDirectory(), ConfigVariables: variables, ConfigStateChecks: checks}
	}
	exactly := knownvalue.StringExact
	gate := func(verdict string, readyAt knownvalue.Check) knownvalue.Check {
		return knownvalue.ListExact([]knownvalue.Check{
			knownvalue.ObjectExact(map[string]knownvalue.Check{"name": exactly("previous_stage"), "verdict": exactly("passed"), "reason": knownvalue.NotNull(), "ready_at": knownvalue.Null(), "override": knownvalue.Null()}),
			knownvalue.ObjectExact(map[string]knownvalue.Check{"name": exactly("soak"), "verdict": exactly(verdict), "reason": knownvalue.NotNull(), "ready_at": readyAt, "override": knownvalue.Null()}),
		})
	}
	soaking := step("",
		expectData("cd_release.shop", "id", exactly("shop/1.0.0")),
		expectData("cd_release.shop", "registered_by", exactly(acctest.Actor)),
		expectData("cd_release.shop", "registered_at", exactly("2027-03-01T12:00:00Z")),
		expectData("cd_release.shop", "labels", knownvalue.MapExact(map[string]knownvalue.Check{"ticket": exactly("SHOP-42")})),
		expectData("cd_release.shop", "source", knownvalue.ObjectPartial(map[string]knownvalue.Check{"revision": exactly("v1.0.0"), "author": knownvalue.Null()})),
		stageStatus("data.cd_release.shop", "staging", "verified", "1.0.0"),
		expectData("cd_deployed.all[0]", "version", exactly("1.0.0")),
		expectData("cd_deployed.all[0]", "status", exactly("verified")),
		expectData("cd_deployed.all[0]", "drifted", knownvalue.Bool(false)),
		expectData("cd_deployed.all[0]", "deployed_at", exactly("2027-03-01T12:00:00Z")),
		expectData("cd_deployed.all[1]", "version", exactly("")),
		expectData("cd_deployed.all[1]", "status", exactly("waiting")),
		expectData("cd_deployed.all[1]", "deployed_at", knownvalue.Null()),
		expectData("cd_deployed.all[1]", "drifted", knownvalue.Bool(false)),
		expectData("cd_readiness.production", "ready", knownvalue.Bool(false)),
		expectData("cd_readiness.production", "ready_at", exactly("2027-03-01T13:00:00Z")),
		expectData("cd_readiness.production", "last_gate", exactly("soak")),
		expectData("cd_readiness.production", "gates", gate("pending", exactly("2027-03-01T13:00:00Z"))),
	)
	// In an hour it would pass; nothing of the answer is a clock, so the plan after it is empty although time goes on.
	ready := []statecheck.StateCheck{
		expectData("cd_readiness.production", "ready", knownvalue.Bool(true)),
		expectData("cd_readiness.production", "ready_at", knownvalue.Null()),
		expectData("cd_readiness.production", "last_gate", knownvalue.Null()),
		expectData("cd_readiness.production", "gates", gate("passed", knownvalue.Null())),
	}
	later := step("", ready...)
	later.PreConfig = func() { s.Clock.Advance(2 * time.Hour) }
	s.test(soaking, step("2027-03-01T14:00:00+01:00", ready...), later)
}

func (w *wire) readData(typ string, config map[string]any) (map[string]tftypes.Value, []*tfprotov6.Diagnostic) {
	w.t.Helper()
	s := w.schemas.DataSourceSchemas[typ]
	resp, err := w.server.ReadDataSource(w.t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: typ, Config: w.dynamic(s, w.value(s, config))})
	require.NoError(w.t, err)
	if len(resp.Diagnostics) > 0 {
		return nil, resp.Diagnostics
	}
	return w.attributes(w.static(s, resp.State)), nil
}

// A data source that has nothing to show is an error, at the attribute.
func TestReadingWhatDoesNotExist(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0"})...)
	for _, c := range []struct {
		typ    string
		config map[string]any
		want   string
	}{
		{"cd_release", map[string]any{"pipeline": "shop", "version": "9.9.9"}, `AttributeName("version"): Unable to read release "shop/9.9.9": `},
		{"cd_release", map[string]any{"pipeline": "nothing", "version": "1.0.0"}, `Unable to read release "nothing/1.0.0": `},
		{"cd_deployed", map[string]any{"pipeline": "shop", "environment": "nowhere"}, `AttributeName("environment"): Unable to read what "shop" runs in "nowhere": `},
		{"cd_readiness", map[string]any{"pipeline": "shop", "version": "9.9.9", "stage": "production"}, `AttributeName("version"): Unable to read the readiness of "shop/9.9.9" for "production": `},
		{"cd_readiness", map[string]any{"pipeline": "shop", "version": "1.0.0", "stage": "nowhere"}, `AttributeName("stage"): Unable to read the readiness of "shop/1.0.0" for "nowhere": `},
		{"cd_readiness", map[string]any{"pipeline": "shop", "version": "1.0.0", "stage": "production", "at": "noon"}, `AttributeName("at"): Invalid readiness: "noon" is not a time`},
	} {
		_, diagnostics := w.readData(c.typ, c.config)
		require.Len(t, diagnostics, 1, c)
		require.Contains(t, said(diagnostics)[0], c.want)
	}
	schema := w.schemas.DataSourceSchemas["cd_readiness"]
	resp, err := w.server.ValidateDataResourceConfig(t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: "cd_readiness",
		Config: w.dynamic(schema, w.value(schema, map[string]any{"pipeline": "shop", "version": "1.0.0", "stage": "production", "at": "noon"}))})
	require.NoError(t, err)
	require.Len(t, resp.Diagnostics, 1)
	require.Contains(t, said(resp.Diagnostics)[0], `AttributeName("at"): Invalid readiness`)
}

func TestReadingDrift(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0"})...)
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "srv", "staging", "shop", "current", "shop-1.0.0.html"), []byte("hacked"), 0o600))
	w.configure()
	found, diagnostics := w.readData("cd_deployed", map[string]any{"pipeline": "shop", "environment": "staging"})
	require.Empty(t, diagnostics)
	require.Contains(t, found["drifted"].String(), "true")
	require.Contains(t, found["differences"].String(), "shop-1.0.0.html")
}

// A gate that an override skips says which one it was.
func TestReadinessNamesTheOverride(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0", gates: oneHour, lenient: []any{"soak"}, override: map[string]any{"gates": []any{"soak"}}})...)
	found, diagnostics := w.readData("cd_readiness", map[string]any{"pipeline": "shop", "version": "1.0.0", "stage": "production"})
	require.Empty(t, diagnostics)
	var gates []tftypes.Value
	require.NoError(t, found["gates"].As(&gates))
	require.Len(t, gates, 2)
	require.True(t, w.attributes(gates[0])["override"].IsNull(), "it passes without an override")
	require.Equal(t, w.attribute(w.state["override"], "id"), w.text(w.attributes(gates[1])["override"]))
}
