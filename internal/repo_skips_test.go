//go:build unix

package internal_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSkippedTestsFailInCI runs what `make test` has gotestsum run after the tests.
func TestSkippedTestsFailInCI(t *testing.T) {
	for name, run := range map[string]struct {
		ci, total, failed, skipped string
		want                       string // "" = success
	}{
		"a skipped test":          {"", "9", "0", "1", ""},
		"a skipped test, not CI":  {"false", "9", "0", "1", ""},
		"no test":                 {"", "0", "0", "0", ""},
		"a skipped test in CI":    {"true", "9", "0", "1", "1 skipped. With CI set, no test may be skipped"},
		"a skipped test on a CI":  {"woodpecker", "9", "0", "2", "2 skipped"},
		"no test in CI":           {"true", "0", "0", "0", "no test passed"},
		"only failed tests in CI": {"true", "2", "2", "0", "no test passed"},
		"all tests in CI":         {"true", "9", "0", "0", ""},
		"a failed test in CI":     {"true", "9", "1", "0", ""}, // gotestsum fails for it
		"without numbers, in CI":  {"true", "", "", "", "unbound variable"},
	} {
		t.Run(name, func(t *testing.T) {
			check := exec.CommandContext(t.Context(), "../.ci/every-test-ran")
			check.Env = []string{"PATH=/usr/bin:/bin", "CI=" + run.ci}
			if run.total != "" {
				check.Env = append(check.Env, "TESTS_TOTAL="+run.total, "TESTS_FAILED="+run.failed, "TESTS_SKIPPED="+run.skipped)
			}
			said, err := check.CombinedOutput()
			if run.want == "" {
				require.NoError(t, err, string(said))
				return
			}
			require.Error(t, err)
			require.Contains(t, string(said), run.want)
		})
	}
}
