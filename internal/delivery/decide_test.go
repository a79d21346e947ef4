package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// driftedBehindABlock has three drifted environments that run 1.1, and 1.0 is wanted there and may not enter.
func driftedBehindABlock(parallel int) World {
	w := shopFixture()
	w.Pipeline.Stages[1].Environments = []string{"eu", "us", "asia"}
	w.Environments["asia"] = EnvironmentSpec{Name: "asia", Tier: TierProduction, Target: directoryTarget("asia")}
	if parallel > 0 {
		w.Pipeline.Stages[1].Rollout = &Rollout{MaxParallel: parallel, MaxFailures: 2}
	}
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.1", "stg", Verified), deployed(w, 2, "1.1", "eu", Verified), deployed(w, 3, "1.1", "us", Verified), deployed(w, 4, "1.1", "asia", Verified)})
	w = seen(w)
	for _, env := range w.Pipeline.Stages[1].Environments {
		w.Observations[env] = Observation{Running: true, Version: "1.1", Differences: []string{"LOG is debug", "REGION is x"}}
	}
	return wants(w, "production", "1.0")
}

func TestHealing(t *testing.T) {
	d := Decide(driftedBehindABlock(0), "production")
	require.Equal(t, []string{"deploy 1.1 eu"}, lines(d.Steps), "one after another")
	require.Equal(t, KindHeal, d.Steps[0].Purpose)
	require.Equal(t, "eu drifted: LOG is debug; REGION is x", d.Steps[0].Reason)
	require.Equal(t, []int{1, 0}, []int{d.Steps[0].Attempt, d.Steps[0].MaxFailures})
	d = Decide(driftedBehindABlock(2), "production")
	require.Equal(t, []string{"deploy 1.1 eu", "deploy 1.1 us"}, lines(d.Steps))
	require.Equal(t, 2, d.Steps[0].MaxFailures)

	w := driftedBehindABlock(3)
	w.Observations["eu"] = Observation{Unknown: "it does not answer"}
	w.Observations["us"] = Observation{Running: false}
	d = Decide(w, "production")
	require.Equal(t, []string{"deploy 1.1 us", "deploy 1.1 asia"}, lines(d.Steps))
	require.Equal(t, "us drifted: nothing runs there now", d.Steps[0].Reason)
	delete(w.Observations, "asia")
	d = Decide(w, "production")
	require.Equal(t, []string{"asia"}, d.Questions.Observations, "it asks what it must know")
	require.Equal(t, []string{"deploy 1.1 us"}, lines(d.Steps))

	w = driftedBehindABlock(3)
	delete(w.Releases, "1.1")
	require.Empty(t, Decide(w, "production").Steps, "nobody knows what to bring there")
	w = driftedBehindABlock(3)
	w.History.record(deployed(w, 5, "1.1", "us", Failed))
	require.Empty(t, Decide(w, "production").Steps, "what broke in the stage is not brought there again")
	w = driftedBehindABlock(3)
	w.Freezes = []FreezeSpec{{Name: "f", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T12:00:00Z", Environments: []string{"eu"}}}
	require.Equal(t, []string{"deploy 1.1 us", "deploy 1.1 asia"}, lines(Decide(w, "production").Steps))
}

func TestDriftOfTheWantedRelease(t *testing.T) {
	w := shopFixture()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified)})
	w = wants(seen(w), "staging", "1.0")
	d := Decide(w, "staging")
	require.Empty(t, d.Steps)
	require.Equal(t, StageVerified, d.Stages[0].Status)
	require.False(t, d.Changes())
	require.Nil(t, d.Stopped())
	w.Observations["stg"] = Observation{Running: true, Differences: []string{"x"}}
	d = Decide(w, "staging")
	require.Equal(t, []string{"deploy 1.0 stg"}, lines(d.Steps))
	require.Equal(t, []any{KindHeal, StageDrifted, map[string]string{"stg": "stg drifted: x"}}, []any{d.Steps[0].Purpose, d.Stages[0].Status, d.Stages[0].Needs})
	require.True(t, d.Changes())
	w.Observations["stg"] = Observation{Unknown: "it does not answer"}
	d = Decide(w, "staging")
	require.Empty(t, d.Steps)
	require.Equal(t, map[string]string{"stg": "it does not answer"}, d.Stages[0].Unknown)
	require.Equal(t, StageVerified, d.Stages[0].Status)
}

