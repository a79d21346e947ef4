package delivery

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// TestNames has each limit from both sides.
func TestNames(t *testing.T) {
	errorsOf := func(validate func(problems)) string {
		p := newProblems()
		validate(p)
		return p.errors().Error()
	}
	name := func(s string) string { return errorsOf(func(p problems) { validateName(p, s) }) }
	for _, good := range []string{"a", "A9_-", strings.Repeat("a", MaxNameLength)} {
		require.Empty(t, name(good), good)
	}
	require.Equal(t, "a name is needed", name(""))
	require.Contains(t, name(strings.Repeat("a", MaxNameLength+1)), "is too long: at most 63 characters")
	for _, bad := range []string{"-a", "_a", "a b", "a/b", "ä", "a."} {
		require.Contains(t, name(bad), "is not a name", bad)
	}
	version := func(s string) string { return errorsOf(func(p problems) { validateVersion(p, s) }) }
	for _, good := range []string{"1", "1.4.2+b_1-rc", strings.Repeat("1", 128)} {
		require.Empty(t, version(good), good)
	}
	for _, bad := range []string{"", ".1", strings.Repeat("1", 129), "1/2"} {
		require.Contains(t, version(bad), "is not a version", bad)
	}
	reason := func(s string) string { return errorsOf(func(p problems) { validateReason(p, s) }) }
	require.Empty(t, reason(strings.Repeat("a", MaxCommentBytes)))
	require.Contains(t, reason(" \n"), "a reason is needed")
	require.Contains(t, reason(strings.Repeat("a", MaxCommentBytes+1)), "the text has 8193 bytes; at most 8192 are allowed")

	require.Empty(t, ValidateActor(strings.Repeat("a", MaxActorLength)))
	require.Contains(t, ValidateActor(strings.Repeat("a", MaxActorLength+1)).Error(), "actor: it has 321 bytes; at most 320 are allowed")
	require.Contains(t, ValidateActor("a\nb").Error(), "holds an invisible character (U+000A); write it without. Set actor in the provider block, or CD_ACTOR")
	require.Contains(t, ValidateActor("a\xff").Error(), "is not text in UTF-8")
	require.Contains(t, ValidateActor("").Error(), "names nobody")
	require.Empty(t, ValidateAttempt(1))
	require.Empty(t, ValidateAttempt(1_000_000))
	require.Contains(t, ValidateAttempt(0).Error(), "attempt: 0 is not an attempt")
	require.NotEmpty(t, ValidateAttempt(1_000_001))
}

func TestVariables(t *testing.T) {
	errorsOf := func(values map[string]string) Errors {
		p := newProblems()
		validateVariables(p.at("config"), values)
		return p.errors()
	}
	require.Empty(t, errorsOf(map[string]string{"_A1": strings.Repeat("x", MaxValueBytes)}))
	requireErrors(t, errorsOf(map[string]string{"1A": "", "A-B": "", "BIG": strings.Repeat("x", MaxValueBytes+1), "NUL": "a\x00"}), map[string]string{
		`config["1A"]`: "cannot be an environment variable", `config["A-B"]`: "cannot be an environment variable",
		`config["BIG"]`: "the value has 65537 bytes; at most 65536 are allowed", `config["NUL"]`: "NUL byte"})
	many := map[string]string{}
	for i := range MaxKeys {
		many["A"+strings.Repeat("x", i%50)+string(rune('a'+i%26))+strings.Repeat("y", i/50)] = ""
	}
	require.Len(t, many, MaxKeys)
	require.Empty(t, errorsOf(many))
	many["ONE_MORE"] = ""
	requireErrors(t, errorsOf(many), map[string]string{"config": "10001 keys are too many: at most 10000"})
}

func TestDurationsAndTimes(t *testing.T) {
	require.Equal(t, []time.Duration{90 * time.Minute, 0, 0}, []time.Duration{Duration("90m").Value(), Duration("").Value(), Duration("soon").Value()})
	require.Equal(t, []time.Duration{time.Second, time.Hour}, []time.Duration{Duration("").Or(time.Second), Duration("1h").Or(time.Second)})
	p := newProblems()
	Duration("1s").validate(p, time.Second)
	require.Empty(t, p.errors())
	Duration("999ms").validate(p, time.Second)
	require.Equal(t, `"999ms" is too short: the least is 1s`, p.errors().Error())
	require.Equal(t, time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC), Timestamp("2027-03-01T09:00:00+01:00").Value())
	require.True(t, Timestamp("soon").Value().IsZero())
}

