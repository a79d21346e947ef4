package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// runOn writes files as a module of its own, runs the report over it, and returns the exit status and what was printed.
func runOn(t *testing.T, ci bool, files map[string]string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.test/sample\n\ngo 1.26.0\n"
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "-mod=mod")
	var out, errs bytes.Buffer
	status = run(args, &out, &errs, ci)
	return status, out.String(), errs.String()
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1]
}

func testFile(body string) string {
	return "package sample\n\nimport (\n\t\"os\"\n\t\"testing\"\n\t\"time\"\n)\n\nvar _, _ = os.Exit, time.Hour\n\n" + body
}

func TestPassing(t *testing.T) {
	status, out, _ := runOn(t, true, map[string]string{
		"a_test.go": testFile(`func TestA(t *testing.T) { t.Log("chatter") }
func TestB(t *testing.T) { t.Run("x", func(t *testing.T) {}); t.Run("y/z", func(t *testing.T) {}) }`),
		"none/none.go": "package none\n",
	}, "./...")
	require.Equal(t, 0, status, out)
	require.Contains(t, out, "ok    example.test/sample ")
	require.NotContains(t, out, "sample/none")
	require.NotContains(t, out, "chatter")
	require.Equal(t, "3 passed, 0 failed, 0 skipped", lastLine(out))
}

func TestFailureIsPrintedInFullAndCountedOnce(t *testing.T) {
	status, out, _ := runOn(t, false, map[string]string{
		"a_test.go": testFile(`func TestA(t *testing.T) { t.Log("chatter") }
func TestB(t *testing.T) {
	t.Log("from the parent")
	t.Run("good", func(t *testing.T) {})
	t.Run("bad", func(t *testing.T) { t.Log("first line"); t.Error("second line") })
}
func TestParentOnly(t *testing.T) { t.Run("good", func(t *testing.T) {}); t.Error("after the subtest") }`),
	}, "./...")
	require.Equal(t, 1, status)
	for _, want := range []string{"from the parent", "first line", "second line", "after the subtest", "FAIL  example.test/sample "} {
		require.Contains(t, out, want)
	}
	require.NotContains(t, out, "chatter")
	require.NotContains(t, out, "=== RUN")
	require.Equal(t, 1, strings.Count(out, "FAIL  "), "one line says that the package failed")
	require.NotContains(t, out, "\nFAIL\n")
	require.Equal(t, "3 passed, 2 failed, 0 skipped", lastLine(out))
}

func TestSkipsFailOnlyWithCI(t *testing.T) {
	files := map[string]string{"a_test.go": testFile(`func TestA(t *testing.T) {}
func TestB(t *testing.T) { t.Skip("terraform is not on PATH") }
func TestC(t *testing.T) { t.SkipNow() }`)}

	status, out, _ := runOn(t, false, files, "./...")
	require.Equal(t, 0, status)
	require.Regexp(t, `SKIP  example.test/sample  TestB: .*terraform is not on PATH`, out)
	require.Contains(t, out, "TestC: no reason given")
	require.Equal(t, "1 passed, 0 failed, 2 skipped", lastLine(out))

	status, out, _ = runOn(t, true, files, "./...")
	require.Equal(t, 1, status)
	require.Contains(t, out, "no test may be skipped")
	require.Equal(t, "1 passed, 0 failed, 2 skipped", lastLine(out))
}

func TestNothingRunFailsOnlyWithCI(t *testing.T) {
	files := map[string]string{"a_test.go": testFile("func TestA(t *testing.T) {}\n")}
	status, _, _ := runOn(t, false, files, "-run", "Misspelt", "./...")
	require.Equal(t, 0, status)
	status, out, _ := runOn(t, true, files, "-run", "Misspelt", "./...")
	require.Equal(t, 1, status)
	require.Contains(t, out, "at least one test must pass")
}