// TestWhatAnEnvironmentNeeds looks at one environment of staging, in which 1.0 is wanted.
func TestWhatAnEnvironmentNeeds(t *testing.T) {
	w := shopFixture()
	one := func(seq int64, version string, status DeploymentStatus) Deployment {
		return deployed(w, seq, version, "stg", status)
	}
	config := func(d *Deployment) {
		d.Content.ConfigRevision, d.Content.Config = "old", map[string]string{"OLD": "x", "REGION": "stg"}
	}
	authorized := func(d *Deployment) { d.Content.Target = nil }
	for name, c := range map[string]struct {
		past []Deployment
		want string
	}{
		"nothing":                   {nil, "nothing verified runs in stg yet"},
		"only failures":             {[]Deployment{one(1, "1.0", Failed)}, "nothing verified runs in stg yet"},
		"another version":           {[]Deployment{one(1, "1.1", Verified)}, "stg runs 1.1"},
		"another configuration":     {[]Deployment{one(1, "1.0", Verified).with(config)}, "the configuration of stg changed: OLD"},
		"another target":            {[]Deployment{one(1, "1.0", Verified).with(func(d *Deployment) { d.Content.ConfigRevision = "old" })}, "the configuration of stg changed: its target"},
		"a failure since":           {[]Deployment{one(1, "1.0", Verified), one(2, "1.1", Failed)}, "the last deployment to stg failed"},
		"a failure, rolled back":    {[]Deployment{one(1, "1.0", Verified), one(2, "1.1", RolledBack)}, "the last deployment to stg was rolled back"},
		"as it should be":           {[]Deployment{one(1, "1.0", Verified)}, ""},
		"authorized":                {[]Deployment{one(1, "1.0", Verifying).with(func(d *Deployment) { d.Content.Target = nil })}, ""},
		"another one is authorized": {[]Deployment{one(1, "1.1", Verifying).with(authorized)}, "1.1 was authorized for stg"},
		"an older configuration":    {[]Deployment{one(1, "1.0", Verifying).with(config).with(authorized)}, "the configuration of stg changed: OLD"},
	} {
		w.History = NewHistory(c.past)
		needs, _ := seen(w).needs(w.Pipeline.Stages[0], w.Releases["1.0"], &Questions{})
		require.Equal(t, c.want, needs["stg"], name)
	}
}

func TestChangedKeysNamesNoValue(t *testing.T) {
	from := Content{Config: map[string]string{"A": "1", "B": "1", "C": ""}, Secrets: map[string]string{"T": "env:T", "U": "env:U"}}
	to := Content{Config: map[string]string{"A": "2", "B": "1"}, Secrets: map[string]string{"T": "env:X", "V": "env:V", "U": "env:U"}}
	require.Equal(t, "A, C, T, V", changedKeys(from, to))
}

func TestFinishingComesFirst(t *testing.T) {
	w := shopFixture()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified), deployed(w, 2, "1.0", "eu", Verifying), deployed(w, 3, "1.0", "us", Deploying)})
	w = wants(seen(w), "production", "1.0")
	d := Decide(w, "production")
	require.Equal(t, []string{"resume 1.0 eu", "resume 1.0 us"}, lines(d.Steps))
	require.Equal(t, StageDeploying, d.Stages[0].Status)
	step := d.Steps[1]
	require.Equal(t, []any{"d3", "r1.0", 1, KindDeliver, "1.0 is still deploying"}, []any{step.Deployment, step.Rollout, step.Attempt, step.Purpose, step.Reason})
	require.Empty(t, d.Stages[0].Gates, "nothing else is asked")
	w.History.record(deployed(w, 3, "1.0", "us", Verified))
	require.Equal(t, StageVerifying, Decide(w, "production").Stages[0].Status)
}

