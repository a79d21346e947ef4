//go:build unix

package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/check/checktest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/junit"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact/redacttest"
)

const (
	green = `<testsuite tests="2"><testcase name="a" time="1"/><testcase name="b" time="2"/></testsuite>`
	red   = `<testsuite tests="2" failures="1"><testcase name="a" time="1"/><testcase name="b"><failure/></testcase></testsuite>`
)

// reporting is a shell script in a separate directory, with the JUnit file that it is to write.
func reporting(dir, junitFile, script string, args ...string) delivery.Check {
	asked := shell(script, args...)
	asked.Command.Directory, asked.Command.JUnit = dir, junitFile
	return asked
}

func askOnce(t *testing.T, asked delivery.Check) delivery.CheckResult {
	t.Helper()
	result, err := New(check.Sleep, nil).Check(t.Context(), delivery.CheckRequest{Check: asked, Name: "unit"})
	require.NoError(t, err)
	require.Equal(t, result.Report != nil, result.ReportDigest != "")
	return result
}

// TestConformanceWithReports: a checker that reads reports keeps all the promises of one that does not.
func TestConformanceWithReports(t *testing.T) {
	writing := func(t *testing.T, script string, args ...string) delivery.Check {
		t.Helper()
		return reporting(t.TempDir(), "report.xml", `echo '`+green+`' >report.xml; `+script, args...)
	}
	checktest.Exercise(t, checktest.Subject{
		New: func(pause check.Pause) check.Checker {
			c := New(pause, nil)
			c.grace = 100 * time.Millisecond
			return c
		},
		Passing: func(t *testing.T) delivery.Check { return writing(t, "exit 0") },
		Refusing: func(t *testing.T) (delivery.Check, string) {
			return writing(t, "echo '"+red+"' >report.xml"), "the command succeeded, but not by its report: 2 tests ran, 1 failed"
		},
		Vanishing: func(t *testing.T) delivery.Check { return writing(t, "kill -KILL $$") },
		Impossible: func(t *testing.T) delivery.Check {
			asked := argv("no-such-program")
			asked.Command.JUnit = filepath.Join(t.TempDir(), "report.xml")
			return asked
		},
		PassingAt: func(t *testing.T, nth int) delivery.Check {
			return writing(t, `echo asked >>count; [ "$(wc -l <count)" -ge `+string(rune('0'+nth))+` ] || rm report.xml`)
		},
		Telling: func(t *testing.T, secret string) delivery.Check {
			told := filepath.Join(t.TempDir(), "told")
			require.NoError(t, os.WriteFile(told, []byte(redacttest.Say(secret)), 0o600))
			return writing(t, `cp "$0" report.xml`, told) // what its error repeats of a report that is none
		},
		Stalling: func(t *testing.T) (delivery.Check, <-chan struct{}) {
			check, asked := stalling(t)
			check.Command.JUnit = filepath.Join(t.TempDir(), "report.xml")
			return check, asked
		},
		Talkative: func(t *testing.T) delivery.Check {
			return writing(t, `i=0; while [ $i -lt 30000 ]; do echo "words and more words, line after line"; i=$((i+1)); done; exit 1`)
		},
	})
}

// A secret is masked in a report of any encoding, in which its bytes are others.
func TestASecretInAReportOfAnotherEncodingIsMasked(t *testing.T) {
	const secret = "pässwörd-in-a-report"
	mask := redact.New(secret)
	for name, width := range map[string]int{"utf-16": 2, "iso-8859-1": 1} { // in both, each letter here is its number
		text := ""
		for _, letter := range `<?xml version="1.0" encoding="` + name + `"?><testsuite failures="` + secret + `"/>` {
			text += string([]byte{byte(letter), 0}[:width])
		}
		f := &reportFile{directory: t.TempDir(), name: "report.xml", shown: "report.xml", mask: mask}
		require.NoError(t, os.WriteFile(filepath.Join(f.directory, f.name), []byte(text), 0o600))
		_, _, err := f.read()
		require.ErrorContains(t, err, "is not a number of tests", name)
		require.NotContains(t, err.Error(), "in-a-report", name)
	}
}

