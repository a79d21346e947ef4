package provider_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// removal is an object that lets a release into production until it is removed.
type removal struct {
	order order
	name  string // of its declaration
	says  string
}

func removals() map[string]removal {
	tested := map[string]any{"tests": map[string]any{"unit": map[string]any{}}}
	return map[string]removal{
		"approval": {order{version: "1.0.0", gates: oneApproval, approval: map[string]any{}}, "approval", "the approval of shop/1.0.0"},
		"override": {order{version: "1.0.0", gates: longSoak, lenient: []any{"soak"}, override: map[string]any{"gates": []any{"soak"}}}, "override", "the override of shop/1.0.0"},
		"report": {order{version: "1.0.0", gates: tested, report: map[string]any{"withdraw_on_destroy": true, "junit": `<testsuite name="unit"><testcase name="a"/></testsuite>`}},
			"report", "the test report of shop/1.0.0"},
	}
}

// TestPlanRefusesWhatMayDeliverBeforeARemoval takes the removal first, and the delivery first. Which block declared what is removed, the files
// no longer say, so the apply may take the other one.
func TestPlanRefusesWhatMayDeliverBeforeARemoval(t *testing.T) {
	for name, c := range removals() {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			all := s.declare(c.order)
			w.apply(all...)
			at := slices.IndexFunc(all, func(d declaration) bool { return d.name == c.name })
			gone, rest := all[at], slices.Delete(slices.Clone(all), at, at+1)

			w.writeFiles(append(slices.Clone(rest), promoted()))
			w.configure()
			for _, d := range rest {
				require.False(t, w.planOne(d, w.prior(d)).failed())
			}
			require.Empty(t, w.planRemoval(gone))
			plan := w.planOne(promoted(), w.prior(promoted()))
			require.Contains(t, plan.said(), `: Unable to promote release "shop/1.0.0": nothing orders it after the removal of `+c.says+": This plan also removes "+c.says+
				", which keeps the release out. The apply may deliver first, because Terraform orders resources by their references only. Remove it first: apply that alone, and deliver in the next apply.")

			w.configure()
			for _, d := range rest {
				require.False(t, w.planOne(d, w.prior(d)).failed())
			}
			require.False(t, w.planOne(promoted(), w.prior(promoted())).failed())
			removing := w.planRemoval(gone)
			require.Len(t, removing, 1)
			require.Contains(t, said(removing)[0], "nothing orders it after the removal of "+c.says)

			w.remove(gone)
			w.apply(append(slices.Clone(rest), promoted())...)
			require.NoError(t, s.runs("production", ""), "it waits")
		})
	}
}

// What is removed with the release that it was about, or does not decide, needs no order.
func TestPlanNeedsNoOrderForRemovalsThatDoNotDecide(t *testing.T) {
	for name, c := range removals() {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			all := s.declare(c.order)
			w.apply(all...)
			at := slices.IndexFunc(all, func(d declaration) bool { return d.name == c.name })
			later := s.declare(order{version: "1.1.0"})
			next := promoted()
			next.config["version"] = "1.1.0"
			w.writeFiles(append(slices.Clone(later), next))
			w.configure()
			require.Empty(t, w.planRemoval(all[at]))
			for _, d := range append(slices.Clone(later), next) {
				o := w.planOne(d, w.prior(d))
				require.False(t, o.failed(), o.said())
			}
		})
	}
}

// An override that is replaced by one of fewer gates ends before the delivery, if the promotion depends on its block.
func TestPlanOrdersWhatIsReplaced(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	both := order{version: "1.0.0", gates: longSoak, lenient: []any{"soak", "windows"}, override: map[string]any{"gates": []any{"soak"}}}
	w.apply(s.declare(both)...)
	both.override = map[string]any{"gates": []any{"windows"}}
	all := append(s.declare(both), promoted())
	w.unordered = true
	plan := w.refreshAndPlan(all...)
	require.Contains(t, plan["promotion"].said(), "nothing orders it after the removal of the override of shop/1.0.0")
	require.Contains(t, plan["promotion"].said(), "  # in cd_promotion.promotion, main.tf.json:1\n  depends_on = [cd_override.override]")

	w.unordered = false
	for name, o := range w.refreshAndPlan(all...) {
		require.False(t, o.failed(), "%s: %s", name, o.said())
	}
	slot := slices.IndexFunc(all, func(d declaration) bool { return d.name == "override" })
	all[slot].config["lifecycle"] = map[string]any{"create_before_destroy": true}
	w.writeFiles(all)
	delete(all[slot].config, "lifecycle")
	w.configure()
	for _, d := range all[:len(all)-1] {
		o := w.planOne(d, w.prior(d))
		require.False(t, o.failed(), o.said())
	}
	require.Contains(t, w.planOne(promoted(), w.prior(promoted())).said(), "nothing orders it after the removal of the override of shop/1.0.0", "it may end after the delivery")
}

// Two changes may open and close for each other: what one of them alone lets through is found too.
func TestPlanTriesEveryCombinationOfUnorderedChanges(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0", gates: longSoak})...)
	w.unordered = true
	// The pipeline opens what the policy closes: with both made late nothing is delivered, with the policy alone late it is.
	all := append(s.declare(order{version: "1.0.0"}), policyOf(oneApproval), promoted())
	plan := w.refreshAndPlan(all...)
	require.Contains(t, plan["promotion"].said(), `nothing orders it after policy "strict": This plan also changes policy "strict", which keeps the release out.`)
}
