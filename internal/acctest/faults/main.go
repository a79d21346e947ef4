// Command faults plants faults in the code, one at a time, and runs the tests that should notice. A fault that no test notices
// has survived: a test is missing.
//
// Each fault is a patch file, testdata/NAME.patch: a few lines that say what is tested, and a unified diff.
//
//	A window that runs past midnight ends on the wrong day.
//	tests: ./internal/delivery/schedule ./internal/delivery
//	limit: 1m
//	--- a/internal/delivery/schedule/window.go
//	+++ b/internal/delivery/schedule/window.go
//	@@ -95,7 +95,7 @@
//	…
//
// The packages after "tests:" are asked in their order until one of them notices: first the one that the fault is in. All of
// a package's tests run, or those that a line "run: REGEXP" names, where all would take minutes. One that runs longer than the
// limit (2m unless the patch says otherwise) has noticed too, but is reported, because a test should fail rather than hang.
//
// The working tree is not touched: the go command is told to read the patched files from a temporary directory (-overlay).
// Hunks are found by their lines, so a patch survives moves within its file; one that no longer applies is an error. Without
// running a test of another package, TestEveryPatchCanBePlanted says so for every patch.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
)

const (
	maxSurvivors = 5  // of 100 faults
	minCoreKills = 85 // of 100 faults in the domain, by the tests of their own package alone
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run returns the exit status: 0 if enough faults were noticed, 1 if not, 2 if a fault could not be planted or tested.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("C", ".", "the `directory` of the module")
	patches := flags.String("patches", "internal/acctest/faults/testdata", "the `directory` of the patches, relative to -C")
	only := flags.String("run", "", "plant only faults whose names match this `regexp`")
	workers := flags.Int("parallel", max(1, runtime.NumCPU()/2), "test `n` faults at a time")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "faults: -run:", err)
		return 2
	}
	faults, err := load(filepath.Join(*root, *patches), wanted)
	if err == nil && len(faults) == 0 {
		err = errors.New("no patch was found")
	}
	var results []result
	if err == nil {
		runner := runner{root: *root, log: stdout}
		results, err = runner.run(ctx, faults, max(1, *workers))
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "faults:", err)
		return 2
	}
	return report(stdout, results)
}

// load reads the patches whose names match.
func load(dir string, wanted *regexp.Regexp) ([]fault, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	var faults []fault
	for _, file := range files {
		name := filepath.Base(file[:len(file)-len(".patch")])
		if !wanted.MatchString(name) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		parsed, err := parse(name, string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		faults = append(faults, parsed)
	}
	return faults, nil
}