func TestValidateOverrides(t *testing.T) {
	good := OverrideSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Gates: []string{"soak", "checks.a"}, Reason: "outage", Ticket: "OPS-1", ExpiresAt: "2027-03-01T10:00:00Z"}
	require.Empty(t, good.Validate())
	requireErrors(t, OverrideSpec{}.Validate(), map[string]string{"pipeline": "a name is needed", "version": "is not a version", "stage": "a name is needed",
		"gates": "name at least one gate to skip", "reason": "a reason is needed", "ticket": "a reason is needed", "expires_at": "say when the override ends"})
	bad := good
	bad.Gates = []string{"soak", "soap", "soak", "policy.x"}
	requireErrors(t, bad.Validate(), map[string]string{"gates[1]": `"soap" is not a gate; use one of previous_stage, approvals`, "gates[2]": `"soak" is listed twice`, "gates[3]": "is not a gate"})
	for _, gate := range overridableGates {
		one := good
		one.Gates = []string{gate}
		require.Empty(t, one.Validate(), gate)
	}
	w := shopFixture()
	requireErrors(t, good.ValidateStage(w, "eve"), map[string]string{"gates[0]": `stage "production" does not let "soak" be overridden; it allows: none`, "gates[1]": `"checks.a"`})
	w.Pipeline.Stages[1].Overridable = []string{"checks", "soak"}
	require.Empty(t, good.ValidateStage(w, "eve"))
	w.Pipeline.Stages[1].Overridable = []string{"checks.b", "soak"}
	requireErrors(t, good.ValidateStage(w, "eve"), map[string]string{"gates[1]": "it allows: checks.b, soak"})
	w.Pipeline.Stages[1].Overridable = []string{"checks.a", "soak"}
	w.Now = good.ExpiresAt.Value()
	requireErrors(t, good.ValidateStage(w, "eve"), map[string]string{"expires_at": "is in the past; set a time in the future"})
	w.Now = w.Now.Add(-1)
	require.Empty(t, good.ValidateStage(w, "eve"))
	w.Now = good.ExpiresAt.Value().Add(-7 * 24 * time.Hour)
	require.Empty(t, good.ValidateStage(w, "eve"))
	w.Now = w.Now.Add(-1)
	requireErrors(t, good.ValidateStage(w, "eve"), map[string]string{"expires_at": "is more than 7 days ahead; set a time until 2027-03-01T09:59:59Z"})
	w.Now = fixtureNow
	bad = good
	bad.Stage = "gone"
	requireErrors(t, bad.ValidateStage(w, "eve"), map[string]string{"stage": `no stage "gone"`})
}