func TestReports(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   delivery.CheckResult
	}{
		"tests that pass": {
			`printf %s "$0" >report.xml`,
			delivery.CheckResult{Passed: true, Detail: "the command succeeded: 2 tests ran, 0 failed", Report: &delivery.TestCounts{Tests: 2, Duration: 3 * time.Second}},
		},
		"tests that fail": {
			`printf %s "$1" >report.xml`,
			delivery.CheckResult{Detail: "the command succeeded, but not by its report: 2 tests ran, 1 failed", Report: &delivery.TestCounts{Tests: 2, Failures: 1, Duration: time.Second}},
		},
		"tests with an error": {
			`echo "<testsuite><testcase/><testcase><error/></testcase></testsuite>" >report.xml`,
			delivery.CheckResult{Detail: "the command succeeded, but not by its report: 2 tests ran, 1 failed", Report: &delivery.TestCounts{Tests: 2, Errors: 1}},
		},
		"tests that fail, and a command that says so": {
			`printf %s "$1" >report.xml; echo sorry; exit 3`,
			delivery.CheckResult{Detail: `program "sh" ended with exit status 3: sorry; by its report, 2 tests ran, 1 failed`, Report: &delivery.TestCounts{Tests: 2, Failures: 1, Duration: time.Second}},
		},
		"a command that fails outside of its tests": {
			`printf %s "$0" >report.xml; exit 3`,
			delivery.CheckResult{Detail: `program "sh" ended with exit status 3; by its report, 2 tests ran, 0 failed`},
		},
		"no test": {
			`echo "<testsuite/>" >report.xml`,
			delivery.CheckResult{Detail: "the command succeeded, but not by its report: 0 tests ran, 0 failed", Report: &delivery.TestCounts{}},
		},
		"skipped tests": {
			`echo "<testsuite><testcase><skipped/></testcase></testsuite>" >report.xml`,
			delivery.CheckResult{Detail: "the command succeeded, but not by its report: 0 tests ran, 0 failed", Report: &delivery.TestCounts{Tests: 1, Skipped: 1}},
		},
		"no report": {`:`, delivery.CheckResult{Detail: "the command succeeded, but the command wrote no JUnit report to report.xml"}},
		"no report, and a command that fails": {
			`exit 1`, delivery.CheckResult{Detail: `program "sh" ended with exit status 1; the command wrote no JUnit report to report.xml`},
		},
		"a report cut off": {
			`printf "<testsuite>\n<testcase/>" >report.xml`,
			delivery.CheckResult{Detail: "the command succeeded, but the JUnit report report.xml cannot be read: line 2: the XML is broken or cut off: unexpected EOF"},
		},
		"no XML": {
			`echo ok >report.xml`,
			delivery.CheckResult{Detail: `the command succeeded, but the JUnit report report.xml cannot be read: line 2: there is text outside of any element: "ok"`},
		},
		"a directory": {
			`mkdir report.xml`,
			delivery.CheckResult{Detail: "the command succeeded, but the JUnit report report.xml is a link, a directory or something else than a plain file: remove it, or name another file"},
		},
		"a pipe": {
			`mkfifo report.xml`,
			delivery.CheckResult{Detail: "the command succeeded, but the JUnit report report.xml is a link, a directory or something else than a plain file: remove it, or name another file"},
		},
		"a link": {
			`echo "$0" >other.xml; ln -s other.xml report.xml`,
			delivery.CheckResult{Detail: "the command succeeded, but the JUnit report report.xml is a link, a directory or something else than a plain file: remove it, or name another file"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			result := askOnce(t, reporting(dir, "report.xml", c.script, green, red))
			c.want.Name = "unit"
			if c.want.Report != nil {
				text, err := os.ReadFile(filepath.Join(dir, "report.xml"))
				require.NoError(t, err)
				sum := sha256.Sum256(text)
				c.want.ReportDigest = "sha256:" + hex.EncodeToString(sum[:])
			}
			require.Equal(t, c.want, result)
		})
	}
}

func TestAnOldReportDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	report := filepath.Join(dir, "report.xml")
	for _, named := range []string{"report.xml", report} {
		require.NoError(t, os.WriteFile(report, []byte(green), 0o600))
		result := askOnce(t, reporting(dir, named, "ls >seen"))
		require.False(t, result.Passed)
		require.Contains(t, result.Detail, "the command wrote no JUnit report to "+named)
		seen, err := os.ReadFile(filepath.Join(dir, "seen"))
		require.NoError(t, err)
		require.NotContains(t, string(seen), "report.xml")
	}
}

