package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requireGate checks a verdict, its reason, and when it can pass by time alone.
func requireGate(t *testing.T, g GateResult, verdict Verdict, reason string, ready *time.Time) {
	t.Helper()
	require.Equal(t, verdict, g.Verdict, g.Reason)
	require.Contains(t, g.Reason, reason)
	require.Equal(t, ready, g.ReadyAt)
}

func TestPreviousStage(t *testing.T) {
	w := shopFixture()
	old := deployed(w, 1, "1.0", "stg", Verified).with(func(d *Deployment) { d.Content.ReleaseDigest = "sha256:other" })
	cases := map[string]struct {
		past    []Deployment
		verdict Verdict
		reason  string
	}{
		"never deployed":           {nil, VerdictPending, "1.0 is not verified in staging (stg) yet"},
		"another version":          {[]Deployment{deployed(w, 1, "1.1", "stg", Verified)}, VerdictPending, "1.0 is not verified in staging (stg) yet"},
		"under way":                {[]Deployment{deployed(w, 1, "1.0", "stg", Deploying)}, VerdictPending, "1.0 is not verified in staging (stg) yet"},
		"verified":                 {[]Deployment{deployed(w, 1, "1.0", "stg", Verified)}, VerdictPassed, "verified in staging"},
		"replaced since":           {[]Deployment{deployed(w, 1, "1.0", "stg", Superseded), deployed(w, 2, "1.1", "stg", Verified)}, VerdictPassed, "verified in staging"},
		"never verified, replaced": {[]Deployment{deployed(w, 1, "1.0", "stg", Superseded).with(func(d *Deployment) { d.VerifiedAt = nil })}, VerdictPending, "not verified"},
		"failed":                   {[]Deployment{deployed(w, 1, "1.0", "stg", Failed)}, VerdictFailed, "1.0 failed in staging (stg); deliver a release that passes there"},
		"rolled back":              {[]Deployment{deployed(w, 1, "1.0", "stg", RolledBack)}, VerdictFailed, "1.0 was rolled back in staging (stg)"},
		"failed, then verified":    {[]Deployment{deployed(w, 1, "1.0", "stg", Failed), deployed(w, 2, "1.0", "stg", Verified)}, VerdictPassed, ""},
		"verified, then failed":    {[]Deployment{deployed(w, 1, "1.0", "stg", Superseded), deployed(w, 2, "1.0", "stg", Failed)}, VerdictFailed, "failed"},
		"other content":            {[]Deployment{old}, VerdictPending, "not verified"},
		"authorized": {[]Deployment{deployed(w, 1, "1.0", "stg", Verifying).with(func(d *Deployment) { d.Content.Target = nil })}, VerdictPending,
			"Terraform deploys 1.0 to staging (stg), and no cd_verification has verified it there yet"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w.History = NewHistory(c.past)
			requireGate(t, production(w).previousStage(w.Pipeline.Stages[0]), c.verdict, c.reason, nil)
		})
	}
}

func TestPreviousStageNeedsEachEnvironment(t *testing.T) {
	w := shopFixture()
	before := w.Pipeline.Stages[1]
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "eu", Verified)})
	requireGate(t, production(w).previousStage(before), VerdictPending, "not verified in production (us)", nil)
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "us", Verified)})
	requireGate(t, production(w).previousStage(before), VerdictPending, "not verified in production (eu)", nil)
}

