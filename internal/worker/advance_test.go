package worker

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// TestEnvironmentsOfAStageGoAtTheSameTime lets each deployment wait for the other: one after the other would never end.
func TestEnvironmentsOfAStageGoAtTheSameTime(t *testing.T) {
	h := newFixture(t)
	production := stage("production", delivery.Automatic, "eu", "us")
	production.Rollout = &delivery.Rollout{MaxParallel: 2}
	h.declares(production)
	var both sync.WaitGroup
	both.Add(2)
	h.driver.onCall = func(driver.Request) {
		both.Done()
		both.Wait()
	}
	require.Nil(t, h.delivers("1.0", 1).Failure)
	require.ElementsMatch(t, []string{"1.0 to eu: deliver verified", "1.0 to us: deliver verified"}, h.deployments())
}

// TestWhatWentTogetherIsTakenBackTogether fails one of two environments that were deployed at the same time.
func TestWhatWentTogetherIsTakenBackTogether(t *testing.T) {
	for _, parallel := range []int{1, 2} {
		h := newFixture(t)
		production := verifying(stage("production", delivery.Automatic, "eu", "us"))
		production.Rollout = &delivery.Rollout{MaxParallel: parallel}
		h.declares(production)
		require.Nil(t, h.delivers("1.0", 1).Failure)
		h.driver.refuse["us/shop"] = 1
		work := h.delivers("2.0", 1)
		requireRefusal(t, work.Failure, delivery.CodeConflict, "2.0 was rolled back in production (us, attempt 1): the environment refuses 2.0")
		require.ElementsMatch(t, []string{"1.0 to eu: deliver superseded", "1.0 to us: deliver superseded",
			"2.0 to eu: deliver rolled_back", "2.0 to us: deliver rolled_back",
			"1.0 to eu: rollback verified", "1.0 to us: rollback verified"}, h.deployments())
		require.Equal(t, "1.0", h.driver.copied()["eu/shop"].version)
	}
}

func TestHeldUntilTheAttemptIsRaised(t *testing.T) {
	h := newFixture(t)
	h.declares(verifying(stage("development", delivery.Automatic, "dev")))
	h.checker.bad["shop/1.0"] = true
	require.ErrorContains(t, h.delivers("1.0", 1).Failure, "It is not tried there again until attempt is raised to 2")
	calls, _ := h.driver.count()
	require.NotNil(t, h.delivers("1.0", 1).Failure)
	again, _ := h.driver.count()
	require.Equal(t, calls, again, "a held release was deployed again")
	h.checker.bad["shop/1.0"] = false
	require.Nil(t, h.delivers("1.0", 2).Failure)
}

// TestWhatCannotBeHealedIsNotDeployedForEver has an environment that differs whatever is deployed there.
func TestWhatCannotBeHealedIsNotDeployedForEver(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	h.driver.always["dev/shop"] = true
	requireRefusal(t, h.delivers("1.0", 1).Failure, delivery.CodeConflict, "1.0 was deployed to dev just now, and differs already: dev drifted: it is never as it was left")
	require.Len(t, h.deployments(), 1)
	requireRefusal(t, h.delivers("1.0", 1).Failure, delivery.CodeConflict, "differs already")
	require.Len(t, h.deployments(), 2)
}

// TestTwoEnginesHealOnce lets one engine look before the other heals, and act after it.
func TestTwoEnginesHealOnce(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	h.driver.change("dev", "shop", func(p *fakeTarget) { p.drift = "somebody edited a file" })

	var late *Engine
	var once sync.Once
	late = h.engine(func(o *engineOptions) {
		o.decide = func(w delivery.World, entry string) delivery.Decision {
			d := delivery.Decide(w, entry)
			if len(d.Steps) > 0 {
				once.Do(func() { require.Nil(t, h.delivers("1.0", 1).Failure) })
			}
			return d
		}
	})
	_, _, err := late.Advance(t.Context(), bob, "shop", "development")
	require.NoError(t, err)
	require.Equal(t, []string{"1.0 to dev: deliver superseded", "1.0 to dev: heal verified"}, h.deployments())
}

// TestARivalBetweenTwoLooksIsNoDrift lets another engine deliver the next release after this one has read the ledger, and before it
// looks at what it has just deployed itself.
func TestARivalBetweenTwoLooksIsNoDrift(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	var once sync.Once
	slow := h.engine(func(o *engineOptions) {
		o.decide = func(w delivery.World, entry string) delivery.Decision {
			d := delivery.Decide(w, entry)
			if len(d.Questions.Observations) > 0 {
				once.Do(func() { require.Nil(t, h.delivers("2.0", 1).Failure) })
			}
			return d
		}
	})
	gone := h.engine()
	gone.end()
	_, err := gone.PutRelease(t.Context(), ann, release("1.0", 1))
	requireRefusal(t, err, delivery.CodeUnavailable, "was stopped") // it is wanted, and nobody works on it
	wanted, _, err := slow.Advance(t.Context(), bob, "shop", "development")
	require.NoError(t, err)
	require.Equal(t, "2.0", wanted.Spec.Version)
	require.Equal(t, []string{"1.0 to dev: deliver superseded", "2.0 to dev: deliver verified"}, h.deployments())
}

