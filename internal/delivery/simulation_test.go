package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wants returns the world with a promotion of a version into a stage.
func wants(w World, stage, version string) World {
	return w.With(Promotion{Spec: PromotionSpec{Pipeline: "shop", Stage: stage, Version: version, WhenBlocked: WhenBlockedPend, Attempt: 1}})
}

// lines tells steps in short.
func lines(steps []Step) []string {
	told := []string{}
	for _, s := range steps {
		told = append(told, string(s.Kind)+" "+s.Version+" "+s.Environment)
	}
	return told
}

// seen lets every environment run what was deployed there last.
func seen(w World) World {
	w.Observations = map[string]Observation{}
	for env := range w.Environments {
		if d := w.History.Current(env); d != nil {
			w.Observations[env] = Observation{Running: true, Version: d.Content.Version}
		}
	}
	return w
}

// halfFailed is a rollout of 1.0 over 1.1 that failed in eu, tolerates that, and is under way in us.
func halfFailed() World {
	w := shopFixture()
	w.Pipeline.Stages[1].Rollout = &Rollout{MaxFailures: 1}
	tolerant := func(d *Deployment) { d.MaxFailures = 1 }
	w.History = NewHistory([]Deployment{
		deployed(w, 1, "1.0", "stg", Verified), deployed(w, 2, "1.1", "eu", Verified), deployed(w, 3, "1.1", "us", Verified),
		deployed(w, 4, "1.0", "eu", Failed).with(tolerant), deployed(w, 5, "1.0", "us", Deploying).with(tolerant),
	})
	return wants(seen(w), "production", "1.0")
}

func TestASimulatedResumeKeepsWhatTheRolloutTolerates(t *testing.T) {
	w := halfFailed()
	s := Simulate(w, nil, w.Promotions["production"])
	require.Equal(t, []string{"resume 1.0 us", "rollback 1.1 eu"}, lines(s.Steps), "one failure is tolerated: us stays")
	require.True(t, s.Decision.Held())
	require.True(t, s.Changes())
	require.Equal(t, Deploying, w.History.Latest("us").Status, "the world is as it was")
}

func TestASimulatedResumeOfARollbackRollsBack(t *testing.T) {
	for _, status := range []DeploymentStatus{Deploying, Verifying} {
		w := shopFixture()
		w.Pipeline.Stages[1].Environments = []string{"eu"}
		w.History = NewHistory([]Deployment{
			deployed(w, 1, "1.0", "stg", Verified), deployed(w, 2, "1.1", "eu", Verified), deployed(w, 3, "1.0", "eu", Failed),
			deployed(w, 4, "1.1", "eu", status).with(func(d *Deployment) { d.Kind, d.Replaces, d.Rollout = KindRollback, "d3", "r1.0" }),
		})
		w = wants(seen(w), "production", "1.0")
		s := Simulate(w, nil, w.Promotions["production"])
		require.Equal(t, []string{"resume 1.1 eu"}, lines(s.Steps))
		require.Equal(t, StageRolledBack, s.Decision.Stages[0].Status)
		require.Contains(t, s.Decision.Stages[0].Held, "1.0 was rolled back in production (eu, attempt 1)")
	}
}

func TestSimulatedRolloutsAreToldApart(t *testing.T) {
	w := wants(wants(shopFixture(), "staging", "1.0"), "production", "1.0")
	w.Pipeline.Stages[1].Gates.MaxDeploys = &MaxDeploysGate{Count: 1, Per: "1h"}
	s := simulator{world: w.copied()}
	s.playBefore([]string{"staging"})
	require.Empty(t, s.result.Steps, "they belong to the promotion before")
	s.play("production", Decide)
	require.Equal(t, []string{"deploy 1.0 eu", "deploy 1.0 us"}, lines(s.result.Steps))
	stages := []string{}
	for _, r := range s.world.Rollouts {
		stages = append(stages, r.Stage)
		require.Equal(t, fixtureNow, r.StartedAt)
	}
	require.Equal(t, []string{"staging", "production"}, stages, "each stage began one rollout")
	eu, us := s.world.History.Current("eu"), s.world.History.Current("us")
	require.Equal(t, eu.Rollout, us.Rollout)
	require.NotEqual(t, eu.Rollout, s.world.History.Current("stg").Rollout)
	require.Empty(t, w.Rollouts)
	require.Empty(t, w.Observations)
	require.Equal(t, []Deployment(nil), w.History.Deployments())

	next := wants(s.world, "production", "1.1")
	g := candidate{World: next, stage: next.Pipeline.Stages[1], release: next.Releases["1.1"], questions: &Questions{}}.maxDeploys(*next.Pipeline.Stages[1].Gates.MaxDeploys)
	require.Equal(t, VerdictPending, g.Verdict, "a second delivery in the hour waits")
}

