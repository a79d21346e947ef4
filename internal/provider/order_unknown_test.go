package provider_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// edited returns a declaration with other attributes.
func (d declaration) edited(attributes map[string]any) declaration {
	d.config = maps.Clone(d.config)
	maps.Copy(d.config, attributes)
	return d
}

// whatever is not known yet of a change that may close counts where it may match, in either order.
func TestPlanRefusesWhatMayDeliverBeforeAnUnknownChange(t *testing.T) {
	rejection := closings()["rejection"]
	report := closings()["report"]
	open := order{version: "1.0.0"}
	policy := closing{before: open, after: open, name: "policy"}
	for name, c := range map[string]struct {
		closing
		declared declaration
		says     string
	}{
		"a rejection of an unknown pipeline": {rejection, rejection.declared().edited(map[string]any{"pipeline": unknown}), "a decision"},
		"a rejection of an unknown version":  {rejection, rejection.declared().edited(map[string]any{"version": unknown}), "a decision"},
		"a rejection in an unknown stage":    {rejection, rejection.declared().edited(map[string]any{"stage": unknown}), "a decision on shop/1.0.0"},
		"an unknown decision":                {rejection, rejection.declared().edited(map[string]any{"decision": unknown}), "a decision on shop/1.0.0"},
		"a rejection with another comment":   {rejection, rejection.declared().edited(map[string]any{"comment": unknown}), "a decision on shop/1.0.0"},
		"a report of unknown results":        {report, report.declared().edited(map[string]any{"junit": unknown}), "a test report on shop/1.0.0"},
		"a report of an unknown suite":       {report, report.declared().edited(map[string]any{"suite": unknown}), "a test report on shop/1.0.0"},
		"a report of an unknown pipeline":    {report, report.declared().edited(map[string]any{"pipeline": unknown}), "a test report"},
		"a policy for unknown environments":  {policy, policyOf(oneApproval).edited(map[string]any{"tiers": nil, "environments": []any{unknown}}), `policy "strict"`},
		"a policy without a known name":      {policy, policyOf(oneApproval).edited(map[string]any{"name": unknown}), "a policy"},
		"a freeze of an unknown pipeline":    {closings()["freeze"], inventory("pipelines", []any{unknown}), `freeze "inventory"`},
		"a freeze without a known name":      {closings()["freeze"], inventory("name", unknown), "a freeze"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			all := s.declare(c.before)
			w.apply(all...)
			w.unordered = true
			all = append(all, c.declared)
			plan := w.refreshAndPlan(append(slices.Clone(all), promoted())...)
			require.Contains(t, plan["promotion"].said(), `: Unable to promote release "shop/1.0.0": nothing orders it after `+c.says+": This plan also changes "+c.says+
				", which may keep the release out; that is not known yet.")
			plan = w.refreshAndPlan(promotionBefore(all, c.declared.name)...)
			require.Contains(t, plan[c.declared.name].said(), `nothing orders it after `+c.says)

			w.unordered = false
			for name, o := range w.refreshAndPlan(append(slices.Clone(all), promoted())...) {
				require.False(t, o.failed(), "%s: %s", name, o.said())
			}
		})
	}
}

// A pipeline or an environment with parts that are not known yet may ask more than before. One without a known name may be any.
func TestPlanRefusesWhatMayDeliverBeforeAnUnknownPlaceOrPath(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(all []declaration) []declaration
		says string
	}{
		"an environment": {func(all []declaration) []declaration {
			all[1] = all[1].edited(map[string]any{"config": map[string]any{"LOG_LEVEL": unknown}})
			return all
		}, `environment "production"`},
		"a new environment without a known name": {func(all []declaration) []declaration {
			return append(all, declaration{"late", "cd_environment", map[string]any{"name": unknown, "tier": "production"}})
		}, "an environment"},
		"a new pipeline without a known name": {func(all []declaration) []declaration {
			return append(all, declaration{"late", "cd_pipeline", map[string]any{"name": unknown, "stages": all[2].config["stages"]}})
		}, "a pipeline"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			all := s.declare(order{version: "1.0.0"})
			w.apply(all...)
			w.unordered = true
			plan := w.refreshAndPlan(append(c.edit(slices.Clone(all)), promoted())...)
			require.Contains(t, plan["promotion"].said(), "nothing orders it after "+c.says+": This plan also changes "+c.says+", which may keep the release out")
			w.unordered = false
			for name, o := range w.refreshAndPlan(append(c.edit(slices.Clone(all)), promoted())...) {
				require.False(t, o.failed(), "%s: %s", name, o.said())
			}
		})
	}
}

