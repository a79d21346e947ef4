package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// interruptedFixture has 1.0 run in staging and 1.1 in production, and a deployment of 1.0 to eu that was interrupted.
func interruptedFixture() World {
	w := shopFixture()
	w.Pipeline.Stages[1].Gates.Approvals = &ApprovalsGate{Required: 1, Approvers: []string{Anyone}}
	w.Pipeline.Stages[1].Gates.Tests = map[string]TestsGate{"unit": {}}
	w.Pipeline.Stages[1].Overridable = []string{"freeze"}
	w.Releases["1.2"] = w.Releases["1.1"]
	w.Approvals = []Approval{{ID: "a1", Number: 1, DecidedAt: fixtureNow, Contents: w.ApprovalContents(w.Pipeline.Stages[1], w.Releases["1.0"]),
		Spec: ApprovalSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Decision: Approve, Approver: "bob"}}}
	w.Reports = []TestReport{{ID: "t1", Number: 1, Spec: TestReportSpec{Pipeline: "shop", Version: "1.0", Suite: "unit"}, Counts: TestCounts{Tests: 1},
		ReleaseDigest: w.Releases["1.0"].Digest, RecordedAt: fixtureNow}}
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified), deployed(w, 2, "1.1", "eu", Verified), deployed(w, 3, "1.1", "us", Verified),
		deployed(w, 4, "1.0", "eu", Deploying).with(func(d *Deployment) { d.Terms = w.Pipeline.Stages[1].terms(w.Environments["eu"]) })})
	return wants(seen(w), "production", "1.0")
}