// TestWaitingStagesFinishWhatIsUnderWay stops a release in staging: production waits for it, and yet finishes its own.
func TestWaitingStagesFinishWhatIsUnderWay(t *testing.T) {
	w := shopFixture()
	w.Pipeline.Stages[1].Promotion, w.Pipeline.Stages[1].Gates.None = Automatic, "nobody uses it"
	w.Pipeline.Stages[0].Gates.Checks = map[string]Check{"smoke": {}}
	old := func(d *Deployment) { d.Content.ConfigRevision = "old" }
	w.History = NewHistory([]Deployment{deployed(w, 0, "1.0", "stg", Verified).with(old), deployed(w, 1, "1.1", "us", Verified), deployed(w, 2, "1.0", "eu", Deploying)})
	w = wants(w, "staging", "1.0")
	d := Decide(w, "staging")
	require.Equal(t, []string{"resume 1.0 eu"}, lines(d.Steps))
	require.Equal(t, []StageStatus{StageWaiting, StageWaiting}, []StageStatus{d.Stages[0].Status, d.Stages[1].Status})
	require.Equal(t, "previous_stage", d.Stages[1].Gates[0].Name)
	w.History.record(deployed(w, 2, "1.0", "eu", Failed))
	w.History.record(deployed(w, 3, "1.0", "us", Failed))
	require.Equal(t, []string{"rollback 1.1 us"}, lines(Decide(w, "staging").Steps))
	w.Pipeline.Stages[1].OnFailure = Halt
	require.Empty(t, Decide(w, "staging").Steps)
}

func TestOnwardLeavesTheEntryAlone(t *testing.T) {
	w := terraformDeploys()
	require.Equal(t, []string{"authorize 1.0 eu", "authorize 1.0 us"}, lines(Decide(w, "production").Steps))
	require.Empty(t, DecideOnward(w, "production").Steps)
	d := Decision{Entry: "a", Steps: []Step{{Kind: StepAuthorize, Stage: "a"}, {Kind: StepAuthorize, Stage: "b"}, {Kind: StepDeploy, Stage: "a"}}}
	require.Len(t, d.Onward().Steps, 2)
	require.Len(t, d.Steps, 3, "the decision is as it was")
}

func TestNothingIsDecidedWithoutAPromotion(t *testing.T) {
	w := shopFixture()
	require.Equal(t, Decision{Entry: "production"}, Decide(w, "production"))
	require.Equal(t, Decision{Entry: "gone"}, Decide(wants(w, "gone", "1.0"), "gone"))
	require.Equal(t, Decision{Entry: "staging", Version: "9.9"}, Decide(wants(w, "staging", "9.9"), "staging"))
}

func TestAHoldSaysWhatToDo(t *testing.T) {
	w := shopFixture()
	failed := deployed(w, 1, "1.0", "eu", Failed).with(func(d *Deployment) { d.Actor, d.Attempt = "ann", 2 })
	also := deployed(w, 2, "1.0", "us", Failed).with(func(d *Deployment) { d.Attempt, d.Failure = 2, "it burns" })
	mate := deployed(w, 3, "1.0", "us", RolledBack).with(func(d *Deployment) { d.Attempt = 2 })
	text := "1.0 failed in production (eu, attempt 2): it does not answer; delivered by ann. It is not tried there again until attempt is raised to 3, or another version is delivered"
	require.Equal(t, text, retryHold([]*Deployment{&failed}))
	require.Equal(t, text, retryHold([]*Deployment{&failed, &mate}), "the one that failed, not the one rolled back with it")
	require.Contains(t, retryHold([]*Deployment{&failed, &also}), "1.0 failed in production (us, attempt 2): it burns; it failed in eu too. It is not")
	other := also
	other.Rollout = "r2"
	require.NotContains(t, retryHold([]*Deployment{&failed, &other}), "too", "that was another rollout")
	require.Equal(t, "1.0 was rolled back in production (us, attempt 2). It is not tried there again until attempt is raised to 3, or another version is delivered", retryHold([]*Deployment{&mate}))
	many := []*Deployment{}
	for i := range maxNamed + 2 {
		d := failed
		d.Environment = fmt.Sprintf("e%d", i)
		many = append(many, &d)
	}
	require.Contains(t, retryHold(many), "it failed in e0, e1, e2, e3, e4, e5, e6, e7, e8, e9 and 1 more too")
	require.Equal(t, "a, b", enumerated([]string{"a", "b"}, ", ", 2))
}