// Only a plain file is removed; with anything else in its place the command does not even run.
func TestWhatIsNoReportIsLeftAlone(t *testing.T) {
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.WriteFile(elsewhere, []byte("precious"), 0o600))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, "link.xml")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "directory.xml"), 0o700))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe.xml"), 0o600))
	for _, name := range []string{"link.xml", "directory.xml", "pipe.xml", filepath.Join(dir, "link.xml")} {
		result := askOnce(t, reporting(dir, name, "touch ran"))
		require.False(t, result.Passed)
		require.Contains(t, result.Detail, "is a link, a directory or something else")
		_, err := os.Lstat(filepath.Join(dir, filepath.Base(name)))
		require.NoError(t, err)
	}
	require.NoFileExists(t, filepath.Join(dir, "ran"))
	require.FileExists(t, elsewhere)
}

// A relative path stays inside the command's directory, whatever links the command makes there.
func TestReportsStayInside(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	report := filepath.Join(outside, "report.xml")
	require.NoError(t, os.WriteFile(report, []byte(green), 0o600))
	before := askOnce(t, reporting(dir, "../"+filepath.Base(outside)+"/report.xml", ":"))
	require.False(t, before.Passed)
	require.Contains(t, before.Detail, "cannot be looked at: path escapes from parent")

	after := askOnce(t, reporting(dir, "out/report.xml", `ln -s "$0" out`, outside))
	require.False(t, after.Passed)
	require.Contains(t, after.Detail, "cannot be opened: path escapes from parent")

	again := askOnce(t, reporting(dir, "out/report.xml", ":")) // the link is there from the start
	require.False(t, again.Passed)
	require.FileExists(t, report)
}

func TestReportsInDirectoriesThatTheCommandMakes(t *testing.T) {
	dir := t.TempDir()
	script := `mkdir -p out/unit && printf %s "$0" >out/unit/report.xml`
	require.True(t, askOnce(t, reporting(dir, "out/unit/report.xml", script, green)).Passed)
	require.True(t, askOnce(t, reporting(dir, "out/unit/report.xml", script, green)).Passed)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "out")))
	require.True(t, askOnce(t, reporting(dir, filepath.Join(dir, "out", "unit", "report.xml"), script, green)).Passed)

	t.Chdir(dir)
	require.True(t, askOnce(t, reporting("", "out/unit/report.xml", script, green)).Passed)
}

func TestReportThatIsTooBig(t *testing.T) {
	dir := t.TempDir()
	asked := reporting(dir, "report.xml", `echo "$0" >report.xml; dd if=/dev/zero of=report.xml bs=1 count=1 seek="$1" 2>/dev/null`, green, "20000000")
	result := askOnce(t, asked)
	require.False(t, result.Passed)
	require.Contains(t, result.Detail, "at most 16777216 are read")
	require.Equal(t, 16<<20, junit.MaxBytes)
}

// Two environments are verified at the same time, by one command: each gets its own report.
func TestOneAtATimeUsesAFile(t *testing.T) {
	dir := t.TempDir()
	script := `if mkdir busy; then printf %s "$0" >report.xml; rmdir busy; else exit 9; fi`
	checker := New(check.Sleep, nil)
	results := make(chan delivery.CheckResult)
	for range 8 {
		go func() {
			result, err := checker.Check(context.Background(), delivery.CheckRequest{Check: reporting(dir, "report.xml", script, green)})
			if err != nil {
				result.Detail = err.Error()
			}
			results <- result
		}()
	}
	for range 8 {
		result := <-results
		require.True(t, result.Passed, result.Detail)
	}
	require.Empty(t, checker.turns.files)
}

func TestWhoWaitsForAFileMayLeave(t *testing.T) {
	var files turns
	f := &reportFile{directory: t.TempDir(), name: "report.xml"}
	give, err := files.take(t.Context(), f)
	require.NoError(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = files.take(gone, f)
	require.ErrorIs(t, err, context.Canceled)
	give()
	give, err = files.take(t.Context(), f)
	require.NoError(t, err)
	give()
	require.Empty(t, files.files)
}

// What a killed program has written is not looked at, however good it looks.
func TestKilledProgramsProveNothing(t *testing.T) {
	result := askOnce(t, reporting(t.TempDir(), "report.xml", `printf %s "$0" >report.xml; kill -KILL $$`, green))
	require.False(t, result.Passed)
	require.Nil(t, result.Report)
	require.NotContains(t, result.Detail, "tests ran")
}
