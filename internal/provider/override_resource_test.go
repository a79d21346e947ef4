package provider_test

import (
	"fmt"
	"regexp"
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

const theOverride = "cd_override.of[0]"

// longSoak are gates that time alone opens, a day after the start.
var longSoak = map[string]any{"soak": map[string]any{"stage": "staging", "duration": "24h"}}

func overrides(with map[string]any) []map[string]any {
	override := map[string]any{"gates": []string{"soak"}}
	for name, value := range with {
		override[name] = value
	}
	return []map[string]any{override}
}

func expectOverride(attribute, want string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(theOverride, tfjsonpath.New(attribute), knownvalue.StringExact(want))
}

func TestAccOverride(t *testing.T) { onEachLedger(t, overrideStory) }

func overrideStory(t *testing.T, s shop) {
	with := func(override map[string]any) wish {
		return wish{"release": release("1.0.0"), "gates": longSoak, "overridable": []string{"soak", "windows"}, "overrides": overrides(override), "promotion": map[string]any{"version": "1.0.0"}}
	}
	released := s.step(wish{"release": release("1.0.0"), "gates": longSoak, "overridable": []string{"soak", "windows"}})
	made := s.decided(s.then(s.step(with(nil)), "1.0.0", "1.0.0"))
	made.ConfigStateChecks = []statecheck.StateCheck{
		expectOverride("id", "shop/1.0.0/production/1"),
		expectOverride("made_by", acctest.Actor),
		expectOverride("expires_at", "2027-03-01T18:00:00Z"),
	}
	imported := resource.TestStep{ResourceName: theOverride, ImportState: true, ImportStateVerify: true, ConfigDirectory: made.ConfigDirectory, ConfigVariables: made.ConfigVariables,
		ImportStateId: "shop/1.0.0/production/1"}
	// Every change replaces. What was let through stays: the release was verified in the stage.
	again := expecting(s.decided(s.step(with(map[string]any{"gates": []string{"windows", "soak"}, "expires_at": "2027-03-01T19:00:00+01:00"}))),
		plancheck.ExpectResourceAction(theOverride, plancheck.ResourceActionReplace), plancheck.ExpectResourceAction(thePromotion, plancheck.ResourceActionNoop))
	again.ConfigStateChecks = []statecheck.StateCheck{expectOverride("id", "shop/1.0.0/production/2"), expectOverride("expires_at", "2027-03-01T19:00:00+01:00")}
	// One that somebody else revoked is made again.
	revoked := again
	revoked.ConfigPlanChecks.PreApply = []plancheck.PlanCheck{plancheck.ExpectResourceAction(theOverride, plancheck.ResourceActionCreate)}
	revoked.ConfigStateChecks = []statecheck.StateCheck{expectOverride("id", "shop/1.0.0/production/3")}
	revoked.PreConfig = func() {
		require.NoError(t, s.Client("bob@example.com").RevokeOverride(t.Context(), "shop/1.0.0/production/2"))
	}
	s.test(released, made, imported, again, revoked)
}

// Which gates may be skipped, and until when, is told at the plan, at the attribute.
func TestAccOverrideRefusals(t *testing.T) {
	s := newShop(t)
	refused := func(overridable []string, override map[string]any, want string) resource.TestStep {
		step := s.step(wish{"release": release("1.0.0"), "gates": longSoak, "overridable": overridable, "overrides": overrides(override)})
		step.ExpectError = regexp.MustCompile(want)
		return step
	}
	soak := []string{"soak"}
	s.test(
		refused([]string{}, nil, `(?s)Unable to make override "shop/1.0.0 in production".*gates\s+=.*does\s+not\s+let\s+"soak"\s+be\s+overridden;\s+it\s+allows:\s+none`),
		refused(soak, map[string]any{"gates": []string{"soak", "approvals"}}, `(?s)Unable to make override.*gates\s+=.*does\s+not\s+let\s+"approvals"\s+be\s+overridden;\s+it\s+allows:\s+soak`),
		refused(soak, map[string]any{"expires_at": "2027-03-01T11:59:59Z"}, `(?s)Unable to make override.*expires_at\s+=.*set\s+a\s+time\s+in\s+the\s+future`),
		refused(soak, map[string]any{"version": "9.9.9"}, `(?s)Unable to make override.*version\s+=.*has\s+no\s+release\s+"9\.9\.9"`),
		refused(soak, map[string]any{"stage": "test"}, `(?s)Unable to make override.*stage\s+=.*has\s+no\s+stage\s+"test"`),
		refused(soak, map[string]any{"gates": []string{"sok"}}, `(?s)Invalid override.*gates\s+=.*"sok"\s+is\s+not\s+a\s+gate`),
		refused(soak, nil, `(?s)Unable to make override.*content\s+is\s+missing.*content = "[0-9a-f]{12}"`),
		refused(soak, map[string]any{"reason": " "}, `(?s)Invalid override.*reason\s+=.*a\s+reason\s+is\s+needed`),
	)
}

func overriding(s shop, override map[string]any) []declaration {
	return s.declare(order{version: "1.0.0", gates: longSoak, lenient: []any{"soak"}, override: override, promotion: map[string]any{"when_blocked": "pend"}})
}

// While an override lives, every plan of the promotion says so: the one that makes it, and those that change nothing.
func TestPlanWarnsOfLiveOverrides(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	const warning = "Override of shop 1.0.0 in production: Until 2027-03-01T18:00:00Z it skips these gates: soak.\ncheckout is down (INC-7)\nMade by alice@example.com."
	soak := map[string]any{"gates": []any{"soak"}}
	w.apply(overriding(s, nil)...)
	require.NotContains(t, w.refreshAndPlan(overriding(s, nil)...)["promotion"].said(), "Override")

	plan := w.refreshAndPlan(overriding(s, soak)...)
	require.Equal(t, "update", plan["promotion"].action, "the plan that makes the override foresees what it lets through")
	require.Contains(t, plan["promotion"].said(), "production: deploy 1.0.0")
	require.Contains(t, plan["promotion"].said(), warning)
	// What is not known yet is not spoken of.
	plan = w.refreshAndPlan(overriding(s, map[string]any{"gates": []any{"soak"}, "reason": unknown})...)
	require.Empty(t, plan["override"].diagnostics)
	require.Empty(t, plan["promotion"].said())

	w.apply(overriding(s, soak)...)
	require.NoError(t, s.runs("production", "1.0.0"))
	plan = w.refreshAndPlan(overriding(s, soak)...)
	require.Empty(t, plan["promotion"].action)
	require.Len(t, plan["promotion"].diagnostics, 1)
	require.Contains(t, plan["promotion"].said(), warning)
	require.Empty(t, plan["override"].diagnostics)

	// An expired one skips nothing, and is no difference: it is left for people to remove.
	s.Clock.Advance(6 * time.Hour)
	plan = w.refreshAndPlan(overriding(s, soak)...)
	require.Empty(t, plan["promotion"].diagnostics)
	require.Empty(t, plan["override"].action)
	require.Len(t, plan["override"].diagnostics, 1)
	require.Contains(t, plan["override"].said(), `AttributeName("expires_at"): The override of shop 1.0.0 in production no longer has an effect: 2027-03-01T18:00:00Z is in the past`)
}

// Destroying revokes: the override is on record, and skips nothing.
func TestDestroyingAnOverrideRevokesIt(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0", gates: longSoak, lenient: []any{"soak"}, override: map[string]any{"gates": []any{"soak"}}})
	w.apply(all...)
	id := w.attribute(w.state["override"], "id")
	_, diagnostics := w.change(all[4], w.state["override"], w.null("cd_override"))
	require.Empty(t, diagnostics)
	_, err := s.Client(acctest.Actor).Override(t.Context(), id)
	require.True(t, delivery.IsNotFound(err), "%v", err)
	plan := w.refreshAndPlan(overriding(s, nil)...)
	require.NotContains(t, plan["promotion"].said(), "Override")
	require.Contains(t, plan["promotion"].said(), "soak            pending")
}

// An override that expired, changes in the same plan, or is about another release lets nothing through.
func TestOverridesThatDoNotCount(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	soakAndWindows := []any{"soak", "windows"}
	declare := func(version string, lenient []any, override map[string]any, promotion map[string]any) []declaration {
		return s.declare(order{version: version, gates: longSoak, lenient: lenient, override: override, promotion: promotion})
	}
	soak := map[string]any{"gates": []any{"soak"}, "expires_at": "2027-03-01T13:00:00Z"}
	pend := map[string]any{"when_blocked": "pend"}
	w.apply(declare("1.0.0", soakAndWindows, soak, nil)...)
	blocked := func(all []declaration) map[string]outcome {
		t.Helper()
		plan := w.refreshAndPlan(all...)
		require.Contains(t, plan["promotion"].said(), "soak            pending")
		require.NotContains(t, plan["promotion"].said(), "production: deploy")
		return plan
	}
	// The plan that replaces it foresees that the gate is asked again.
	plan := blocked(declare("1.0.0", soakAndWindows, map[string]any{"gates": []any{"windows"}}, pend))
	require.Equal(t, "replace", plan["override"].action)
	// So does the one that takes the stage's leave away, and says it where the override is.
	plan = blocked(declare("1.0.0", []any{"windows"}, soak, pend))
	require.Empty(t, plan["override"].action)
	require.Contains(t, plan["override"].said(), `does not let "soak" be overridden`)
	// Another release is not let through.
	plan = blocked(declare("1.1.0", soakAndWindows, nil, pend))
	require.NotContains(t, plan["promotion"].said(), "Override")
	// And none is once it is over.
	s.Clock.Advance(time.Hour)
	blocked(declare("1.0.0", soakAndWindows, soak, pend))
	w.apply(declare("1.0.0", soakAndWindows, soak, pend)...)
	require.NoError(t, s.runs("production", ""))
}

func TestOverrideValidation(t *testing.T) {
	w := newWire(t, acctest.New(t))
	good := func(attribute string, value any) map[string]any {
		config := map[string]any{"pipeline": "shop", "version": "1.0.0", "stage": "production", "gates": []any{"soak"}, "reason": "checkout is down", "ticket": "INC-7", "expires_at": "2027-03-01T18:00:00Z"}
		if attribute != "" {
			config[attribute] = value
		}
		return config
	}
	require.Empty(t, w.validate("cd_override", good("", nil)))
	require.Empty(t, w.validate("cd_override", good("gates", []any{unknown})), "what is not known yet is looked at later")
	for attribute, bad := range map[string]any{"pipeline": "a b", "version": "-", "stage": "", "gates": []any{}, "reason": "", "ticket": "", "expires_at": "tomorrow"} {
		got := said(w.validate("cd_override", good(attribute, bad)))
		require.Len(t, got, 1, attribute)
		require.Contains(t, got[0], fmt.Sprintf("AttributeName(%q): Invalid override", attribute))
	}
}
