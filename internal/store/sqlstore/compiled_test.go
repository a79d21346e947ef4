package sqlstore

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// TestStatementsAreNotCompiled asks in transactions of each kind. PostgreSQL compiles what seems to be expensive, once it has counted the rows:
// then each statement of a ledger took ten times as long. The setting ends with the transaction, as behind a pooler it has to.
func TestStatementsAreNotCompiled(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL(t))
	jit := func(ctx context.Context, q rowQuerier) (setting string, err error) {
		err = q.QueryRowContext(ctx, `SELECT current_setting('jit')`).Scan(&setting)
		return setting, err
	}
	var reading, writing string
	require.NoError(t, l.View(t.Context(), func(r store.Reader) (err error) {
		own, ok := r.(*reader)
		require.True(t, ok)
		reading, err = jit(t.Context(), own.tx)
		return err
	}))
	require.NoError(t, l.Update(t.Context(), func(tx store.Tx) (err error) {
		own, ok := tx.(*writer)
		require.True(t, ok)
		writing, err = jit(t.Context(), own.tx)
		return err
	}))
	require.Equal(t, "off", reading)
	require.Equal(t, "off", writing)
	after, err := jit(t.Context(), l.write)
	require.NoError(t, err)
	require.Equal(t, "on", after, "others may use the connection")
}
