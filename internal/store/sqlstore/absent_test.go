package sqlstore

import (
	"database/sql"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// TestReadingMakesNoTables: a plan over an empty database leaves it empty. What another process makes is seen, and the first update makes
// the tables.
func TestReadingMakesNoTables(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	db, err := sql.Open("pgx", address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	tables := func() (n int) {
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pg_catalog.pg_class WHERE relnamespace = current_schema()::regnamespace`).Scan(&n))
		return n
	}
	require.Zero(t, tables())

	opened := func() store.Store {
		l, err := Open(t.Context(), address)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		return l
	}
	planning, applying := opened(), opened()
	requireEnvironments(t, planning)
	require.NoError(t, planning.View(t.Context(), func(r store.Reader) error {
		found, err := r.Ledger(t.Context())
		require.Empty(t, found.Newest.Ledger, "there is no ledger yet")
		return err
	}))
	require.NoError(t, RequireEmpty(t.Context(), address))
	_, err = OpenExisting(t.Context(), address)
	require.Equal(t, delivery.CodeNotFound, delivery.CodeOf(err))
	require.Zero(t, tables())

	putEnvironment(t, applying, "staging")
	require.NotZero(t, tables())
	requireEnvironments(t, planning, "staging")
	putEnvironment(t, planning, "production")
	requireEnvironments(t, applying, "production", "staging")
	require.NoError(t, openAndClose(t.Context(), address))
}
