package worker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Where work stands is in the ledger: a process that does none of it tells the same, and waits for its end.
func TestWorkIsTheSameFromEveryProcess(t *testing.T) {
	h, d := atWork(t)
	other := h.engine()
	for _, e := range []*Engine{h.Engine, other} {
		state, err := e.Promotion(t.Context(), "shop", "development")
		require.NoError(t, err)
		require.False(t, state.Work.Finished)
		require.Equal(t, "1.0", state.Work.Version)
		require.Equal(t, ann, state.Work.RequestedBy)
		require.Equal(t, "1.0 to dev: deploying", state.Work.Progress)
	}
	brief, err := other.WaitRelease(t.Context(), "shop", "1.0", time.Millisecond)
	require.NoError(t, err)
	require.False(t, brief.Work.Finished)

	close(d.letGo)
	waited, err := other.WaitRelease(t.Context(), "shop", "1.0", manyMoments)
	require.NoError(t, err)
	require.True(t, waited.Work.Finished)
	require.Equal(t, h.clock.now(), *waited.Work.FinishedAt)
	require.Equal(t, delivery.StageVerified, waited.Stages["development"].Status)
}

// How work failed is told to every process too, with the stage at which the release stands still.
func TestAFailureIsTheSameFromEveryProcess(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	h.driver.refuse["dev/shop"] = 1
	here := h.delivers("1.0", 1)
	require.NotNil(t, here.Failure)
	there, err := h.engine().Release(t.Context(), "shop", "1.0")
	require.NoError(t, err)
	require.Equal(t, here, there.Work)
	require.Equal(t, "development", there.Work.Stopped.Stage)
}

func TestCancelingWorksFromAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := atWork(t)
		other := h.engine()
		require.NoError(t, other.Cancel(t.Context(), "shop", "development"))
		require.EqualValues(t, 1, d.stopped.Load())
		require.Equal(t, []string{"1.0 to dev: deliver deploying"}, h.deployments())
		work := other.Work("shop", "development")
		require.True(t, work.Finished)
		require.True(t, work.CancelRequested)
		requireRefusal(t, work.Failure, delivery.CodeUnavailable, "applying again goes on from the ledger")

		before := h.clock.now()
		close(d.letGo)
		require.Nil(t, h.deliversBy(other, "1.0", 1).Failure, "a new request is not canceled")
		require.Equal(t, before, h.clock.now(), "nobody waits for a lease")
	})
}

// A process that died leaves work that nobody does: it shows, and the next request takes it over.
func TestWorkOfAProcessThatDiedIsInterrupted(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	require.NoError(t, h.ledger.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.RequestWork(t.Context(), delivery.WorkRecord{Pipeline: "shop", Stage: "development", Holder: "gone", Version: "1.0", RequestedBy: bob}, h.clock.now(), DefaultLeaseTTL)
		return err
	}))
	require.False(t, h.Work("shop", "development").Finished, "it may live")
	h.clock.move(DefaultLeaseTTL)
	state, err := h.WaitRelease(t.Context(), "shop", "1.0", manyMoments)
	require.NoError(t, err)
	requireRefusal(t, state.Work.Failure, delivery.CodeUnavailable, "the process that worked on shop/development has ended without finishing; applying again goes on from the ledger")
	require.NoError(t, h.Cancel(t.Context(), "shop", "development"), "nobody is left to be stopped")
	require.Nil(t, h.delivers("1.0", 1).Failure)
}

// A clock that jumps, or a computer that slept, makes nobody believe that its own process has ended.
func TestWorkOfThisProcessIsNotInterruptedByItsClock(t *testing.T) {
	h, d := atWork(t)
	h.clock.move(DefaultLeaseTTL)
	state, err := h.Release(t.Context(), "shop", "1.0")
	require.NoError(t, err)
	require.False(t, state.Work.Finished)
	require.Nil(t, state.Work.Failure)
	close(d.letGo)
	state, err = h.WaitRelease(t.Context(), "shop", "1.0", manyMoments)
	require.NoError(t, err)
	require.Nil(t, state.Work.Failure)
}

// Work is of the process that holds it: the same number says nothing.
func TestWorkIsOfItsHolder(t *testing.T) {
	h, d := atWork(t)
	defer close(d.letGo)
	record, err := h.held(t.Context(), runKey{"shop", "development"})
	require.NoError(t, err)
	require.True(t, h.WorksOn(record))
	require.False(t, h.engine().WorksOn(record))
	record.Holder = "somebody else"
	require.False(t, h.WorksOn(record))
}

