package sqlstore

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// count raises a number by one, with an event, and tells how often it was tried.
func count(ctx context.Context, l *ledger) (runs int, err error) {
	err = l.Update(ctx, func(tx store.Tx) error {
		runs++
		spec, err := tx.Environment(ctx, "counted")
		if delivery.IsNotFound(err) {
			spec, err = delivery.EnvironmentSpec{Name: "counted", Config: map[string]string{"N": "0"}}, nil
		}
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(spec.Config["N"])
		if err != nil {
			return err
		}
		spec.Config["N"] = strconv.Itoa(n + 1)
		if err := tx.PutEnvironment(ctx, spec); err != nil {
			return err
		}
		_, err = tx.AppendEvents(ctx, delivery.Event{At: storedAt, Kind: "counted", Subject: spec.Config["N"]})
		return err
	})
	return runs, err
}

// requireCounted demands that nothing was lost and nothing done twice.
func requireCounted(t *testing.T, l *ledger, want int) {
	t.Helper()
	require.NoError(t, l.View(t.Context(), func(r store.Reader) error {
		spec, err := r.Environment(t.Context(), "counted")
		require.Equal(t, strconv.Itoa(want), spec.Config["N"])
		return err
	}))
	events, err := storetest.VerifyEvents(t.Context(), l)
	require.NoError(t, err)
	require.Equal(t, want, events)
}

// The server is stopped and started while many write: they wait, and go on.
func TestAServerThatIsRestartedLosesNothing(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 40
	c := pgtest.New(t)
	address := c.Database(t)
	l := openLedger(t, address)
	begun := make(chan struct{}, writers*each)
	var group errgroup.Group
	for range writers {
		own := openLedger(t, address)
		group.Go(func() error {
			for range each {
				begun <- struct{}{}
				if _, err := count(t.Context(), own); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range writers * each {
		<-begun
		if i == writers*each/4 || i == writers*each/2 {
			c.Stop(t)
			c.Start(t)
		}
	}
	require.NoError(t, group.Wait())
	requireCounted(t, l, writers*each)
}
