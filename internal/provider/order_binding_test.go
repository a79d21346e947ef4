package provider_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// keeping returns walks of a Terraform that keeps the private data of planned changes, with all that is applied before the change. Nothing in the files
// orders anything.
func (c closing) keeping(t *testing.T) (shop, *walks, []declaration) {
	t.Helper()
	s := newShop(t)
	w := newWalks(t, s)
	w.keeps = true
	w.apply(s.declare(c.before)...)
	w.unordered = true
	return s, w, append(c.changed(s), promoted())
}

// applyIn makes a planned apply in some order. The first change of the walk is that of another resource, as in any apply.
func (w *walks) applyIn(plan map[string]outcome, order ...declaration) map[string]outcome {
	w.t.Helper()
	w.configure()
	found := map[string]outcome{}
	for _, d := range order {
		if plan[d.name].action == "" {
			continue
		}
		found[d.name] = w.applyOne(d, plan[d.name])
		if !found[d.name].failed() {
			w.state[d.name] = found[d.name].after
		}
	}
	return found
}

// Terraform keeps what the plan counted, so the plan warns. The apply that comes to the release first deploys nothing, and records what closes.
func TestApplyRefusesWhatComesBeforeWhatThePlanCounted(t *testing.T) {
	for name, c := range closings() {
		t.Run(name, func(t *testing.T) {
			s, w, all := c.keeping(t)
			plan := w.refreshAndPlan(all...)
			require.False(t, plan["promotion"].failed(), plan["promotion"].said())
			require.Contains(t, plan["promotion"].said(), `: Nothing orders release "shop/1.0.0" after `+c.says)
			require.Contains(t, plan["promotion"].said(), "  # in cd_promotion.promotion, main.tf.json:1\n  depends_on = ["+c.typ+"."+c.name)

			done := w.applyIn(plan, promotionBefore(all[:len(all)-1], c.name)...)
			require.True(t, done["promotion"].failed())
			require.Contains(t, done["promotion"].said(), `: Unable to promote release "shop/1.0.0": the plan counted `+c.says+", which the ledger does not have yet: Nothing fixes their order")
			require.Contains(t, done["promotion"].said(), "Nothing was deployed.")
			require.Contains(t, done["promotion"].said(), "  depends_on = ["+c.typ+"."+c.name)
			require.False(t, done[c.name].failed(), done[c.name].said())
			require.NoError(t, s.runs("production", ""))

			w.apply(all...)
			require.NoError(t, s.runs("production", ""), "it waits for what closes")
		})
	}
}

// In the other order the apply does what the plan said: the release waits.
func TestApplyGoesOnOnceTheLedgerHasWhatThePlanCounted(t *testing.T) {
	for name, c := range closings() {
		t.Run(name, func(t *testing.T) {
			s, w, all := c.keeping(t)
			done := w.applyIn(w.refreshAndPlan(all...), all...)
			require.NotContains(t, done["promotion"].said(), "the plan counted")
			if done["promotion"].failed() { // a gate that failed for good, which pending does not wait for
				require.Contains(t, done["promotion"].said(), "may not enter stage \"production\"")
			}
			require.NoError(t, s.runs("production", ""), "it waits for what closes")
		})
	}
}

// Without the refusal the release would be delivered: that is what the note is for. So the test that it is refused can fail.
func TestWithoutTheNoteTheReleaseWouldBeDelivered(t *testing.T) {
	s, w, all := closings()["freeze"].keeping(t)
	plan := w.refreshAndPlan(all...)
	w.configure()
	promotion := promoted()
	w.keeps = false // neither the plan of the apply nor the change says anything of the note
	again := w.planOne(promotion, w.prior(promotion))
	require.False(t, again.failed())
	_, diagnostics := w.change(promotion, plan["promotion"].before, again.after)
	require.Empty(t, diagnostics)
	require.NoError(t, s.runs("production", "1.0.0"))
}

// A Terraform that says that it keeps the data, and does not send it, is not believed: nothing is delivered, with or without a freeze.
func TestApplyRefusesIfWhatThePlanCountedDoesNotArrive(t *testing.T) {
	s, w, all := closings()["freeze"].keeping(t)
	w.loses = true
	done := w.applyIn(w.refreshAndPlan(all...), promotionBefore(all[:len(all)-1], "freeze")...)
	require.Contains(t, done["promotion"].said(), `: Unable to promote release "shop/1.0.0": What the plan counted did not reach this apply`)
	require.Contains(t, done["promotion"].said(), "Plan again.")
	require.False(t, done["freeze"].failed(), done["freeze"].said())
	require.NoError(t, s.runs("production", ""))
}

// Of what is not known yet, the apply could not tell whether it is recorded as planned.
func TestPlanDoesNotBindWhatIsNotKnown(t *testing.T) {
	c := closings()["freeze"]
	c.declared = func() declaration { return inventory("ends_at", unknown) }
	_, w, all := c.keeping(t)
	plan := w.refreshAndPlan(all...)
	require.Contains(t, plan["promotion"].said(), `: Unable to promote release "shop/1.0.0": nothing orders it after freeze "inventory"`)
}

// What the delivery was planned before is not what the plan counted, so it stays an error.
func TestPlanBindsOnlyWhatItCounted(t *testing.T) {
	_, w, all := closings()["freeze"].keeping(t)
	plan := w.refreshAndPlan(promotionBefore(all[:len(all)-1], "freeze")...)
	require.Contains(t, plan["freeze"].said(), `: Unable to promote release "shop/1.0.0": nothing orders it after freeze "inventory"`)
}

// A removal is bound too.
func TestApplyRefusesWhatComesBeforeARemovalThatThePlanCounted(t *testing.T) {
	for name, c := range removals() {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			w := newWalks(t, s)
			w.keeps = true
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
			require.False(t, plan.failed(), plan.said())
			require.Contains(t, plan.said(), `: Nothing orders release "shop/1.0.0" after the removal of `+c.says)

			w.configure()
			early := w.applyOne(promoted(), plan)
			require.Contains(t, early.said(), "the plan counted the removal of "+c.says+", which the ledger does not have yet")
			require.NoError(t, s.runs("production", ""))
			_, diagnostics := w.change(gone, w.prior(gone), w.null(gone.typ))
			require.Empty(t, diagnostics)
			later := w.applyOne(promoted(), plan)
			require.NotContains(t, later.said(), "the plan counted")
			require.NoError(t, s.runs("production", ""), "it waits")
		})
	}
}

// A saved plan may be applied where no file is. What it counted, it still knows.
func TestApplyWithoutFilesKnowsWhatThePlanCounted(t *testing.T) {
	s, w, all := closings()["policy"].keeping(t)
	plan := w.refreshAndPlan(all...)
	require.NoError(t, os.Remove(filepath.Join(s.Dir, "main.tf.json")))
	done := w.applyIn(plan, promotionBefore(all[:len(all)-1], "policy")...)
	require.Contains(t, done["promotion"].said(), `the plan counted policy "strict", which the ledger does not have yet`)
	require.NoError(t, s.runs("production", ""))
}
