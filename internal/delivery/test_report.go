package delivery

import (
	"fmt"
	"slices"
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
	// Stage and Environment are where the suite ran; both are empty when it ran before any deployment.
	Stage       string `json:"stage,omitempty"`
	Environment string `json:"environment,omitempty"`
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
	// Check is the verify check that wrote the report, when the release was deployed to the stage and environment of Spec; empty for a
	// report that somebody recorded.
	Check string `json:"check,omitempty"`
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
	if s.Environment != "" {
		validateName(p.at("environment"), s.Environment)
		if s.Stage == "" {
			p.at("environment").dependsOn(p.at("stage").prefix).add("set stage too: an environment is named as part of a stage")
		}
	}
	return p.errors()
}

// ValidateStage checks that the stage where the suite ran exists, and deploys to the environment.
func (s TestReportSpec) ValidateStage(pipeline PipelineSpec) Errors {
	p := newProblems()
	switch stage, ok := pipeline.Stage(s.Stage); {
	case s.Stage == "":
	case !ok:
		p.at("stage").add("%s", pipeline.NoStage(s.Stage))
	case s.Environment != "" && !slices.Contains(stage.Environments, s.Environment):
		p.at("environment").add("stage %q does not deploy to %q; it deploys to %s", s.Stage, s.Environment, strings.Join(stage.Environments, ", "))
	}
	return p.errors()
}

// testOrigin is where reports of a suite come from. Reports of different origins never stand for each other.
type testOrigin struct{ check, stage, environment string }

func (r TestReport) origin() testOrigin {
	return testOrigin{r.Check, r.Spec.Stage, r.Spec.Environment}
}

// String names the origin, after "report ".
func (o testOrigin) String() string {
	text := "of a cd_test_report"
	if o.check != "" {
		text = "of the check " + o.check
	}
	if o.stage != "" {
		text += " in " + o.stage
	}
	if o.environment != "" {
		text += " (" + o.environment + ")"
	}
	return text
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

// validateReason asks for words where a person must answer for something.
func validateReason(p problems, reason string) {
	if strings.TrimSpace(reason) == "" {
		p.add("a reason is needed, for anyone who reads this later")
	}
	if len(reason) > MaxCommentBytes {
		p.add("the text has %d bytes; at most %d are allowed", len(reason), MaxCommentBytes)
	}
}

// NextTestReport numbers a report after those that its release has already, unless the newest one of its origin says the same and was
// not withdrawn: then that one is returned, and nothing is added.
func NextTestReport(before []TestReport, made TestReport) (report TestReport, added bool) {
	newest, number := TestReport{}, 1
	for _, r := range before {
		if r.Spec.Suite != made.Spec.Suite {
			continue
		}
		number++
		if r.origin() == made.origin() && (newest.ID == "" || r.Number > newest.Number) {
			newest = r
		}
	}
	if newest.ID != "" && newest.WithdrawnAt == nil && newest.Digest == made.Digest && newest.Spec == made.Spec && newest.ReleaseDigest == made.ReleaseDigest {
		return newest, false
	}
	made.Number = number
	made.ID = fmt.Sprintf("%s/%s/%s/%d", made.Spec.Pipeline, made.Spec.Version, made.Spec.Suite, number)
	return made, true
}