func TestValidateFreezesAndPolicies(t *testing.T) {
	freeze := FreezeSpec{Name: "sale", Reason: "many buy", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T08:00:01Z", Tiers: []Tier{TierProduction}}
	require.Empty(t, freeze.Validate())
	requireErrors(t, FreezeSpec{Tiers: []Tier{"live"}, Environments: []string{"a b"}, Pipelines: []string{""}}.Validate(), map[string]string{
		"name": "a name is needed", "reason": "a reason is needed", "starts_at": "is not a time", "ends_at": "is not a time",
		"tiers[0]": `"live" is not a tier`, "environments[0]": "is not a name", "pipelines[0]": "a name is needed"})
	bad := freeze
	bad.EndsAt, bad.Tiers = bad.StartsAt, nil
	requireErrors(t, bad.Validate(), map[string]string{"ends_at": "which is not after its start", "": "say what is frozen"})
	for _, one := range []FreezeSpec{{Environments: []string{"eu"}}, {Pipelines: []string{"shop"}}} {
		one.Name, one.Reason, one.StartsAt, one.EndsAt = freeze.Name, freeze.Reason, freeze.StartsAt, freeze.EndsAt
		require.Empty(t, one.Validate())
	}
	policy := PolicySpec{Name: "strict", Tiers: []Tier{TierProduction}, Gates: Gates{Parity: &ParityGate{}}}
	require.Empty(t, policy.Validate())
	requireErrors(t, PolicySpec{}.Validate(), map[string]string{"name": "a name is needed", "": "say where the policy holds", "gates": "a policy needs at least one gate"})
	requireErrors(t, PolicySpec{Name: "a", Tiers: []Tier{"x"}, Environments: []string{""}, Gates: Gates{Approvals: &ApprovalsGate{}}}.Validate(),
		map[string]string{"tiers[0]": "is not a tier", "environments[0]": "a name is needed", "gates.approvals.required": "use 1 to 100", "gates.approvals.approvers": "nobody is listed"})
	for name, gates := range map[string]Gates{"approvals": {Approvals: &ApprovalsGate{}}, "soak": {Soak: &SoakGate{}}, "cooldown": {Cooldown: &CooldownGate{}}, "max_deploys": {MaxDeploys: &MaxDeploysGate{}},
		"parity": {Parity: &ParityGate{}}, "tests": {Tests: map[string]TestsGate{"a": {}}}, "checks": {Checks: map[string]Check{"a": {}}}, "expressions": {Expressions: map[string]Expression{"a": {}}}} {
		require.False(t, gates.empty(), name)
	}
	require.True(t, Gates{}.empty())
}

func TestValidateGates(t *testing.T) {
	number := func(n int) *int { return &n }
	check := func(g Gates, want map[string]string) {
		t.Helper()
		p := newProblems()
		g.validate(p)
		requireErrors(t, p.errors(), want)
	}
	check(Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{Anyone}}, Tests: map[string]TestsGate{"unit": {MinTests: number(0), MaxAge: "1s"}, "big": {MinTests: number(10_000_000)}},
		Soak: &SoakGate{Stage: "staging", Duration: "1ms"}, Cooldown: &CooldownGate{Duration: "1s"}, MaxDeploys: &MaxDeploysGate{Count: MaxRollouts - 1, Per: "1s"}}, nil)
	check(Gates{Approvals: &ApprovalsGate{Required: 100, ExpiresAfter: "1ms", Approvers: []string{Anyone}}, MaxDeploys: &MaxDeploysGate{Count: 1, Per: "1s"}}, nil)
	check(Gates{Approvals: &ApprovalsGate{Required: 101, ExpiresAfter: "0s", Approvers: []string{Anyone}}}, map[string]string{"approvals.required": "101 is not a number of approvals", "approvals.expires_after": "too short"})
	check(Gates{Approvals: &ApprovalsGate{Required: 3, Approvers: []string{"a", "", "a"}}}, map[string]string{"approvals.approvers[1]": "names nobody", "approvals.approvers[2]": "listed twice"})
	check(Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{"ann@x.org", "Ann <ANN@x.org>", "b\u200bob"}}}, map[string]string{"approvals.approvers[1]": "listed twice", "approvals.approvers[2]": "invisible character"})
	check(Gates{Approvals: &ApprovalsGate{Required: 9, Approvers: []string{"a", Anyone}}}, nil)
	check(Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{Anyone, Anyone}}}, map[string]string{"approvals.approvers[1]": "listed twice"})
	check(Gates{Approvals: &ApprovalsGate{Required: 2, Approvers: []string{"a"}}}, map[string]string{"approvals.required": "2 approvals are required, but only 1 people may approve"})
	check(Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{Anyone}, SignedBy: []string{"nobody"}}}, map[string]string{"approvals.signed_by[0]": ""})
	check(Gates{Approvals: &ApprovalsGate{Required: 2, Approvers: []string{Anyone, "a"}, SignedBy: []string{}}}, map[string]string{"approvals.signed_by": "the list is empty; remove it for approvals without a signature"})
	check(Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{}}}, map[string]string{"approvals.approvers": "nobody is listed"})
	check(Gates{Windows: map[string]schedule.Window{"never": {Days: []string{}}, "always": {}}}, map[string]string{"windows[\"never\"].days": "the list is empty; remove it for every day"})
	check(Gates{Tests: map[string]TestsGate{"a b": {}, "unit": {MinTests: number(-1), MaxFailures: -1, MaxAge: "1ms"}, "big": {MinTests: number(10_000_001)}}}, map[string]string{
		`tests["a b"]`: "is not a name", `tests["unit"].min_tests`: "-1 is not a number of tests", `tests["unit"].max_failures`: "-1 is not", `tests["unit"].max_age`: "too short", `tests["big"].min_tests`: "10000001"})
	check(Gates{Soak: &SoakGate{Duration: "0s"}, Cooldown: &CooldownGate{Duration: "1ms"}, MaxDeploys: &MaxDeploysGate{Per: "1ms"}}, map[string]string{
		"soak.stage": "name the stage", "soak.duration": "too short", "cooldown.duration": "too short", "max_deploys.count": "0 is not a number of deliveries; use 1 to 999", "max_deploys.per": "too short"})
	check(Gates{MaxDeploys: &MaxDeploysGate{Count: MaxRollouts, Per: "1s"}}, map[string]string{"max_deploys.count": "1000 is not"})
	check(Gates{Checks: map[string]Check{"a b": {HTTP: &HTTPCheck{URL: "https://a"}}, "none": {}, "both": {HTTP: &HTTPCheck{URL: "https://a"}, Command: &CommandCheck{}}}}, map[string]string{
		`checks["a b"]`: "is not a name", `checks["none"]`: "set exactly one kind of check", `checks["both"]`: "set exactly one kind of check"})
	check(Gates{Expressions: map[string]Expression{"a b": {Condition: "true", Message: strings.Repeat("x", MaxMessageBytes)}, "x": {Condition: "1", Message: strings.Repeat("x", MaxMessageBytes+1)}, "y": {Condition: "true", Message: " "}}}, map[string]string{
		`expressions["a b"]`: "is not a name", `expressions["x"].condition`: "", `expressions["x"].message`: "the message has 1025 bytes", `expressions["y"].message`: "say why the condition matters"})
}

