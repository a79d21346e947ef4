package worker

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// byTerraformIn declares a pipeline whose production Terraform deploys to: development, then eu and us, then a last automatic stage.
func (h *fixture) byTerraformIn(edit ...func(*delivery.Stage)) {
	h.t.Helper()
	production := verifying(stage("production", delivery.Manual, "eu", "us"))
	for _, f := range edit {
		f(&production)
	}
	h.declares(stage("development", delivery.Automatic, "dev"), stage("last", delivery.Automatic, "asia"))
	for _, env := range production.Environments {
		h.environment(env, func(spec *delivery.EnvironmentSpec) { spec.Target = nil })
	}
	_, err := h.PutPipeline(h.t.Context(), ann, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		stage("development", delivery.Automatic, "dev"), production, stage("last", delivery.Automatic, "asia")}})
	require.NoError(h.t, err)
}

func verificationOf(version string) delivery.VerificationRequest {
	return delivery.VerificationRequest{Spec: delivery.VerificationSpec{Pipeline: "shop", Stage: "production", Version: version}}
}

// verifies puts a verification and waits until it has come to rest.
func (h *fixture) verifies(r delivery.VerificationRequest) (delivery.VerificationState, error) {
	h.t.Helper()
	state, err := h.PutVerification(context.Background(), bob, r)
	if err != nil || state.Work.Finished {
		return state, err
	}
	return h.WaitVerification(context.Background(), r.Spec, manyMoments)
}

func TestTerraformDeploys(t *testing.T) {
	h := newFixture(t)
	h.byTerraformIn()
	require.Nil(t, h.delivers("1.0", 1).Failure)

	// Also one that waits for gates does not wait for Terraform.
	promoted, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedWait))
	require.NoError(t, err)
	require.Nil(t, promoted.Work.Failure)
	require.Equal(t, delivery.StageDeployed, promoted.Status)
	require.Equal(t, "1.0", promoted.RunningVersion)
	require.Equal(t, release("1.0", 1).Spec.Artifacts, promoted.Artifacts)
	require.Equal(t, []string{"verification: Terraform deploys it, and no cd_verification has verified it yet"}, promoted.WaitingOn)
	require.Equal(t, h.clock.now(), *promoted.DeployedAt)
	require.Equal(t, "deployed", promoted.Environments["us"].Status)
	require.Equal(t, []string{"1.0 to dev: deliver verified", "1.0 to eu: deliver verifying", "1.0 to us: deliver verifying"}, h.deployments())
	calls, _ := h.driver.count()
	require.Equal(t, 1, calls, "no driver takes part")

	deployed, err := h.Deployed(t.Context(), "shop", "us")
	require.NoError(t, err)
	require.Equal(t, "1.0 deployed", deployed.Version+" "+deployed.Status)
	require.False(t, deployed.Drifted)

	// The verification settles it, and carries it on.
	h.clock.move(time.Hour)
	preview, err := h.PreviewVerification(t.Context(), bob, delivery.PreviewRequest[delivery.VerificationRequest]{Subject: delivery.VerificationRequest{Spec: verificationOf("1.0").Spec}})
	require.NoError(t, err)
	require.True(t, preview.Changes)
	verified, err := h.verifies(verificationOf("1.0"))
	require.NoError(t, err)
	require.Nil(t, verified.Work.Failure)
	require.Equal(t, delivery.StageVerified, verified.Status)
	require.Equal(t, []string{"1.0 to dev: deliver verified", "1.0 to eu: deliver verified", "1.0 to us: deliver verified", "1.0 to asia: deliver verified"}, h.deployments())
	h.requireToldOnce()

	again, err := h.Promotion(t.Context(), "shop", "production")
	require.NoError(t, err)
	require.Equal(t, promoted.DeployedAt, again.DeployedAt, "a verification moves nothing")
	require.Equal(t, delivery.StageVerified, again.Status)

	preview, err = h.PreviewVerification(t.Context(), bob, delivery.PreviewRequest[delivery.VerificationRequest]{Subject: delivery.VerificationRequest{Spec: verificationOf("1.0").Spec}})
	require.NoError(t, err)
	require.False(t, preview.Changes)
	events := h.log(0)
	_, err = h.verifies(verificationOf("1.0"))
	require.NoError(t, err)
	require.Equal(t, events, h.log(0), "nothing left to do")
}

