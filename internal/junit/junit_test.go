package junit

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// TestRunners reads what real runners wrote; see testdata/README.md.
func TestRunners(t *testing.T) {
	for runner, want := range map[string]delivery.TestCounts{
		"gotestsum": {Tests: 6, Failures: 3, Errors: 1, Skipped: 1, Duration: 12 * time.Millisecond},
		"pytest":    {Tests: 7, Failures: 1, Errors: 2, Skipped: 2, Duration: time.Millisecond},
		"node":      {Tests: 6, Failures: 1, Skipped: 2, Duration: 3443 * time.Microsecond},
		// Flaky tests passed. gotestsum reports each run of TestRefund, Surefire and the others report one.
		"gotestsum-reruns": {Tests: 9, Failures: 3, Skipped: 1, Duration: 9 * time.Millisecond},
		"pytest-reruns":    {Tests: 5, Failures: 1, Skipped: 1, Duration: 3 * time.Millisecond},
		"surefire":         {Tests: 5, Failures: 1, Skipped: 1, Duration: 2 * time.Millisecond},
		"jest":             {Tests: 5, Failures: 1, Skipped: 1, Duration: 17 * time.Millisecond},
		"vitest":           {Tests: 5, Failures: 2, Skipped: 2, Duration: 5958 * time.Microsecond},
	} {
		t.Run(runner, func(t *testing.T) {
			require.Equal(t, want, parseFile(t, runner, "report.xml"))
		})
	}
}

// A report of flaky tests alone is one without a failure: its runner ended with success.
func TestFlakyTestsPass(t *testing.T) {
	require.Equal(t, delivery.TestCounts{Tests: 6, Skipped: 1, Duration: 7 * time.Millisecond}, parseFile(t, "gotestsum-reruns", "flaky.xml"))
}

// TestDialects reads what the dialects' documentation has that is odd; the comment in each file says what.
func TestDialects(t *testing.T) {
	const second = time.Second
	cases := map[string]delivery.TestCounts{
		"ant.xml":                       {Tests: 4, Failures: 1, Errors: 1, Skipped: 1, Duration: 1250 * time.Millisecond},
		"byte-order-mark.xml":           {Tests: 1},
		"case-below-root.xml":           {Tests: 3, Failures: 1},
		"counts-only.xml":               {Failures: 2, Errors: 1, Duration: 60 * second},
		"disabled-without-cases.xml":    {Tests: 6, Skipped: 4},
		"empty-counts.xml":              {Tests: 2, Failures: 1},
		"empty-root.xml":                {},
		"error-outside-case.xml":        {Tests: 2, Failures: 1, Errors: 2},
		"errors-against-failures.xml":   {Tests: 2, Failures: 1, Errors: 1},
		"flaky-and-hidden-failure.xml":  {Tests: 2, Failures: 1},
		"gradle-merged.xml":             {Tests: 2, Duration: 500 * time.Millisecond},
		"gradle-not-merged.xml":         {Tests: 3, Failures: 1, Duration: 500 * time.Millisecond},
		"googletest.xml":                {Tests: 4, Failures: 1, Skipped: 2, Duration: 15 * time.Millisecond},
		"iso-8859-1.xml":                {Tests: 2, Failures: 1},
		"more-skipped-than-cases.xml":   {Tests: 2, Skipped: 2},
		"nested.xml":                    {Tests: 5, Failures: 2, Skipped: 1, Duration: 500 * time.Millisecond},
		"no-counts.xml":                 {Tests: 4, Failures: 1, Errors: 1, Skipped: 1},
		"odd-times.xml":                 {Tests: 11, Duration: 1004500 * time.Millisecond},
		"own-counts-only.xml":           {Tests: 1, Failures: 1},
		"pytest-xfail.xml":              {Tests: 2, Failures: 1, Skipped: 1, Duration: 20 * time.Millisecond},
		"rerun-only.xml":                {Tests: 2, Failures: 1, Errors: 1},
		"several-roots.xml":             {Tests: 3, Failures: 1, Duration: 6 * second},
		"skipped-without-cases.xml":     {Tests: 2},
		"skipped-and-failed.xml":        {Tests: 4, Failures: 3, Errors: 1},
		"status-attribute.xml":          {Tests: 5, Failures: 1, Errors: 1, Skipped: 1},
		"suite-failed-before-cases.xml": {Tests: 1, Errors: 1, Duration: 2500 * time.Millisecond},
		"surefire.xml":                  {Tests: 4, Failures: 1, Duration: 1234500 * time.Millisecond},
		"time-on-suite.xml":             {Tests: 3, Duration: 3500 * time.Millisecond},
		"utf-16-big.xml":                {Tests: 2, Failures: 1},
		"utf-16-in-name-only.xml":       {Tests: 2, Failures: 1},
		"utf-16-little.xml":             {Tests: 2, Failures: 1},
		"windows-1252.xml":              {Tests: 2, Failures: 1},
		"wrapped.xml":                   {Tests: 1},
	}
	files, err := os.ReadDir(filepath.Join("testdata", "dialects"))
	require.NoError(t, err)
	require.Len(t, files, len(cases))
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, want, parseFile(t, "dialects", name))
		})
	}
}

// Numbers may have commas between their thousands, however many.
func TestNumbersWithThousands(t *testing.T) {
	for written, want := range map[string]int{"7": 7, "1,234": 1234, "12,345": 12345, "1,000,000": 1_000_000, "": 0, "0.0": 0, "1,234.00": 1234} {
		n, err := attributes{"tests": written}.count("tests")
		require.NoError(t, err, written)
		require.Equal(t, want, n, written)
	}
	for _, written := range []string{",", "1,", "1,23", "1234,567", "1,234,56", "1,,234", "-1", "1.5", "1.", ".0", "1e1", "NaN", "undefined"} {
		_, err := attributes{"tests": written}.count("tests")
		require.ErrorContains(t, err, "is not a number of tests", written)
	}
}

func parseFile(t *testing.T, directory, name string) delivery.TestCounts {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", directory, name))
	require.NoError(t, err)
	counts, err := Parse(text)
	require.NoError(t, err)
	return counts
}

// A suite with more cases than go-junit gets at once is counted whole.
func TestManyCases(t *testing.T) {
	text := []byte("<testsuite>")
	for i := range 3*batch + 7 {
		text = append(text, `<testcase time="0.001">`...)
		if i%10 == 0 {
			text = append(text, `<failure>no</failure>`...)
		}
		text = append(text, `</testcase>`...)
	}
	counts, err := Parse(append(text, "</testsuite>"...))
	require.NoError(t, err)
	require.Equal(t, delivery.TestCounts{Tests: 3079, Failures: 308, Duration: 3079 * time.Millisecond}, counts)
}