func TestRollbacks(t *testing.T) {
	before := func() World {
		w := halfFailed()
		w.History.record(deployed(w, 5, "1.0", "us", Verified).with(func(d *Deployment) { d.MaxFailures = 1 }))
		return w
	}
	steps := func(w World) []Step { first, _ := w.History.rollbacks(w.Pipeline.Stages[1]); return first }
	w := before()
	require.Equal(t, []string{"rollback 1.1 eu"}, lines(steps(w)))
	step := steps(w)[0]
	require.Equal(t, Step{Kind: StepRollback, Stage: "production", Environment: "eu", Version: "1.1", Deployment: "d4", Rollout: "r1.0", Attempt: 1,
		Purpose: KindRollback, Content: w.History.withID("d2").Content, Reason: "1.0 failed in production; going back to 1.1"}, step)
	for i, id := range []string{"d4", "d5"} {
		w.History.record(w.History.withID(id).with(func(d *Deployment) { d.MaxFailures = 0 }))
		_ = i
	}
	require.Equal(t, []string{"rollback 1.1 eu", "rollback 1.1 us"}, lines(steps(w)), "it tolerates none")
	w.Pipeline.Stages[1].OnFailure = Halt
	require.Empty(t, steps(w))
	w = before()
	w.History.record(w.History.withID("d4").with(func(d *Deployment) { d.Content.Target = nil }))
	require.Empty(t, steps(w), "Terraform brings it back")
	w = before()
	w.History.record(w.History.withID("d2").with(func(d *Deployment) { d.Status = Failed }))
	require.Empty(t, steps(w), "there is nothing to go back to")
	w = before()
	w.History.record(failedRollbackOf(w, 6, "d4", "eu"))
	require.Empty(t, steps(w), "it was tried before, and failed")
	_, again := w.History.rollbacks(w.Pipeline.Stages[1])
	require.Equal(t, []string{"rollback 1.1 eu"}, lines(again))
	require.Equal(t, []any{"d4", "r1.0", "1.0 failed in production; going back to 1.1 again, because the last rollback failed: it does not answer"},
		[]any{again[0].Deployment, again[0].Rollout, again[0].Reason})
	w.History.record(deployed(w, 7, "1.1", "eu", Verified).with(func(d *Deployment) { d.Kind, d.Rollout, d.Replaces = KindRollback, "r1.0", "d4" }))
	_, again = w.History.rollbacks(w.Pipeline.Stages[1])
	require.Empty(t, again, "it succeeded")
}

// failedRollbackOf makes a rollback to 1.1 that failed.
func failedRollbackOf(w World, seq int64, id, env string) Deployment {
	return deployed(w, seq, "1.1", env, Failed).with(func(d *Deployment) { d.Kind, d.Rollout, d.Replaces = KindRollback, "r1.0", id })
}

