package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A report closes a gate if it says anything but that all tests passed, or if it says nothing: the gate may need more.
func TestReportsThatMayClose(t *testing.T) {
	for name, c := range map[string]struct {
		counts TestCounts
		closes bool
	}{
		"all passed":   {TestCounts{Tests: 3}, false},
		"one failed":   {TestCounts{Tests: 3, Failures: 1}, true},
		"one broke":    {TestCounts{Tests: 3, Errors: 1}, true},
		"one skipped":  {TestCounts{Tests: 3, Skipped: 1}, true},
		"an empty one": {TestCounts{}, true},
	} {
		set := ChangeSet{}
		set.Reports.Put("r", TestReport{Spec: TestReportSpec{Pipeline: "shop", Version: "1.0", Suite: "unit"}, Counts: c.counts}, true)
		closings := set.Closings(func(string, string) bool { return true })
		require.Equal(t, c.closes, len(closings) == 1, name)
		if c.closes {
			require.True(t, closings[0].Closes("tests.unit"), name)
			require.True(t, closings[0].Closes("policy.strict.tests.unit"), name)
			require.False(t, closings[0].Closes("tests.e2e"), name)
		}
	}
}