func TestValidateChecks(t *testing.T) {
	validate := func(c Check) Errors {
		p := newProblems()
		c.validate(p)
		return p.errors()
	}
	for _, good := range []Check{
		{HTTP: &HTTPCheck{URL: "http://a/b", ExpectStatus: 100, Timeout: Duration(MinTimeout.String()), Attempts: MaxAttempts, Interval: "0s"}}, {HTTP: &HTTPCheck{URL: "https://a", ExpectStatus: 599}},
		{Command: &CommandCheck{Command: Command{Argv: []string{"a"}}, JUnit: "report.xml"}}, {Command: &CommandCheck{Command: Command{Argv: []string{"a"}}, JUnit: "/tmp/report.xml"}},
	} {
		require.Empty(t, validate(good))
	}
	for _, address := range []string{"", "ftp://a", "a", "http://", "http://%"} {
		requireErrors(t, validate(Check{HTTP: &HTTPCheck{URL: address}}), map[string]string{"http.url": "is not an http or https address"})
	}
	requireErrors(t, validate(Check{HTTP: &HTTPCheck{URL: "http://a", ExpectStatus: 99, Timeout: "1ns", Attempts: MaxAttempts + 1, Interval: "-1s"}}), map[string]string{
		"http.expect_status": "99 is not an HTTP status", "http.timeout": "too short", "http.attempts": "is not a number of attempts", "http.interval": "too short"})
	requireErrors(t, validate(Check{HTTP: &HTTPCheck{URL: "http://a", ExpectStatus: 600, Attempts: -1}}), map[string]string{"http.expect_status": "600", "http.attempts": "-1 is not"})
	requireErrors(t, validate(Check{Command: &CommandCheck{JUnit: "../x", Attempts: -1}}), map[string]string{"command.argv": "needs at least the program's name", "command.junit": "leaves the command's directory", "command.attempts": "-1"})
	requireErrors(t, validate(Check{Command: &CommandCheck{Command: Command{Argv: []string{"a", "b\x00"}, Environment: map[string]string{"1": ""}, Timeout: "1ns"}, JUnit: "a\x00"}}), map[string]string{
		"command.argv[1]": "NUL byte", `command.environment["1"]`: "cannot be", "command.timeout": "too short", "command.junit": "NUL byte"})
	require.Equal(t, []string{"http", "command", ""}, []string{Check{HTTP: &HTTPCheck{}}.Kind(), Check{Command: &CommandCheck{}}.Kind(), Check{}.Kind()})
}

