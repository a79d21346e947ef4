package engine

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// slow is a driver that works until it is let go, or told to stop.
type slow struct {
	*places
	working, letGo chan struct{}
	once           sync.Once
}

func (d *slow) Deploy(ctx context.Context, r driver.Request) (driver.Result, error) {
	d.once.Do(func() { close(d.working) })
	select {
	case <-d.letGo:
		return d.places.Deploy(ctx, r)
	case <-ctx.Done():
		return driver.Result{}, ctx.Err()
	}
}

// atWork has a delivery under way in the driver.
func atWork(t *testing.T) (*house, *slow) {
	h := newHouse(t)
	d := &slow{places: h.places, working: make(chan struct{}), letGo: make(chan struct{})}
	h.Engine = h.engine(func(o *Options) { o.Drivers = map[string]driver.Driver{"directory": d} })
	h.declares(stage("development", delivery.Automatic, "dev"))
	_, err := h.PutRelease(t.Context(), ann, release("1.0", 1))
	require.NoError(t, err)
	<-d.working
	return h, d
}

func TestWaitReturnsWhenItsTimeIsOver(t *testing.T) {
	h, d := atWork(t)
	state, err := h.WaitRelease(t.Context(), "shop", "1.0", time.Millisecond)
	require.NoError(t, err)
	require.False(t, state.Work.Settled)
	require.Equal(t, delivery.StageDeploying, state.Stages["development"].Status)

	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err = h.WaitRelease(gone, "shop", "1.0", manyMoments)
	require.ErrorIs(t, err, context.Canceled, "a caller that left is not waited for")

	close(d.letGo)
	state, err = h.WaitRelease(t.Context(), "shop", "1.0", manyMoments)
	require.NoError(t, err)
	require.Equal(t, delivery.Work{Settled: true}, state.Work)
	require.Equal(t, delivery.StageVerified, state.Stages["development"].Status)
}

// TestStopping stops the work in its middle, in each of the ways there are, and lets another process go on at once.
func TestStopping(t *testing.T) {
	ways := map[string]func(*house) error{
		"cancel": func(h *house) error { return h.Cancel(context.Background(), "shop", "development") },
		"close":  func(h *house) error { return h.Close(context.Background()) },
	}
	for name, stop := range ways {
		t.Run(name, func(t *testing.T) {
			h, _ := atWork(t)
			require.NoError(t, stop(h))
			work := h.workOf(runKey{"shop", "development"})
			require.True(t, work.Settled, "stopping waits for the safe point")
			requireRefusal(t, work.Failure, delivery.CodeUnavailable, "applying again goes on from the ledger")
			require.Equal(t, []string{"1.0 to dev: deliver deploying"}, h.deployments())

			before := h.clock.now()
			h.Engine = h.engine()
			require.Nil(t, h.delivers("1.0", 1).Failure)
			require.Equal(t, []string{"1.0 to dev: deliver verified"}, h.deployments())
			require.Equal(t, before, h.clock.now(), "the lease was given up, so nobody waits for it")
		})
	}
	t.Run("with a caller that leaves", func(t *testing.T) {
		h, d := atWork(t)
		gone, leave := context.WithCancel(context.Background())
		leave()
		// The work stops all the same; only the caller does not wait for it.
		err := h.Cancel(gone, "shop", "development")
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
		require.NoError(t, h.Cancel(context.Background(), "shop", "development"))
		close(d.letGo)
		require.Equal(t, []string{"1.0 to dev: deliver deploying"}, h.deployments())
	})
	t.Run("what is not under way", func(t *testing.T) {
		h := newHouse(t)
		require.NoError(t, h.Cancel(t.Context(), "shop", "development"))
		require.NoError(t, h.Close(t.Context()))
	})
}

// TestANewerWishWaitsItsTurn asks for another version while the first is on its way: they do not mix.
func TestANewerWishWaitsItsTurn(t *testing.T) {
	h, d := atWork(t)
	_, err := h.PutRelease(t.Context(), bob, release("2.0", 1))
	require.NoError(t, err)
	close(d.letGo)
	state, err := h.WaitRelease(t.Context(), "shop", "2.0", manyMoments)
	require.NoError(t, err)
	require.Nil(t, state.Work.Failure)
	require.Equal(t, []string{"1.0 to dev: deliver superseded", "2.0 to dev: deliver verified"}, h.deployments())
}

// TestAnOvertakenWishSaysSo lets another process ask for another version meanwhile.
func TestAnOvertakenWishSaysSo(t *testing.T) {
	h, d := atWork(t)
	require.NoError(t, h.overtake("2.0"))
	close(d.letGo)
	state, err := h.WaitRelease(t.Context(), "shop", "1.0", manyMoments)
	require.NoError(t, err)
	requireRefusal(t, state.Work.Failure, delivery.CodeConflict, "shop/development was to get 1.0, but bob@example.com asked for 2.0 meanwhile")
}

// overtake asks for another version in a process that does not get to do it.
func (h *house) overtake(version string) error {
	other := h.engine(func(o *Options) {
		o.Pause = func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }
	})
	_, err := other.PutRelease(context.Background(), bob, release(version, 1))
	return err
}
