package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyAKnownEnvironmentIsTerraforms(t *testing.T) {
	w := terraformDeploys()
	require.Equal(t, []bool{true, false, false}, []bool{w.External("eu"), w.External("stg"), w.External("gone")})
}

// TestArtifactsAreOfTheNewestDeployment looks at each order of a stage's environments.
func TestArtifactsAreOfTheNewestDeployment(t *testing.T) {
	w := shopFixture()
	for _, order := range [][]string{{"eu", "us"}, {"us", "eu"}} {
		w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", order[0], Verified), deployed(w, 2, "1.1", order[1], Verified)})
		artifacts, _ := w.History.StageArtifacts(w.Pipeline.Stages[1])
		require.Equal(t, w.Releases["1.1"].Spec.Artifacts, artifacts, order)
	}
}

func TestAStageIsVerifiedWithItsLastEnvironment(t *testing.T) {
	w := terraformDeploys()
	w.History.record(deployed(w, 2, "1.0", "eu", Verified))
	w.History.record(deployed(w, 3, "1.0", "us", Verifying))
	require.Equal(t, StageDeployed, Decide(w, "production").Stages[0].Status)
	w.History.record(deployed(w, 3, "1.0", "us", Verified))
	require.Equal(t, StageVerified, Decide(w, "production").Stages[0].Status)
}

// TestWhatIsExpectedIsCertain simulates promotions into a stage that Terraform deploys to.
func TestWhatIsExpectedIsCertain(t *testing.T) {
	promotion := func(w World, blocked WhenBlocked) Promotion {
		p := w.Promotions["production"]
		p.Spec.WhenBlocked = blocked
		return p
	}
	w := terraformDeploys()
	require.Equal(t, StageDeployed, Simulate(w, nil, promotion(w, WhenBlockedWait)).Expected.Status)

	w.Pipeline.Stages[1].Gates.Cooldown = &CooldownGate{Duration: "1h"}
	w.Rollouts = []RolloutRecord{{ID: "r0", Stage: "production", StartedAt: w.Now}}
	require.Equal(t, StageWaiting, Simulate(w, nil, promotion(w, WhenBlockedPend)).Expected.Status)
	require.Nil(t, Simulate(w, nil, promotion(w, WhenBlockedWait)).Expected, "it may wait for as long as it takes")

	w = terraformDeploys()
	w = wants(w, "staging", "1.0")
	w.Observations = map[string]Observation{}
	s := Simulate(w, []string{"staging"}, promotion(w, WhenBlockedPend))
	require.Equal(t, []string{"stg"}, s.Questions.Observations)
	require.Nil(t, s.Expected, "what comes before it is not certain")
}

// TestARefusedPromotionDoesNothing has a drifted stage, which a promotion that is let in would heal.
func TestARefusedPromotionDoesNothing(t *testing.T) {
	w := driftedBehindABlock(1)
	wanted := w.Promotions["production"]
	delete(w.Promotions, "production")
	require.Len(t, Simulate(w, nil, wanted).Steps, 3, "each environment is healed")
	wanted.Spec.WhenBlocked = WhenBlockedFail
	s := Simulate(w, nil, wanted)
	require.Empty(t, s.Steps)
	require.Empty(t, s.Decision.Steps)
	require.Equal(t, "previous_stage", s.Decision.Stages[0].Gates[0].Name)
	require.False(t, s.Changes())

	refusal, _ := Admit(w, wanted)
	require.Equal(t, s.Decision.Stages[0].Gates, refusal.Gates, "a refusal has its gates as data")
}

func TestAHeldReleaseIsAChange(t *testing.T) {
	w := shopFixture()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Failed)})
	w = wants(w, "staging", "1.0")
	s := Simulate(w, nil, w.Promotions["staging"])
	require.Empty(t, s.Steps)
	require.True(t, s.Changes(), "applying reports the failure")
}

