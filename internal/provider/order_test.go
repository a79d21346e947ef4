package provider_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// closing is a change that keeps a release out of production, beside what the ledger has already.
type closing struct {
	noun, typ string
	// before is what is applied first, and after the same with the change. Both deliver 1.0.0.
	before, after order
	declared      func() declaration // the object that closes; the zero one if it is in after
	name          string             // of the declaration that closes
	says          string             // the name of the object as errors have it
}

// closings are one of each kind.
func closings() map[string]closing {
	open := order{version: "1.0.0"}
	tested := map[string]any{"tests": map[string]any{"unit": map[string]any{}}}
	report := func(name, junit string) declaration {
		return declaration{name, "cd_test_report", map[string]any{"pipeline": "shop", "version": "1.0.0", "suite": "unit", "junit": junit}}
	}
	approved := open
	approved.gates, approved.approval = oneApproval, map[string]any{"approver": "alice@example.com"}
	stricter := open
	stricter.gates = oneApproval
	passed := order{version: "1.0.0", gates: tested, report: map[string]any{"junit": `<testsuite name="unit"><testcase name="a"/></testsuite>`}}
	many := order{version: "1.0.0", gates: map[string]any{"tests": map[string]any{"unit": map[string]any{"min_tests": 2}}},
		report: map[string]any{"junit": `<testsuite name="unit"><testcase name="a"/><testcase name="b"/></testsuite>`}}
	return map[string]closing{
		"freeze":   {"freeze", "cd_freeze", open, open, func() declaration { return inventory() }, "freeze", `freeze "inventory"`},
		"policy":   {"policy", "cd_policy", open, open, func() declaration { return policyOf(oneApproval) }, "policy", `policy "strict"`},
		"pipeline": {"pipeline", "cd_pipeline", open, stricter, nil, "pipeline", `pipeline "shop"`},
		"rejection": {"approval", "cd_approval", approved, approved, func() declaration {
			return declaration{"rejection", "cd_approval", map[string]any{"pipeline": "shop", "version": "1.0.0", "stage": "production", "decision": "reject", "content": asPlanned}}
		}, "rejection", "the rejection of shop/1.0.0"},
		"report": {"test report", "cd_test_report", passed, passed, func() declaration {
			return report("failing", `<testsuite name="unit"><testcase name="a"><failure/></testcase></testsuite>`)
		}, "failing", "the test report of shop/1.0.0"},
		"too few tests": {"test report", "cd_test_report", many, many, func() declaration {
			return report("few", `<testsuite name="unit"><testcase name="a"/></testsuite>`)
		}, "few", "the test report of shop/1.0.0"},
	}
}

// promoted is the promotion of every such delivery.
func promoted() declaration {
	return declaration{"promotion", "cd_promotion", map[string]any{"pipeline": "shop", "stage": "production", "version": "1.0.0", "when_blocked": "pend"}}
}

// changed returns the declarations after the change, with what closes after everything but the promotion.
func (c closing) changed(s shop) []declaration {
	all := s.declare(c.after)
	if c.declared != nil {
		return append(all, c.declared())
	}
	at := slices.IndexFunc(all, func(d declaration) bool { return d.name == c.name })
	return append(slices.Delete(slices.Clone(all), at, at+1), all[at])
}

// TestPlanRefusesWhatMayDeliverBeforeItCloses takes the two in either order. The files leave it open, so the apply may take the other one.
func TestPlanRefusesWhatMayDeliverBeforeItCloses(t *testing.T) {
	for name, c := range closings() {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			w.apply(s.declare(c.before)...)
			all := c.changed(s)

			w.unordered = true
			plan := w.refreshAndPlan(append(slices.Clone(all), promoted())...)
			require.True(t, plan["promotion"].failed(), plan["promotion"].said())
			require.Contains(t, plan["promotion"].said(), `: Unable to promote release "shop/1.0.0": nothing orders it after `+c.says)
			require.Contains(t, plan["promotion"].said(), "  # in cd_promotion.promotion, main.tf.json:1\n  depends_on = ["+c.typ+"."+c.name)
			require.False(t, plan[c.name].failed(), plan[c.name].said())

			plan = w.refreshAndPlan(promotionBefore(all, c.name)...)
			require.Contains(t, plan["promotion"].said(), "production: deploy 1.0.0")
			require.False(t, plan["promotion"].failed(), plan["promotion"].said())
			require.Contains(t, plan[c.name].said(), `: Unable to promote release "shop/1.0.0": nothing orders it after `+c.says)
			require.Contains(t, plan[c.name].said(), "depends_on = ["+c.typ+"."+c.name)

			w.unordered = false
			plan = w.refreshAndPlan(promotionBefore(all, c.name)...)
			for _, o := range plan {
				require.False(t, o.failed(), "the files order them the other way round: %s", o.said())
			}
			w.apply(append(slices.Clone(all), promoted())...)
			require.NoError(t, s.runs("production", ""), "the promotion depends on what closes, and waits")

			w.unordered = true
			for _, o := range w.refreshAndPlan(append(slices.Clone(all), promoted())...) {
				require.False(t, o.failed(), "what the ledger has needs no order: %s", o.said())
			}
		})
	}
}

