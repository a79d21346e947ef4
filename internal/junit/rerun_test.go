package junit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const ofGo = `<properties><property name="go.version" value="go1.26"/></properties>`

// written is a suite of these cases, each a name and how it ended: p, f, s or e.
func written(properties string, cases ...string) string {
	var text strings.Builder
	text.WriteString(`<testsuite>` + properties)
	for _, c := range cases {
		name, ended, _ := strings.Cut(c, " ")
		fmt.Fprintf(&text, `<testcase classname="c" name="%s">%s</testcase>`, name, map[string]string{"f": "<failure/>", "s": "<skipped/>", "e": "<error/>"}[ended])
	}
	return text.String() + `</testsuite>`
}

func failuresOf(t require.TestingT, text string) int {
	counts, err := Parse([]byte(text))
	require.NoError(t, err, text)
	return counts.Failures
}

// Runs of one test are put together only where it is certain that they are: everything else fails as before.
func TestReruns(t *testing.T) {
	for _, c := range []struct {
		says       string
		properties string
		cases      []string
		failures   int
	}{
		{"it passed when it was run again", ofGo, []string{"A f", "B p", "A p"}, 0},
		{"the order says nothing", ofGo, []string{"A p", "A f", "A f"}, 0},
		{"it never passed", ofGo, []string{"A f", "A f"}, 2},
		{"it was skipped in the end", ofGo, []string{"A f", "A s"}, 1},
		{"it broke once", ofGo, []string{"A f", "A e", "A p"}, 1},
		{"another passed", ofGo, []string{"A f", "B p"}, 1},
		{"all tests were run twice", ofGo, []string{"A f", "B p", "A p", "B p"}, 1},
		{"it was run three times", ofGo, []string{"A f", "A p", "A p"}, 1},
		{"one of all was skipped twice", ofGo, []string{"A f", "A p", "B s", "B s"}, 1},
		{"its subtests were run again one by one", ofGo, []string{"A f", "A/x f", "A/y f", "A p", "A/x p", "A p", "A/y p"}, 0},
		{"one of its subtests never passed", ofGo, []string{"A f", "A/x f", "A/y f", "A p", "A/x p", "A f", "A/y f"}, 2},
		{"all were run three times, with a subtest", ofGo, []string{"A f", "A/x f", "A p", "A/x p", "A p", "A/x p"}, 2},
		{"no Go package", "", []string{"A f", "A p"}, 1},
		{"another property", `<properties><property name="go" value="go.version"/></properties>`, []string{"A f", "A p"}, 1},
		{"a property in the output", `<system-out><property name="go.version"/></system-out>`, []string{"A f", "A p"}, 1},
	} {
		require.Equal(t, c.failures, failuresOf(t, written(c.properties, c.cases...)), c.says)
	}
	late := strings.Replace(written("", "A f", "A p"), "</testsuite>", ofGo+"</testsuite>", 1)
	require.Equal(t, 1, failuresOf(t, late), "the property stands after the cases")
	apart := "<testsuites>" + written(ofGo, "A f") + written(ofGo, "A p") + "</testsuites>"
	require.Equal(t, 1, failuresOf(t, apart), "tests of two packages")
	classes := strings.Replace(written(ofGo, "A f", "A p"), `"c"`, `"d"`, 1)
	require.Equal(t, 1, failuresOf(t, classes), "tests of two classes")
}

// What a suite counts and does not list still failed, whichever of its tests were run again.
func TestAHiddenFailureFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flaky := rapid.IntRange(0, 3).Draw(t, "flaky tests")
		reruns := rapid.IntRange(1, 3).Draw(t, "reruns of each")
		broken := rapid.IntRange(0, 2).Draw(t, "tests that never passed")
		hidden := rapid.IntRange(0, 2).Draw(t, "failures that no case tells of")
		byRuns := rapid.Bool().Draw(t, "the suite counts runs")
		wrapped := rapid.Bool().Draw(t, "the root repeats the numbers")

		again := strings.Repeat("<flakyFailure><stackTrace/></flakyFailure>", reruns)
		failed := "<failure/>" + strings.Repeat("<rerunFailure/>", reruns)
		tests, failures := flaky+broken, broken+hidden
		if byRuns {
			tests, failures = (flaky+broken)*(1+reruns), flaky*reruns+broken*(1+reruns)+hidden
		}
		numbers := fmt.Sprintf(` tests="%d" failures="%d"`, tests, failures)
		text := "<testsuite" + numbers + ">" + strings.Repeat("<testcase>"+again+"</testcase>", flaky) + strings.Repeat("<testcase>"+failed+"</testcase>", broken) + "</testsuite>"
		if wrapped {
			text = "<testsuites" + numbers + ">" + text + "</testsuites>"
		}
		counts, err := Parse([]byte(text))
		require.NoError(t, err)
		require.Equal(t, delivery.TestCounts{Tests: flaky + broken, Failures: broken + hidden}, counts, text)
	})
}

// Skipped tests that no case tells of are those that are declared and not listed. What is more is among the cases.
func TestSkippedTestsThatAreNotListed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ran := rapid.IntRange(0, 4).Draw(t, "tests that ran")
		listed := rapid.IntRange(0, 3).Draw(t, "skipped tests with a case")
		absent := rapid.IntRange(0, 3).Draw(t, "skipped tests without one")
		more := rapid.IntRange(0, 3).Draw(t, "skipped tests that are none of these")
		name := rapid.SampledFrom([]string{"skipped", "skips", "disabled", "ignored"}).Draw(t, "name")
		numbers := fmt.Sprintf(` tests="%d" %s="%d"`, ran+listed+absent, name, listed+absent+more)
		text := "<testsuite" + numbers + ">" + strings.Repeat("<testcase/>", ran) + strings.Repeat("<testcase><skipped/></testcase>", listed) + "</testsuite>"
		if rapid.Bool().Draw(t, "the root repeats the numbers") {
			text = "<testsuites" + numbers + ">" + text + "</testsuites>"
		}
		counts, err := Parse([]byte(text))
		require.NoError(t, err)
		require.Equal(t, delivery.TestCounts{Tests: ran + listed, Skipped: min(listed+more, ran+listed)}, counts, text)
	})
}
