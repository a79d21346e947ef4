package delivery

import (
	"fmt"
	"slices"
	"strings"
)

// tests passes when the suite reported about exactly this release, and the newest report of each of its origins has enough tests, few
// enough failures, and is young enough. An origin whose newest report was withdrawn has said nothing; what it said before does not
// count again.
func (c candidate) tests(suite string, gate TestsGate) GateResult {
	result := GateResult{Name: "tests." + suite, Verdict: VerdictPassed}
	newest := c.newestReports(suite)
	if len(newest) == 0 {
		result.Verdict = VerdictPending
		result.Reason = fmt.Sprintf("no report of suite %s about %s; record one with a cd_test_report", suite, c.release.Spec.Version)
		return result
	}
	said := map[Verdict][]string{}
	for _, r := range newest {
		verdict, reason := c.judge(r, gate)
		if len(newest) > 1 {
			reason += " (report " + r.origin().String() + ")"
		}
		said[verdict] = append(said[verdict], reason)
	}
	for _, verdict := range []Verdict{VerdictPending, VerdictFailed} { // the worst has the last word
		if len(said[verdict]) > 0 {
			result.Verdict = verdict
		}
	}
	result.Reason = enumerated(said[result.Verdict], "; ", maxRefusals)
	return result
}

// newestReports returns the newest report of each origin of a suite about exactly this release, withdrawn or not, in the order of
// origins. What the stage that is entered, or a later one, found out after deploying is no condition to enter it: a failure there holds
// the release.
func (c candidate) newestReports(suite string) []TestReport {
	newest, at := map[testOrigin]TestReport{}, c.Pipeline.StageIndex(c.stage.Name)
	for _, r := range c.Reports {
		if r.Spec.Suite != suite || r.Spec.Version != c.release.Spec.Version || r.ReleaseDigest != c.release.Digest ||
			r.Check != "" && c.Pipeline.StageIndex(r.Spec.Stage) >= at {
			continue
		}
		if known, ok := newest[r.origin()]; !ok || r.Number > known.Number {
			newest[r.origin()] = r
		}
	}
	reports := []TestReport{}
	for _, r := range newest {
		reports = append(reports, r)
	}
	slices.SortFunc(reports, func(a, b TestReport) int { return strings.Compare(a.origin().String(), b.origin().String()) })
	return reports
}

func (c candidate) judge(r TestReport, gate TestsGate) (Verdict, string) {
	if r.WithdrawnAt != nil {
		return VerdictPending, fmt.Sprintf("the newest report of suite %s about %s was withdrawn; record a new one", r.Spec.Suite, r.Spec.Version)
	}
	ran, broken := r.Counts.Tests-r.Counts.Skipped, r.Counts.Failures+r.Counts.Errors
	reason := fmt.Sprintf("%d tests ran, %d failed", ran, broken)
	switch age := c.Now.Sub(r.RecordedAt); {
	case broken > gate.MaxFailures:
		return VerdictFailed, reason + fmt.Sprintf("; at most %d may", gate.MaxFailures)
	case r.Counts.Tests == 0 && gate.Least() == 0: // even min_tests = 0 asks for a report of tests
		return VerdictFailed, reason + "; the report has no test"
	case ran < gate.Least():
		return VerdictFailed, reason + fmt.Sprintf("; at least %d must run", gate.Least())
	case gate.MaxAge != "" && (age > gate.MaxAge.Value() || age < -MaxClockSkew):
		return VerdictPending, reason + fmt.Sprintf(", at %s; the report may be at most %s old: run the suite again", clock(r.RecordedAt), gate.MaxAge)
	}
	return VerdictPassed, reason
}