func TestSoak(t *testing.T) {
	w := shopFixture()
	gate := SoakGate{Stage: "production", Duration: "2h"}
	since := func(seq int64, env string, ago time.Duration) Deployment {
		return deployed(w, seq, "1.0", env, Verified).with(func(d *Deployment) { d.VerifiedAt = later(-ago) })
	}
	replaced := func(after time.Duration) Deployment {
		return since(1, "eu", 3*time.Hour).with(func(d *Deployment) { d.Status, d.SettledAt = Superseded, later(after-3*time.Hour) })
	}
	us := since(2, "us", 3*time.Hour)
	cases := map[string]struct {
		past    []Deployment
		verdict Verdict
		reason  string
		ready   *time.Time
	}{
		"nothing":               {nil, VerdictPending, "1.0 does not run verified in production (eu); 2h of it are needed there", nil},
		"one environment":       {[]Deployment{since(1, "eu", 3*time.Hour)}, VerdictPending, "does not run verified in production (us)", nil},
		"long enough":           {[]Deployment{since(1, "eu", 3*time.Hour), us}, VerdictPassed, "ran verified in production for 2h", nil},
		"exactly":               {[]Deployment{since(1, "eu", 2*time.Hour), us}, VerdictPassed, "", nil},
		"a nanosecond too few":  {[]Deployment{since(1, "eu", 2*time.Hour-1), us}, VerdictPending, "verified in production since", later(1)},
		"the later of the two":  {[]Deployment{since(1, "eu", time.Hour), since(2, "us", 30*time.Minute)}, VerdictPending, "since 2027-03-01T08:30:00Z", later(90 * time.Minute)},
		"and in either order":   {[]Deployment{since(1, "eu", 30*time.Minute), since(2, "us", time.Hour)}, VerdictPending, "since 2027-03-01T08:30:00Z", later(90 * time.Minute)},
		"replaced too early":    {[]Deployment{replaced(time.Hour), us}, VerdictFailed, "1.0 was replaced in production (eu) before it had run there for 2h; deliver it there again", nil},
		"replaced once soaked":  {[]Deployment{replaced(2 * time.Hour), us}, VerdictPassed, "", nil},
		"broken since":          {[]Deployment{since(1, "eu", 3*time.Hour).with(func(d *Deployment) { d.Status = Failed }), us}, VerdictPending, "does not run verified", nil},
		"another content there": {[]Deployment{since(1, "eu", 3*time.Hour).with(func(d *Deployment) { d.Content.ReleaseDigest = "x" }), us}, VerdictPending, "does not run verified", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w.History = NewHistory(c.past)
			requireGate(t, production(w).soak(gate), c.verdict, c.reason, c.ready)
		})
	}
	requireGate(t, production(w).soak(SoakGate{Stage: "gone", Duration: "1h"}), VerdictFailed, `stage "gone" does not exist`, nil)
}

func TestCooldownAndMaxDeploys(t *testing.T) {
	w := shopFixture()
	record := func(id, stage string, ago time.Duration) RolloutRecord {
		return RolloutRecord{ID: id, Stage: stage, StartedAt: fixtureNow.Add(-ago)}
	}
	cooldown := CooldownGate{Duration: "1h"}
	requireGate(t, production(w).cooldown(cooldown), VerdictPassed, "nothing was delivered to production for 1h", nil)
	w.Rollouts = []RolloutRecord{record("a", "production", 2*time.Hour), record("b", "production", 40*time.Minute), record("c", "staging", time.Minute)}
	requireGate(t, production(w).cooldown(cooldown), VerdictPending, "the last delivery to production began at 2027-03-01T08:20:00Z; passes at 2027-03-01T09:20:00Z", later(20*time.Minute))
	joining := production(w)
	joining.joining = "b"
	requireGate(t, joining.cooldown(cooldown), VerdictPassed, "", nil)
	w.Rollouts = []RolloutRecord{record("a", "production", 50*time.Minute), record("b", "production", 40*time.Minute)}
	joining.World = w
	requireGate(t, joining.cooldown(cooldown), VerdictPending, "", later(10*time.Minute))
	w.Rollouts = []RolloutRecord{record("a", "production", time.Hour)}
	requireGate(t, production(w).cooldown(cooldown), VerdictPassed, "", nil)
	w.Rollouts = []RolloutRecord{record("a", "production", time.Hour-1)}
	requireGate(t, production(w).cooldown(cooldown), VerdictPending, "", later(1))

	w.Rollouts = []RolloutRecord{record("a", "production", 5*time.Hour), record("b", "production", 3*time.Hour), record("c", "production", 2*time.Hour), record("d", "staging", 0)}
	most := MaxDeploysGate{Count: 2, Per: "4h"}
	requireGate(t, production(w).maxDeploys(most), VerdictPending, "2 of 2 deliveries within 4h; passes at 2027-03-01T10:00:00Z", later(time.Hour))
	most.Count = 3
	requireGate(t, production(w).maxDeploys(most), VerdictPassed, "2 of 3 deliveries within 4h", nil)
	requireGate(t, production(w).maxDeploys(MaxDeploysGate{Count: 1, Per: "4h"}), VerdictPending, "2 of 1", later(2*time.Hour))
	requireGate(t, production(w).maxDeploys(MaxDeploysGate{Count: 2, Per: "3h"}), VerdictPassed, "1 of 2", nil)
	joining.World, joining.joining = w, "c"
	requireGate(t, joining.maxDeploys(MaxDeploysGate{Count: 1, Per: "3h"}), VerdictPassed, "0 of 1", nil)
}