// TestVerificationHasItsChecksOnRecord looks at what the ledger keeps of one: results, reports, and whose word it was.
func TestVerificationHasItsChecksOnRecord(t *testing.T) {
	h := newFixture(t)
	h.byTerraformIn(func(s *delivery.Stage) {
		smoke := s.Verify["smoke"]
		smoke.Command.JUnit = "report.xml"
	})
	require.Nil(t, h.delivers("1.0", 1).Failure)
	_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
	require.NoError(t, err)
	n := len(h.log(0))
	_, err = h.verifies(verificationOf("1.0"))
	require.NoError(t, err)
	all, err := h.Deployments(t.Context(), store.DeploymentFilter{Environment: "eu"})
	require.NoError(t, err)
	require.Equal(t, "it answers", all[0].Checks[0].Detail)
	require.Equal(t, []string{
		"verification.requested shop/production by " + bob,
		"deployment.resumed D2 by " + bob, "deployment.resumed D3 by " + bob,
		"deployment.verified D2 by " + bob, "test_report.recorded shop/1.0/smoke/1 by " + bob,
		"deployment.verified D3 by " + bob, "test_report.recorded shop/1.0/smoke/2 by " + bob,
	}, h.renamed(h.log(n))[:7])
	report, err := h.TestReport(t.Context(), "shop/1.0/smoke/1")
	require.NoError(t, err)
	require.Equal(t, release("1.0", 1).Spec.Digest(), report.ReleaseDigest, "it is evidence about this content")
	require.Equal(t, 3, report.Counts.Tests)
}

func TestFailedVerificationIsHeld(t *testing.T) {
	h := newFixture(t)
	h.byTerraformIn()
	for _, version := range []string{"1.0", "2.0"} {
		require.Nil(t, h.delivers(version, 1).Failure)
		h.checker.bad["us/2.0"] = true
		_, err := h.promotes(promotion("production", version, delivery.WhenBlockedFail))
		require.NoError(t, err)
		state, err := h.verifies(verificationOf(version))
		require.NoError(t, err)
		if version == "1.0" {
			require.Nil(t, state.Work.Failure)
			continue
		}
		requireRefusal(t, state.Work.Failure, delivery.CodeConflict, `2.0 failed in production (us, attempt 1): check "smoke" did not pass: it does not answer`)
		require.Equal(t, delivery.StageFailed, state.Status)
	}
	require.Equal(t, []string{"2.0 to eu: deliver rolled_back", "2.0 to us: deliver failed"}, slices.DeleteFunc(h.deployments(), func(line string) bool {
		return line[:3] == "1.0" || line == "2.0 to dev: deliver verified"
	}), "it was deployed as one, and nobody here rolls it back")

	// The artifacts are those of what ran before, and the release is held.
	p, err := h.Promotion(t.Context(), "shop", "production")
	require.NoError(t, err)
	require.Equal(t, "1.0", p.RunningVersion)
	require.Equal(t, release("1.0", 1).Spec.Artifacts, p.Artifacts)
	require.Equal(t, "failed", p.Environments["us"].Status)
	promoted, err := h.promotes(promotion("production", "2.0", delivery.WhenBlockedFail))
	require.NoError(t, err)
	requireRefusal(t, promoted.Work.Failure, delivery.CodeConflict, "until attempt is raised to 2")
	_, err = h.verifies(verificationOf("2.0"))
	requireRefusal(t, err, delivery.CodeConflict, "release shop/2.0 is held")

	// Another attempt.
	h.checker.bad["us/2.0"] = false
	raised := promotion("production", "2.0", delivery.WhenBlockedFail)
	raised.Attempt = 2
	_, err = h.promotes(raised)
	require.NoError(t, err)
	state, err := h.verifies(verificationOf("2.0"))
	require.NoError(t, err)
	require.Equal(t, delivery.StageVerified, state.Status)
	require.Nil(t, state.Work.Failure)

	// Verified again, and found broken: it still runs, so its artifacts stay, and everything behind is closed to it.
	h.checker.bad["eu/2.0"] = true
	once := verificationOf("2.0")
	once.Again = true
	state, err = h.verifies(once)
	require.NoError(t, err)
	requireRefusal(t, state.Work.Failure, delivery.CodeConflict, `2.0 failed in production (eu, attempt 2)`)
	p, err = h.Promotion(t.Context(), "shop", "production")
	require.NoError(t, err)
	require.Equal(t, "2.0", p.RunningVersion)
	require.Equal(t, release("2.0", 1).Spec.Artifacts, p.Artifacts)
	require.Equal(t, []string{"failed", "rolled_back"}, []string{p.Environments["eu"].Status, p.Environments["us"].Status})
	_, err = h.verifies(once)
	requireRefusal(t, err, delivery.CodeConflict, "release shop/2.0 is held")

	// Going back is a decision like any other.
	h.checker.bad["eu/2.0"] = false
	_, err = h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
	require.NoError(t, err)
	p, err = h.Promotion(t.Context(), "shop", "production")
	require.NoError(t, err)
	require.Equal(t, release("1.0", 1).Spec.Artifacts, p.Artifacts)
}

