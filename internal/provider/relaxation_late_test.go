package provider_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A release that is planned after what makes its stage easier to enter names that, and the edit says that there may be such releases.
func TestAReleasePlannedLaterSaysWhatLetsItIn(t *testing.T) {
	strict := order{version: "1.0.0", gates: oneApproval}
	lenient := order{version: "1.0.0"}
	next := order{version: "1.1.0"}
	for name, c := range map[string]struct {
		before, after order
		policy        bool
		delivery      declaration
		says          string
	}{
		"a promotion": {before: strict, after: lenient, delivery: promoted(),
			says: `: What this plan makes easier lets release "shop/1.0.0" through: The plan changes pipeline "shop". Without that, the release would not get as far.`},
		"a promotion of a new release": {before: strict, after: next, delivery: promoted().edited(map[string]any{"version": "1.1.0"}),
			says: `: What this plan makes easier lets release "shop/1.1.0" through: The plan changes pipeline "shop".`},
		"one that is not known yet": {before: strict, after: lenient, delivery: promoted().edited(map[string]any{"version": unknown}),
			says: `: What this plan makes easier may let release "shop/(known after apply)" through: The plan changes pipeline "shop". Whether the release gets in by that is not known yet.`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			w.apply(s.declare(c.before)...)
			plan := w.refreshAndPlan(append(s.declare(c.after), c.delivery)...)
			require.Contains(t, plan["pipeline"].said(), "gate approvals removed")
			require.Contains(t, plan["pipeline"].said(), plannedLater)
			require.Contains(t, plan[c.delivery.name].said(), c.says)
			require.False(t, plan[c.delivery.name].failed(), plan[c.delivery.name].said())
		})
	}
}

// A release that would get in anyway, or that was planned before, says nothing, and an edit that nothing follows says nothing of later ones.
func TestAReleaseThatGetsInAnywaySaysNothing(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	gates := map[string]any{"cooldown": map[string]any{"duration": "1h"}}
	w.apply(s.declare(order{version: "1.0.0", gates: gates})...)
	plan := w.refreshAndPlan(append(s.declare(order{version: "1.0.0"}), promoted())...)
	require.Contains(t, plan["pipeline"].said(), "gate cooldown removed")
	require.Contains(t, plan["promotion"].said(), "production: deploy 1.0.0")
	require.NotContains(t, plan["promotion"].said(), "What this plan makes easier")

	all := s.declare(order{version: "1.0.0"})
	last := slices.IndexFunc(all, func(d declaration) bool { return d.name == "pipeline" })
	reordered := append(append(slices.Delete(slices.Clone(all), last, last+1), promoted()), all[last])
	w.unordered = true
	plan = w.refreshAndPlan(reordered...)
	require.Contains(t, plan["pipeline"].said(), "gate cooldown removed")
	require.NotContains(t, plan["pipeline"].said(), plannedLater)
}

// Two changes may let a release in only together. Then both are named.
func TestAReleaseNamesWhatLetsItInTogether(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	hour := map[string]any{"approvals": map[string]any{"required": 1, "approvers": []any{"*"}}}
	w.apply(append(s.declare(order{version: "1.0.0", gates: hour}), policyOf(hour))...)
	w.writeFiles(append(s.declare(order{version: "1.0.0"}), promoted()))
	w.configure()
	require.NotEmpty(t, w.planRemoval(policyOf(hour)))
	all := s.declare(order{version: "1.0.0"})
	for _, d := range all {
		require.False(t, w.planOne(d, w.prior(d)).failed())
	}
	plan := w.planOne(promoted(), w.prior(promoted()))
	require.Contains(t, plan.said(), `What this plan makes easier lets release "shop/1.0.0" through: The plan changes policy "strict" and pipeline "shop". Without that`)
}