// promotionBefore puts the promotion before the declaration that closes.
func promotionBefore(all []declaration, name string) []declaration {
	at := slices.IndexFunc(all, func(d declaration) bool { return d.name == name })
	return slices.Insert(slices.Clone(all), at, promoted())
}

// What does not decide needs no order: the release waits anyway, the freeze is about something else, or there is nothing to deliver.
func TestPlanNeedsNoOrderForWhatDoesNotDecide(t *testing.T) {
	for name, c := range map[string]struct {
		order  order
		freeze declaration
	}{
		"waits anyway":       {order{version: "1.0.0", gates: oneApproval}, inventory()},
		"another tier":       {order{version: "1.0.0"}, inventory("tiers", []any{"testing"})},
		"another pipeline":   {order{version: "1.0.0"}, inventory("pipelines", []any{"blog"})},
		"at another time":    {order{version: "1.0.0"}, inventory("starts_at", "2028-01-01T00:00:00Z", "ends_at", "2028-01-02T00:00:00Z")},
		"overridden already": {order{version: "1.0.0", lenient: []any{"freeze"}, override: map[string]any{"gates": []any{"freeze"}}}, inventory()},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			w.apply(s.declare(c.order)...)
			w.unordered = true
			all := append(s.declare(c.order), c.freeze)
			for _, order := range [][]declaration{append(slices.Clone(all), promoted()), promotionBefore(all, "freeze")} {
				for name, o := range w.refreshAndPlan(order...) {
					require.False(t, o.failed(), "%s: %s", name, o.said())
				}
			}
		})
	}
	t.Run("delivered already", func(t *testing.T) {
		s := newShop(t)
		w := newWalks(t, s)
		all := append(s.declare(order{version: "1.0.0"}), promoted())
		w.apply(all...)
		w.unordered = true
		for name, o := range w.refreshAndPlan(append(all, inventory())...) {
			require.False(t, o.failed(), "%s: %s", name, o.said())
		}
	})
}

// A freeze with parts that are not known yet may hold what the plan delivers.
func TestPlanRefusesWhatMayDeliverBeforeAnUnknownFreeze(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0"})
	w.apply(all...)
	all = append(all, inventory("ends_at", unknown))
	w.unordered = true
	plan := w.refreshAndPlan(append(slices.Clone(all), promoted())...)
	require.Contains(t, plan["promotion"].said(), `nothing orders it after freeze "inventory": This plan also changes freeze "inventory", which may keep the release out; that is not known yet.`)
	plan = w.refreshAndPlan(promotionBefore(all, "freeze")...)
	require.Contains(t, plan["freeze"].said(), `nothing orders it after freeze "inventory"`)
	w.unordered = false
	for name, o := range w.refreshAndPlan(append(slices.Clone(all), promoted())...) {
		require.False(t, o.failed(), "%s: %s", name, o.said())
	}
}

// Without the files nothing is proved: a saved plan that is applied elsewhere was judged when it was made. There, what closes is in the ledger
// before the delivery is planned again, or the order was open.
func TestPlanWithoutFilesProvesNothing(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0"})
	w.apply(all...)
	w.dir = ""
	require.NoError(t, os.Remove(filepath.Join(s.Dir, "main.tf.json")))
	freeze := inventory()
	plan := w.refreshAndPlan(append(slices.Clone(all), freeze, promoted())...)
	require.Contains(t, plan["promotion"].said(), "Make the cd_promotion depend on it with depends_on.")

	w.configure()
	planned := w.planOne(freeze, w.prior(freeze))
	require.False(t, w.applyOne(freeze, planned).failed())
	require.False(t, w.planOne(promoted(), w.prior(promoted())).failed(), "the ledger has the freeze")
}

// In an apply, the freeze comes too late for a delivery that is under way. It is recorded all the same.
func TestApplyRecordsAFreezeThatComesTooLate(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0"})
	w.apply(all...)
	w.unordered = true
	w.writeFiles(append(slices.Clone(all), inventory(), promoted()))
	w.configure()
	planned := w.planOne(all[0], w.prior(all[0]))
	_, diagnostics := w.change(all[0], planned.before, planned.after) // the first change of the walk
	require.Empty(t, diagnostics)
	require.False(t, w.planOne(promoted(), w.prior(promoted())).failed())
	require.False(t, w.planOne(inventory(), w.prior(inventory())).failed())
}
