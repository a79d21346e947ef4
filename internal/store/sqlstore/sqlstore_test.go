package sqlstore

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Exercise(t, func(t *testing.T) store.Store { return openLedger(t, filepath.Join(t.TempDir(), "ledger.db")) })
}

// openLedger opens a ledger for the length of a test.
func openLedger(t testing.TB, path string) *ledger {
	t.Helper()
	l, err := open(t.Context(), path, patience)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}