func TestFrequencySpan(t *testing.T) {
	w := shopFixture()
	require.Zero(t, w.FrequencySpan())
	w.Pipeline.Stages[0].Gates.Cooldown = &CooldownGate{Duration: "2h"}
	require.Equal(t, 2*time.Hour, w.FrequencySpan())
	w.Pipeline.Stages[1].Gates.MaxDeploys = &MaxDeploysGate{Count: 1, Per: "3h"}
	require.Equal(t, 3*time.Hour, w.FrequencySpan())
	w.Policies = []PolicySpec{{Gates: Gates{Cooldown: &CooldownGate{Duration: "4h"}}}, {Gates: Gates{MaxDeploys: &MaxDeploysGate{Per: "1h"}}}}
	require.Equal(t, 4*time.Hour, w.FrequencySpan())
}

func TestTestsGate(t *testing.T) {
	w := shopFixture()
	none := 0
	report := func(number int, counts TestCounts) TestReport {
		return TestReport{ID: "r", Spec: TestReportSpec{Pipeline: "shop", Version: "1.0", Suite: "unit"}, Number: number, Counts: counts,
			ReleaseDigest: w.Releases["1.0"].Digest, RecordedAt: fixtureNow}
	}
	change := func(change func(*TestReport)) []TestReport {
		r := report(1, TestCounts{Tests: 5})
		change(&r)
		return []TestReport{r}
	}
	five := TestCounts{Tests: 5}
	inStaging := func(r *TestReport) { r.Check, r.Spec.Stage, r.Spec.Environment = "unit", "staging", "stg" }
	cases := map[string]struct {
		reports []TestReport
		gate    TestsGate
		verdict Verdict
		reason  string
	}{
		"no report":               {nil, TestsGate{}, VerdictPending, "no report of suite unit about 1.0; record one with a cd_test_report"},
		"enough":                  {[]TestReport{report(1, five)}, TestsGate{}, VerdictPassed, "5 tests ran, 0 failed"},
		"another suite":           {change(func(r *TestReport) { r.Spec.Suite = "e2e" }), TestsGate{}, VerdictPending, "no report"},
		"another version":         {change(func(r *TestReport) { r.Spec.Version = "1.1" }), TestsGate{}, VerdictPending, "no report"},
		"another content":         {change(func(r *TestReport) { r.ReleaseDigest = "sha256:other" }), TestsGate{}, VerdictPending, "no report"},
		"withdrawn":               {change(func(r *TestReport) { r.WithdrawnAt = later(0) }), TestsGate{}, VerdictPending, "the newest report of suite unit about 1.0 was withdrawn; record a new one"},
		"an older one, withdrawn": {append(change(func(r *TestReport) { r.WithdrawnAt = later(0) }), report(2, five)), TestsGate{}, VerdictPassed, ""},
		"the newest, withdrawn":   {append(change(func(r *TestReport) { r.WithdrawnAt, r.Number = later(0), 2 }), report(1, five)), TestsGate{}, VerdictPending, "was withdrawn"},
		"two origins":             {append(change(inStaging), report(2, five)), TestsGate{}, VerdictPassed, "5 tests ran, 0 failed (report of a cd_test_report); 5 tests ran, 0 failed (report of the check unit in staging (stg))"},
		"one of two fails":        {append(change(func(r *TestReport) { inStaging(r); r.Counts.Errors = 1 }), report(2, five)), TestsGate{}, VerdictFailed, "5 tests ran, 1 failed; at most 0 may (report of the check unit in staging (stg))"},
		"one of two, withdrawn":   {append(change(func(r *TestReport) { inStaging(r); r.WithdrawnAt = later(0) }), report(2, five)), TestsGate{}, VerdictPending, "was withdrawn; record a new one (report of the check"},
		"no check, other place":   {append(change(func(r *TestReport) { r.Spec.Stage, r.Counts.Errors = "production", 1 }), report(2, five)), TestsGate{}, VerdictFailed, "(report of a cd_test_report in production)"},
		"found after entering":    {append(change(func(r *TestReport) { inStaging(r); r.Spec.Stage, r.Counts.Errors = "production", 1 }), report(2, five)), TestsGate{}, VerdictPassed, ""},
		"empty":                   {[]TestReport{report(1, TestCounts{})}, TestsGate{}, VerdictFailed, "0 tests ran, 0 failed; at least 1 must run"},
		"empty is never enough":   {[]TestReport{report(1, TestCounts{})}, TestsGate{MinTests: &none}, VerdictFailed, "0 tests ran, 0 failed; the report has no test"},
		"skipped is enough":       {[]TestReport{report(1, TestCounts{Tests: 1, Skipped: 1})}, TestsGate{MinTests: &none}, VerdictPassed, "0 tests ran"},
		"skipped did not run":     {[]TestReport{report(1, TestCounts{Tests: 5, Skipped: 5})}, TestsGate{}, VerdictFailed, "at least 1 must run"},
		"failures":                {[]TestReport{report(1, TestCounts{Tests: 5, Failures: 1})}, TestsGate{}, VerdictFailed, "5 tests ran, 1 failed; at most 0 may"},
		"errors":                  {[]TestReport{report(1, TestCounts{Tests: 5, Errors: 1})}, TestsGate{}, VerdictFailed, "1 failed"},
		"as many as may":          {[]TestReport{report(1, TestCounts{Tests: 5, Failures: 1, Errors: 1})}, TestsGate{MaxFailures: 2}, VerdictPassed, "2 failed"},
		"one more than may":       {[]TestReport{report(1, TestCounts{Tests: 5, Failures: 2, Errors: 1})}, TestsGate{MaxFailures: 2}, VerdictFailed, "3 failed; at most 2 may"},
		"the newest":              {[]TestReport{report(2, TestCounts{Tests: 5, Failures: 1}), report(1, five)}, TestsGate{}, VerdictFailed, ""},
		"the newest, in order":    {[]TestReport{report(1, TestCounts{Tests: 5, Failures: 1}), report(2, five)}, TestsGate{}, VerdictPassed, ""},
		"old enough":              {change(func(r *TestReport) { r.RecordedAt = fixtureNow.Add(-time.Hour) }), TestsGate{MaxAge: "1h"}, VerdictPassed, ""},
		"too old":                 {change(func(r *TestReport) { r.RecordedAt = fixtureNow.Add(-time.Hour - 1) }), TestsGate{MaxAge: "1h"}, VerdictPending, "the report may be at most 1h old: run the suite again"},
		"any age":                 {change(func(r *TestReport) { r.RecordedAt = fixtureNow.Add(-1000 * time.Hour) }), TestsGate{}, VerdictPassed, ""},
		"a clock that is fast":    {change(func(r *TestReport) { r.RecordedAt = fixtureNow.Add(MaxClockSkew) }), TestsGate{MaxAge: "1h"}, VerdictPassed, ""},
		"from the future":         {change(func(r *TestReport) { r.RecordedAt = fixtureNow.Add(MaxClockSkew + 1) }), TestsGate{MaxAge: "1h"}, VerdictPending, "run the suite again"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w.Reports = c.reports
			g := production(w).tests("unit", c.gate)
			require.Equal(t, "tests.unit", g.Name)
			requireGate(t, g, c.verdict, c.reason, nil)
		})
	}
}

