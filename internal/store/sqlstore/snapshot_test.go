package sqlstore

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A table or a column that is added belongs to what is copied, exported and verified.
func TestSnapshotsHaveEverything(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		l := openLedger(t, address)
		query := `SELECT m.name || '.' || c.name FROM sqlite_schema m CROSS JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`
		if strings.Contains(address, "://") {
			query = `SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = current_schema() AND is_generated = 'NEVER'`
		}
		want := []string{}
		for _, column := range texts(t, l, query) {
			switch table, _, _ := strings.Cut(column, "."); {
			case slices.Contains([]string{"leases", "work", "observations", "ledger_turn", "ledger_identity", schemaTable, "sqlite_sequence"}, table): // of one database, not of the history
			default:
				want = append(want, column)
			}
		}
		got := []string{}
		for _, table := range append([]table{events}, snapshotTables...) {
			for _, column := range table.columns {
				got = append(got, table.name+"."+column)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		require.Equal(t, want, got)
	})
}

// However large a ledger is, each page of a snapshot is read along an index, from where the last one ended.
func TestPagesAreReadByIndex(t *testing.T) {
	t.Parallel()
	l := openLedger(t, databases["sqlite"](t))
	for _, table := range snapshotTables {
		key := make([]any, table.keys)
		for i := range key {
			key[i] = "x"
		}
		query, args := table.pageQuery(key)
		plan := explained(t, l, query, args)
		require.Contains(t, plan, "SEARCH "+table.name+" USING", table.name)
		require.NotContains(t, plan, "TEMP B-TREE", table.name)
	}
}

// explained is how SQLite goes about a query.
func explained(t *testing.T, l *ledger, query string, args []any) (plan string) {
	t.Helper()
	rows, err := l.read.Query(`EXPLAIN QUERY PLAN `+query, args...)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan += detail + "\n"
	}
	require.NoError(t, rows.Err())
	return plan
}
