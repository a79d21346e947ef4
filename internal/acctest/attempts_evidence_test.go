package acctest_test

import (
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func testUnit(l *line) { l.test(l.version, "unit") }

// poor is an attempt to get in with a poor report of the unit tests.
func poor(name, junit string, says ...string) attempt {
	return attempt{name: "a report " + name, without: []step{tested},
		do: func(l *line) {
			onlyUnitMissing(l)
			l.report(l.version, "unit", junit)
		},
		blocked: []string{"tests.unit"}, says: says, mend: func(l *line) {
			l.h.Clock.Advance(soaking / 30)
			testUnit(l)
		}}
}

// attemptsOnReports try to pass for tested.
func attemptsOnReports() []attempt {
	missing := []string{"no report of suite unit about 1.0.0"}
	return []attempt{
		poor("with the failures hidden as errors", `<testsuite tests="2"><testcase name="a"/><testcase name="b"><error message="no"/></testcase></testsuite>`, "2 tests ran, 1 failed; at most 0 may"),
		poor("whose suite says that nothing failed", `<testsuite tests="2" failures="0"><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>`, "1 failed"),
		poor("whose cases say that nothing failed", `<testsuite tests="1" failures="3"><testcase name="a"/></testsuite>`, "3 failed"),
		poor("with nothing in it", `<testsuite/>`, "0 tests ran, 0 failed; at least 1 must run"),
		poor("of tests that are only claimed", `<testsuite tests="500"/>`, "0 tests ran"),
		poor("of skipped tests only", `<testsuite tests="1" skipped="1"><testcase name="a"><skipped/></testcase></testsuite>`, "0 tests ran, 0 failed; at least 1 must run"),
		{
			name:    "the report of another release",
			without: []step{tested},
			do: func(l *line) {
				onlyUnitMissing(l)
				l.must(l.deliver("1.1.0", 1))
				l.test("1.1.0", "unit")
			},
			blocked: []string{"tests.unit"}, says: missing, mend: testUnit,
		},
		{
			name:    "the report of another suite",
			without: []step{tested},
			do: func(l *line) {
				onlyUnitMissing(l)
				l.test(l.version, "unit-fast")
			},
			blocked: []string{"tests.unit"}, says: missing, mend: testUnit,
		},
		{
			name:    "without the report that a policy asks for",
			without: []step{tested},
			do:      testUnit,
			blocked: []string{"policy.guard.tests.security"}, says: []string{"no report of suite security about 1.0.0"},
			mend: func(l *line) { l.test(l.version, "security") },
		},
		{
			name:    "a report that cannot be read",
			without: []step{tested},
			do: func(l *line) {
				onlyUnitMissing(l)
				before := len(l.log())
				_, err := l.by(rita).AddTestReport(l.Context(), delivery.TestReportRequest{JUnit: `<testsuite tests="1"><testcase name="a"/>`,
					Spec: delivery.TestReportSpec{Pipeline: "shop", Version: l.version, Suite: "unit"}})
				require.ErrorContains(l, err, "the XML is broken or cut off")
				require.Len(l, l.log(), before, "what cannot be read records nothing")
			},
			blocked: []string{"tests.unit"}, says: missing, mend: testUnit,
		},
		{
			name:    "a report that is too old",
			rules:   func(r *rules) { r.gates().Tests["unit"] = delivery.TestsGate{MaxAge: "2h"} },
			do:      func(l *line) { l.h.Clock.Advance(4 * soaking) },
			blocked: []string{"tests.unit"}, says: []string{"the report may be at most 2h old: run the suite again"},
			mend: func(l *line) { l.report(l.version, "unit", `<testsuite><testcase name="again"/></testsuite>`) },
		},
		{
			name:  "the same report once more, when it is too old",
			rules: func(r *rules) { r.gates().Tests["unit"] = delivery.TestsGate{MaxAge: "2h"} },
			do: func(l *line) {
				l.h.Clock.Advance(4 * soaking)
				testUnit(l)
			},
			blocked: []string{"tests.unit"}, says: []string{"the report may be at most 2h old: run the suite again"},
			mend: func(l *line) { l.report(l.version, "unit", `<testsuite><testcase name="again"/></testsuite>`) },
		},
		{
			name:    "a report from the future, by a clock that was set back",
			without: []step{tested},
			do: func(l *line) {
				onlyUnitMissing(l)
				l.h.Clock.Advance(2 * soaking)
				l.test(l.version, "unit")
				l.h.Clock.Advance(-2 * soaking)
			},
			blocked: []string{"tests.unit"}, says: []string{"at 2027-03-01T13:30:00Z; the report may be at most 48h old"},
			mend: func(l *line) { l.h.Clock.Advance(2 * soaking) },
		},
		{
			name: "a withdrawn report",
			do: func(l *line) {
				l.must(l.by(rita).WithdrawTestReport(l.Context(), "shop/1.0.0/unit/1"))
			},
			blocked: []string{"tests.unit"}, says: missing, mend: testUnit,
		},
		{
			name: "an older report that is better than the newest",
			do: func(l *line) {
				l.report(l.version, "unit", `<testsuite><testcase name="a"><failure/></testcase></testsuite>`)
			},
			blocked: []string{"tests.unit"}, says: []string{"1 tests ran, 1 failed"}, mend: testUnit,
		},
		{
			name: "a failure that a clock set back makes look older",
			do: func(l *line) {
				l.h.Clock.Advance(-2 * soaking)
				l.report(l.version, "unit", `<testsuite><testcase name="a"><failure/></testcase></testsuite>`)
				l.h.Clock.Advance(2 * soaking)
			},
			blocked: []string{"tests.unit"}, says: []string{"1 tests ran, 1 failed"}, mend: testUnit,
		},
	}
}

// answers makes the check's address answer in a way of its own.
func answers(f http.HandlerFunc) func(*line) {
	return func(l *line) { l.health.Store(&f) }
}

func healthyAgain(l *line) { l.health.Store(nil) }

// attemptsOnQuestions have the outside world, or an expression, not say yes.
func attemptsOnQuestions() []attempt {
	return []attempt{
		{
			name:    "a check that says no",
			do:      answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }),
			blocked: []string{"checks.errors"}, says: []string{"503"}, mend: healthyAgain,
		},
		{
			name:    "a check that says yes in another way than was agreed",
			do:      answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
			blocked: []string{"checks.errors"}, says: []string{"204"}, mend: healthyAgain,
		},
		{
			name: "a check that sends to another host, where all is well",
			do: answers(func(w http.ResponseWriter, r *http.Request) {
				here, elsewhere := "127.0.0.1", "localhost"
				if strings.HasPrefix(r.Host, here) {
					http.Redirect(w, r, "http://"+strings.Replace(r.Host, here, elsewhere, 1), http.StatusFound)
				}
			}),
			blocked: []string{"checks.errors"}, says: []string{"redirect"}, mend: healthyAgain,
		},
		{
			name:    "a check that breaks off",
			do:      answers(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
			blocked: []string{"checks.errors"}, says: []string{"the connection ended before the answer did"}, mend: healthyAgain,
		},
		{
			name: "a check that does not answer in time",
			rules: func(r *rules) {
				patient := *r.gates().Checks["errors"].HTTP
				patient.Timeout = "1s"
				r.gates().Checks["errors"] = delivery.Check{HTTP: &patient}
			},
			do:      answers(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
			blocked: []string{"checks.errors"}, says: []string{"1s"}, mend: healthyAgain,
		},
		{
			name: "a check by a program that does not exist",
			rules: func(r *rules) {
				r.gates().Checks["errors"] = delivery.Check{Command: &delivery.CommandCheck{Command: delivery.Command{Argv: []string{"no-such-program-as-this"}}}}
			},
			blocked: []string{"checks.errors"}, says: []string{"no-such-program-as-this"},
			mend: func(l *line) {
				l.declare(func(r *rules) { r.gates().Checks = nil })
				l.approveAll()
			},
		},
		{
			name:    "an expression that is false",
			rules:   func(r *rules) { r.release.Labels["ticket"] = "SHIP-42" },
			blocked: []string{"expressions.ticket"}, says: []string{"a release names its ticket"},
			mend: nextWithTicket,
		},
		{
			name:    "an expression that cannot be answered",
			rules:   func(r *rules) { r.release.Labels = nil },
			blocked: []string{"expressions.ticket"}, says: []string{"the condition cannot be answered for production", "no such key"},
			mend: nextWithTicket,
		},
		{
			name:  "an expression replaced by one that has no type",
			rules: func(r *rules) { r.release.Labels["ticket"] = "SHIP-42" },
			do: func(l *line) {
				l.notDeclared("true or false", func(r *rules) {
					r.gates().Expressions = map[string]delivery.Expression{"ticket": {Condition: "release.labels['ticket']", Message: "any"}}
				})
			},
			blocked: []string{"expressions.ticket"}, says: []string{"a release names its ticket"},
			mend: nextWithTicket,
		},
	}
}

// nextWithTicket goes the lawful way with a new version that names its ticket.
func nextWithTicket(l *line) {
	l.version, l.rules.release.Labels = "1.0.1", map[string]string{"ticket": "SHOP-43"}
	l.lawful()
}

// notDeclared tries to declare a pipeline that is not even valid; what was declared stays as it is.
func (l *line) notDeclared(says string, edit func(*rules)) {
	l.Helper()
	before, err := l.by(rita).Pipeline(l.Context(), "shop")
	l.must(err)
	invalid := l.rules
	invalid.pipeline = before.Spec
	edit(&invalid)
	_, err = l.by(mallory).PutPipeline(l.Context(), invalid.pipeline)
	require.Equal(l, delivery.CodeInvalid, delivery.CodeOf(err))
	require.ErrorContains(l, err, says)
	after, err := l.by(rita).Pipeline(l.Context(), "shop")
	l.must(err)
	require.Equal(l, l.rules.pipeline.Name, after.Spec.Name)
	require.Equal(l, before.Revision, after.Revision)
}
