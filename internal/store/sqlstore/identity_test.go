package sqlstore

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// The clock of a database that machines share decides; the time that a query takes is no difference.
func TestClocksAreCompared(t *testing.T) {
	t.Parallel()
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	l.compareClocks(time.Now(), 0)
	require.Zero(t, l.ClockAhead(), "a file has no clock")
	for _, off := range []time.Duration{time.Hour, -time.Hour, 0} {
		l.compareClocks(time.Now(), time.Now().Add(-off).UnixMicro())
		require.InDelta(t, off, l.ClockAhead(), float64(time.Second))
		before := l.ClockAhead()
		l.compareClocks(time.Now(), time.Now().Add(-off+clockNoise/4).UnixMicro())
		require.Equal(t, before, l.ClockAhead(), "noise changes nothing")
	}
}

func TestADatabaseTellsItsTime(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL(t))
	l.ahead.Store(int64(time.Hour)) // as if it had been wrong before
	require.NoError(t, l.View(t.Context(), func(store.Reader) error { return nil }))
	require.Less(t, l.ClockAhead().Abs(), time.Minute, "this machine runs both")
}