func TestCheckGate(t *testing.T) {
	w := shopFixture()
	key := CheckKey{Stage: "production", Version: "1.0", Name: "smoke"}
	c := production(w)
	requireGate(t, c.check("smoke"), VerdictPending, "not asked yet", nil)
	require.Equal(t, Questions{Checks: []CheckKey{key}}, *c.questions)
	c.check("smoke")
	require.Len(t, c.questions.Checks, 1, "asked once")
	for name, one := range map[string]struct {
		answer  CheckResult
		verdict Verdict
	}{
		"yes": {CheckResult{Passed: true, Detail: "fine"}, VerdictPassed}, "no": {CheckResult{Detail: "fine"}, VerdictPending},
		"broken": {CheckResult{Broken: true, Detail: "fine"}, VerdictFailed}, "broken, and yes": {CheckResult{Broken: true, Passed: true, Detail: "fine"}, VerdictFailed},
	} {
		w.Checks[key] = one.answer
		requireGate(t, production(w).check("smoke"), one.verdict, "fine", nil)
		_ = name
	}
	other := production(w)
	other.policy = "strict"
	requireGate(t, other.check("smoke"), VerdictPending, "not asked yet", nil)
	require.Equal(t, "strict", other.questions.Checks[0].Policy)
}

func TestFreezes(t *testing.T) {
	w := shopFixture()
	freeze := FreezeSpec{Name: "sale", Reason: "many buy", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T12:00:00Z", Tiers: []Tier{TierProduction}}
	edit := func(change func(*FreezeSpec)) FreezeSpec { f := freeze; change(&f); return f }
	cases := map[string]struct {
		freezes []FreezeSpec
		reason  string // "" when nothing is frozen
		ready   *time.Time
	}{
		"none":                 {nil, "", nil},
		"by tier":              {[]FreezeSpec{freeze}, `eu is frozen until 2027-03-01T12:00:00Z by "sale": many buy`, later(3 * time.Hour)},
		"another tier":         {[]FreezeSpec{edit(func(f *FreezeSpec) { f.Tiers = []Tier{TierStaging} })}, "", nil},
		"by environment":       {[]FreezeSpec{edit(func(f *FreezeSpec) { f.Tiers, f.Environments = nil, []string{"us"} })}, "us is frozen", later(3 * time.Hour)},
		"another environment":  {[]FreezeSpec{edit(func(f *FreezeSpec) { f.Environments = []string{"stg"} })}, "", nil},
		"by pipeline":          {[]FreezeSpec{edit(func(f *FreezeSpec) { f.Pipelines = []string{"shop"} })}, "eu is frozen", later(3 * time.Hour)},
		"another pipeline":     {[]FreezeSpec{edit(func(f *FreezeSpec) { f.Pipelines = []string{"blog"} })}, "", nil},
		"begins now":           {[]FreezeSpec{edit(func(f *FreezeSpec) { f.StartsAt = "2027-03-01T09:00:00Z" })}, "eu is frozen", later(3 * time.Hour)},
		"begins later":         {[]FreezeSpec{edit(func(f *FreezeSpec) { f.StartsAt = "2027-03-01T09:00:01Z" })}, "", nil},
		"ends now":             {[]FreezeSpec{edit(func(f *FreezeSpec) { f.EndsAt = "2027-03-01T09:00:00Z" })}, "", nil},
		"ends in a second":     {[]FreezeSpec{edit(func(f *FreezeSpec) { f.EndsAt = "2027-03-01T09:00:01Z" })}, "eu is frozen", later(time.Second)},
		"malformed end":        {[]FreezeSpec{edit(func(f *FreezeSpec) { f.EndsAt = "soon" })}, "eu is frozen", &time.Time{}},
		"the one that is last": {[]FreezeSpec{freeze, edit(func(f *FreezeSpec) { f.Name, f.EndsAt = "audit", "2027-03-01T13:00:00Z" })}, `by "audit"`, later(4 * time.Hour)},
		"in either order":      {[]FreezeSpec{edit(func(f *FreezeSpec) { f.Name, f.EndsAt = "audit", "2027-03-01T13:00:00Z" }), freeze}, `by "audit"`, later(4 * time.Hour)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w.Freezes = c.freezes
			g, frozen := production(w).frozen()
			require.Equal(t, c.reason != "", frozen)
			if frozen {
				require.Equal(t, "freeze", g.Name)
				requireGate(t, g, VerdictPending, c.reason, c.ready)
			}
		})
	}
}