func TestValidateTargets(t *testing.T) {
	validate := func(target Target) Errors {
		p := newProblems()
		target.validate(p)
		return p.errors()
	}
	for _, keep := range []int{0, 1, 1000} {
		require.Empty(t, validate(Target{Directory: &DirectoryTarget{Path: "/srv", Keep: keep}}))
	}
	for _, keep := range []int{-1, 1001} {
		requireErrors(t, validate(Target{Directory: &DirectoryTarget{Path: "/srv", Keep: keep}}), map[string]string{"directory.keep": "is not a number of releases to keep"})
	}
	for path, words := range map[string]string{" ": "is needed", "a\x00": "NUL", "/": "root directory", "//..": "root directory"} {
		requireErrors(t, validate(Target{Directory: &DirectoryTarget{Path: path}}), map[string]string{"directory.path": words})
	}
	requireErrors(t, validate(Target{}), map[string]string{"": "set exactly one kind of target"})
	requireErrors(t, validate(Target{Directory: &DirectoryTarget{Path: "/srv", AfterDeploy: &Command{}}, Command: &CommandTarget{}}), map[string]string{
		"directory.after_deploy.argv": "program's name", "command.deploy.argv": "program's name", "command.observe.argv": "program's name", "": "set exactly one kind of target"})
	require.Equal(t, []string{"directory", "command", "webhook", "", ""}, []string{directoryTarget("a").Kind(), (&Target{Command: &CommandTarget{}}).Kind(), (&Target{Webhook: &WebhookTarget{}}).Kind(), (&Target{}).Kind(), (*Target)(nil).Kind()})
}

