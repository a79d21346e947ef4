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

// Nothing is guessed: a report that leaves out what matters is none.
func TestReportsThatSayTooLittle(t *testing.T) {
	for text, says := range map[string]string{
		"":                                    "is empty",
		" \n":                                 "is empty",
		"running":                             "is not the JSON object that is needed",
		`{"version": "1"}`:                    "does not say whether anything is running",
		`{"running": true}`:                   `not its "version"`,
		`{"running": true, "version": ""}`:    `not its "version"`,
		`{"running": null, "version": "1.0"}`: "does not say whether anything is running",
	} {
		_, err := ReadReport([]byte(text))
		require.ErrorContains(t, err, says, text)
	}
	told, err := ReadReport([]byte(`{"running": false}`))
	require.NoError(t, err, "where nothing runs there is no version")
	require.False(t, *told.Running)
}

// A difference is one even if the place finds no words for it: otherwise what runs would look as it was deployed.
func TestADifferenceWithoutWords(t *testing.T) {
	told, err := ReadReport([]byte(`{"running": true, "version": "1.0", "differences": [" \n"]}`))
	require.NoError(t, err)
	seen := told.Compare("1.0", Mark{}, func(text string) string { return text })
	require.Equal(t, []string{"a difference without words"}, seen.Differences)
}

// Every value that only the driver may know is masked, whichever part of the request holds it.
func TestARequestMasksAllThatItKnows(t *testing.T) {
	mask := Request{Secrets: map[string]string{"PASSWORD": "hunter2"}, Credentials: map[string]string{"token": "letmein"},
		Hidden: []string{"swordfish"}}.Mask()
	require.Equal(t, "*** *** ***", mask.Mask("hunter2 letmein swordfish"))
}
