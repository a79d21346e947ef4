package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// event is one line of `go test -json`, as `go doc test2json` describes it. Elapsed is in seconds.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output, in place of Package
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// report gathers events and prints each package when it ends.
type report struct {
	out      io.Writer
	packages map[string]*packageRun
	builds   map[string][]string // compiler output by import path

	passed, failed int
	skips          []skip
}

type skip struct {
	pkg, test, reason string
}

func newReport(out io.Writer) *report {
	return &report{out: out, packages: map[string]*packageRun{}, builds: map[string][]string{}}
}

// read consumes events until the stream ends. Lines that are not events are printed as they are.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.line(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) line(line string) {
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.Action == "" {
		r.printf("%s\n", strings.TrimRight(line, "\r\n"))
		return
	}
	r.event(e)
}

func (r *report) event(e event) {
	if e.Action == "build-output" {
		r.builds[e.ImportPath] = append(r.builds[e.ImportPath], e.Output)
		return
	}
	if e.Package == "" {
		return // build-fail: the package that needed the build fails with FailedBuild
	}
	p := r.packages[e.Package]
	if p == nil {
		p = newPackageRun()
		r.packages[e.Package] = p
	}
	if e.Test == "" && isEnd(e.Action) {
		r.packageEnd(e, p)
		return
	}
	p.event(e)
}

func isEnd(action string) bool {
	return action == "pass" || action == "fail" || action == "skip"
}

// packageEnd counts and prints one package, and forgets it.
func (r *report) packageEnd(e event, p *packageRun) {
	delete(r.packages, e.Package)
	result := p.close(e)
	r.passed += result.passed
	r.failed += result.failed
	for _, s := range result.skipped {
		r.skips = append(r.skips, skip{pkg: e.Package, test: s.name, reason: s.reason()})
	}

	// What remains is "skip": a package without test files, of which there is nothing to say.
	took := time.Duration(e.Elapsed * float64(time.Second)).Round(10 * time.Millisecond)
	switch e.Action {
	case "fail":
		r.write(r.builds[e.FailedBuild])
		r.write(result.output)
		r.printf("FAIL  %s  %s\n", e.Package, took)
	case "pass":
		r.printf("ok    %s  %s  %d passed\n", e.Package, took, result.passed)
	}
}

// finish prints what is left and the closing line, and says whether all is well. status is the exit status of go test.
func (r *report) finish(status int, ci bool) bool {
	for name, p := range r.packages { // go test was killed before these could end
		r.packageEnd(event{Action: "fail", Package: name}, p)
	}
	for _, s := range r.skips {
		r.printf("SKIP  %s  %s: %s\n", s.pkg, s.test, s.reason)
	}
	if status != 0 && r.failed == 0 {
		r.printf("FAIL  go test ended with status %d before a test could fail: its own message is above\n", status)
		r.failed++
	}
	ok := r.failed == 0
	if ci && len(r.skips) > 0 {
		r.printf("FAIL  with CI set no test may be skipped: install what the skipped tests name\n")
		ok = false
	}
	if ci && r.passed == 0 {
		r.printf("FAIL  with CI set at least one test must pass: check the packages and the -run pattern\n")
		ok = false
	}
	r.printf("%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skips))
	return ok
}

func (r *report) write(lines []string) {
	for _, l := range lines {
		r.printf("%s", l)
	}
}

// printf has nowhere to report a failed write to: the exit status still tells.
func (r *report) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(r.out, format, args...)
}