// TestAFailedRollbackIsTriedAgain has 1.1 run in eu and us, and 1.0 broken in eu, where going back to 1.1 failed.
func TestAFailedRollbackIsTriedAgain(t *testing.T) {
	fixture := func() World {
		w := shopFixture()
		w.History = NewHistory([]Deployment{deployed(w, 1, "1.1", "stg", Superseded), deployed(w, 2, "1.0", "stg", Verified), deployed(w, 3, "1.1", "eu", Verified),
			deployed(w, 4, "1.1", "us", Verified), deployed(w, 5, "1.0", "eu", Failed)})
		w.History.record(failedRollbackOf(w, 6, "d5", "eu"))
		w = wants(seen(w), "production", "1.0")
		w.Observations["eu"] = Observation{Running: true, Version: "1.0"}
		return w
	}
	w := fixture()
	d := Decide(w, "production")
	require.Equal(t, []string{"rollback 1.1 eu"}, lines(d.Steps))
	require.Contains(t, d.Stages[0].Held, "1.0 failed in production (eu, attempt 1)")
	told := "the rollback of eu to 1.1 failed: it does not answer; 1.0 runs there now. Apply again to try the rollback again, or deliver another version"
	require.Equal(t, map[string]string{"eu": told}, d.Stages[0].Unfinished)

	s := Simulate(w, nil, w.Promotions["production"])
	require.Equal(t, []string{"rollback 1.1 eu"}, lines(s.Steps))
	require.True(t, s.Changes(), "the plan shows it")

	w.Tried = map[string]bool{"d6": true}
	d = Decide(w, "production")
	require.Empty(t, d.Steps, "one work tries it once")
	require.True(t, d.Changes())
	refusal := Outcome(w.Promotions["production"], d)
	require.ErrorContains(t, refusal, "release shop/1.0 is held: 1.0 failed in production")
	require.ErrorContains(t, refusal, "\nThe rollback of eu to 1.1 failed: it does not answer; 1.0 runs there now.")

	w = fixture()
	w.Freezes = []FreezeSpec{{Name: "f", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T12:00:00Z", Environments: []string{"eu", "us"}}}
	require.Equal(t, []string{"rollback 1.1 eu"}, lines(Decide(w, "production").Steps), "a freeze lets rollbacks through")

	w = wants(fixture(), "production", "1.1")
	require.Equal(t, []string{"deploy 1.1 eu"}, lines(Decide(w, "production").Steps), "it does not hold the version that it restores, and a delivery takes its place")
	w.Freezes = []FreezeSpec{{Name: "f", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T12:00:00Z", Environments: []string{"eu", "us"}}}
	w.Tried = map[string]bool{"d6": true}
	d = Decide(w, "production")
	require.Empty(t, d.Steps)
	require.Empty(t, d.Stages[0].Held)
	require.ErrorContains(t, Outcome(Promotion{Spec: PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.1", WhenBlocked: WhenBlockedPend}}, d),
		"work on shop/production is not finished.\nThe rollback of eu to 1.1 failed")

	w = fixture()
	w.Pipeline.Stages[1].OnFailure = Halt
	require.Empty(t, Decide(w, "production").Steps, "the stage halts now")
}

func TestWhatRunsAfterAFailedRollback(t *testing.T) {
	w := shopFixture()
	for want, seen := range map[string]Observation{
		"nothing runs there now": {}, "1.0 runs there now": {Running: true, Version: "1.0"},
		"what runs there now is not known (it does not answer)": {Unknown: "it does not answer"},
	} {
		w.Observations["eu"] = seen
		questions := Questions{}
		require.Equal(t, want, w.runsNow("eu", &questions))
		require.True(t, questions.Empty())
	}
	delete(w.Observations, "eu")
	questions := Questions{}
	require.Equal(t, "what runs there now was not looked at", w.runsNow("eu", &questions))
	require.Equal(t, []string{"eu"}, questions.Observations)
}

// TestAFailedRollbackIsNoFailureOfWhatItRestores asks what 1.1 may do while a rollback to it failed in staging.
func TestAFailedRollbackIsNoFailureOfWhatItRestores(t *testing.T) {
	w := shopFixture()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.1", "stg", Verified), deployed(w, 2, "1.0", "stg", Failed)})
	w.History.record(failedRollbackOf(w, 3, "d2", "stg"))
	c := production(w)
	c.release = w.Releases["1.1"]
	require.Equal(t, VerdictPassed, c.previousStage(w.Pipeline.Stages[0]).Verdict)
	require.Empty(t, w.hold(w.Pipeline.Stages[0], w.Releases["1.1"]))
	c.Now = c.Now.Add(time.Hour)
	requireGate(t, c.soak(SoakGate{Stage: "staging", Duration: "1h"}), VerdictPending, "a rollback to 1.1 failed in staging (stg), so it does not run verified there", nil)
}

func TestDeployments(t *testing.T) {
	w := shopFixture()
	w.Pipeline.Stages[1].Rollout = &Rollout{MaxParallel: 1, MaxFailures: 1}
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified)})
	w = wants(seen(w), "production", "1.0")
	step := Decide(w, "production").Steps
	require.Equal(t, []string{"deploy 1.0 eu"}, lines(step))
	require.Equal(t, []any{"", 1, 1, KindDeliver, "nothing verified runs in eu yet"}, []any{step[0].Rollout, step[0].Attempt, step[0].MaxFailures, step[0].Purpose, step[0].Reason})
	require.Equal(t, "info", step[0].Content.Config["LOG"])
	require.NotEmpty(t, step[0].Gates)
	w.Pipeline.Stages[1].Rollout.MaxParallel = 2
	require.Len(t, Decide(w, "production").Steps, 2)
	w.Pipeline.Stages[1].Rollout = nil
	require.Len(t, Decide(w, "production").Steps, 1, "one at a time is the default")

	w.History.record(deployed(w, 2, "1.0", "eu", Verified).with(func(d *Deployment) { d.Rollout = "r7" }))
	w = seen(w)
	step = Decide(w, "production").Steps
	require.Equal(t, []string{"deploy 1.0 us"}, lines(step))
	require.Equal(t, "r7", step[0].Rollout, "it joins the rollout that is under way")
	w.Observations["eu"] = Observation{Running: true, Differences: []string{"x"}}
	step = Decide(w, "production").Steps
	require.Equal(t, []string{"deploy 1.0 eu"}, lines(step))
	require.Equal(t, []any{"", KindHeal}, []any{step[0].Rollout, step[0].Purpose}, "what it has been to begins another one")
}

func TestAnExternalStageIsAuthorizedAsOne(t *testing.T) {
	w := terraformDeploys()
	w.Pipeline.Stages[1].Rollout = &Rollout{MaxParallel: 1, MaxFailures: 1}
	steps := Decide(w, "production").Steps
	require.Equal(t, []string{"authorize 1.0 eu", "authorize 1.0 us"}, lines(steps))
	require.Zero(t, steps[0].MaxFailures)
	w.Pipeline.Stages[1].Promotion = Automatic
	c := production(w)
	g, refused := c.nobodyAuthorizes()
	require.True(t, refused)
	requireGate(t, g, VerdictFailed, `Terraform deploys to environment "eu" (it has no target), so a cd_promotion must authorize its artifacts`, nil)
	c.environments = nil
	_, refused = c.nobodyAuthorizes()
	require.False(t, refused)
}

func TestAdmission(t *testing.T) {
	w := wants(shopFixture(), "staging", "1.0")
	promotion := func(version string, blocked WhenBlocked) Promotion {
		return Promotion{Spec: PromotionSpec{Pipeline: "shop", Stage: "production", Version: version, WhenBlocked: blocked, Attempt: 1}}
	}
	refusal, _ := Admit(w, promotion("1.0", WhenBlockedFail))
	require.EqualError(t, refusal, "release shop/1.0 may not enter stage \"production\":\n  previous_stage  pending  1.0 is not verified in staging (stg) yet\n")
	for _, blocked := range []WhenBlocked{WhenBlockedPend, WhenBlockedWait} {
		refusal, _ = Admit(w, promotion("1.0", blocked))
		require.Nil(t, refusal, blocked)
	}
	again := w.With(promotion("1.0", WhenBlockedPend))
	refusal, _ = Admit(again, promotion("1.0", WhenBlockedFail))
	require.Nil(t, refusal, "it is wanted already")
	for name, change := range map[string]func(*Promotion){
		"unmanaged": func(p *Promotion) { p.Unmanaged = true }, "another version": func(p *Promotion) { p.Spec.Version = "1.1" }, "another attempt": func(p *Promotion) { p.Spec.Attempt = 2 },
	} {
		before := promotion("1.0", WhenBlockedPend)
		change(&before)
		refusal, _ = Admit(w.With(before), promotion("1.0", WhenBlockedFail))
		require.NotNil(t, refusal, name)
	}
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified)})
	refusal, _ = Admit(w, promotion("1.0", WhenBlockedFail))
	require.Nil(t, refusal)
	w.History.record(deployed(w, 2, "1.0", "eu", Failed))
	refusal, _ = Admit(w, promotion("1.0", WhenBlockedFail))
	require.ErrorContains(t, refusal, "release shop/1.0 is held: 1.0 failed in production (eu, attempt 1): it does not answer. It is not tried")
}

