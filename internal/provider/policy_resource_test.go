package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const policyType = "cd_policy"

// policyOf declares a policy for production.
func policyOf(gates map[string]any) declaration {
	return declaration{"policy", policyType, map[string]any{"name": "strict", "tiers": []any{"production"}, "gates": gates}}
}

func TestPolicyBadInput(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	cases := map[string]struct{ config, at, says string }{
		"name":        {`{"name": "no spaces", "tiers": ["production"], "gates": {"parity": {}}}`, `AttributeName("name")`, "is not a name"},
		"nowhere":     {`{"name": "a", "gates": {"parity": {}}}`, ``, "say where the policy holds"},
		"tier":        {`{"name": "a", "tiers": ["staging", "prod"], "gates": {"parity": {}}}`, `AttributeName("tiers")`, `"prod" is not a tier`},
		"environment": {`{"name": "a", "environments": ["no spaces"], "gates": {"parity": {}}}`, `AttributeName("environments")`, "is not a name"},
		"no gate":     {`{"name": "a", "tiers": ["production"], "gates": {}}`, `AttributeName("gates")`, "at least one gate"},
		"approvals":   {`{"name": "a", "tiers": ["production"], "gates": {"approvals": {"required": 0, "approvers": ["*"]}}}`, `AttributeName("gates").AttributeName("approvals").AttributeName("required")`, "use 1 to 100"},
		"day":         {`{"name": "a", "tiers": ["production"], "gates": {"windows": {"office": {"days": ["monday"]}}}}`, `AttributeName("windows").ElementKeyString("office").AttributeName("days")`, `"monday" is not a day`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			lines := said(w.validate(policyType, object(t, c.config)))
			require.NotEmpty(t, lines)
			at, text, _ := strings.Cut(lines[0], ": ")
			require.True(t, strings.HasSuffix(at, c.at), lines[0])
			require.Contains(t, text, c.says)
		})
	}
}

// A stage can be stricter than policy, never laxer: a first plan already says so.
func TestPolicyIsAddedToEveryStage(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	policy := policyOf(oneApproval)
	all := append([]declaration{policy}, s.declare(order{version: "1.0.0", promotion: map[string]any{}})...)
	plan := w.refreshAndPlan(all...)
	require.Contains(t, plan["promotion"].said(), "policy.strict.approvals  pending  0 of 1 approvals; eligible approvers: alice@example.com, bob@example.com")
	applied := w.apply(all...)
	require.Contains(t, applied["promotion"].said(), "policy.strict.approvals  pending")
	require.NoError(t, s.runs("production", ""))

	// The stage's own gate is asked as well.
	stricter := append([]declaration{policy}, s.declare(order{version: "1.0.0", gates: oneHour, approval: map[string]any{}, promotion: map[string]any{}})...)
	applied = w.apply(stricter...)
	require.Contains(t, applied["promotion"].said(), "policy.strict.approvals  passed")
	require.Contains(t, applied["promotion"].said(), "soak                     pending")
	s.Clock.Advance(time.Hour)
	w.apply(stricter...)
	require.NoError(t, s.runs("production", "1.0.0"))
	for name, o := range w.refreshAndPlan(stricter...) {
		require.Empty(t, o.action, name)
		require.Empty(t, o.diagnostics, name)
	}
}

// Nothing is grandfathered, and an edit says whom it lets through.
func TestPolicyEditSaysWhatItWeakens(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	both := map[string]any{"approvals": map[string]any{"required": 2, "approvers": []any{"*"}}}
	rest := s.declare(order{version: "1.0.0", promotion: map[string]any{"when_blocked": "pend"}})
	w.apply(append([]declaration{policyOf(both)}, rest...)...)
	require.Equal(t, "waiting", w.attribute(w.state["promotion"], "status"))

	stricter := map[string]any{"approvals": map[string]any{"required": 3, "approvers": []any{"*"}}}
	const stagesAsk = "\nWhat stages ask after this plan:\n  pipeline \"shop\", stage \"production\": previous_stage (staging)"
	require.Equal(t, ": This plan changes gates: "+stagesAsk[1:]+", policy.strict.approvals (3 of anyone)", w.refreshAndPlan(policyOf(stricter))["policy"].said())

	fewer := map[string]any{"approvals": map[string]any{"required": 1, "approvers": []any{"*"}}}
	require.Equal(t, []string{": This edit weakens policy \"strict\": policy \"strict\": 1 approvals instead of 2\nIt lets no waiting release through." + stagesAsk + ", policy.strict.approvals (1 of anyone)"},
		said(w.refreshAndPlan(policyOf(fewer))["policy"].diagnostics))

	other := map[string]any{"max_deploys": map[string]any{"count": 3, "per": "24h"}}
	require.Equal(t, []string{": This edit weakens policy \"strict\": policy \"strict\": gate approvals removed\nReleases that it lets through: shop/1.0.0 into production." + stagesAsk + ", policy.strict.max_deploys (3 within 24h)"},
		said(w.refreshAndPlan(policyOf(other))["policy"].diagnostics))

	elsewhere := policyOf(both)
	elsewhere.config["tiers"] = []any{"other"}
	require.Contains(t, w.refreshAndPlan(elsewhere)["policy"].said(), "policy \"strict\": no longer holds for tier production\nReleases that it lets through: shop/1.0.0 into production.")

	renamed := policyOf(both)
	renamed.config["name"] = "other"
	o := w.refreshAndPlan(renamed)["policy"]
	require.Equal(t, "replace", o.action)
	require.Contains(t, o.said(), `Removing policy "strict"`)

	gone := said(w.remove(policyOf(both)))
	require.Equal(t, []string{": Removing policy \"strict\" weakens the stages that it applies to: policy \"strict\": removed, and its gates with it\nReleases that it lets through: shop/1.0.0 into production." + stagesAsk}, gone)
	plan := w.refreshAndPlan(rest...)
	require.Equal(t, "update", plan["promotion"].action, "nothing holds it")
}