var frozenEU = []FreezeSpec{{Name: "f", Reason: "we count", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T12:00:00Z", Environments: []string{"eu"}}}

// TestAnInterruptedDeployment changes one thing after the interruption. stops is why the deployment may not go on; empty when it may.
func TestAnInterruptedDeployment(t *testing.T) {
	reject := func(w *World) {
		no := w.Approvals[0]
		no.ID, no.Number, no.Spec.Decision, no.Spec.Approver = "a2", 1, Reject, "cid"
		w.Approvals = append(w.Approvals, no)
	}
	for name, c := range map[string]struct {
		change func(*World)
		stops  string
	}{
		"nothing":        {func(*World) {}, ""},
		"a freeze":       {func(w *World) { w.Freezes = frozenEU }, `freeze: eu is frozen until 2027-03-01T12:00:00Z by "f": we count`},
		"a freeze of us": {func(w *World) { w.Freezes = append(w.Freezes, frozenEU...); w.Freezes[0].Environments = []string{"us"} }, ""},
		"a freeze with an override": {func(w *World) {
			w.Freezes = frozenEU
			w.Overrides = []Override{{ID: "o1", ReleaseDigest: w.Releases["1.0"].Digest, CreatedAt: fixtureNow, ExpiresAt: fixtureNow.Add(time.Hour),
				Contents: w.ApprovalContents(w.Pipeline.Stages[1], w.Releases["1.0"]), Spec: OverrideSpec{Pipeline: "shop", Version: "1.0",
					Stage: "production", Gates: []string{"freeze"}, Reason: "now", Ticket: "T-1", ExpiresAt: "2027-03-01T10:00:00Z"}}}
		}, ""},
		"a rejection":        {reject, "approvals: cid rejected it"},
		"a revoked approval": {func(w *World) { w.Approvals[0].RevokedAt = later(0) }, "approvals: 0 of 1 approvals"},
		"a void approval":    {func(w *World) { w.Approvals[0].Contents = []string{"x"} }, "approvals: 0 of 1 approvals"},
		"a withdrawn report": {func(w *World) { w.Reports[0].WithdrawnAt = later(0) }, "tests.unit: the newest report of suite unit about 1.0 was withdrawn"},
		"a failing report":   {func(w *World) { w.Reports[0].Counts.Failures = 1 }, "tests.unit: 1 tests ran, 1 failed"},
		"a new policy": {func(w *World) {
			w.Policies = []PolicySpec{{Name: "p", Tiers: []Tier{TierProduction}, Gates: Gates{Tests: map[string]TestsGate{"security": {}}}}}
		}, "approvals: "},
		"a policy that passes": {func(w *World) {
			w.Policies = []PolicySpec{{Name: "p", Tiers: []Tier{TierProduction}, Gates: Gates{Tests: map[string]TestsGate{"unit": {}}}}}
			w.Approvals[0].Contents = w.ApprovalContents(w.Pipeline.Stages[1], w.Releases["1.0"])
		}, ""},
		"another version":       {func(w *World) { *w = wants(*w, "production", "1.1") }, "1.1 is wanted there now"},
		"another configuration": {func(w *World) { w.Environments["eu"] = w.Environments["eu"].withConfig("REGION", "west") }, "the configuration of eu changed: REGION"},
		"another target": {func(w *World) {
			env := w.Environments["eu"]
			env.Target = directoryTarget("x")
			w.Environments["eu"] = env
		}, "the configuration of eu changed: its target"},
		"another platform": {func(w *World) {
			env := w.Environments["eu"]
			env.Platform = map[string]string{"os": "x"}
			w.Environments["eu"] = env
		}, "the stage asks for something else now"},
		"another verification":   {func(w *World) { w.Pipeline.Stages[1].Verify = map[string]Check{"v": {}} }, "the stage asks for something else now"},
		"another rollout":        {func(w *World) { w.Pipeline.Stages[1].Rollout = &Rollout{MaxFailures: 1} }, "the stage asks for something else now"},
		"fewer gates":            {func(w *World) { w.Pipeline.Stages[1].Gates.Tests = nil }, "the stage asks for something else now"},
		"a failure in the stage": {func(w *World) { w.History.record(deployed(*w, 5, "1.0", "us", Failed)) }, "1.0 failed in production (us, attempt 1)"},
		"a failure before":       {func(w *World) { w.History.record(deployed(*w, 5, "1.0", "stg", Failed)) }, "previous_stage: 1.0 failed in staging"},
	} {
		w := interruptedFixture()
		c.change(&w)
		why, judged := w.stops(w.Pipeline.Stages[1], w.Releases[w.Promotions["production"].Spec.Version], *w.History.withID("d4"), &Questions{})
		require.True(t, judged, name)
		if c.stops == "" {
			require.Empty(t, why, name)
			require.Contains(t, lines(Decide(w, "production").Steps), "resume 1.0 eu", name)
			continue
		}
		require.Contains(t, why, c.stops, name)
		d := Decide(w, "production")
		require.Contains(t, lines(d.Steps), "rollback 1.1 eu", name)
		require.Contains(t, d.Steps[0].Reason, "the deployment of 1.0 was interrupted and may not go on: ", name)
		require.Equal(t, "d4", d.Steps[0].Deployment, name)
		s := Simulate(w, nil, w.Promotions["production"])
		require.Equal(t, lines(d.Steps), lines(s.Steps)[:len(d.Steps)], name)
	}
}

func (s EnvironmentSpec) withConfig(key, value string) EnvironmentSpec {
	s.Config = overlaid(s.Config, map[string]string{key: value})
	return s
}

// TestAnInterruptedDeploymentStays has nothing to go back to, or nobody who may say so.
func TestAnInterruptedDeploymentStays(t *testing.T) {
	first := func() World {
		w := interruptedFixture()
		w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified), deployed(w, 4, "1.0", "eu", Deploying)})
		w.Freezes = frozenEU
		return wants(seen(w), "production", "1.0")
	}
	w := first()
	d := Decide(w, "production")
	require.Empty(t, d.Steps)
	require.Equal(t, StageDeploying, d.Stages[0].Status)
	require.True(t, d.Changes())
	told := "the deployment of 1.0 to eu was interrupted and may not go on: freeze: eu is frozen until 2027-03-01T12:00:00Z by \"f\": we count; nothing else ran verified there before, so it stays as it is"
	require.Contains(t, d.Stages[0].Unfinished["eu"], told)
	require.ErrorContains(t, Outcome(w.Promotions["production"], d), "frozen until")
	require.True(t, Simulate(w, nil, w.Promotions["production"]).Changes(), "the plan says the same")
	w.Freezes = nil
	require.Equal(t, []string{"resume 1.0 eu"}, lines(Decide(w, "production").Steps), "it goes on later")

	w = first()
	w.Freezes = nil
	w.Environments["eu"] = w.Environments["eu"].withConfig("REGION", "west")
	w.Approvals[0].Contents = w.ApprovalContents(w.Pipeline.Stages[1], w.Releases["1.0"])
	d = Decide(w, "production")
	require.Equal(t, []string{"deploy 1.0 eu"}, lines(d.Steps), "what may enter now takes its place")
	require.Equal(t, "the deployment of 1.0 to eu was interrupted", d.Steps[0].Reason)
	s := Simulate(w, nil, w.Promotions["production"])
	require.Equal(t, []string{"deploy 1.0 eu", "deploy 1.0 us"}, lines(s.Steps))

	w = interruptedFixture()
	w.Freezes, w.Pipeline.Stages[1].OnFailure = frozenEU, Halt
	d = Decide(w, "production")
	require.Empty(t, d.Steps)
	require.Contains(t, d.Stages[0].Unfinished["eu"], "the stage halts on failure, so it stays as it is")

	w = interruptedFixture()
	w.Freezes, w.Ledger.At = frozenEU, fixtureNow.Add(MaxClockNoise*2)
	d = Decide(w, "production")
	require.Empty(t, d.Steps, "time cannot be judged")
	require.Contains(t, d.Stages[0].Unfinished["eu"], "whether it may go on cannot be told: freeze: ")

	// A heal is judged by what it heals, whatever is wanted. It brings what ran before: there is nothing else to go back to.
	w = interruptedFixture()
	w.Pipeline.Stages[1].Gates = Gates{}
	w.History.record(deployed(w, 4, "1.1", "eu", Deploying).with(func(d *Deployment) { d.Kind, d.Content = KindHeal, w.History.withID("d2").Content }))
	stage, heal := w.Pipeline.Stages[1], *w.History.withID("d4")
	why, _ := w.stops(stage, w.Releases["1.0"], heal, &Questions{})
	require.Contains(t, why, "previous_stage", "1.1 did not run in staging first")
	w.Pipeline.Stages = w.Pipeline.Stages[1:]
	why, _ = w.stops(stage, w.Releases["1.0"], heal, &Questions{})
	require.Empty(t, why)
	w.Freezes = frozenEU
	require.Empty(t, Decide(w, "production").Steps)
}

