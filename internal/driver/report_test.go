package driver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReportLimits is at each limit of what a report may say, and one over it.
func TestReportLimits(t *testing.T) {
	running := true
	compare := func(version string, differences ...string) (string, []string) {
		seen := Report{Running: &running, Version: version, Differences: differences}.Compare(version, Mark{}, func(text string) string { return text })
		return seen.Version, seen.Differences
	}
	cut := func(n int) string { return strings.Repeat("x", n-len("…")) + "…" }

	version, _ := compare(strings.Repeat("x", maxVersionBytes))
	require.Equal(t, strings.Repeat("x", maxVersionBytes), version)
	version, _ = compare(strings.Repeat("x", maxVersionBytes+1))
	require.Equal(t, cut(maxVersionBytes), version)

	_, differences := compare("1", strings.Repeat("x", maxDifferenceBytes))
	require.Equal(t, []string{strings.Repeat("x", maxDifferenceBytes)}, differences)
	_, differences = compare("1", strings.Repeat("x", maxDifferenceBytes+1))
	require.Equal(t, []string{cut(maxDifferenceBytes)}, differences)

	many := make([]string, maxDifferences+1)
	for i := range many {
		many[i] = fmt.Sprintf("%03d", i)
	}
	_, differences = compare("1", many[:maxDifferences]...)
	require.Equal(t, many[:maxDifferences], differences)
	_, differences = compare("1", many...)
	require.Equal(t, append(many[:maxDifferences:maxDifferences], "… and 1 more"), differences)
	_, differences = compare("1", append(many[:maxDifferences:maxDifferences], many[0])...)
	require.Len(t, differences, maxDifferences, "the same difference counts once")
}