// A delivery with parts that are not known yet may deliver what a change of the plan would keep out.
func TestPlanRefusesAnUnknownDeliveryThatMayComeFirst(t *testing.T) {
	for name, c := range map[string]struct {
		delivery declaration
		says     string
	}{
		"a version":  {promoted().edited(map[string]any{"version": unknown}), `: Unable to promote release "shop/(known after apply)": nothing orders it after freeze "inventory"`},
		"a pipeline": {promoted().edited(map[string]any{"pipeline": unknown}), `: Unable to promote release "(known after apply)/1.0.0": nothing orders it after freeze "inventory"`},
		"a release": {declaration{"next", "cd_release", map[string]any{"pipeline": "shop", "version": "1.1.0", "artifacts": map[string]any{"page": map[string]any{"uri": "x", "digest": unknown}}}},
			`: Unable to deliver release "shop/1.1.0": nothing orders it after freeze "inventory"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			all := s.declare(order{version: "1.0.0"})
			w.apply(all...)
			w.unordered = true
			freeze := inventory("tiers", []any{"production"})
			plan := w.refreshAndPlan(append(slices.Clone(all), freeze, c.delivery)...)
			require.Contains(t, plan[c.delivery.name].said(), c.says)
			plan = w.refreshAndPlan(append(slices.Clone(all), c.delivery, freeze)...)
			require.Contains(t, plan["freeze"].said(), c.says)

			plan = w.refreshAndPlan(append(slices.Clone(all), inventory("pipelines", []any{"blog"}), promoted().edited(map[string]any{"version": unknown}))...)
			require.False(t, plan["promotion"].failed(), "a freeze of another pipeline: %s", plan["promotion"].said())

			w.unordered = false
			for name, o := range w.refreshAndPlan(append(slices.Clone(all), freeze, c.delivery)...) {
				require.False(t, o.failed(), "%s: %s", name, o.said())
			}
		})
	}
}

// What is not known to let a release in does not.
func TestUnknownOverridesAndApprovalsOpenNothing(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0", gates: oneApproval})
	w.apply(all...)
	approval := declaration{"approval", "cd_approval", map[string]any{"pipeline": "shop", "version": "1.0.0", "stage": "production", "decision": "approve", "comment": unknown}}
	plan := w.refreshAndPlan(append(all, approval, promoted())...)
	require.NotContains(t, plan["promotion"].said(), "deploy")
	require.False(t, plan["promotion"].failed(), plan["promotion"].said())
}

// A decision that is replaced by one that is not known yet may be why the release gets in.
func TestPlanRefusesWhatMayDeliverBeforeAnUnknownReplacement(t *testing.T) {
	for name, c := range removals() {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			all := s.declare(c.order)
			w.apply(all...)
			at := slices.IndexFunc(all, func(d declaration) bool { return d.name == c.name })
			attribute := map[string]string{"approval": "comment", "override": "reason", "report": "junit"}[name]
			all[at] = all[at].edited(map[string]any{attribute: unknown})
			w.unordered = true
			plan := w.refreshAndPlan(append(slices.Clone(all), promoted())...)
			require.Contains(t, plan["promotion"].said(), "nothing orders it after ")
			require.Contains(t, plan["promotion"].said(), "the removal of "+c.says)
			w.unordered = false
			for name, o := range w.refreshAndPlan(append(slices.Clone(all), promoted())...) {
				require.False(t, o.failed(), "%s: %s", name, o.said())
			}
		})
	}
}
