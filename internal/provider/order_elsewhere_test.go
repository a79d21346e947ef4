package provider_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// What blocks of another provider configuration plan is not seen, so each that may close needs an order. What has another ledger does not.
func TestPlanRefusesWhatMayDeliverBeforeAnotherProviderConfiguration(t *testing.T) {
	const freeze = `name = "bob"
		tiers = ["production"]`
	for name, c := range map[string]struct {
		settings, typ, content string
		refused                bool
	}{
		"a freeze":                       {"", "cd_freeze", freeze, true},
		"a policy":                       {"", "cd_policy", `name = "bob"`, true},
		"a pipeline":                     {"", "cd_pipeline", `name = var.name`, true},
		"this pipeline":                  {"", "cd_pipeline", `name = "shop"`, true},
		"another pipeline":               {"", "cd_pipeline", `name = "blog"`, false},
		"a rejection":                    {"", "cd_approval", `decision = "reject"`, true},
		"a decision that is not known":   {"", "cd_approval", `decision = var.decision`, true},
		"an approval":                    {"", "cd_approval", `decision = "approve"`, false},
		"a decision on another pipeline": {"", "cd_approval", `pipeline = "blog"`, false},
		"a decision on another release":  {"", "cd_approval", `version = "0.9.0"`, false},
		"a report":                       {"", "cd_test_report", `suite = "unit"`, true},
		"an override":                    {"", "cd_override", `gates = ["soak"]`, false},
		"of the same address":            {`ledger = ".cd/./ledger.db"`, "cd_freeze", freeze, true},
		"of a ledger that is not known":  {`ledger = var.ledger`, "cd_freeze", freeze, true},
		"of another ledger":              {`ledger = "other.db"`, "cd_freeze", freeze, false},
		"of a database":                  {`ledger = "postgres://db.example.com/cd"`, "cd_freeze", freeze, false},
		"that the delivery depends on":   {"", "cd_freeze", freeze + "\n depends_on = [cd_promotion.promotion]", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			all := s.declare(order{version: "1.0.0"})
			w.apply(all...)
			other := `provider "cd" {
				alias = "bob"
				` + c.settings + `
			}
			resource "` + c.typ + `" "bob" {
				provider = cd.bob
				` + c.content + `
			}`
			require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "other.tf"), []byte(other), 0o600))
			plan := w.refreshAndPlan(append(slices.Clone(all), promoted())...)
			require.Equal(t, c.refused, plan["promotion"].failed(), plan["promotion"].said())
			if c.refused {
				require.Contains(t, plan["promotion"].said(), `: Unable to promote release "shop/1.0.0": nothing orders it after `+c.typ+`.bob of another provider configuration`)
				require.Contains(t, plan["promotion"].said(), "depends_on = ["+c.typ+".bob]")
			}
		})
	}
}

// An object of this provider configuration is never declared by a block of another one.
func TestPlanTakesNoBlockOfAnotherProviderConfigurationForItsOwn(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0"})
	w.apply(all...)
	other := `provider "cd" {
		alias  = "bob"
		ledger = "other.db"
	}
	resource "cd_freeze" "bob" {
		provider = cd.bob
		name     = "inventory"
	}`
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "other.tf"), []byte(other), 0o600))
	for name, o := range w.refreshAndPlan(append(all, inventory(), promoted())...) {
		require.False(t, o.failed(), "the promotion depends on its own freeze: %s: %s", name, o.said())
	}
}