func TestVerificationOfWhatIsNotThere(t *testing.T) {
	h := newFixture(t)
	h.byTerraformIn(func(s *delivery.Stage) {
		s.Gates.Approvals = &delivery.ApprovalsGate{Required: 1, AllowAuthor: true, Approvers: []string{delivery.Anyone}}
	})
	require.Nil(t, h.delivers("1.0", 1).Failure)
	_, err := h.verifies(verificationOf("1.0"))
	requireRefusal(t, err, delivery.CodeConflict, "version = cd_promotion.NAME.running_version")
	require.Contains(t, h.log(0), "verification.refused shop/production by "+bob)

	state, err := h.verifies(verificationOf(""))
	require.NoError(t, err)
	require.Equal(t, delivery.StageWaiting, state.Status, "nothing is authorized yet")

	// While its promotion waits there is nothing to do, and that is no error.
	_, err = h.promotes(promotion("production", "1.0", delivery.WhenBlockedPend))
	require.NoError(t, err)
	state, err = h.verifies(verificationOf("1.0"))
	require.NoError(t, err)
	require.Equal(t, delivery.StageWaiting, state.Status)
	require.True(t, state.Work.Finished)
	require.Equal(t, []string{"1.0 to dev: deliver verified"}, h.deployments())

	elsewhere := verificationOf("1.0")
	elsewhere.Spec.Stage = "development"
	_, err = h.verifies(elsewhere)
	requireRefusal(t, err, delivery.CodeInvalid, "is verified by its own deployment")
	elsewhere.Spec.Pipeline = "nothing"
	_, err = h.verifies(elsewhere)
	requireRefusal(t, err, delivery.CodeInvalid, "declare it first")
	elsewhere.Spec.Version = "no version"
	_, err = h.verifies(elsewhere)
	requireRefusal(t, err, delivery.CodeInvalid, "version")
	_, err = h.Verification(t.Context(), delivery.VerificationSpec{Pipeline: "shop", Stage: "nowhere"})
	requireRefusal(t, err, delivery.CodeNotFound, `has no stage "nowhere"; it has: development, production, last`)
}

// TestAVerificationWaitsForTheHolder has another process, silent for good, in one of the environments. The others are free meanwhile.
func TestAVerificationWaitsForTheHolder(t *testing.T) {
	var h *fixture
	h = newFixture(t, func(o *engineOptions) {
		pause := o.Pause
		o.Pause = func(ctx context.Context, d time.Duration) error {
			err := h.ledger.Update(ctx, func(tx store.Tx) error {
				free, err := tx.AcquireLease(ctx, "eu/shop", "somebody else", h.clock.now(), DefaultLeaseTTL)
				if err != nil {
					return err
				}
				return tx.ReleaseLease(ctx, free)
			})
			return errors.Join(err, pause(ctx, d))
		}
	})
	h.byTerraformIn()
	require.Nil(t, h.delivers("1.0", 1).Failure)
	_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
	require.NoError(t, err)
	require.NoError(t, h.ledger.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.AcquireLease(t.Context(), "us/shop", "somebody", h.clock.now(), DefaultLeaseTTL)
		return err
	}))
	before := h.clock.now()
	state, err := h.verifies(verificationOf("1.0"))
	require.NoError(t, err)
	require.Nil(t, state.Work.Failure)
	require.Equal(t, DefaultLeaseTTL, h.clock.now().Sub(before))
	h.requireToldOnce()
}

// TestVerificationAfterACrashAnywhere lets the process die at each of its touches of the world, before and after it took effect.
func TestVerificationAfterACrashAnywhere(t *testing.T) {
	for _, after := range []bool{false, true} {
		crashes := 0
		for ; ; crashes++ {
			h := newFixture(t)
			h.byTerraformIn()
			require.Nil(t, h.delivers("1.0", 1).Failure)
			l := neverCrashes()
			l.limit(crashes, after, nil)
			first := h.engine(h.in(l))
			ctx := context.Background()
			if _, err := first.PutPromotion(ctx, bob, promotion("production", "1.0", delivery.WhenBlockedFail)); err == nil {
				require.NoError(t, first.Await(ctx, "shop", "production", manyMoments))
			}
			if _, err := first.PutVerification(ctx, bob, verificationOf("1.0")); err == nil {
				require.NoError(t, first.Await(ctx, "shop", "production", manyMoments))
			}
			promoted, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
			require.NoError(t, err, "died at touch %d", crashes)
			require.Nil(t, promoted.Work.Failure, "died at touch %d", crashes)
			state, err := h.verifies(verificationOf("1.0"))
			require.NoError(t, err, "died at touch %d", crashes)
			require.Nil(t, state.Work.Failure, "died at touch %d", crashes)
			require.Equal(t, []string{"1.0 to dev: deliver verified", "1.0 to eu: deliver verified", "1.0 to us: deliver verified",
				"1.0 to asia: deliver verified"}, h.deployments(), "died at touch %d", crashes)
			h.requireToldOnce()
			if !l.ended() {
				break
			}
		}
		require.Greater(t, crashes, 15, "the process never died in the middle")
	}
}

