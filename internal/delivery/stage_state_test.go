package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAReleaseThatBrokeAgainIsNotVerified(t *testing.T) {
	w := shopFixture()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified), deployed(w, 2, "1.0", "stg", Failed)})
	states, _ := StageStates(seen(w), "1.0")
	require.Equal(t, StageFailed, states["staging"].Status)
}

// TestStatusWhereSomethingIsToBeDone looks at production while 1.0 is wanted there.
func TestStatusWhereSomethingIsToBeDone(t *testing.T) {
	w := shopFixture()
	one := func(seq int64, version, env string, status DeploymentStatus) Deployment {
		return deployed(w, seq, version, env, status)
	}
	fine, off := Observation{Running: true}, Observation{Running: true, Differences: []string{"x"}}
	both := []Deployment{one(1, "1.0", "eu", Verified), one(2, "1.0", "us", Verified)}
	for name, c := range map[string]struct {
		past []Deployment
		seen map[string]Observation
		want StageStatus
	}{
		"nothing":                 {nil, nil, StageWaiting},
		"drifted in the first":    {both, map[string]Observation{"eu": off, "us": fine}, StageDrifted},
		"drifted in the last":     {both, map[string]Observation{"eu": fine, "us": off}, StageDrifted},
		"not looked at":           {both, nil, StageWaiting},
		"not to be seen":          {both, map[string]Observation{"eu": {Unknown: "?"}, "us": fine}, StageWaiting},
		"superseded":              {[]Deployment{one(1, "1.0", "eu", Superseded), one(2, "1.1", "eu", Verified)}, nil, StageSuperseded},
		"superseded in one of it": {[]Deployment{one(1, "1.0", "eu", Superseded), one(2, "1.1", "eu", Verified), one(3, "1.0", "us", Verified)}, nil, StageWaiting},
	} {
		w.History, w.Observations = NewHistory(c.past), c.seen
		require.Equal(t, c.want, w.statusOf(w.Pipeline.Stages[1], "1.0"), name)
	}
}

// TestHealsAreOfWhatRuns has 1.1 running, at its first attempt, and 1.0 not let in.
func TestHealsAreOfWhatRuns(t *testing.T) {
	w := driftedBehindABlock(3)
	tried := w.Releases["1.1"]
	tried.Attempt = 2
	w.Releases["1.1"] = tried
	require.Equal(t, 1, Decide(w, "production").Steps[0].Attempt, "a heal brings back what ran")

	w.Pipeline.Stages[1].OnFailure = Halt
	w.History.record(deployed(w, 5, "1.0", "us", Failed))
	require.Equal(t, []string{"deploy 1.1 eu", "deploy 1.1 asia"}, lines(Decide(w, "production").Steps), "us was left as it failed")
}

// TestARollbackHasTheAttemptOfItsContent rolls back the third attempt of 1.0.
func TestARollbackHasTheAttemptOfItsContent(t *testing.T) {
	w := shopFixture()
	third := func(d *Deployment) { d.Attempt = 3 }
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.1", "eu", Verified), deployed(w, 2, "1.0", "eu", Failed).with(third)})
	steps, _ := w.History.rollbacks(w.Pipeline.Stages[1])
	require.Equal(t, []string{"rollback 1.1 eu"}, lines(steps))
	require.Equal(t, 1, steps[0].Attempt)
}

func TestContentIsOfTheStage(t *testing.T) {
	w := shopFixture()
	stage := w.Pipeline.Stages[1]
	stage.Config = map[string]string{"REGION": "west"}
	c := ContentFor(stage, w.Environments["eu"], w.Releases["1.0"])
	require.Equal(t, map[string]string{"REGION": "west"}, c.Config, "the stage's configuration wins")
	require.NotEqual(t, ContentFor(w.Pipeline.Stages[1], w.Environments["eu"], w.Releases["1.0"]).ConfigRevision, c.ConfigRevision)
}

func TestChecksAreFoundWhereTheyAreAsked(t *testing.T) {
	w := shopFixture()
	stages, calm := Check{HTTP: &HTTPCheck{URL: "https://stage"}}, Check{HTTP: &HTTPCheck{URL: "https://calm"}}
	w.Pipeline.Stages[1].Gates.Checks = map[string]Check{"load": stages}
	w.Policies = []PolicySpec{{Name: "calm", Gates: Gates{Checks: map[string]Check{"load": calm}}}, {Name: "empty"}}
	for name, c := range map[string]struct {
		key  CheckKey
		want Check
		ok   bool
	}{
		"the stage's":   {CheckKey{Stage: "production", Name: "load"}, stages, true},
		"the policy's":  {CheckKey{Stage: "production", Name: "load", Policy: "calm"}, calm, true},
		"another name":  {CheckKey{Stage: "production", Name: "smoke"}, Check{}, false},
		"another stage": {CheckKey{Stage: "staging", Name: "load"}, Check{}, false},
		"empty policy":  {CheckKey{Stage: "production", Name: "load", Policy: "empty"}, Check{}, false},
		"no policy":     {CheckKey{Stage: "production", Name: "load", Policy: "gone"}, Check{}, false},
	} {
		check, ok := w.GateCheck(c.key)
		require.Equal(t, c.ok, ok, name)
		require.Equal(t, c.want, check, name)
	}
}
