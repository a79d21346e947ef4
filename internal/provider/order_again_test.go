package provider_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What opens after the delivery was planned may make something else decide.
func TestPlanJudgesADeliveryAgainAfterWhatOpens(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0"})
	old := inventory("name", "old")
	old.name = "old"
	w.apply(append(slices.Clone(all), old)...)
	w.unordered = true
	w.writeFiles(append(slices.Clone(all), promoted(), inventory()))
	w.configure()
	for _, d := range append(slices.Clone(all), promoted(), inventory()) {
		o := w.planOne(d, w.prior(d))
		require.False(t, o.failed(), "the old freeze holds it: %s", o.said())
	}
	ended := strings.Join(said(w.planRemoval(old)), "\n")
	require.Contains(t, ended, `: Unable to promote release "shop/1.0.0": nothing orders it after freeze "inventory"`)
	require.Contains(t, ended, "depends_on = [cd_freeze.freeze]")
}

// What the files order after the delivery does not hold it, so it does not hide what does.
func TestPlanDoesNotCountWhatComesLater(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0"})
	w.apply(all...)
	w.unordered = true
	freeze := inventory().edited(map[string]any{"depends_on": []any{"cd_promotion.promotion"}})
	w.writeFiles(append(slices.Clone(all), promoted(), freeze, policyOf(oneApproval)))
	w.configure()
	for _, d := range append(slices.Clone(all), promoted(), inventory()) {
		o := w.planOne(d, w.prior(d))
		require.False(t, o.failed(), "the freeze comes after it: %s", o.said())
	}
	policy := w.planOne(policyOf(oneApproval), w.prior(policyOf(oneApproval)))
	require.Contains(t, policy.said(), `nothing orders it after policy "strict": This plan also changes policy "strict", which keeps the release out.`)
}

// An error about one change is said once, however much is planned after it.
func TestPlanSaysOnceWhatHasNoOrder(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0"})
	w.apply(all...)
	w.unordered = true
	next := inventory("name", "next", "pipelines", []any{"shop"}, "tiers", []any{"staging"})
	next.name = "next"
	plan := w.refreshAndPlan(append(slices.Clone(all), inventory(), promoted(), next)...)
	require.True(t, plan["promotion"].failed())
	require.False(t, plan["next"].failed(), plan["next"].said())
}

// With a Terraform that keeps the note, the apply waits for what was bound; what comes after the note is an error.
func TestPlanDoesNotRepeatWhatTheApplyWaitsFor(t *testing.T) {
	_, w, all := closings()["freeze"].keeping(t)
	next := inventory("name", "next", "tiers", []any{"staging"})
	next.name = "next"
	strict := policyOf(oneApproval)
	plan := w.refreshAndPlan(append(slices.Clone(all), next)...)
	require.False(t, plan["promotion"].failed(), plan["promotion"].said())
	require.False(t, plan["next"].failed(), plan["next"].said())
	plan = w.refreshAndPlan(append(slices.Clone(all), strict)...)
	require.False(t, plan["policy"].failed(), "the freeze keeps it out until it is recorded, and after that too: %s", plan["policy"].said())
}