func TestOutcome(t *testing.T) {
	gate := func(v Verdict) []GateResult { return []GateResult{{Name: "soak", Verdict: v}} }
	wanted := func(blocked WhenBlocked) Promotion {
		return Promotion{Spec: PromotionSpec{Pipeline: "shop", Stage: "a", WhenBlocked: blocked}}
	}
	for name, c := range map[string]struct {
		stage   StageDecision
		blocked WhenBlocked
		fails   bool
	}{
		"through":                  {StageDecision{Stage: "a", Status: StageVerified}, WhenBlockedFail, false},
		"held":                     {StageDecision{Stage: "a", Held: "why"}, WhenBlockedPend, true},
		"held further on":          {StageDecision{Stage: "b", Held: "why"}, WhenBlockedPend, true},
		"a gate failed":            {StageDecision{Stage: "a", Gates: gate(VerdictFailed)}, WhenBlockedPend, true},
		"pending, and may not":     {StageDecision{Stage: "a", Gates: gate(VerdictPending)}, WhenBlockedFail, true},
		"pending, and may":         {StageDecision{Stage: "a", Gates: gate(VerdictPending)}, WhenBlockedPend, false},
		"pending further on":       {StageDecision{Stage: "b", Gates: gate(VerdictPending)}, WhenBlockedFail, false},
		"it waits for Terraform":   {StageDecision{Stage: "a", Status: StageDeployed}, WhenBlockedFail, false},
		"passed, and is under way": {StageDecision{Stage: "a", Gates: gate(VerdictPassed)}, WhenBlockedFail, false},
	} {
		require.Equal(t, c.fails, Outcome(wanted(c.blocked), Decision{Stages: []StageDecision{c.stage}}) != nil, name)
	}
}