func TestValidateRequests(t *testing.T) {
	promotion := PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.0", WhenBlocked: WhenBlockedWait, Attempt: 1}
	for _, blocked := range []WhenBlocked{WhenBlockedFail, WhenBlockedWait, WhenBlockedPend} {
		promotion.WhenBlocked = blocked
		require.Empty(t, promotion.Validate())
	}
	requireErrors(t, PromotionSpec{WhenBlocked: "x"}.Validate(), map[string]string{"pipeline": "a name is needed", "stage": "a name is needed", "version": "is not a version", "when_blocked": "is not known", "attempt": "0 is not an attempt"})
	w := shopFixture()
	require.Empty(t, promotion.ValidateStage(w.Pipeline))
	promotion.Stage = "staging"
	requireErrors(t, promotion.ValidateStage(w.Pipeline), map[string]string{"stage": "is automatic, so releases enter it without a promotion"})
	promotion.Stage = "gone"
	requireErrors(t, promotion.ValidateStage(w.Pipeline), map[string]string{"stage": `no stage "gone"`})
	require.Equal(t, "shop/gone", promotion.ID())

	approval := ApprovalSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Decision: Approve, Approver: strings.Repeat("a", 254),
		Signature: strings.Repeat("a", MaxSignatureBytes), Comment: strings.Repeat("a", MaxCommentBytes)}
	require.Empty(t, approval.Validate())
	requireErrors(t, ApprovalSpec{Decision: "maybe", Approver: "a/b", Signature: approval.Signature + "a", Comment: approval.Comment + "a"}.Validate(), map[string]string{
		"pipeline": "a name is needed", "version": "is not a version", "stage": "a name is needed", "decision": "is not a decision", "approver": "no slashes", "signature": "at most 16384", "comment": "at most 8192"})
	for who, why := range map[string]string{"a\nb": "invisible character", "a\x00": "invisible character", strings.Repeat("a", 255): "at most 254 bytes", " ": "names nobody", "a@b.c, d@e.f": "more than one address"} {
		approval.Approver = who
		requireErrors(t, approval.Validate(), map[string]string{"approver": why})
	}
	report := TestReportSpec{Pipeline: "shop", Version: "1.0", Suite: "unit"}
	require.Empty(t, report.Validate())
	require.Empty(t, report.ValidateStage(w.Pipeline))
	report.Stage, report.Environment = "production", "us"
	require.Empty(t, append(report.Validate(), report.ValidateStage(w.Pipeline)...))
	report.Environment = "stg"
	requireErrors(t, report.ValidateStage(w.Pipeline), map[string]string{"environment": `stage "production" does not deploy to "stg"; it deploys to eu, us`})
	report.Stage = ""
	requireErrors(t, report.Validate(), map[string]string{"environment": "set stage too"})
	report.Stage, report.Environment = "gone", ""
	requireErrors(t, report.ValidateStage(w.Pipeline), map[string]string{"stage": `no stage "gone"`})
	requireErrors(t, TestReportSpec{Stage: "a b"}.Validate(), map[string]string{"pipeline": "needed", "version": "is not a version", "suite": "needed", "stage": "is not a name"})
	verification := VerificationSpec{Pipeline: "shop", Stage: "production", Version: "1.0"}
	require.Empty(t, verification.Validate())
	requireErrors(t, VerificationSpec{Version: "/"}.Validate(), map[string]string{"pipeline": "needed", "stage": "needed", "version": "is not a version"})
	requireErrors(t, w.ValidateVerification(verification), map[string]string{"stage": `environment "eu" has a target`})
	require.Empty(t, terraformDeploys().ValidateVerification(verification))
	verification.Stage = "gone"
	requireErrors(t, w.ValidateVerification(verification), map[string]string{"stage": `no stage "gone"`})
	rollout := func(r Rollout) Errors { p := newProblems(); r.validate(p); return p.errors() }
	require.Empty(t, rollout(Rollout{MaxParallel: MaxEnvironments, MaxFailures: MaxEnvironments}))
	requireErrors(t, rollout(Rollout{MaxParallel: MaxEnvironments + 1, MaxFailures: MaxEnvironments + 1}), map[string]string{"max_parallel": "1001", "max_failures": "1001"})
	requireErrors(t, rollout(Rollout{MaxParallel: -1, MaxFailures: -1}), map[string]string{"max_parallel": "-1", "max_failures": "-1"})
}

func TestReportsAreNumbered(t *testing.T) {
	made := TestReport{Spec: TestReportSpec{Pipeline: "shop", Version: "1.0", Suite: "unit"}, Digest: "d", ReleaseDigest: "r"}
	first, added := NextTestReport(nil, made)
	require.True(t, added)
	require.Equal(t, []any{"shop/1.0/unit/1", 1}, []any{first.ID, first.Number})
	same, added := NextTestReport([]TestReport{first}, made)
	require.False(t, added)
	require.Equal(t, first, same)
	for name, change := range map[string]func(*TestReport){"another text": func(r *TestReport) { r.Digest = "x" }, "another stage": func(r *TestReport) { r.Spec.Stage = "staging" }, "another content": func(r *TestReport) { r.ReleaseDigest = "x" }} {
		other := made
		change(&other)
		next, added := NextTestReport([]TestReport{first}, other)
		require.True(t, added, name)
		require.Equal(t, []any{"shop/1.0/unit/2", 2}, []any{next.ID, next.Number}, name)
		back, added := NextTestReport([]TestReport{next, first}, made)
		if other.origin() != made.origin() {
			require.False(t, added, "%s has an origin of its own", name)
			continue
		}
		require.True(t, added, "%s since: the newest counts", name)
		require.Equal(t, 3, back.Number)
	}
	withdrawn := first
	withdrawn.WithdrawnAt = later(0)
	next, added := NextTestReport([]TestReport{withdrawn}, made)
	require.True(t, added)
	require.Equal(t, 2, next.Number)
	elsewhere := first
	elsewhere.Spec.Suite = "e2e"
	next, _ = NextTestReport([]TestReport{elsewhere}, made)
	require.Equal(t, 1, next.Number)
}