func TestAFreezeIsOnlyAskedWhereSomethingIsDeployed(t *testing.T) {
	w := shopFixture()
	w.Freezes = []FreezeSpec{{Name: "eu", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T12:00:00Z", Environments: []string{"eu"}}}
	c := production(w)
	c.environments = []string{"us"}
	_, frozen := c.frozen()
	require.False(t, frozen, "eu is done already, and frozen")
}

func TestPolicies(t *testing.T) {
	w := shopFixture()
	gates := Gates{Soak: &SoakGate{Stage: "staging", Duration: "1h"}}
	w.Policies = []PolicySpec{{Name: "zone", Environments: []string{"us"}, Gates: gates}, {Name: "all", Tiers: []Tier{TierProduction}, Gates: gates},
		{Name: "test", Tiers: []Tier{TierTesting}, Environments: []string{"stg"}, Gates: gates}}
	names := func(stage Stage) []string {
		found := []string{}
		for _, p := range w.policies(stage) {
			found = append(found, p.Name)
		}
		return found
	}
	require.Equal(t, []string{"all", "zone"}, names(w.Pipeline.Stages[1]))
	require.Equal(t, []string{"test"}, names(w.Pipeline.Stages[0]))
	found := []string{}
	for _, g := range production(w).evaluate() {
		found = append(found, g.Name)
	}
	require.Equal(t, []string{"previous_stage", "policy.all.soak", "policy.zone.soak"}, found)
}

func TestGatesAreEvaluatedInOrder(t *testing.T) {
	w := shopFixture()
	check := Check{HTTP: &HTTPCheck{URL: "http://localhost"}}
	w.Pipeline.Stages[1].Gates = Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{Anyone}}, Tests: map[string]TestsGate{"unit": {}, "e2e": {}}, Soak: &SoakGate{Stage: "staging", Duration: "1h"},
		Cooldown: &CooldownGate{Duration: "1h"}, MaxDeploys: &MaxDeploysGate{Count: 1, Per: "1h"}, Parity: &ParityGate{}, Checks: map[string]Check{"b": check, "a": check},
		Expressions: map[string]Expression{"x": {Condition: "true", Message: "why"}}}
	w.Freezes = []FreezeSpec{{Name: "f", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T12:00:00Z", Pipelines: []string{"shop"}}}
	release := w.Releases["1.0"]
	release.Digest = "sha256:changed"
	w.Releases["1.0"] = release
	found := []string{}
	for _, g := range production(w).evaluate() {
		found = append(found, g.Name)
	}
	require.Equal(t, []string{"release", "previous_stage", "approvals", "tests.e2e", "tests.unit", "soak", "cooldown", "max_deploys", "parity", "checks.a", "checks.b", "expressions.x", "freeze"}, found)
	first := production(w)
	first.stage = w.Pipeline.Stages[0]
	require.Equal(t, []string{"release", "freeze"}, func() []string {
		names := []string{}
		for _, g := range first.evaluate() {
			names = append(names, g.Name)
		}
		return names
	}(), "nothing is before the first stage")
}

func TestOverrides(t *testing.T) {
	w := shopFixture()
	w.Pipeline.Stages[1].Gates = Gates{Soak: &SoakGate{Stage: "staging", Duration: "1h"}, Checks: map[string]Check{"a": {}, "b": {}}}
	w.Pipeline.Stages[1].Overridable = []string{"soak", "checks.a", "previous_stage"}
	w.Policies = []PolicySpec{{Name: "p", Tiers: []Tier{TierProduction}, Gates: Gates{Soak: &SoakGate{Stage: "staging", Duration: "1h"}}}}
	override := Override{ID: "o1", ReleaseDigest: w.Releases["1.0"].Digest, Actor: "eve", CreatedAt: fixtureNow,
		Spec: OverrideSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Gates: []string{"soak", "checks"}, Reason: "outage", Ticket: "OPS-1", ExpiresAt: "2027-03-01T10:00:00Z"}}
	skipped := func(change func(*Override)) []string {
		o := override
		o.Contents = w.ApprovalContents(w.Pipeline.Stages[1], w.Releases["1.0"])
		change(&o)
		w.Overrides = []Override{o}
		found := []string{}
		for _, g := range production(w).evaluate() {
			require.Equal(t, g.Verdict == VerdictPassed, g.Override == "o1", g.Name)
			if g.Override != "" {
				found = append(found, g.Name)
			}
		}
		return found
	}
	both := []string{"soak", "checks.a"}
	require.Equal(t, both, skipped(func(*Override) {}))
	require.Equal(t, []string{"soak"}, skipped(func(o *Override) { o.Spec.Gates = []string{"soak"} }))
	require.Equal(t, []string{"checks.a"}, skipped(func(o *Override) { o.Spec.Gates = []string{"checks.a", "checks.b"} }))
	require.Equal(t, both, skipped(func(o *Override) { o.Spec.ExpiresAt = "2027-03-01T09:00:01Z" }))
	require.Equal(t, both, skipped(func(o *Override) { o.CreatedAt = fixtureNow.Add(MaxClockSkew) }))
	for name, change := range map[string]func(*Override){
		"revoked":          func(o *Override) { o.RevokedAt = later(0) },
		"expired":          func(o *Override) { o.Spec.ExpiresAt = "2027-03-01T09:00:00Z" },
		"from the future":  func(o *Override) { o.CreatedAt = fixtureNow.Add(MaxClockSkew + 1) },
		"another pipeline": func(o *Override) { o.Spec.Pipeline = "blog" },
		"another stage":    func(o *Override) { o.Spec.Stage = "staging" },
		"another version":  func(o *Override) { o.Spec.Version = "1.1" },
		"another content":  func(o *Override) { o.ReleaseDigest = "sha256:other" },
	} {
		require.Empty(t, skipped(change), name)
	}
	skipped(func(*Override) {})
	g := production(w).overridden([]GateResult{{Name: "soak", Verdict: VerdictPending, Reason: "not yet", ReadyAt: later(0)}, {Name: "soak", Verdict: VerdictPassed, Reason: "ran"}})
	require.Equal(t, GateResult{Name: "soak", Verdict: VerdictPassed, Override: "o1",
		Reason: "overridden by eve until 2027-03-01T10:00:00Z: outage (OPS-1); it says: not yet"}, g[0])
	require.Empty(t, g[1].Override, "what passes needs no override")
}
