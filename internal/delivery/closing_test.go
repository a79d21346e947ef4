package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Any report may close the gates of its suite: the gate's thresholds decide whether it passes.
func TestReportsThatMayClose(t *testing.T) {
	set := ChangeSet{}
	set.Reports.Put("r", TestReport{Spec: TestReportSpec{Pipeline: "shop", Version: "1.0", Suite: "unit"}, Counts: TestCounts{Tests: 3}}, true)
	closings := set.Closings(recordedAll)
	require.Len(t, closings, 1)
	require.True(t, closings[0].Closes("tests.unit"))
	require.True(t, closings[0].Closes("policy.strict.tests.unit"))
	require.False(t, closings[0].Closes("tests.e2e"))
	require.True(t, closings[0].IsAbout("1.0"))
	require.True(t, closings[0].IsAbout(""), "which release it is about is not known yet")
	require.False(t, closings[0].IsAbout("1.1"))
}

func recordedAll(string, string) bool { return true }

// What the plan removes may be why a gate passes.
func TestRemovalsThatMayClose(t *testing.T) {
	set := ChangeSet{}
	set.Approvals.Remove("shop/1.0/production/alice@example.com/1")
	set.Overrides.Remove("shop/1.0/production/1")
	set.Reports.Remove("shop/1.0/unit/1")
	set.Policies.Remove("strict")
	set.Environments.Remove("eu")
	set.Freezes.Remove("december") // opens
	found := map[string]Closing{}
	for _, c := range set.Closings(recordedAll) {
		require.True(t, c.Removed)
		found[c.Noun+" "+c.Name] = c
	}
	require.Len(t, found, 5)
	for name, gates := range map[string][]string{"approval shop/1.0": {"approvals", "policy.p.approvals"}, "override shop/1.0": {"soak", "freeze"},
		"test report shop/1.0": {"tests.unit", "policy.p.tests.unit"}, "policy strict": {"guarded"}, "environment eu": {"parity"}} {
		require.Contains(t, found, name)
		for _, gate := range gates {
			require.True(t, found[name].Closes(gate), "%s %s", name, gate)
		}
	}
	require.False(t, found["approval shop/1.0"].Closes("soak"))
	require.False(t, found["approval shop/1.0"].IsAbout("1.1"))
	require.Empty(t, set.Before(set.Closings(recordedAll)).Approvals)
	require.Empty(t, set.Before(set.Closings(recordedAll)).Overrides)
	require.Empty(t, set.Closings(func(string, string) bool { return false })[3:], "a policy and an environment that were never recorded")
}

func TestLate(t *testing.T) {
	names := func(n int) []string {
		all := []Closing{}
		for i := range n {
			all = append(all, Closing{Name: string(rune('a' + i))})
		}
		words := []string{}
		for _, late := range Late(all) {
			word := ""
			for _, c := range late {
				word += c.Name
			}
			words = append(words, word)
		}
		return words
	}
	require.Empty(t, names(0))
	require.Equal(t, []string{"a"}, names(1))
	require.Equal(t, []string{"a", "b", "c", "ab", "ac", "bc", "abc"}, names(3))
	require.Len(t, names(4), 15)
	require.Equal(t, []string{"a", "b", "c", "d", "e", "abcd", "abce", "abde", "acde", "bcde", "abcde"}, names(5))
}

// What is refused delivers nothing, before or after a change.
func TestOrderingOfWhatIsRefused(t *testing.T) {
	steps := []Step{{Kind: StepDeploy, Stage: "live", Environment: "eu", Version: "1.0"}}
	set := ChangeSet{}
	set.Freezes.Put("december", FreezeSpec{Name: "december"}, true)
	closings := set.Closings(recordedAll)
	refused := DeliveryPreview{Refusable: Refusable{Refused: Errors{{Message: "no"}}}, Steps: steps}
	for name, c := range map[string]struct {
		with, without DeliveryPreview
		decides       bool
	}{
		"refused with it":    {refused, DeliveryPreview{Steps: steps}, true},
		"refused without it": {DeliveryPreview{}, refused, false},
		"the same":           {DeliveryPreview{Steps: steps}, DeliveryPreview{Steps: steps}, false},
	} {
		found, err := Ordering{Known: func(ChangeSet) bool { return true }, Ask: func(set ChangeSet) (DeliveryPreview, error) {
			if len(set.Freezes) > 0 {
				return c.with, nil
			}
			return c.without, nil
		}}.Deciding(set, closings)
		require.NoError(t, err)
		require.Equal(t, c.decides, len(found) > 0, name)
	}
}
