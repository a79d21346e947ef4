package sqlstore

import (
	"database/sql/driver"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
)

// A connection that keeps its statements answers as one that does not: with other arguments, while its rows are being read, after
// rows were left unread, after the schema was changed, and however many texts there are.
func TestStatementsAreKept(t *testing.T) {
	t.Parallel()
	connector, err := sqlite.NewConnector("file:" + t.TempDir() + "/db")
	require.NoError(t, err)
	opened, err := statementCache{connector}.Connect(t.Context())
	require.NoError(t, err)
	conn := opened.(*preparedConn) //nolint:errcheck // a wrong type fails the test
	exec := func(text string, args ...any) {
		t.Helper()
		_, err := conn.ExecContext(t.Context(), text, values(args))
		require.NoError(t, err)
	}
	query := func(text string, args ...any) driver.Rows {
		t.Helper()
		rows, err := conn.QueryContext(t.Context(), text, values(args))
		require.NoError(t, err)
		return rows
	}
	next := func(rows driver.Rows) int64 {
		t.Helper()
		row := make([]driver.Value, len(rows.Columns()))
		require.NoError(t, rows.Next(row))
		return row[0].(int64) //nolint:errcheck // a wrong type fails the test
	}
	const insert, choose = `INSERT INTO t (n) VALUES ($1)`, `SELECT * FROM t WHERE n >= $1 ORDER BY n`
	exec(`CREATE TABLE t (n INTEGER)`)
	for n := range int64(3) {
		exec(insert, n)
	}
	outer := query(choose, int64(0))
	require.Equal(t, int64(0), next(outer))
	inner := query(choose, int64(2))
	require.Equal(t, int64(2), next(inner))
	require.Equal(t, int64(1), next(outer))
	require.NoError(t, inner.Close())
	require.NoError(t, outer.Close()) // before its last row
	exec(`ALTER TABLE t ADD COLUMN m INTEGER`)
	changed := query(choose, int64(1))
	require.Equal(t, []string{"n", "m"}, changed.Columns())
	require.Equal(t, int64(1), next(changed))
	require.NoError(t, changed.Close())
	require.Len(t, conn.statements, 4)

	for n := range maxStatements + 10 {
		rows := query(fmt.Sprintf(`SELECT %d`, n))
		require.Equal(t, int64(n), next(rows))
		require.NoError(t, rows.Close())
	}
	require.Len(t, conn.statements, maxStatements)
	_, err = conn.ExecContext(t.Context(), `DELETE FROM absent`, nil)
	require.ErrorContains(t, err, "no such table")
	require.NoError(t, conn.Close())
}

func values(args []any) []driver.NamedValue {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return named
}
