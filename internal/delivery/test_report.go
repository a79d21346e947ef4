package delivery

import (
	"fmt"
	"strings"
	"time"
)

// TestsGate asks for the report of one test suite.
type TestsGate struct {
	MinTests    *int     `json:"min_tests,omitempty"`    // tests that ran (skipped ones did not); default 1, so that an empty report is no proof
	MaxFailures int      `json:"max_failures,omitempty"` // failures and errors together
	MaxAge      Duration `json:"max_age,omitempty"`      // how old the report may be; empty means any age
}

// TestReportSpec is what a suite of tests said about a release.
type TestReportSpec struct {
	Pipeline string `json:"pipeline"`
	Version  string `json:"version"`
	Suite    string `json:"suite"`
	Stage    string `json:"stage,omitempty"` // where the suite ran; empty when it ran before any deployment
}

// TestCounts are the numbers of a report.
type TestCounts struct {
	Tests    int           `json:"tests"`
	Failures int           `json:"failures"`
	Errors   int           `json:"errors"`
	Skipped  int           `json:"skipped"`
	Duration time.Duration `json:"duration"` // nanoseconds
}

// TestReport is recorded evidence. It belongs to the release's digest, never to its name alone.
type TestReport struct {
	ID   string         `json:"id"`
	Spec TestReportSpec `json:"spec"`
	// Number counts the reports of one suite about one release, from 1: the highest is what the suite said last, whatever the
	// clocks showed.
	Number        int        `json:"number"`
	Counts        TestCounts `json:"counts"`
	Digest        string     `json:"digest"` // of the report's text
	ReleaseDigest string     `json:"release_digest"`
	RecordedBy    string     `json:"recorded_by"`
	RecordedAt    time.Time  `json:"recorded_at"`
	// WithdrawnAt is when the report was withdrawn; it is no longer valid, and stays in the ledger.
	WithdrawnAt *time.Time `json:"withdrawn_at,omitempty"`
}

// TestReportRequest records a report: its names, and its text as JUnit XML.
type TestReportRequest struct {
	Spec  TestReportSpec `json:"spec"`
	JUnit string         `json:"junit"`
}

// Validate checks the report's names.
func (s TestReportSpec) Validate() Errors {
	p := newProblems()
	validateName(p.at("pipeline"), s.Pipeline)
	validateVersion(p.at("version"), s.Version)
	validateName(p.at("suite"), s.Suite)
	if s.Stage != "" {
		validateName(p.at("stage"), s.Stage)
	}
	return p.errors()
}

// ValidateStage checks that the stage where the suite ran exists.
func (s TestReportSpec) ValidateStage(pipeline PipelineSpec) Errors {
	p := newProblems()
	if _, ok := pipeline.Stage(s.Stage); s.Stage != "" && !ok {
		p.at("stage").add("%s", pipeline.NoStage(s.Stage))
	}
	return p.errors()
}

func (t TestsGate) validate(p problems) {
	if t.MinTests != nil && (*t.MinTests < 0 || *t.MinTests > 10_000_000) {
		p.at("min_tests").add("%d is not a number of tests", *t.MinTests)
	}
	if t.MaxFailures < 0 {
		p.at("max_failures").add("%d is not a number of failures", t.MaxFailures)
	}
	if t.MaxAge != "" {
		t.MaxAge.validate(p.at("max_age"), time.Second)
	}
}

// Least is how many tests must have run.
func (t TestsGate) Least() int {
	if t.MinTests == nil {
		return 1
	}
	return *t.MinTests
}

// tests passes when the newest report of the suite about exactly this release has enough tests, few enough failures, and is
// young enough.
func (c candidate) tests(suite string, gate TestsGate) GateResult {
	result := GateResult{Name: "tests." + suite, Verdict: VerdictPending}
	var newest *TestReport
	for i := range c.Reports {
		r := &c.Reports[i]
		if r.Spec.Suite == suite && r.Spec.Version == c.release.Spec.Version && r.ReleaseDigest == c.release.Digest && r.WithdrawnAt == nil &&
			(newest == nil || r.Number > newest.Number) {
			newest = r
		}
	}
	if newest == nil {
		result.Reason = fmt.Sprintf("no report of suite %s about %s; record one with a cd_test_report", suite, c.release.Spec.Version)
		return result
	}
	counts := newest.Counts
	ran, broken := counts.Tests-counts.Skipped, counts.Failures+counts.Errors
	result.Reason = fmt.Sprintf("%d tests ran, %d failed", ran, broken)
	switch age := c.Now.Sub(newest.RecordedAt); {
	case broken > gate.MaxFailures:
		result.Verdict = VerdictFailed
		result.Reason += fmt.Sprintf("; at most %d may", gate.MaxFailures)
	case ran < gate.Least():
		result.Verdict = VerdictFailed
		result.Reason += fmt.Sprintf("; at least %d must run", gate.Least())
	case gate.MaxAge != "" && (age > gate.MaxAge.Value() || age < -MaxClockSkew):
		result.Reason += fmt.Sprintf(", at %s; the report may be at most %s old: run the suite again", clock(newest.RecordedAt), gate.MaxAge)
	default:
		result.Verdict = VerdictPassed
	}
	return result
}

// validateReason asks for words where a person must answer for something.
func validateReason(p problems, reason string) {
	if strings.TrimSpace(reason) == "" {
		p.add("a reason is needed, for anyone who reads this later")
	}
	if len(reason) > MaxCommentBytes {
		p.add("the text has %d bytes; at most %d are allowed", len(reason), MaxCommentBytes)
	}
}

// NextTestReport numbers a report after those that its release has already, unless the newest valid one of its suite says the same:
// then that one is returned, and nothing is added.
func NextTestReport(before []TestReport, made TestReport) (report TestReport, added bool) {
	newest, number := TestReport{}, 1
	for _, r := range before {
		if r.Spec.Suite != made.Spec.Suite {
			continue
		}
		number++
		if r.WithdrawnAt == nil && (newest.ID == "" || r.Number > newest.Number) {
			newest = r
		}
	}
	if newest.ID != "" && newest.Digest == made.Digest && newest.Spec == made.Spec && newest.ReleaseDigest == made.ReleaseDigest {
		return newest, false
	}
	made.Number = number
	made.ID = fmt.Sprintf("%s/%s/%s/%d", made.Spec.Pipeline, made.Spec.Version, made.Spec.Suite, number)
	return made, true
}