func TestBuildFailure(t *testing.T) {
	status, out, _ := runOn(t, false, map[string]string{
		"a_test.go":      testFile("func TestA(t *testing.T) {}\n"),
		"bad/b_test.go":  "package bad\n\nvar x int = \"text\"\n",
		"vet/vet.go":     "package vet\n\nimport \"fmt\"\n\nfunc F() { fmt.Printf(\"%d\", \"text\") }\n",
		"vet/v_test.go":  "package vet\n\nimport \"testing\"\n\nfunc TestV(t *testing.T) {}\n",
		"main/broken.go": "package main\n\nfunc main( {\n",
	}, "./...")
	require.NotEqual(t, 0, status)
	require.Contains(t, out, `cannot use "text"`)
	require.Contains(t, out, "FAIL  example.test/sample/bad")
	require.Contains(t, out, "FAIL  example.test/sample/vet")
	require.Contains(t, out, "format %d")
	require.Contains(t, out, "broken.go:3")
	require.Equal(t, "1 passed, 3 failed, 0 skipped", lastLine(out))
}

func TestPanic(t *testing.T) {
	status, out, _ := runOn(t, false, map[string]string{
		"a_test.go": testFile(`func TestA(t *testing.T) {}
func TestB(t *testing.T) { panic("out of cheese") }
func TestNever(t *testing.T) {}`),
	}, "./...")
	require.NotEqual(t, 0, status)
	require.Contains(t, out, "panic: out of cheese")
	require.Contains(t, out, "a_test.go:12")
	require.Equal(t, "1 passed, 1 failed, 0 skipped", lastLine(out))
}

func TestTimeout(t *testing.T) {
	status, out, _ := runOn(t, false, map[string]string{
		"a_test.go": testFile("func TestA(t *testing.T) { select { case <-time.After(time.Hour): } }\n"),
	}, "-timeout", "100ms", "./...")
	require.NotEqual(t, 0, status)
	require.Contains(t, out, "test timed out after 100ms")
	require.Equal(t, "0 passed, 1 failed, 0 skipped", lastLine(out))
}

func TestDeathOutsideATest(t *testing.T) {
	status, out, _ := runOn(t, false, map[string]string{
		"a_test.go": testFile("func TestA(t *testing.T) {}\nfunc TestMain(m *testing.M) { m.Run(); println(\"teardown broke\"); os.Exit(3) }\n"),
	}, "./...")
	require.Equal(t, 1, status)
	require.Contains(t, out, "teardown broke")
	require.Equal(t, "1 passed, 1 failed, 0 skipped", lastLine(out))
}

func TestGoTestItselfFails(t *testing.T) {
	status, out, errs := runOn(t, false, map[string]string{}, "-timeout", "soon", "./...")
	require.NotEqual(t, 0, status)
	require.Contains(t, errs, `"soon"`)
	require.Equal(t, "0 passed, 1 failed, 0 skipped", lastLine(out))
}

func TestLinesThatAreNoEventsAreShown(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out)
	require.NoError(t, r.read(strings.NewReader("warning: something\n{\"Action\":\"start\",\"Package\":\"p\"}\nno newline at the end")))
	require.Equal(t, "warning: something\nno newline at the end\n", out.String())
}

func TestCutStreamCountsWhatWasRunning(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out)
	require.NoError(t, r.read(strings.NewReader(
		`{"Action":"run","Package":"p","Test":"TestA"}`+"\n"+`{"Action":"output","Package":"p","Test":"TestA","Output":"halfway\n"}`+"\n")))
	require.False(t, r.finish(1, false))
	require.Contains(t, out.String(), "halfway\nFAIL  p")
	require.Equal(t, "0 passed, 1 failed, 0 skipped", lastLine(out.String()))
}

func TestOnCI(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "false": false, "1": true, "true": true, "woodpecker": true} {
		require.Equal(t, want, onCI(value), "CI=%q", value)
	}
}