// Reading tells what was recorded: no driver is asked and no check.
func TestReadingAsksNobody(t *testing.T) {
	h := newFixture(t)
	production := stage("production", delivery.Manual, "eu")
	production.Gates.Checks = map[string]delivery.Check{"smoke": {Command: &delivery.CommandCheck{Command: delivery.Command{Argv: []string{"smoke"}}}}}
	h.declares(stage("development", delivery.Automatic, "dev"), production)
	require.Nil(t, h.delivers("1.0", 1).Failure)
	require.Equal(t, 1, h.driver.looks, "an apply observes an environment once after deploying")

	h.checker.write(func(b *fakeChecker) { b.gates["shop/production/smoke"] = delivery.CheckResult{Detail: "no"} })
	waiting, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedPend))
	require.NoError(t, err)
	require.Len(t, waiting.WaitingOn, 1)
	require.NotContains(t, waiting.WaitingOn[0], "not asked")

	h.driver.change("dev", "shop", func(p *fakeTarget) { p.drift = "edited" })
	looks, failedChecks := h.driver.looks, h.checker.failedChecks()
	read := func() (delivery.ReleaseState, delivery.PromotionState, delivery.Deployed) {
		release, err := h.Release(t.Context(), "shop", "1.0")
		require.NoError(t, err)
		promoted, err := h.Promotion(t.Context(), "shop", "production")
		require.NoError(t, err)
		deployed, err := h.Deployed(t.Context(), "shop", "dev")
		require.NoError(t, err)
		return release, promoted, deployed
	}
	release, promoted, deployed := read()
	require.Equal(t, delivery.StageVerified, release.Stages["development"].Status)
	require.Equal(t, waiting.WaitingOn, promoted.WaitingOn, "what the check said last is told")
	require.False(t, deployed.Drifted)
	require.Equal(t, []int{looks, failedChecks}, []int{h.driver.looks, h.checker.failedChecks()})

	h.observes()
	require.Equal(t, []int{looks + 1, failedChecks}, []int{h.driver.looks, h.checker.failedChecks()}, "an observation asks no check")
	release, _, deployed = read()
	require.Equal(t, delivery.StageDrifted, release.Stages["development"].Status)
	require.Equal(t, []string{"edited"}, deployed.Differences)
}

var errUndone = errors.New("undone")

// twice is a ledger in which every change runs twice, and the first try leaves nothing.
type twice struct{ store.Store }

func (s twice) Update(ctx context.Context, f func(store.Tx) error) error {
	err := s.Store.Update(ctx, func(tx store.Tx) error { return errors.Join(f(tx), errUndone) })
	if !errors.Is(err, errUndone) {
		return err
	}
	return s.Store.Update(ctx, f)
}

// A write transaction may run again. What its first try decided is forgotten: each deployment is carried out once, and is on record.
func TestAChangeThatRunsTwiceIsMadeOnce(t *testing.T) {
	h := newFixture(t, func(o *engineOptions) { o.Store = twice{o.Store} })
	h.byTerraformIn()
	require.Nil(t, h.delivers("1.0", 1).Failure)
	calls, _ := h.driver.count()
	require.Equal(t, 1, calls)
	_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedPend))
	require.NoError(t, err)
	_, err = h.PutVerification(t.Context(), bob, verificationOf("1.0"))
	require.NoError(t, err)
	state, err := h.WaitVerification(t.Context(), verificationOf("1.0").Spec, manyMoments)
	require.NoError(t, err)
	require.Nil(t, state.Work.Failure)
	require.Equal(t, []string{"1.0 to dev: deliver verified", "1.0 to eu: deliver verified", "1.0 to us: deliver verified", "1.0 to asia: deliver verified"}, h.deployments())
	h.requireToldOnce()

	_, err = h.PutEnvironment(t.Context(), ann, delivery.EnvironmentSpec{Name: "stg", Tier: delivery.TierStaging, Parity: &delivery.Parity{With: "nowhere"}})
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err))
	refused := 0
	for _, line := range h.log(0) {
		if line == "environment.refused stg by "+ann {
			refused++
		}
	}
	require.Equal(t, 1, refused)
}