// TestWhatBeganInTimeGoesOn changes gates that say when a delivery may begin.
func TestWhatBeganInTimeGoesOn(t *testing.T) {
	w := interruptedFixture()
	stage, d := w.Pipeline.Stages[1], *w.History.withID("d4")
	w.Policies = []PolicySpec{{Name: "p", Tiers: []Tier{TierProduction}, Gates: Gates{Soak: &SoakGate{Stage: "staging", Duration: "1h"}}}}
	for name, passed := range map[string]bool{"soak": true, "windows": true, "cooldown": true, "max_deploys": true, "policy.p.soak": true, "policy.q.soak": false, "policy.p.tests.soak": false,
		"freeze": false, "approvals": false, "checks.soak": false} {
		d.Gates = []GateResult{{Name: name, Verdict: VerdictPassed}}
		require.Equal(t, passed, w.passedAtTheStart(stage, GateResult{Name: name}, d), name)
		d.Gates = []GateResult{{Name: name, Verdict: VerdictPending}}
		require.False(t, w.passedAtTheStart(stage, GateResult{Name: name}, d), name)
		d.Gates = nil
		require.False(t, w.passedAtTheStart(stage, GateResult{Name: name}, d), "%s was added since", name)
	}
}

// TestARollbackOfAnInterruptedDeployment fails, and is tried again.
func TestARollbackOfAnInterruptedDeployment(t *testing.T) {
	w := interruptedFixture()
	w.Freezes = frozenEU
	w.History.record(deployed(w, 4, "1.0", "eu", Superseded).with(func(d *Deployment) { d.VerifiedAt = nil }))
	w.History.record(failedRollbackOf(w, 5, "d4", "eu"))
	d := Decide(w, "production")
	require.Equal(t, []string{"rollback 1.1 eu"}, lines(d.Steps))
	require.Empty(t, d.Stages[0].Held, "nothing failed but the rollback")
	require.Equal(t, "the deployment of 1.0 was interrupted; going back to 1.1 again, because the last rollback failed: it does not answer", d.Steps[0].Reason)
	require.Equal(t, []string{"rollback 1.1 eu"}, lines(Simulate(w, nil, w.Promotions["production"]).Steps))
	require.Equal(t, StageWaiting, d.Stages[0].Status)
}