func TestStageStates(t *testing.T) {
	w := shopFixture()
	state := func(stage string, all ...Deployment) StageState {
		w.History = NewHistory(all)
		states, _ := StageStates(seen(w), "1.0")
		return states[stage]
	}
	one := func(seq int64, version, env string, status DeploymentStatus) Deployment {
		return deployed(w, seq, version, env, status)
	}
	require.Equal(t, StageState{Status: StageWaiting, WaitingOn: []string{"promotion: a person decides; promote 1.0 into production"}}, state("production"))
	require.Equal(t, StageState{Status: StageWaiting, WaitingOn: []string{"release: another version is the one to be delivered"}}, state("staging"))
	require.Equal(t, StageState{Status: StageVerified, Version: "1.0", WaitingOn: []string{}}, state("production", one(1, "1.0", "eu", Verified), one(2, "1.0", "us", Verified)))
	left := state("production", one(1, "1.0", "eu", Verified), one(2, "1.1", "us", Verified))
	require.Equal(t, []any{StageWaiting, "1.0, 1.1"}, []any{left.Status, left.Version}, "left in one of two environments, it is not verified there")
	require.Equal(t, StageSuperseded, state("staging", one(1, "1.0", "stg", Superseded), one(2, "1.1", "stg", Verified)).Status)
	for _, status := range []DeploymentStatus{Deploying, Verifying, Failed, RolledBack, Superseded} {
		require.Equal(t, StageStatus(status), state("staging", one(1, "1.0", "stg", status)).Status)
	}
	require.Equal(t, StageState{Status: StageDeployed, Version: "1.0", WaitingOn: []string{waitsForVerification}},
		state("staging", one(1, "1.0", "stg", Verifying).with(func(d *Deployment) { d.Content.Target = nil })))
	w.History = NewHistory([]Deployment{one(1, "1.0", "stg", Verified)})
	drifted := seen(w)
	drifted.Observations["stg"] = Observation{Running: true, Version: "0.9", Differences: []string{"x"}}
	states, _ := StageStates(drifted, "1.0")
	require.Equal(t, StageState{Status: StageDrifted, Version: "0.9", WaitingOn: []string{}}, states["staging"])
	states, questions := StageStates(w, "1.0")
	require.Equal(t, []string{"stg"}, questions.Observations)
	require.Equal(t, StageVerified, states["staging"].Status)
	promoted := wants(seen(w), "production", "1.0")
	states, _ = StageStates(promoted, "1.0")
	require.Equal(t, StageWaiting, states["production"].Status)
	require.Empty(t, states["production"].WaitingOn, "every gate passed")
}

