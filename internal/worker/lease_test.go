package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// How long a lease holds is measured on the clock that nobody can set, so the tests that wait for that have a clock of their own, from
// synctest: they wait for as long as the leases of users take, in no time and on any machine.

// failing is a ledger that stops answering writers: with an error at once, or never. Deaf, it answers nobody. It may also lose some
// writers, as a connection does that is dead without anybody knowing.
type failing struct {
	store.Store
	gone, silent, deaf atomic.Bool
	loses              atomic.Int32 // so many more
}

func (s *failing) View(ctx context.Context, f func(store.Reader) error) error {
	if s.deaf.Load() {
		<-ctx.Done()
		return delivery.Errorf(delivery.CodeUnavailable, "the ledger could not be read in time")
	}
	return s.Store.View(ctx, f)
}

func (s *failing) Update(ctx context.Context, f func(store.Tx) error) error {
	switch {
	case s.silent.Load(), s.loses.Add(-1) >= 0:
		<-ctx.Done()
		return delivery.Errorf(delivery.CodeUnavailable, "the ledger could not be written in time")
	case s.gone.Load():
		return delivery.Errorf(delivery.CodeUnavailable, "the ledger cannot be reached")
	}
	return s.Store.Update(ctx, f)
}

// working has a delivery under way, in a driver that only ends when it is told to stop.
func working(t *testing.T) (*fixture, *failing) {
	h := newFixture(t)
	ledger := &failing{}
	d := &slow{fakeDriver: h.driver, working: make(chan struct{}), letGo: make(chan struct{})}
	h.Engine = h.engine(func(o *engineOptions) {
		o.Drivers = map[string]driver.Driver{"directory": d}
		ledger.Store, o.Store = o.Store, ledger
	})
	h.declares(stage("development", delivery.Automatic, "dev"))
	_, err := h.PutRelease(t.Context(), ann, release("1.0", 1))
	require.NoError(t, err)
	<-d.working
	return h, ledger
}

// take takes the lease on dev over at a moment when it has lapsed by the clock.
func (h *fixture) take(at time.Time) (lease store.Lease) {
	h.t.Helper()
	require.NoError(h.t, h.ledger.Update(h.t.Context(), func(tx store.Tx) (err error) {
		lease, err = tx.AcquireLease(h.t.Context(), "dev/shop", "somebody", at, time.Minute)
		return err
	}))
	return lease
}

// The machine's clock jumps forward, and another process believes that the lease has lapsed.
func TestALeaseThatWasTakenOverStopsTheWorkAtItsNextRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := working(t)
		taken := h.take(h.clock.now().Add(time.Hour))
		require.NoError(t, h.Await(t.Context(), "shop", "development", manyMoments))
		requireRefusal(t, h.Work("shop", "development").Failure, delivery.CodeConflict, "no longer holds the lease on")
		require.Equal(t, []string{"1.0 to dev: deliver deploying"}, h.deployments(), "it records nothing over its successor")
		require.NoError(t, h.ledger.Update(t.Context(), func(tx store.Tx) error { return tx.CheckLease(t.Context(), taken) }))
	})
}

// A process that cannot renew its lease stops before anybody else may begin.
func TestALeaseThatCannotBeRenewedStopsTheWorkInTime(t *testing.T) {
	for name, fail := range map[string]func(*failing){
		"the ledger is gone":   func(s *failing) { s.gone.Store(true) },
		"the ledger is silent": func(s *failing) { s.silent.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				h, ledger := working(t)
				fail(ledger)
				require.NoError(t, h.Await(t.Context(), "shop", "development", manyMoments))
				require.Less(t, time.Since(began), DefaultLeaseTTL, "nobody else may have begun")
				requireRefusal(t, h.Work("shop", "development").Failure, delivery.CodeUnavailable, "could not be renewed")
				h.Engine = h.engine()
				require.Nil(t, h.delivers("1.0", 1).Failure)
				require.Equal(t, []string{"1.0 to dev: deliver verified"}, h.deployments())
				h.requireToldOnce()
			})
		})
	}
}

// A connection that is dead without anybody knowing does not use up the time there is to renew a lease: another one is tried.
func TestALeaseOutlivesALostConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		ledger := &failing{}
		e := h.engine(func(o *engineOptions) {
			ledger.Store, o.Store = o.Store, ledger
		})
		lease := h.take(h.clock.now())
		ledger.loses.Store(2)
		before := time.Now()
		held, err := e.renewInTime(t.Context(), lease, before)
		require.NoError(t, err)
		require.Greater(t, held, before)
		require.Negative(t, ledger.loses.Load(), "it was asked again")
	})
}