func TestASimulatedDeploymentIsWhatTheStepSays(t *testing.T) {
	w := wants(shopFixture(), "staging", "1.0")
	w.Pipeline.Stages[0].Rollout = &Rollout{MaxFailures: 2}
	w.History = NewHistory([]Deployment{deployed(w, 3, "1.1", "stg", Verified)})
	w = seen(w)
	s := simulator{world: w.copied()}
	s.play("staging", Decide)
	step := s.result.Steps[0]
	d := *s.world.History.Current("stg")
	require.Equal(t, Deployment{ID: "simulated-4", Seq: 4, Pipeline: "shop", Stage: "staging", Environment: "stg", Kind: KindDeliver, Attempt: 1, Rollout: d.Rollout,
		MaxFailures: 2, Content: ContentFor(w.Pipeline.Stages[0], w.Environments["stg"], w.Releases["1.0"]), Gates: step.Gates,
		Status: Verified, CreatedAt: fixtureNow, VerifiedAt: later(0), SettledAt: later(0)}, d)
	require.Equal(t, Superseded, s.world.History.withID("d3").Status)
	require.Equal(t, Observation{Running: true, Version: "1.0"}, s.world.Observations["stg"])
	require.Equal(t, "1.1", w.Observations["stg"].Version)
}

func TestEventsOfAStep(t *testing.T) {
	require.Equal(t, []DeploymentEvent{DeploymentAuthorized}, eventsOf(Step{Kind: StepAuthorize}, Deployment{}))
	require.Equal(t, []DeploymentEvent{DeploymentStarted, DeploymentDeployed, DeploymentVerified}, eventsOf(Step{Kind: StepDeploy}, Deployment{}))
	require.Equal(t, []DeploymentEvent{DeploymentResumed, DeploymentDeployed, DeploymentVerified}, eventsOf(Step{Kind: StepResume}, Deployment{Status: Deploying}))
	require.Equal(t, []DeploymentEvent{DeploymentResumed, DeploymentVerified}, eventsOf(Step{Kind: StepResume}, Deployment{Status: Verifying}))
	require.Panics(t, func() { Deployment{Status: Superseded}.simulated(fixtureNow, DeploymentVerified) })
}

// terraformDeploys is the fixture with production deployed to by Terraform, and 1.0 tested in staging.
func terraformDeploys() World {
	w := shopFixture()
	for _, name := range []string{"eu", "us"} {
		env := w.Environments[name]
		env.Target = nil
		w.Environments[name] = env
	}
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified)})
	return wants(seen(w), "production", "1.0")
}

func TestASimulatedVerification(t *testing.T) {
	w := terraformDeploys()
	request := VerificationRequest{Spec: VerificationSpec{Pipeline: "shop", Stage: "production", Version: "1.0"}}
	s, err := SimulateVerification(w, []string{"production"}, request)
	require.NoError(t, err)
	require.Equal(t, []string{"verify 1.0 eu", "verify 1.0 us"}, lines(s.Steps))
	require.Equal(t, StageVerified, s.Decision.Stages[0].Status)

	s, err = SimulateVerification(w, nil, request)
	require.NoError(t, err)
	require.Empty(t, s.Steps, "nothing is authorized yet")

	promoted := Simulate(w, nil, w.Promotions["production"])
	require.Equal(t, []string{"authorize 1.0 eu", "authorize 1.0 us"}, lines(promoted.Steps))
	require.Equal(t, StageDeployed, promoted.Expected.Status)

	w.Verifications = []VerificationSpec{{Pipeline: "shop", Stage: "staging", Version: "1.0"}, request.Spec}
	played := simulator{world: w.copied()}
	played.playBefore([]string{"production"})
	require.Equal(t, Verified, played.world.History.Latest("eu").Status, "the same plan verifies it")

	other := request
	other.Spec.Version = "1.1"
	_, err = SimulateVerification(w, nil, other)
	require.ErrorContains(t, err, `1.1 is not authorized in stage "production"`)
	w.Promotions = map[string]Promotion{}
	_, err = SimulateVerification(w, nil, request)
	require.Error(t, err)
}