func TestEnvironmentStates(t *testing.T) {
	w := shopFixture()
	stage := w.Pipeline.Stages[0]
	state := func(observed Observation, all ...Deployment) EnvironmentState {
		w.History = NewHistory(all)
		w.Observations = map[string]Observation{"stg": observed}
		states, _ := EnvironmentStates(w, stage)
		return states["stg"]
	}
	fine, broken := Observation{Running: true, Version: "1.0"}, Observation{Running: true, Version: "0.9", Differences: []string{"x"}}
	one := func(seq int64, version string, status DeploymentStatus) Deployment {
		return deployed(w, seq, version, "stg", status)
	}
	revision := one(1, "1.0", Verified).Content.ConfigRevision
	external := func(d *Deployment) { d.Content.Target = nil }
	require.Equal(t, EnvironmentState{Status: "waiting"}, state(fine))
	require.Equal(t, EnvironmentState{Version: "1.0", Status: "verified", ConfigRevision: revision}, state(fine, one(1, "1.0", Verified)))
	require.Equal(t, EnvironmentState{Version: "0.9", Status: "drifted", ConfigRevision: revision}, state(broken, one(1, "1.0", Verified)))
	require.Equal(t, EnvironmentState{Version: "1.0", Status: "verified", ConfigRevision: revision}, state(Observation{Unknown: "?"}, one(1, "1.0", Verified)))
	require.Equal(t, EnvironmentState{Version: "1.0", Status: "deploying", ConfigRevision: revision}, state(fine, one(1, "1.0", Verified), one(2, "1.1", Deploying)))
	require.Equal(t, EnvironmentState{Version: "1.0", Status: "failed"}, state(fine, one(1, "1.1", Failed)))
	require.Equal(t, EnvironmentState{Version: "1.0", Status: "deployed", ConfigRevision: revision}, state(fine, one(1, "1.0", Verifying).with(external)))
	require.Equal(t, EnvironmentState{Version: "1.0", Status: "verified", ConfigRevision: revision}, state(broken, one(1, "1.0", Verified).with(external)))
	require.Equal(t, EnvironmentState{Version: "1.0", Status: "failed", ConfigRevision: revision},
		state(broken, one(1, "1.0", Verified).with(external), one(2, "1.1", Failed).with(external)))
}
