package acctest_test

import (
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// behindTheLedger is what each gate about time says while the clock is behind the ledger's newest event.
const behindTheLedger = "which is before the ledger's newest event"

// timed are the gates of the scenario that depend on the time. While the clock is behind the ledger, none of them passes.
func timed() []string {
	return []string{"approvals", "tests.unit", "soak", "windows", "cooldown", "max_deploys", "parity", "policy.guard.soak"}
}

func testUnit(sc *scenario) { sc.test(sc.version, "unit") }

// badReport is an attempt to get in with a bad report of the unit tests.
func badReport(name, junit string, reasons ...string) attempt {
	return attempt{name: "a report " + name, without: []step{tested},
		do: func(sc *scenario) {
			onlyUnitMissing(sc)
			sc.report(sc.version, "unit", junit)
		},
		blocked: []string{"tests.unit"}, reasons: reasons, fix: func(sc *scenario) {
			sc.h.Clock.Advance(soaking / 30)
			testUnit(sc)
		}}
}

// attemptsOnReports try to pass without good test reports.
func attemptsOnReports() []attempt {
	missing := []string{"no report of suite unit about 1.0.0"}
	return []attempt{
		badReport("with the failures hidden as errors", `<testsuite tests="2"><testcase name="a"/><testcase name="b"><error message="no"/></testcase></testsuite>`, "2 tests ran, 1 failed; at most 0 may"),
		badReport("whose suite claims no failures", `<testsuite tests="2" failures="0"><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>`, "1 failed"),
		badReport("whose cases contain no failures", `<testsuite tests="1" failures="3"><testcase name="a"/></testsuite>`, "3 failed"),
		badReport("that is empty", `<testsuite/>`, "0 tests ran, 0 failed; at least 1 must run"),
		badReport("of a runner that found nothing", `<testsuites tests="0"/>`, "0 tests ran, 0 failed; at least 1 must run"),
		badReport("whose flaky tests hide a failure", `<testsuite tests="2" failures="1"><testcase name="a"/><testcase name="b"><flakyFailure/></testcase></testsuite>`, "1 failed"),
		badReport("whose tests have one name", `<testsuite><testcase name="a"><failure/></testcase><testcase name="a"/></testsuite>`, "1 failed"),
		badReport("that only claims tests", `<testsuite tests="500"/>`, "0 tests ran"),
		badReport("of skipped tests only", `<testsuite tests="1" skipped="1"><testcase name="a"><skipped/></testcase></testsuite>`, "0 tests ran, 0 failed; at least 1 must run"),
		{
			name:    "the report of another release",
			without: []step{tested},
			do: func(sc *scenario) {
				onlyUnitMissing(sc)
				sc.must(sc.deliver("1.1.0", 1))
				sc.test("1.1.0", "unit")
			},
			blocked: []string{"tests.unit"}, reasons: missing, fix: testUnit,
		},
		{
			name:    "the report of another suite",
			without: []step{tested},
			do: func(sc *scenario) {
				onlyUnitMissing(sc)
				sc.test(sc.version, "unit-fast")
			},
			blocked: []string{"tests.unit"}, reasons: missing, fix: testUnit,
		},
		{
			name:    "without the report that a policy requires",
			without: []step{tested},
			do:      testUnit,
			blocked: []string{"policy.guard.tests.security"}, reasons: []string{"no report of suite security about 1.0.0"},
			fix: func(sc *scenario) { sc.test(sc.version, "security") },
		},
		{
			name:    "a report that cannot be read",
			without: []step{tested},
			do: func(sc *scenario) {
				onlyUnitMissing(sc)
				before := len(sc.log())
				_, err := sc.by(rita).AddTestReport(sc.Context(), delivery.TestReportRequest{JUnit: `<testsuite tests="1"><testcase name="a"/>`,
					Spec: delivery.TestReportSpec{Pipeline: "shop", Version: sc.version, Suite: "unit"}})
				require.ErrorContains(sc, err, "the XML is broken or cut off")
				require.Len(sc, sc.log(), before, "an unreadable report records nothing")
			},
			blocked: []string{"tests.unit"}, reasons: missing, fix: testUnit,
		},
		{
			name:    "a report that is too old",
			rules:   func(r *rules) { r.gates().Tests["unit"] = delivery.TestsGate{MaxAge: "2h"} },
			do:      func(sc *scenario) { sc.h.Clock.Advance(4 * soaking) },
			blocked: []string{"tests.unit"}, reasons: []string{"the report may be at most 2h old: run the suite again"},
			fix: func(sc *scenario) { sc.report(sc.version, "unit", `<testsuite><testcase name="again"/></testsuite>`) },
		},
		{
			name:  "the same report again, when it is too old",
			rules: func(r *rules) { r.gates().Tests["unit"] = delivery.TestsGate{MaxAge: "2h"} },
			do: func(sc *scenario) {
				sc.h.Clock.Advance(4 * soaking)
				testUnit(sc)
			},
			blocked: []string{"tests.unit"}, reasons: []string{"the report may be at most 2h old: run the suite again"},
			fix: func(sc *scenario) { sc.report(sc.version, "unit", `<testsuite><testcase name="again"/></testsuite>`) },
		},
		{
			name:    "a report from the future, by a clock that was set back",
			without: []step{tested},
			do: func(sc *scenario) {
				onlyUnitMissing(sc)
				sc.h.Clock.Advance(2 * soaking)
				sc.test(sc.version, "unit")
				sc.h.Clock.Advance(-2 * soaking)
			},
			blocked: timed(), reasons: []string{behindTheLedger},
			fix: func(sc *scenario) { sc.h.Clock.Advance(2 * soaking) },
		},
		{
			name: "a withdrawn report",
			do: func(sc *scenario) {
				sc.must(sc.by(rita).WithdrawTestReport(sc.Context(), "shop/1.0.0/unit/1"))
			},
			blocked: []string{"tests.unit"}, reasons: []string{"the newest report of suite unit about 1.0.0 was withdrawn; record a new one"}, fix: testUnit,
		},
		{
			name: "an older report that passed, by withdrawing the newest, which failed",
			do: func(sc *scenario) {
				failed := sc.report(sc.version, "unit", `<testsuite><testcase name="a"><failure/></testcase></testsuite>`)
				sc.must(sc.by(rita).WithdrawTestReport(sc.Context(), failed.ID))
			},
			blocked: []string{"tests.unit"}, reasons: []string{"the newest report of suite unit about 1.0.0 was withdrawn; record a new one"}, fix: testUnit,
		},
		{
			name: "a report of tests that ran elsewhere, over one that failed in staging",
			do: func(sc *scenario) {
				sc.reportFrom("staging", sc.version, "unit", `<testsuite><testcase name="a"><failure/></testcase></testsuite>`)
				sc.report(sc.version, "unit", `<testsuite><testcase name="elsewhere"/></testsuite>`)
			},
			blocked: []string{"tests.unit"}, reasons: []string{"1 tests ran, 1 failed; at most 0 may (report of a cd_test_report in staging)"},
			fix: func(sc *scenario) {
				sc.reportFrom("staging", sc.version, "unit", `<testsuite><testcase name="mended"/></testsuite>`)
			},
		},
		{
			name: "an older report that is better than the newest",
			do: func(sc *scenario) {
				sc.report(sc.version, "unit", `<testsuite><testcase name="a"><failure/></testcase></testsuite>`)
			},
			blocked: []string{"tests.unit"}, reasons: []string{"1 tests ran, 1 failed"}, fix: testUnit,
		},
		{
			name: "a failure that looks older because the clock was set back",
			do: func(sc *scenario) {
				sc.h.Clock.Advance(-2 * soaking)
				sc.report(sc.version, "unit", `<testsuite><testcase name="a"><failure/></testcase></testsuite>`)
				sc.h.Clock.Advance(2 * soaking)
			},
			blocked: []string{"tests.unit"}, reasons: []string{"1 tests ran, 1 failed"}, fix: testUnit,
		},
	}
}

// answerWith makes the health check's URL answer with f.
func answerWith(f http.HandlerFunc) func(*scenario) {
	return func(sc *scenario) { sc.health.Store(&f) }
}

func healthyAgain(sc *scenario) { sc.health.Store(nil) }

// attemptsOnChecksAndExpressions have a check or an expression that does not pass.
func attemptsOnChecksAndExpressions() []attempt {
	return []attempt{
		{
			name:    "a check that says no",
			do:      answerWith(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }),
			blocked: []string{"checks.errors"}, reasons: []string{"503"}, fix: healthyAgain,
		},
		{
			name:    "a check that says yes in another way than was agreed",
			do:      answerWith(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
			blocked: []string{"checks.errors"}, reasons: []string{"204"}, fix: healthyAgain,
		},
		{
			name: "a check that sends to another host, where all is well",
			do: answerWith(func(w http.ResponseWriter, r *http.Request) {
				here, elsewhere := "127.0.0.1", "localhost"
				if strings.HasPrefix(r.Host, here) {
					http.Redirect(w, r, "http://"+strings.Replace(r.Host, here, elsewhere, 1), http.StatusFound)
				}
			}),
			blocked: []string{"checks.errors"}, reasons: []string{"redirect"}, fix: healthyAgain,
		},
		{
			name:    "a check whose connection ends early",
			do:      answerWith(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
			blocked: []string{"checks.errors"}, reasons: []string{"the connection ended before the answer did"}, fix: healthyAgain,
		},
		{
			name: "a check that does not answer in time",
			rules: func(r *rules) {
				patient := *r.gates().Checks["errors"].HTTP
				patient.Timeout = "1s"
				r.gates().Checks["errors"] = delivery.Check{HTTP: &patient}
			},
			do:      answerWith(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
			blocked: []string{"checks.errors"}, reasons: []string{"1s"}, fix: healthyAgain,
		},
		{
			name: "a check by a program that does not exist",
			rules: func(r *rules) {
				r.gates().Checks["errors"] = delivery.Check{Command: &delivery.CommandCheck{Command: delivery.Command{Argv: []string{"no-such-program-as-this"}}}}
			},
			blocked: []string{"checks.errors"}, reasons: []string{"no-such-program-as-this"},
			fix: func(sc *scenario) {
				sc.declare(func(r *rules) { r.gates().Checks = nil })
				sc.approveAll()
			},
		},
		{
			name:    "an expression that is false",
			rules:   func(r *rules) { r.release.Labels["ticket"] = "SHIP-42" },
			blocked: []string{"expressions.ticket"}, reasons: []string{"a release names its ticket"},
			fix: nextWithTicket,
		},
		{
			name:    "an expression that cannot be evaluated",
			rules:   func(r *rules) { r.release.Labels = nil },
			blocked: []string{"expressions.ticket"}, reasons: []string{"the condition cannot be answered for production", "no such key"},
			fix: nextWithTicket,
		},
		{
			name:  "an expression replaced with one of the wrong type",
			rules: func(r *rules) { r.release.Labels["ticket"] = "SHIP-42" },
			do: func(sc *scenario) {
				sc.notDeclared("true or false", func(r *rules) {
					r.gates().Expressions = map[string]delivery.Expression{"ticket": {Condition: "release.labels['ticket']", Message: "any"}}
				})
			},
			blocked: []string{"expressions.ticket"}, reasons: []string{"a release names its ticket"},
			fix: nextWithTicket,
		},
	}
}

// nextWithTicket takes the valid path with a new version that names its ticket.
func nextWithTicket(sc *scenario) {
	sc.version, sc.rules.release.Labels = "1.0.1", map[string]string{"ticket": "SHOP-43"}
	sc.validPath()
}

// notDeclared tries to declare an invalid pipeline. The previous declaration must stay.
func (sc *scenario) notDeclared(reason string, edit func(*rules)) {
	sc.Helper()
	before, err := sc.by(rita).Pipeline(sc.Context(), "shop")
	sc.must(err)
	invalid := sc.rules
	invalid.pipeline = before.Spec
	edit(&invalid)
	_, err = sc.by(mallory).PutPipeline(sc.Context(), invalid.pipeline)
	require.Equal(sc, delivery.CodeInvalid, delivery.CodeOf(err))
	require.ErrorContains(sc, err, reason)
	after, err := sc.by(rita).Pipeline(sc.Context(), "shop")
	sc.must(err)
	require.Equal(sc, sc.rules.pipeline.Name, after.Spec.Name)
	require.Equal(sc, before.Revision, after.Revision)
}
