package sqlstore

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// databases gives each kind of database that a ledger can be in, as the address of an empty one.
var databases = map[string]func(t testing.TB) string{
	"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "ledger.db") },
	"postgres": pgtest.URL,
}

// onEachDatabase runs a test on an empty ledger in each kind of database.
func onEachDatabase(t *testing.T, run func(t *testing.T, address string)) {
	t.Helper()
	for name, address := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, address(t))
		})
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, address := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The tables alone: its rows come without the events that tell of them, which a ledger as Open opens it refuses.
			storetest.Exercise(t, func(t *testing.T) store.Store { return openLedger(t, address(t)) })
		})
	}
}

// openLedger opens a ledger for the length of a test.
func openLedger(t testing.TB, address string) *ledger {
	t.Helper()
	l, err := open(t.Context(), address, busyTimeout)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}