func TestVerifyingAgain(t *testing.T) {
	w := terraformDeploys()
	early := func(d *Deployment) { d.VerifiedAt, d.SettledAt = later(-time.Hour), later(-time.Hour) }
	w.History = NewHistory([]Deployment{deployed(w, 2, "1.0", "eu", Verified).with(early), deployed(w, 3, "1.0", "us", Verified).with(early)})
	spec := VerificationSpec{Pipeline: "shop", Stage: "production", Version: "1.0"}
	s, err := SimulateVerification(w, nil, VerificationRequest{Spec: spec})
	require.NoError(t, err)
	require.Empty(t, s.Steps)
	again := simulator{world: w.copied()}
	found, err := again.world.Verifiable(spec, true)
	require.NoError(t, err)
	require.Len(t, found, 2)
	again.verify(found)
	require.Equal(t, later(-time.Hour), again.world.History.Current("eu").VerifiedAt, "it was verified then")

	// us fails the second time, and eu with it: both keep the artifacts, whatever ran there before. Only the status changes.
	for _, status := range []DeploymentStatus{Failed, RolledBack} {
		broken := deployed(w, 3, "1.0", "us", status).with(early)
		w.History = NewHistory([]Deployment{deployed(w, 2, "1.1", "us", Superseded), broken})
		artifacts, _ := w.History.StageArtifacts(w.Pipeline.Stages[1])
		require.Equal(t, broken.Content.Artifacts, artifacts)
		require.Equal(t, EnvironmentState{Version: "1.0", Status: string(status), ConfigRevision: broken.Content.ConfigRevision}, w.environmentState("us", &Questions{}))
		// What failed the first time gives way to what ran before, also if that broke since.
		w.History.record(deployed(w, 4, "1.1", "us", status).with(func(d *Deployment) { d.VerifiedAt = nil }))
		require.Equal(t, "1.0", w.History.Authorized("us").Content.Version)
		w.History.record(deployed(w, 5, "1.1", "us", Verifying))
		require.Equal(t, "1.1", w.History.Authorized("us").Content.Version)
	}
}

func TestStageArtifacts(t *testing.T) {
	w := shopFixture()
	stage := w.Pipeline.Stages[1]
	artifacts, at := w.History.StageArtifacts(stage)
	require.Empty(t, artifacts)
	require.NotNil(t, artifacts)
	require.Nil(t, at)
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "us", Verified).with(func(d *Deployment) { d.VerifiedAt = later(1) }), deployed(w, 2, "1.1", "eu", Verified).with(func(d *Deployment) { d.VerifiedAt = later(2) })})
	artifacts, at = w.History.StageArtifacts(stage)
	require.Equal(t, w.Releases["1.1"].Spec.Artifacts, artifacts, "of the environment that was deployed last")
	require.Equal(t, later(2), at)
	w = terraformDeploys()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "us", Verifying).with(func(d *Deployment) { d.CreatedAt = *later(3) })})
	_, at = w.History.StageArtifacts(stage)
	require.Equal(t, later(3), at, "since it was authorized")
}

func TestAVerificationTellsWhereTheReleaseStands(t *testing.T) {
	w := terraformDeploys()
	spec := VerificationSpec{Pipeline: "shop", Stage: "production", Version: "1.0"}
	one := func(seq int64, version, env string, status DeploymentStatus) Deployment {
		return deployed(w, seq, version, env, status)
	}
	for name, c := range map[string]struct {
		past []Deployment
		want StageStatus
	}{
		"nothing":               {nil, StageWaiting},
		"authorized":            {[]Deployment{one(1, "1.0", "eu", Verifying)}, StageDeployed},
		"in one of them":        {[]Deployment{one(1, "1.0", "eu", Verified), one(2, "1.0", "us", Verifying)}, StageDeployed},
		"verified":              {[]Deployment{one(1, "1.0", "eu", Verified), one(2, "1.0", "us", Verified)}, StageVerified},
		"verified where it is":  {[]Deployment{one(1, "1.0", "eu", Verified)}, StageVerified},
		"another is authorized": {[]Deployment{one(1, "1.0", "eu", Verified), one(2, "1.1", "eu", Verifying)}, StageSuperseded},
		"replaced":              {[]Deployment{one(1, "1.0", "eu", Superseded), one(2, "1.1", "eu", Verified)}, StageSuperseded},
		"failed in one":         {[]Deployment{one(1, "1.0", "eu", Failed), one(2, "1.0", "us", RolledBack)}, StageFailed},
		"failed in the other":   {[]Deployment{one(1, "1.0", "eu", RolledBack), one(2, "1.0", "us", Failed)}, StageFailed},
		"rolled back":           {[]Deployment{one(1, "1.0", "eu", RolledBack)}, StageRolledBack},
	} {
		w.History = NewHistory(c.past)
		state := w.VerificationStateOf(spec)
		require.Equal(t, c.want, state.Status, name)
		require.Equal(t, c.want == StageDeployed, len(state.WaitingOn) == 1, name)
	}
	w.History = NewHistory([]Deployment{one(1, "1.1", "eu", Verified), one(2, "1.1", "us", Verified)})
	require.Equal(t, "1.1", w.VerificationStateOf(VerificationSpec{Pipeline: "shop", Stage: "production"}).Spec.Version)
}
