package provider_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Another process may delete an object between the refresh and the apply of a destroy. Each kind of resource finds that what it was to do
// is done.
func TestDestroyingWhatIsGoneSucceeds(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := append(s.declare(order{version: "1.0.0", gates: map[string]any{"approvals": map[string]any{"required": 2, "approvers": []any{"*"}, "allow_author": true}}, lenient: []any{"approvals"},
		report:   map[string]any{"junit": `<testsuite><testcase name="a"/></testsuite>`, "withdraw_on_destroy": true},
		override: map[string]any{"gates": []any{"approvals"}}, approval: map[string]any{}, promotion: map[string]any{}}),
		declaration{"freeze", "cd_freeze", map[string]any{"name": "fair", "reason": "the fair", "environments": []any{"elsewhere"},
			"starts_at": "2027-06-01T08:00:00Z", "ends_at": "2027-06-02T08:00:00Z"}},
		declaration{"policy", "cd_policy", map[string]any{"name": "four-eyes", "tiers": []any{"testing"},
			"gates": map[string]any{"approvals": map[string]any{"required": 1, "approvers": []any{"*"}}}}})
	for name, o := range w.apply(all...) {
		require.False(t, o.failed(), "%s: %s", name, o.said())
	}
	for _, d := range slices.Backward(all) {
		before, made := w.state[d.name]
		require.True(t, made, d.name)
		w.remove(d)
		require.True(t, w.read(d.typ, before).IsNull(), "%s is gone", d.name)
		w.state[d.name] = before // as it was refreshed before it was gone
		w.remove(d)
	}
}
