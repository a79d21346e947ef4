package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const freezeType = "cd_freeze"

// inventory declares a freeze of production that lasts while the tests run, which begin at noon.
func inventory(edit ...any) declaration {
	config := map[string]any{"name": "inventory", "reason": "we count what is on the shelves", "tiers": []any{"production"},
		"starts_at": "2027-03-01T08:00:00Z", "ends_at": "2027-03-01T18:00:00Z"}
	for i := 0; i < len(edit); i += 2 {
		config[as[string](edit[i])] = edit[i+1]
	}
	return declaration{"freeze", freezeType, config}
}

func TestFreezeBadInput(t *testing.T) {
	t.Parallel()
	w := newWire(t, acctest.New(t))
	for name, c := range map[string]struct {
		freeze   declaration
		at, says string
	}{
		"name":        {inventory("name", "no spaces"), `AttributeName("name")`, "is not a name"},
		"reason":      {inventory("reason", " "), `AttributeName("reason")`, "a reason is needed"},
		"start":       {inventory("starts_at", "monday"), `AttributeName("starts_at")`, "RFC 3339"},
		"end":         {inventory("ends_at", "2027-03-01"), `AttributeName("ends_at")`, "RFC 3339"},
		"backwards":   {inventory("ends_at", "2027-03-01T08:00:00Z"), `AttributeName("ends_at")`, "not after its start"},
		"nothing":     {inventory("tiers", nil), ``, "say what is frozen"},
		"tier":        {inventory("tiers", []any{"prod"}), `AttributeName("tiers")`, `"prod" is not a tier`},
		"environment": {inventory("environments", []any{"a/b"}), `AttributeName("environments")`, "is not a name"},
		"pipeline":    {inventory("pipelines", []any{"a/b"}), `AttributeName("pipelines")`, "is not a name"},
	} {
		t.Run(name, func(t *testing.T) {
			lines := said(w.validate(freezeType, c.freeze.config))
			require.NotEmpty(t, lines)
			at, text, _ := strings.Cut(lines[0], ": ")
			require.True(t, strings.HasSuffix(at, c.at), lines[0])
			require.Contains(t, text, c.says)
		})
	}
}

// A freeze stops the line, in the very plan that declares it, and says how long.
func TestFreezeStopsTheLine(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := append([]declaration{inventory()}, s.declare(order{version: "1.0.0", promotion: map[string]any{"when_blocked": "pend"}})...)
	const frozen = `freeze          pending  production is frozen until 2027-03-01T18:00:00Z by "inventory": we count what is on the shelves`
	plan := w.refreshAndPlan(all...)
	require.Empty(t, plan["freeze"].diagnostics)
	require.Contains(t, plan["promotion"].said(), frozen)
	applied := w.apply(all...)
	require.Contains(t, applied["promotion"].said(), "freeze")
	require.NoError(t, s.runs("staging", "1.0.0"), "only production is frozen")
	require.NoError(t, s.runs("production", ""))

	w.configure()
	ready, diagnostics := w.readData("cd_readiness", map[string]any{"pipeline": "shop", "version": "1.0.0", "stage": "production"})
	require.Empty(t, diagnostics)
	require.Equal(t, "freeze", w.text(ready["last_gate"]))
	require.Equal(t, "2027-03-01T18:00:00Z", w.text(ready["ready_at"]))

	// Waiting is nothing to plan; the end of the freeze is.
	require.Empty(t, w.refreshAndPlan(all...)["promotion"].action)
	s.Clock.Advance(6 * time.Hour)
	require.Equal(t, "update", w.refreshAndPlan(all...)["promotion"].action)
	w.apply(all...)
	require.NoError(t, s.runs("production", "1.0.0"))
	require.Empty(t, w.remove(inventory()), "what has ended holds nothing back")
}

