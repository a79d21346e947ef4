package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// onePatch changes the second and the seventh line of a file of ten.
const onePatch = `Why it matters.
tests: ./a ./b
limit: 30s
diff --git a/x.go b/x.go
--- a/x.go
+++ b/x.go
@@ -1,3 +1,3 @@ func before
 one
-two
+TWO
 three
@@ -6,3 +6,4 @@
 six
-seven
+SEVEN
+and more
 eight
`

const tenLines = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n"

func TestParse(t *testing.T) {
	f, err := parse("x", onePatch)
	require.NoError(t, err)
	require.Equal(t, fault{
		name: "x", tests: []string{"./a", "./b"}, limit: 30 * time.Second,
		files: []filePatch{{path: "x.go", hunks: []hunk{
			{line: 1, before: []string{"one", "two", "three"}, after: []string{"one", "TWO", "three"}},
			{line: 6, before: []string{"six", "seven", "eight"}, after: []string{"six", "SEVEN", "and more", "eight"}},
		}}},
	}, f)
	second := "--- a/y.go\n+++ b/y.go\n@@ -1 +1 @@\n-a\n+b\n"
	both, err := parse("x", onePatch+second)
	require.NoError(t, err)
	require.Len(t, both.files, 2)
	unlimited, err := parse("x", "tests: ./a\n"+second)
	require.NoError(t, err)
	require.Equal(t, defaultLimit, unlimited.limit)
	some, err := parse("x", strings.Replace(onePatch, "limit:", "run: ^Test(A|B)$\nlimit:", 1))
	require.NoError(t, err)
	require.Equal(t, "^Test(A|B)$", some.run)
}

func TestParseRejects(t *testing.T) {
	replaced := func(old, by string) string { return strings.Replace(onePatch, old, by, 1) }
	for name, c := range map[string]struct{ text, want string }{
		"no diff":             {"tests: ./a\n", "no unified diff"},
		"no tests":            {replaced("tests: ./a ./b\n", ""), "which packages to test"},
		"an unknown limit":    {replaced("30s", "soon"), "invalid duration"},
		"no pattern":          {replaced("limit:", "run: (\nlimit:"), "missing closing"},
		"no limit at all":     {replaced("30s", "0s"), "must be positive"},
		"two paths":           {replaced("+++ b/x.go", "+++ b/y.go"), "with the same path"},
		"a path outside":      {strings.ReplaceAll(onePatch, "x.go", "../x.go"), "outside of the repository"},
		"a test":              {strings.ReplaceAll(onePatch, "x.go", "x_test.go"), "is a test"},
		"no hunk":             {"tests: ./a\n--- a/x.go\n+++ b/x.go\n", "there is no hunk"},
		"a hunk cut off":      {replaced("+and more\n eight\n", ""), "fewer lines"},
		"a hunk too long":     {replaced("-1,3 +1,3", "-1,2 +1,3"), "more lines"},
		"no range":            {replaced("-1,3 +1,3", "one three"), "is not the range"},
		"no end of a header":  {replaced("@@ -1,3 +1,3 @@", "@@ -1,3 +1,3"), "is not the header"},
		"a hunk of additions": {"tests: ./a\n--- a/x.go\n+++ b/x.go\n@@ -0,0 +1 @@\n+x\n", "no line by which"},
		"prose in the diff":   {onePatch + "and so on\n", "is not part of a diff"},
		"prose in a hunk":     {replaced(" three", "three"), "is not a line of a hunk"},
	} {
		_, err := parse("x", c.text)
		require.ErrorContains(t, err, c.want, name)
	}
}

func TestApply(t *testing.T) {
	f, err := parse("x", onePatch)
	require.NoError(t, err)
	const patched = "one\nTWO\nthree\nfour\nfive\nsix\nSEVEN\nand more\neight\nnine\nten\n"
	for name, c := range map[string]struct{ text, want string }{
		"where it was made":            {tenLines, patched},
		"further down":                 {"new\nnew\n" + tenLines, "new\nnew\n" + patched},
		"with lines between the hunks": {strings.Replace(tenLines, "four\n", "four\nnew\n", 1), strings.Replace(patched, "four\n", "four\nnew\n", 1)},
		"at the nearest of two":        {tenLines + tenLines, patched + tenLines},
		"without a last line break":    {strings.TrimSuffix(tenLines, "\nnine\nten\n"), strings.TrimSuffix(patched, "\nnine\nten\n")},
	} {
		got, err := f.files[0].apply(c.text)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
	for name, text := range map[string]string{
		"a line changed":     strings.Replace(tenLines, "two", "2", 1),
		"applied already":    patched,
		"hunks swapped":      "six\nseven\neight\none\ntwo\nthree\n",
		"nothing":            "",
		"context cut off":    "one\ntwo\n",
		"context interposed": strings.Replace(tenLines, "two\n", "two\nnew\n", 1),
	} {
		_, err := f.files[0].apply(text)
		require.ErrorContains(t, err, "x.go: the hunk at line ", name)
		require.ErrorContains(t, err, "no longer applies", name)
	}
	same := filePatch{path: "x.go", hunks: []hunk{{line: 1, before: []string{"one"}, after: []string{"one"}}}}
	_, err = same.apply(tenLines)
	require.ErrorContains(t, err, "changes nothing")
}