// A plan that takes a policy away already plans what that lets through.
func TestPolicyRemovalIsForeseen(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	rest := s.declare(order{version: "1.0.0", promotion: map[string]any{"when_blocked": "pend"}})
	w.apply(append([]declaration{policyOf(oneApproval)}, rest...)...)
	w.configure()
	require.Len(t, w.planRemoval(policyOf(oneApproval)), 1)
	promotion := rest[len(rest)-1]
	require.Contains(t, w.planOne(promotion, w.prior(promotion)).said(), "production: deploy 1.0.0 to production")
}

// While a policy is not known yet, a preview says nothing about what it may hold up.
func TestPolicyThatIsNotKnownYet(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0", promotion: map[string]any{}})
	w.apply(all...)
	policy := policyOf(map[string]any{"expressions": map[string]any{"ticket": map[string]any{"condition": unknown, "message": "a ticket"}}})
	plan := w.refreshAndPlan(append([]declaration{policy}, all...)...)
	require.Equal(t, "strict", w.attribute(plan["policy"].after, "id"))
	require.Empty(t, plan["promotion"].diagnostics)
	require.Equal(t, "update", plan["promotion"].action, "it may change")
	policy.config["name"] = unknown
	require.Equal(t, unknown, w.attribute(w.refreshAndPlan(policy)["policy"].after, "id"))
}

const policyConfig = `
resource "cd_policy" "strict" {
  name         = "%NAME%"
  tiers        = ["staging", "production"]
  environments = ["eu"]
  gates = {
    approvals   = { required = %REQUIRED%, approvers = ["carol", "alice", "bob"] }
    windows     = { office = { days = ["wed", "mon"], start = "09:00" } }
    tests       = { unit = {}, smoke = { min_tests = 0 } }
    expressions = { ticket = { condition = "'ticket' in release.labels", message = "a release names its ticket" } }
  }
}
`

func TestAccPolicy(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	mallory := h.Client("mallory@example.com")
	const address = "cd_policy.strict"
	step := func(name, required string, checks ...plancheck.PlanCheck) resource.TestStep {
		return resource.TestStep{Config: strings.NewReplacer("%NAME%", name, "%REQUIRED%", required).Replace(policyConfig),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: checks}}
	}
	importedBy := func(id string) resource.TestStep {
		one := step("strict", "2")
		one.ResourceName, one.ImportState, one.ImportStateId, one.ImportStateVerify = address, true, id, true
		return one
	}
	first := step("strict", "2", inPlan(address, plancheck.ResourceActionCreate), plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact("strict")))
	gates := tfjsonpath.New("gates")
	first.ConfigStateChecks = []statecheck.StateCheck{
		statecheck.ExpectKnownValue(address, gates.AtMapKey("tests").AtMapKey("unit").AtMapKey("min_tests"), knownvalue.Null()),
		statecheck.ExpectKnownValue(address, gates.AtMapKey("tests").AtMapKey("smoke").AtMapKey("min_tests"), knownvalue.Int64Exact(0)),
		statecheck.ExpectKnownValue(address, gates.AtMapKey("windows").AtMapKey("office").AtMapKey("time_zone"), knownvalue.Null()),
	}
	runTerraform(t, h,
		refused(step("strict", "0"), "0 is not a number of approvals"),
		first,
		importedBy("strict"),
		refused(importedBy("a/b"), "Import it by its name"),
		behind(step("strict", "2", inPlan(address, plancheck.ResourceActionUpdate)), func() {
			found, err := mallory.Policy(t.Context(), "strict")
			require.NoError(t, err)
			require.Equal(t, []string{"mon", "wed"}, found.Gates.Windows["office"].Days)
			require.Equal(t, []delivery.Tier{"production", "staging"}, found.Tiers)
			found.Gates.Windows = nil
			_, err = mallory.PutPolicy(t.Context(), found)
			require.NoError(t, err)
		}),
		behind(step("strict", "2", inPlan(address, plancheck.ResourceActionCreate)), func() {
			require.NoError(t, mallory.DeletePolicy(t.Context(), "strict"))
		}),
		step("strict", "1", inPlan(address, plancheck.ResourceActionUpdate)),
		step("stricter", "1", inPlan(address, plancheck.ResourceActionDestroyBeforeCreate)),
	)
	_, err := mallory.Policy(t.Context(), "stricter")
	require.True(t, delivery.IsNotFound(err))
}
