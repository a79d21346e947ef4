package sqlstore

import (
	"context"
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
			storetest.Exercise(t, func(t *testing.T) store.Store { // as a user opens it: a file is made by the first update
				l, err := openTrusting(t.Context(), address(t))
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, l.Close()) })
				return l
			})
		})
	}
}

// openTrusting is Open, but takes rows without the events that tell of them: the conformance tests are about the tables alone.
func openTrusting(ctx context.Context, address string) (store.Store, error) {
	s, err := Open(ctx, address)
	switch l := s.(type) {
	case *ledger:
		l.trusting = true
	case *absent:
		if l.trusting = true; l.unmade != nil {
			l.unmade.trusting = true
		}
	}
	return s, err
}

// openLedger opens a ledger for the length of a test.
func openLedger(t testing.TB, address string) *ledger {
	t.Helper()
	l, err := open(t.Context(), address, busyTimeout)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}