// TestAuthorizingReplacesNothingYet has 1.1 running where Terraform is to deploy 1.0.
func TestAuthorizingReplacesNothingYet(t *testing.T) {
	w := terraformDeploys()
	for i, env := range []string{"eu", "us"} {
		w.History.record(deployed(w, int64(i+2), "1.1", env, Verified))
	}
	s := simulator{world: w.copied()}
	s.play("production", Decide)
	require.Equal(t, "1.1", s.world.History.Current("eu").Content.Version, "until 1.0 is verified")
	found, err := s.world.Verifiable(VerificationSpec{Pipeline: "shop", Stage: "production", Version: "1.0"}, false)
	require.NoError(t, err)
	s.verify(found)
	require.Equal(t, "1.0", s.world.History.Current("eu").Content.Version)
	require.Equal(t, Superseded, s.world.History.withID("d2").Status)
}

// TestVerificationsAreMadeAfterTheirPromotion plans a verification of production with a promotion into another stage.
func TestVerificationsAreMadeAfterTheirPromotion(t *testing.T) {
	w := terraformDeploys()
	w.History.record(deployed(w, 2, "1.0", "eu", Verifying))
	w.History.record(deployed(w, 3, "1.0", "us", Verifying))
	w.Verifications = []VerificationSpec{{Pipeline: "shop", Stage: "production", Version: "1.0"}}
	s := simulator{world: wants(w, "staging", "1.0").copied()}
	s.playBefore([]string{"staging"})
	require.Equal(t, Verifying, s.world.History.Latest("eu").Status)
	s.playBefore([]string{"production"})
	require.Equal(t, Verified, s.world.History.Latest("eu").Status)
}

func TestAVerificationOfWhatNobodyWants(t *testing.T) {
	w := terraformDeploys()
	spec := VerificationSpec{Pipeline: "shop", Stage: "production", Version: "1.0"}
	_, err := w.Verifiable(spec, false)
	require.NoError(t, err, "it is on its way")
	unmanaged := w.Promotions["production"]
	unmanaged.Unmanaged = true
	w = w.With(unmanaged)
	_, err = w.Verifiable(spec, false)
	require.ErrorContains(t, err, "1.0 is not authorized in stage")

	// It may be verified where it was authorized, but the promotion goes no further.
	w.Pipeline.Stages = append(w.Pipeline.Stages, Stage{Name: "archive", Environments: []string{"arc"}, Promotion: Automatic})
	w.Environments["arc"] = EnvironmentSpec{Name: "arc", Target: directoryTarget("arc")}
	w.History.record(deployed(w, 2, "1.0", "eu", Verifying))
	w.History.record(deployed(w, 3, "1.0", "us", Verifying))
	s, err := SimulateVerification(w, nil, VerificationRequest{Spec: spec})
	require.NoError(t, err)
	require.Equal(t, []string{"verify 1.0 eu", "verify 1.0 us"}, lines(s.Steps))
	unmanaged.Unmanaged = false
	s, err = SimulateVerification(w.With(unmanaged), nil, VerificationRequest{Spec: spec})
	require.NoError(t, err)
	require.Equal(t, []string{"verify 1.0 eu", "verify 1.0 us", "deploy 1.0 arc"}, lines(s.Steps))
}

func TestOnlyWhatRunsIsVerifiedAgain(t *testing.T) {
	w := terraformDeploys()
	w.History.record(deployed(w, 2, "1.0", "eu", Verified))
	w.History.record(deployed(w, 3, "1.0", "us", Verified))
	w.History.record(deployed(w, 4, "1.1", "us", Failed))
	found, err := w.Verifiable(VerificationSpec{Pipeline: "shop", Stage: "production", Version: "1.0"}, true)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "eu", found[0].Environment, "1.1 was deployed to us since")

	w.History = NewHistory([]Deployment{deployed(w, 2, "1.0", "eu", Superseded), deployed(w, 3, "1.1", "eu", Verified), deployed(w, 4, "1.0", "us", Verified)})
	require.Equal(t, StageSuperseded, w.VerificationStateOf(VerificationSpec{Pipeline: "shop", Stage: "production", Version: "1.0"}).Status, "it runs in one of two")
}
