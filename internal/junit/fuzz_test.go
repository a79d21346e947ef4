package junit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// FuzzParse holds what every answer holds, whatever the text: no panic, no count that cannot be, and an error that can be shown.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*", "*.xml"))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`<testsuite failures="1" failures="0"/>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><testsuite name="&b;"/>`))
	f.Add([]byte(`<testcase time="1e300"/><testcase time='-0x1p-2'/>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		counts, err := Parse(text)
		if err != nil {
			require.Zero(t, counts)
			requireReadable(t, err)
			return
		}
		require.GreaterOrEqual(t, counts.Tests, 0)
		require.GreaterOrEqual(t, counts.Failures, 0)
		require.GreaterOrEqual(t, counts.Errors, 0)
		require.GreaterOrEqual(t, counts.Skipped, 0)
		require.LessOrEqual(t, counts.Skipped, counts.Tests)
		require.GreaterOrEqual(t, counts.Duration.Nanoseconds(), int64(0))
		require.LessOrEqual(t, counts.Duration, maxDuration)

		// The same report twice, one after the other, says everything twice.
		twice, err := Parse(append(append([]byte{}, text...), text...))
		if err == nil && len(text) > 0 && text[0] == '<' {
			require.Equal(t, delivery.TestCounts{
				Tests: 2 * counts.Tests, Failures: 2 * counts.Failures, Errors: 2 * counts.Errors,
				Skipped: 2 * counts.Skipped, Duration: min(2*counts.Duration, maxDuration),
			}, twice)
		}
	})
}