// What ended because the ledger does not answer has waited for it: anyone who asks how it stands does not wait for as long once more, and
// is told why it ended.
func TestALedgerIsNotWaitedForTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ledger := working(t)
		ledger.gone.Store(true)
		require.NoError(t, h.Await(t.Context(), "shop", "development", manyMoments))
		ledger.deaf.Store(true) // who reads it ends only because the look is bounded
		asked := time.Now()
		_, err := h.WaitPromotion(t.Context(), "shop", "development", "", manyMoments)
		require.Less(t, time.Since(asked), DefaultLeaseTTL/2)
		requireRefusal(t, err, delivery.CodeUnavailable, "could not be renewed")

		ledger.deaf.Store(false)
		state, err := h.WaitPromotion(t.Context(), "shop", "development", "", manyMoments)
		require.NoError(t, err, "a ledger that answers is read")
		requireRefusal(t, state.Work.Failure, delivery.CodeUnavailable, "could not be renewed")
	})
}

// The lease is lost while a change under it is being recorded: what is told is why, not that somebody interrupted it.
func TestWorkThatLosesItsLeaseWhileRecordingSaysWhy(t *testing.T) {
	ctx, lose := context.WithCancelCause(t.Context())
	interrupted := fmt.Errorf("the ledger could not be written in time: %w", context.Canceled)
	require.Equal(t, interrupted, cause(ctx, interrupted), "by the caller of something smaller")
	refused := delivery.Errorf(delivery.CodeConflict, "does not hold the lease")
	lose(refused)
	require.Equal(t, error(refused), cause(ctx, interrupted))
	other := errors.New("something else")
	require.Equal(t, other, cause(ctx, other))
	require.NoError(t, cause(ctx, nil))
}

// Between taking a lease and acting under it, a long time may pass.
func TestNothingIsDoneUnderALeaseThatMayHaveLapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		e := h.engine(func(o *engineOptions) { o.LeaseTTL = time.Minute })
		held := h.take(h.clock.now())
		longAgo := time.Now().Add(-time.Hour)

		working, stop := e.keep(t.Context(), held, longAgo)
		require.NoError(t, working.Err(), "nobody took it")
		stop()

		lost := store.Lease{Key: held.Key, Holder: "somebody else", Fence: held.Fence}
		for _, since := range []time.Time{longAgo, time.Now().Add(-30 * time.Second)} { // half of its time is too much too
			working, stop = e.keep(t.Context(), lost, since)
			require.ErrorContains(t, context.Cause(working), "no longer holds the lease on")
			stop()
		}
	})
}

// writes counts the changes that a ledger is asked for.
type writes struct {
	store.Store
	n int
}

func (s *writes) Update(ctx context.Context, f func(store.Tx) error) error {
	s.n++
	return s.Store.Update(ctx, f)
}

// Releasing a lease is a courtesy, for which a ledger that does not answer is not waited for again.
func TestALeaseIsReleasedUnlessTheLedgerIsSilent(t *testing.T) {
	h := newFixture(t)
	ledger := &writes{Store: h.ledger}
	e := h.engine(func(o *engineOptions) { o.Store = ledger })
	held := h.take(h.clock.now())
	e.releaseLease(t.Context(), held, delivery.Errorf(delivery.CodeUnavailable, "the ledger could not be written in time"))
	require.Zero(t, ledger.n)
	e.releaseLease(t.Context(), held, errors.New("the driver failed"))
	require.Equal(t, 1, ledger.n)
	require.Equal(t, held.Fence+1, h.take(h.clock.now()).Fence, "it is free")
}

// Two works of one process do not share an environment: the second waits for the first, as it would for another process.
func TestWorksOfOneProcessKeepEachOtherOut(t *testing.T) {
	h := newFixture(t)
	first := store.Lease{}
	require.NoError(t, h.ledger.Update(t.Context(), func(tx store.Tx) (err error) {
		first, err = h.acquire(t.Context(), tx, "dev", "shop")
		return err
	}))
	require.NoError(t, h.ledger.Update(t.Context(), func(tx store.Tx) error {
		_, err := h.acquire(t.Context(), tx, "dev", "shop")
		require.Equal(t, delivery.CodeConflict, delivery.CodeOf(err), "%v", err)
		return tx.CheckLease(t.Context(), first)
	}))
}
