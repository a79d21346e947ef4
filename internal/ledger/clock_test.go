package ledger

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// TestAnEventFromTheFutureIsCorrected: a ledger that a wrong clock wrote into goes on from the clock, once a person says that this one is right.
func TestAnEventFromTheFutureIsCorrected(t *testing.T) {
	t.Parallel()
	for name, address := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := address(t)
			_, err := Clock(t.Context(), at, time.Now())
			require.Equal(t, delivery.CodeNotFound, delivery.CodeOf(err), "%v", err)
			_, err = CorrectClock(t.Context(), at, By{alice, time.Now()})
			require.Equal(t, delivery.CodeNotFound, delivery.CodeOf(err), "%v", err)
			if name == "sqlite" {
				_, err := os.Stat(filepath.Dir(at) + "/" + filepath.Base(at))
				require.ErrorIs(t, err, os.ErrNotExist, "nothing was made")
			}

			record := func(moment time.Time) {
				require.NoError(t, change(t.Context(), at, func(tx store.Tx) error {
					_, err := tx.AppendEvents(t.Context(), delivery.Event{At: moment, Actor: alice, Kind: delivery.EventEnvironmentRefused, Subject: "eu"})
					return err
				}))
			}
			record(time.Now())
			_, err = CorrectClock(t.Context(), at, By{alice, time.Now()})
			require.ErrorContains(t, err, "there is nothing to correct")

			future := time.Now().Add(9 * 365 * 24 * time.Hour)
			record(future)
			record(time.Now())
			found, err := Clock(t.Context(), at, time.Now())
			require.NoError(t, err)
			require.True(t, found.Behind())
			require.WithinDuration(t, future, found.Newest, time.Second, "an event after it takes its time")
			require.EqualValues(t, 3, found.Seq)

			_, err = CorrectClock(t.Context(), at, By{"", time.Now()})
			require.Error(t, err, "who does this is needed")
			corrected, err := CorrectClock(t.Context(), at, By{alice, time.Now()})
			require.NoError(t, err)
			require.Equal(t, found.Newest, corrected.Newest)
			record(time.Now())
			found, err = Clock(t.Context(), at, time.Now())
			require.NoError(t, err)
			require.False(t, found.Behind())
			require.WithinDuration(t, time.Now(), found.Newest, time.Minute)
			report, err := Verify(t.Context(), at, "", quiet)
			require.NoError(t, err)
			require.EqualValues(t, 5, report.Events)
		})
	}
}
