package process

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\n":                "plain\ttext\n",
		"\x1b[1;31mred\x1b[0m":         "red",
		"\x1b]0;title\x07text":         "text",
		"10%\r20%\r\ndone":             "10%\n20%\ndone",
		"bell\a null\x00 delete\x7f":   "bell null delete",
		"bad \xff byte":                "bad \uFFFD byte",
		"right \u202Eto left":          "right to left",
		"\x1b[38;5;196mcolour\x1b[39m": "colour",
	} {
		require.Equal(t, want, Printable(in), "%q", in)
	}
}

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

func TestMaskKnowsTheFormsOfASecret(t *testing.T) {
	secret := "p\"a ss<w>/ö\n"
	for _, text := range []string{
		secret, strings.TrimSpace(secret),
		`p\"a ss<w>/ö\n`, `p\"a ss\u003cw\u003e/ö\n`,
		"p%22a+ss%3Cw%3E%2F%C3%B6%0A", "p%22a%20ss%3Cw%3E%2F%C3%B6%0A",
		base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		require.Equal(t, "before *** after", Mask("before "+text+" after", []string{secret}), "%q", text)
	}
}

func TestMaskHidesEachLineOfASecret(t *testing.T) {
	secret := "-----BEGIN KEY-----\nMIIEvQIBADAN\n}\n-----END KEY-----\n"
	require.Equal(t, "{ *** }", Mask("{ MIIEvQIBADAN }", []string{secret}))
	require.Equal(t, "***", Mask(secret, []string{secret}))
}

func TestMaskLeavesNoRestOfSecretsThatOverlap(t *testing.T) {
	require.Equal(t, "x***y", Mask("xabcdefy", []string{"abcd", "cdef", "bc"}))
	require.Equal(t, "x***y", Mask("xaaay", []string{"aa"}))
	require.Equal(t, "nothing to hide", Mask("nothing to hide", []string{"", "other"}))
}

func TestEscapesHideNoSecret(t *testing.T) {
	log := &tail{limit: 100}
	log.add([]byte("pass\x1b[31mword\x1b[0m and pass\x00word"))
	require.Equal(t, "*** and ***", newMask([]string{"password"}).readable(log))
}

func TestStreamsMixByLine(t *testing.T) {
	c := newCapture(100, 100)
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
		hide := newMask([]string{secret})
		limit := rapid.IntRange(1, 60).Draw(t, "limit")
		c := newCapture(limit, limit+hide.longest())
		for range rapid.IntRange(1, 20).Draw(t, "lines") {
			before := strings.Repeat(".", rapid.IntRange(0, 20).Draw(t, "before"))
			_, err := fmt.Fprintf(c.outLines, "%s%s\n", before, secret)
			require.NoError(t, err)
		}
		c.flush()
		shown := lastLines(hide.readable(c.log), limit)
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
	parent := []string{"PATH=/bin", "LC_TIME=C", "AWS_SECRET_ACCESS_KEY=x", "TF_VAR_password=x", "CD_TOKEN=x", "=odd", "odd"}
	require.Equal(t, []string{"PATH=/bin", "LC_TIME=C", "A=1", "B=2"}, environment(parent, map[string]string{"B": "2", "A": "1"}))
}
