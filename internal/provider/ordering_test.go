package provider_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// promotionFirst is the order in which Terraform may plan and apply where the promotion depends on nothing but the release.
func promotionFirst(all []declaration) []declaration {
	at := slices.IndexFunc(all, func(d declaration) bool { return d.name == "release" }) + 1
	reordered := slices.Clone(all[:at])
	reordered = append(reordered, all[len(all)-1])
	return append(reordered, all[at:len(all)-1]...)
}

func TestPlanWarnsOfWhatComesAfterThePromotionThatAsksForIt(t *testing.T) {
	suite := map[string]any{"tests": map[string]any{"unit": map[string]any{}}}
	report := map[string]any{"junit": `<testsuite name="unit"><testcase name="a"/></testsuite>`}
	override := map[string]any{"gates": []any{"soak"}}
	for name, late := range map[string]struct {
		order     order
		typ, noun string
	}{
		"approval": {order{gates: oneApproval, approval: map[string]any{}}, "cd_approval", "approval"},
		"report":   {order{gates: suite, report: report}, "cd_test_report", "test report"},
		"override": {order{gates: longSoak, lenient: []any{"soak"}, override: override}, "cd_override", "override"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			late.order.version, late.order.promotion = "1.0.0", map[string]any{"when_blocked": "pend"}
			all := s.declare(late.order)

			plan := w.refreshAndPlan(all...)
			require.Empty(t, plan[name].diagnostics, "the promotion comes last, as with an edge")
			require.Contains(t, plan["promotion"].said(), "production: deploy 1.0.0")

			plan = w.refreshAndPlan(promotionFirst(all)...)
			require.Contains(t, plan["promotion"].said(), "waits before production")
			require.Len(t, plan[name].diagnostics, 1)
			require.Equal(t, "WARNING: : This "+late.noun+" may come too late for shop 1.0.0 in production: The promotion into stage \"production\" was planned before this "+late.noun+
				", so the plan did not count it. The apply may or may not count it, because Terraform may order them differently in plan and apply. Add depends_on with this "+late.typ+
				" to the cd_promotion, or let its version refer to it.", plan[name].diagnostics[0].Severity.String()+": "+plan[name].said())

			w.apply(promotionFirst(all)...)
			plan = w.refreshAndPlan(promotionFirst(all)...)
			require.Empty(t, plan[name].diagnostics, "nothing changes there")
			require.Equal(t, "update", plan["promotion"].action, "the promotion counts what is recorded")
		})
	}
}

// What asks for something else is not late: the report of another suite, one about another release, and what a promotion that is
// done already never asks for.
func TestPlanDoesNotWarnOfWhatNothingAsksFor(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	report := map[string]any{"junit": `<testsuite name="unit"><testcase name="a"/></testsuite>`, "suite": "other"}
	asking := order{version: "1.0.0", gates: map[string]any{"tests": map[string]any{"unit": map[string]any{}}}, report: report, promotion: map[string]any{"when_blocked": "pend"}}
	require.Empty(t, w.refreshAndPlan(promotionFirst(s.declare(asking))...)["report"].diagnostics)

	open := order{version: "1.0.0", promotion: map[string]any{}}
	w.apply(s.declare(open)...)
	open.gates, open.approval = oneApproval, map[string]any{}
	require.Empty(t, w.refreshAndPlan(promotionFirst(s.declare(open))...)["approval"].diagnostics, "the release is in production already")
}

// A release comes before everything that is said of it, so its own stages ask without: the next plan carries it on.
func TestPlanSaysThatAReleaseAsksBeforeItsApproval(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	automatic := func(name string, config map[string]any) {
		if name == "pipeline" {
			put(config, []any{"stages", 1, "promotion"}, "automatic")
		}
	}
	all := s.declare(order{version: "1.0.0", gates: oneApproval, approval: map[string]any{}, edit: automatic})
	plan := w.refreshAndPlan(all...)
	require.Contains(t, plan["approval"].said(), "This approval may come too late for shop 1.0.0 in production: The cd_release was planned before it and evaluated the gates of stage \"production\" without it. If the release stops there, the next plan continues it.")
	w.apply(all...)
	plan = w.refreshAndPlan(all...)
	require.Empty(t, plan["approval"].diagnostics)
	require.Equal(t, "update", plan["release"].action)
}
