package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// module writes a module with two packages, one of which uses the other, and the patches. It returns its directory.
func module(t *testing.T, patches map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.test/sums\n\ngo 1.24\n",
		"sum/sum.go": `package sum

// Of adds two numbers.
func Of(a, b int) int {
	return a + b
}

// Twice doubles a number.
func Twice(a int) int {
	return Of(a, a)
}
`,
		"sum/sum_test.go": `package sum

import "testing"

func TestOf(t *testing.T) {
	if Of(2, 3) != 5 {
		t.Fatal("2 + 3 is not 5")
	}
}
`,
		"use/use.go": "package use\n\nimport \"example.test/sums/sum\"\n\n// Four is four.\nfunc Four() int { return sum.Twice(2) }\n",
		"use/use_test.go": `package use

import "testing"

func TestFour(t *testing.T) {
	if Four() != 4 {
		t.Fatal("four is not four")
	}
}
`,
		"bare/bare.go": "package bare\n",
	} {
		write(t, filepath.Join(root, name), text)
	}
	for name, text := range patches {
		write(t, filepath.Join(root, "patches", name+".patch"), text)
	}
	return root
}

func write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
}

// sums is a patch that replaces one line of sum.go.
func sums(tests, old, by string) string {
	return "tests: " + tests + "\nlimit: 20s\n--- a/sum/sum.go\n+++ b/sum/sum.go\n@@ -99,1 +99,1 @@\n-" + old + "\n+" + by + "\n"
}

const (
	addition = "\treturn a + b"
	doubling = "\treturn Of(a, a)"
)

// plantAll runs the command over a module and returns its status and what it printed.
func plantAll(t *testing.T, root string, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), append([]string{"-C", root, "-patches", "patches"}, args...), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

func TestFaultsAreKilledOrSurvive(t *testing.T) {
	root := module(t, map[string]string{
		"subtracts":     sums("./sum", addition, "\treturn a - b"),
		"hangs":         strings.Replace(sums("./sum", addition, "\tselect {}"), "20s", "1s", 1),
		"not-doubled":   sums("./sum ./use", doubling, "\treturn a"),
		"named":         "run: ^TestOf$\n" + sums("./sum", addition, "\treturn a * b"),
		"nobody-sees":   sums("./sum", doubling, "\treturn a"),
		"other-package": sums("./use", doubling, "\treturn 3 * a"),
	})
	before, err := os.ReadFile(filepath.Join(root, "sum", "sum.go"))
	require.NoError(t, err)
	status, out, errs := plantAll(t, root)
	require.Empty(t, errs)
	require.Equal(t, 1, status, "one of six survived, which is more than 5 in 100")
	for _, want := range []string{
		`killed +[0-9.]+s  subtracts by ./sum\n`,
		`timed out +[0-9.]+s  hangs by ./sum\n`,
		`killed +[0-9.]+s  not-doubled by ./use\n`,
		`killed +[0-9.]+s  named by ./sum\n`,
		`SURVIVED +[0-9.]+s  nobody-sees \n`,
		`killed +[0-9.]+s  other-package by ./use\n`,
		`\n +package  planted  killed by its own tests  by others  timed out  survived\n`,
		`\n +./sum +6 +3 +2 +1 +1\n`,
		`\n +all +6 +3 +2 +1 +1\n`,
		`1 of 6 faults survived; at most 5 in 100 may\n$`,
	} {
		require.Regexp(t, want, out)
	}
	after, err := os.ReadFile(filepath.Join(root, "sum", "sum.go"))
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "the tree is not touched")

	status, out, _ = plantAll(t, root, "-run", "^(subtracts|not-doubled)$")
	require.Equal(t, 0, status, out)
	require.NotContains(t, out, "hangs")
}

func TestFaultsThatCannotBePlanted(t *testing.T) {
	for name, c := range map[string]struct{ patch, want string }{
		"no longer applies": {sums("./sum", "\treturn b + a", "\treturn a - b"), "one: sum/sum.go: the hunk at line 99 no longer applies"},
		"does not compile":  {sums("./sum", addition, "\treturn a +"), "one: it does not compile"},
		"another type":      {sums("./sum", addition, "\treturn \"a\""), "one: it does not compile"},
		"no such file":      {strings.ReplaceAll(sums("./sum", addition, "\treturn b"), "sum/sum.go", "sum/gone.go"), "one: it no longer applies"},
		"no tests":          {sums("./bare", addition, "\treturn b"), "the tests  of ./bare fail without a fault: it has no such tests"},
		"no such test":      {"run: ^TestGone$\n" + sums("./sum", addition, "\treturn b"), "the tests ^TestGone$ of ./sum fail without a fault: it has no such tests"},
		"no such package":   {sums("./gone", addition, "\treturn b"), "of ./gone fail without a fault"},
		"no patch":          {"tests: ./sum\n", "one.patch: there is no unified diff in it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, _, errs := plantAll(t, module(t, map[string]string{"one": c.patch}))
			require.Equal(t, 2, status)
			require.Contains(t, errs, c.want)
		})
	}
}

func TestTestsThatFailAnywayNoticeNothing(t *testing.T) {
	t.Parallel()
	root := module(t, map[string]string{"one": sums("./sum", addition, "\treturn a - b")})
	write(t, filepath.Join(root, "sum", "broken_test.go"), "package sum\n\nimport \"testing\"\n\nfunc TestBroken(t *testing.T) { t.Fatal(\"always\") }\n")
	status, out, errs := plantAll(t, root)
	require.Equal(t, 2, status)
	require.Contains(t, errs, "of ./sum fail without a fault")
	require.NotContains(t, out, "killed")
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	root := module(t, nil)
	for want, args := range map[string][]string{
		"no patch was found":            nil,
		"missing closing":               {"-run", "("},
		"flag provided but not defined": {"-what"},
	} {
		status, _, errs := plantAll(t, root, args...)
		require.Equal(t, 2, status)
		require.Contains(t, errs, want)
	}
}

// The two figures have to hold on their own.
func TestReport(t *testing.T) {
	t.Parallel()
	results := func(pkg string, own, others, survivors int) (all []result) {
		f := fault{tests: []string{pkg, "./other"}, files: []filePatch{{path: pkg[len("./"):] + "/x.go"}}}
		for range own {
			all = append(all, result{f, killed, 0})
		}
		for range others {
			all = append(all, result{f, killed, 1})
		}
		for range survivors {
			all = append(all, result{f, survived, 0})
		}
		return all
	}
	for name, c := range map[string]struct {
		results []result
		want    int
	}{
		"exactly 5 in 100 survive":                {results("./internal/cli", 95, 0, 5), 0},
		"one more":                                {results("./internal/cli", 94, 0, 6), 1},
		"the domain's own tests kill 85 in 100":   {results("./internal/delivery", 85, 15, 0), 0},
		"one less":                                {results("./internal/delivery", 84, 16, 0), 1},
		"one less in a package below":             {results("./internal/delivery/expr", 84, 16, 0), 1},
		"elsewhere it does not matter whose":      {results("./internal/deliveryroom", 0, 100, 0), 0},
		"survivors are counted over all packages": {append(results("./internal/cli", 0, 0, 5), results("./internal/app", 95, 0, 0)...), 0},
	} {
		var out bytes.Buffer
		require.Equal(t, c.want, report(&out, c.results), name)
	}
}
