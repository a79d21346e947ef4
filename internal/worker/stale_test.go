package worker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// lagging is a ledger whose readers are held up between what they read and what they do with it.
type lagging struct {
	store.Store
	heldUp func()
}

func (s *lagging) View(ctx context.Context, f func(store.Reader) error) error {
	err := s.Store.View(ctx, f)
	if heldUp := s.heldUp; heldUp != nil {
		s.heldUp = nil
		heldUp()
	}
	return err
}

// TestFinishedWorkIsNotToldWithWhatWasBefore lets the work end right after the ledger was read: a caller that hears "finished" stops
// asking, so it must not hear it together with what the ledger said before.
func TestFinishedWorkIsNotToldWithWhatWasBefore(t *testing.T) {
	h := newFixture(t)
	d := &slow{fakeDriver: h.driver, working: make(chan struct{}), letGo: make(chan struct{})}
	lag := &lagging{}
	h.Engine = h.engine(func(o *engineOptions) {
		o.Drivers = map[string]driver.Driver{"directory": d}
		lag.Store, o.Store = o.Store, lag
	})
	h.declares(stage("development", delivery.Automatic, "dev"))
	_, err := h.PutRelease(t.Context(), ann, release("1.0", 1))
	require.NoError(t, err)
	<-d.working
	lag.heldUp = func() {
		close(d.letGo)
		require.NoError(t, h.Await(t.Context(), "shop", "development", manyMoments))
	}
	state, err := h.Release(t.Context(), "shop", "1.0")
	require.NoError(t, err)
	require.Equal(t, delivery.StageDeploying, state.Stages["development"].Status)
	require.False(t, state.Work.Finished)
}