// TestAnEnvironmentThatLosesItsTarget is in a stage that nobody promotes into: nothing is authorized there.
func TestAnEnvironmentThatLosesItsTarget(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	h.environment("dev", func(spec *delivery.EnvironmentSpec) { spec.Target = nil })
	work := h.delivers("1.0", 1)
	requireRefusal(t, work.Failure, delivery.CodeConflict, `target  failed   Terraform deploys to environment "dev"`)
	require.Empty(t, h.deployments())
}

// TestATargetInPlaceOfTerraform gives an environment a target while a release is authorized for it, and takes it away again. What
// Terraform deployed is never rolled back to, because nobody here can.
func TestATargetInPlaceOfTerraform(t *testing.T) {
	h := newFixture(t)
	h.byTerraformIn(func(s *delivery.Stage) { s.Environments = []string{"eu"} })
	require.Nil(t, h.delivers("1.0", 1).Failure)
	spec := promotion("production", "1.0", delivery.WhenBlockedFail)
	_, err := h.promotes(spec)
	require.NoError(t, err)
	_, err = h.verifies(verificationOf("1.0"))
	require.NoError(t, err)
	h.environment("eu", func(*delivery.EnvironmentSpec) {})
	h.checker.bad["eu"] = true
	promoted, err := h.promotes(spec)
	require.NoError(t, err)
	require.NotNil(t, promoted.Work.Failure)
	h.checker.bad["eu"] = false
	spec.Attempt = 2
	promoted, err = h.promotes(spec)
	require.NoError(t, err)
	require.Equal(t, delivery.StageVerified, promoted.Status)
	h.environment("eu", func(spec *delivery.EnvironmentSpec) { spec.Target = nil })
	promoted, err = h.promotes(spec)
	require.NoError(t, err)
	require.Equal(t, delivery.StageDeployed, promoted.Status)
	h.environment("eu", func(*delivery.EnvironmentSpec) {})
	promoted, err = h.promotes(spec)
	require.NoError(t, err)
	require.Equal(t, delivery.StageVerified, promoted.Status)
	require.Equal(t, []string{"1.0 to eu: deliver superseded", "1.0 to eu: deliver failed", "1.0 to eu: deliver superseded",
		"1.0 to eu: deliver superseded", "1.0 to eu: heal verified"}, slices.DeleteFunc(h.deployments(), func(line string) bool { return line[:9] != "1.0 to eu" }))
}

// A verification moves on only what is still wanted: not what nobody promotes anymore, and not another version than it verified.
func TestAVerificationMovesOnWhatIsWanted(t *testing.T) {
	for name, edit := range map[string]func(h *fixture) error{
		"nobody promotes it anymore": func(h *fixture) error { return h.DeletePromotion(h.t.Context(), bob, "shop", "production") },
		"another version is wanted": func(h *fixture) error {
			require.Nil(h.t, h.delivers("2.0", 1).Failure)
			return h.ledger.Update(h.t.Context(), func(tx store.Tx) error {
				return tx.PutPromotion(h.t.Context(), delivery.Promotion{Spec: promotion("production", "2.0", delivery.WhenBlockedPend), RequestedBy: bob, RequestedAt: h.clock.now()})
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t)
			h.byTerraformIn()
			require.Nil(t, h.delivers("1.0", 1).Failure)
			_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedPend))
			require.NoError(t, err)
			require.NoError(t, edit(h))
			state, err := h.verifies(verificationOf("1.0"))
			require.NoError(t, err)
			require.Nil(t, state.Work.Failure)
			require.Contains(t, h.deployments(), "1.0 to eu: deliver verified")
			for _, line := range h.deployments() {
				require.NotContains(t, line, "to asia")
				require.NotContains(t, line, "2.0 to eu")
			}
		})
	}
}