// TestWhatIsUnderWayIsFinishedBehindAStageThatStops leaves a deployment in flight in staging, and holds the next release in development: what
// is no longer wanted does not go on, and what is wanted again does.
func TestWhatIsUnderWayIsFinishedBehindAStageThatStops(t *testing.T) {
	h := newFixture(t)
	h.declares(verifying(stage("development", delivery.Automatic, "dev")), stage("staging", delivery.Automatic, "stg"))
	gone := h.engine()
	h.driver.onCall = func(r driver.Request) {
		if r.Environment == "stg" {
			gone.end()
		}
	}
	require.ErrorContains(t, h.deliversBy(gone, "1.0", 1).Failure, "stopped at a safe point")
	require.Equal(t, []string{"1.0 to dev: deliver verified", "1.0 to stg: deliver deploying"}, h.deployments())

	h.driver.onCall = nil
	h.checker.bad["shop/2.0"] = true
	failure := h.delivers("2.0", 1).Failure
	require.ErrorContains(t, failure, "2.0 was rolled back in development")
	require.ErrorContains(t, failure, "The deployment of 1.0 to stg was interrupted and may not go on: 2.0 is wanted there now")
	require.Contains(t, h.deployments(), "1.0 to stg: deliver deploying")
	require.Nil(t, h.delivers("1.0", 1).Failure)
	require.Contains(t, h.deployments(), "1.0 to stg: deliver verified")
}

// TestAFailedRollbackSaysNothingAboutWhatIsGoneBackTo fails a rollback, then a release after it: that one is rolled back to the same version.
func TestAFailedRollbackSaysNothingAboutWhatIsGoneBackTo(t *testing.T) {
	h := newFixture(t)
	h.declares(verifying(stage("development", delivery.Automatic, "dev")))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	h.checker.bad["dev"] = true
	require.NotNil(t, h.delivers("2.0", 1).Failure)
	require.NotNil(t, h.delivers("3.0", 1).Failure)
	require.Equal(t, []string{"1.0 to dev: deliver verified", "2.0 to dev: deliver failed", "1.0 to dev: rollback failed",
		"3.0 to dev: deliver failed", "1.0 to dev: rollback failed"}, h.deployments())
}

func TestWaitingForAGate(t *testing.T) {
	soaking := stage("production", delivery.Manual, "eu")
	soaking.Gates.Soak = &delivery.SoakGate{Stage: "development", Duration: "10m"}

	t.Run("until time has passed", func(t *testing.T) {
		h := newFixture(t)
		h.declares(stage("development", delivery.Automatic, "dev"), soaking)
		require.Nil(t, h.delivers("1.0", 1).Failure)
		before := h.clock.now()
		state, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedWait))
		require.NoError(t, err)
		require.Nil(t, state.Work.Failure)
		require.Equal(t, delivery.StageVerified, state.Status)
		require.Equal(t, 10*time.Minute, h.clock.now().Sub(before), "it waits exactly as long as the gate needs")
	})
	t.Run("until nobody wants it", func(t *testing.T) {
		h := newFixture(t)
		h.declares(stage("development", delivery.Automatic, "dev"), soaking)
		require.Nil(t, h.delivers("1.0", 1).Failure)
		removed := false
		patient := h.engine(func(o *engineOptions) {
			o.Pause = func(context.Context, time.Duration) error {
				h.clock.move(time.Hour)
				if removed {
					return nil
				}
				removed = true
				return h.DeletePromotion(context.Background(), bob, "shop", "production")
			}
		})
		// It may be gone before it is read back, or before anybody waits for it.
		_, err := patient.PutPromotion(t.Context(), bob, promotion("production", "1.0", delivery.WhenBlockedWait))
		if err == nil {
			err = patient.Await(t.Context(), "shop", "production", manyMoments)
		}
		if !delivery.IsNotFound(err) {
			require.NoError(t, err)
		}
		require.Equal(t, []string{"1.0 to dev: deliver verified"}, h.deployments())
	})
	t.Run("until a gate fails", func(t *testing.T) {
		h := newFixture(t)
		rejected := soaking
		rejected.Gates.Approvals = &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}
		h.declares(stage("development", delivery.Automatic, "dev"), rejected)
		require.Nil(t, h.delivers("1.0", 1).Failure)
		_, err := h.decides(bob, delivery.ApprovalSpec{Pipeline: "shop", Stage: "production", Version: "1.0", Decision: delivery.Reject, Comment: "not on a Friday"})
		require.NoError(t, err)
		state, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedWait))
		require.NoError(t, err)
		requireRefusal(t, state.Work.Failure, delivery.CodeConflict, "bob@example.com rejected it: not on a Friday")
	})
	t.Run("pend does not wait", func(t *testing.T) {
		h := newFixture(t)
		h.declares(stage("development", delivery.Automatic, "dev"), soaking)
		require.Nil(t, h.delivers("1.0", 1).Failure)
		state, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedPend))
		require.NoError(t, err)
		require.Nil(t, state.Work.Failure)
		require.Equal(t, delivery.StageWaiting, state.Status)
		require.Contains(t, state.WaitingOn[0], "soak: verified in development since")
	})
	t.Run("fail records no operation", func(t *testing.T) {
		h := newFixture(t)
		h.declares(stage("development", delivery.Automatic, "dev"), soaking)
		require.Nil(t, h.delivers("1.0", 1).Failure)
		_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
		requireRefusal(t, err, delivery.CodeConflict, `release shop/1.0 may not enter stage "production"`)
		_, err = h.Promotion(t.Context(), "shop", "production")
		require.True(t, delivery.IsNotFound(err), "%v", err)
		require.Contains(t, h.log(0), "promotion.refused shop/production by "+bob)
	})
}