// Cutting short a freeze that lasts now is said in plan, with the releases that it lets through.
func TestFreezeCutShortSaysWhatItLetsThrough(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	rest := s.declare(order{version: "1.0.0", promotion: map[string]any{"when_blocked": "pend"}})
	w.apply(append([]declaration{inventory()}, rest...)...)
	const (
		title   = `: This edit weakens freeze "inventory", which is active now: freeze "inventory": `
		through = "\nReleases that it lets through: shop/1.0.0 into production."
		nobody  = "\nIt lets no waiting release through."
	)
	for name, c := range map[string]struct {
		edit []any
		want string
	}{
		"ends now":     {[]any{"ends_at", "2027-03-01T12:00:00Z"}, title + "ends at 2027-03-01T12:00:00Z instead of 2027-03-01T18:00:00Z" + through},
		"ends earlier": {[]any{"ends_at", "2027-03-01T15:00:00Z"}, title + "ends at 2027-03-01T15:00:00Z instead of 2027-03-01T18:00:00Z" + nobody},
		"begins later": {[]any{"starts_at", "2027-03-01T13:00:00Z"}, title + "starts only at 2027-03-01T13:00:00Z" + through},
		"another tier": {[]any{"tiers", []any{"staging"}}, title + "no longer covers tier production" + through},
		"one pipeline": {[]any{"pipelines", []any{"blog"}}, title + "now covers only some pipelines" + through +
			"\nAttributeName(\"pipelines\"): Freeze \"inventory\" names pipeline \"blog\", which does not exist: Neither the ledger nor this plan has pipeline \"blog\", so the freeze stops nothing there. Correct the name, or declare the pipeline."},
		"longer":         {[]any{"ends_at", "2027-03-02T00:00:00Z"}, ""},
		"another reason": {[]any{"reason", "we still count"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := w.refreshAndPlan(inventory(c.edit...))["freeze"]
			require.Equal(t, "update", o.action)
			require.Equal(t, c.want, o.said())
		})
	}

	renamed := w.refreshAndPlan(inventory("name", "counting"))["freeze"]
	require.Equal(t, "replace", renamed.action)
	require.Contains(t, renamed.said(), `Removing freeze "inventory", which is active now`)

	// A plan that lifts it already plans what that lets through.
	w.configure()
	require.Equal(t, []string{`: Removing freeze "inventory", which is active now: freeze "inventory": lifted before its end at 2027-03-01T18:00:00Z` + through}, said(w.planRemoval(inventory())))
	promotion := rest[len(rest)-1]
	require.Contains(t, w.planOne(promotion, w.prior(promotion)).said(), "production: deploy 1.0.0 to production")
	w.remove(inventory())
	w.apply(rest...)
	require.NoError(t, s.runs("production", "1.0.0"))
}

// While a freeze is not known yet, a preview says nothing about what it may hold up.
func TestFreezeThatIsNotKnownYet(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	plan := w.refreshAndPlan(append([]declaration{inventory("ends_at", unknown)}, s.declare(order{version: "1.0.0", promotion: map[string]any{}})...)...)
	require.Equal(t, "inventory", w.attribute(plan["freeze"].after, "id"))
	require.Empty(t, plan["promotion"].diagnostics)
}

const freezeConfig = `
resource "cd_freeze" "inventory" {
  name         = "%s"
  reason       = "we count what is on the shelves"
  starts_at    = "2027-03-01T09:00:00+01:00"
  ends_at      = "%s"
  tiers        = ["staging", "production"]
  environments = ["us", "eu"]
}
`

func TestAccFreeze(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	mallory := h.Client("mallory@example.com")
	const address, evening, night = "cd_freeze.inventory", "2027-03-01T18:00:00Z", "2027-03-01T23:00:00Z"
	step := func(name, end string, checks ...plancheck.PlanCheck) resource.TestStep {
		return resource.TestStep{Config: fmt.Sprintf(freezeConfig, name, end), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: checks}}
	}
	importedBy := func(id string) resource.TestStep {
		one := step("inventory", evening)
		one.ResourceName, one.ImportState, one.ImportStateId, one.ImportStateVerify = address, true, id, true
		return one
	}
	runTerraform(t, h,
		refused(step("inventory", "2027-03-01T07:00:00Z"), "which is not after its start"),
		step("inventory", evening, inPlan(address, plancheck.ResourceActionCreate), plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact("inventory"))),
		importedBy("inventory"),
		refused(importedBy("a/b"), "Import it by its name"),
		behind(step("inventory", evening, inPlan(address, plancheck.ResourceActionUpdate)), func() {
			found, err := mallory.Freeze(t.Context(), "inventory")
			require.NoError(t, err)
			require.Equal(t, delivery.Timestamp("2027-03-01T09:00:00+01:00"), found.StartsAt, "a time stays as it was written")
			require.Equal(t, []string{"eu", "us"}, found.Environments)
			found.EndsAt = "2027-03-01T12:30:00Z"
			_, err = mallory.PutFreeze(t.Context(), found)
			require.NoError(t, err)
		}),
		behind(step("inventory", evening, inPlan(address, plancheck.ResourceActionCreate)), func() {
			require.NoError(t, mallory.DeleteFreeze(t.Context(), "inventory"))
		}),
		step("inventory", night, inPlan(address, plancheck.ResourceActionUpdate)),
		step("counting", night, inPlan(address, plancheck.ResourceActionDestroyBeforeCreate)),
	)
	_, err := mallory.Freeze(t.Context(), "counting")
	require.True(t, delivery.IsNotFound(err))
}
