package process

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

func TestLastLines(t *testing.T) {
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 10, ""},
		{"one\ntwo\n\n", 100, "one\ntwo"},
		{"one\ntwo\nthree", 9, "two\nthree"},
		{"one\ntwo\nthree", 8, "three"},
		{"one\ntwo\nthree", 5, "three"},
		{"a very long line", 7, "…line"},
		{"äöüäöü", 8, "…öü"},
		{"text", 2, ""},
	} {
		require.Equal(t, test.want, lastLines(test.text, test.limit), "%q to %d", test.text, test.limit)
	}
}

func TestStreamsMixByLine(t *testing.T) {
	c := newCapture(100, nil)
	for _, write := range []struct {
		to   *lines
		text string
	}{{c.outLines, "one "}, {c.errLines, "oops\nno"}, {c.outLines, "line\nrest"}, {c.errLines, " end"}} {
		_, err := write.to.Write([]byte(write.text))
		require.NoError(t, err)
	}
	c.flush()
	require.Equal(t, "oops\none line\nrestno end", string(c.log.bytes()))
}

// However a program writes its secret, however much it writes, and wherever the log is cut: no half of the secret is shown.
func TestNoRestOfASecretSurvivesTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := "SECRETVALUE"
		limit := rapid.IntRange(1, 60).Draw(t, "limit")
		c := newCapture(limit, redact.New(secret))
		for range rapid.IntRange(1, 20).Draw(t, "writes") {
			to := rapid.SampledFrom([]*lines{c.outLines, c.errLines}).Draw(t, "to")
			before := strings.Repeat(".", rapid.SampledFrom([]int{0, 1, 2, 3, 5, 8, 20, 10_000}).Draw(t, "before"))
			end := rapid.SampledFrom([]string{"\n", "", "\n\n"}).Draw(t, "end")
			_, err := fmt.Fprintf(to, "%s%s%s", before, secret, end)
			require.NoError(t, err)
		}
		c.flush()
		shown := lastLines(string(c.log.bytes()), limit)
		for i := range len(secret) - 1 {
			require.NotContains(t, shown, secret[i:i+2])
		}
	})
}

func TestTailKeepsTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		kept := &tail{limit: limit}
		var all []byte
		for _, chunk := range rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "chunks") {
			n, err := kept.Write(chunk)
			require.NoError(t, err)
			require.Len(t, chunk, n)
			all = append(all, chunk...)
		}
		require.Equal(t, string(all[max(0, len(all)-limit):]), string(kept.bytes()))
		require.EqualValues(t, max(0, len(all)-limit), kept.dropped)
	})
}

func TestEnvironmentTakesWhatIsNamedOnly(t *testing.T) {
	parent := []string{"PATH=/bin", "LC_TIME=C", "LD_PRELOAD=/x", "AWS_SECRET_ACCESS_KEY=x", "TF_VAR_password=x", "CD_TOKEN=x", "=odd", "odd"}
	require.Equal(t, []string{"PATH=/bin", "LC_TIME=C", "A=1", "B=2"}, environment(parent, map[string]string{"B": "2", "A": "1"}))
}
