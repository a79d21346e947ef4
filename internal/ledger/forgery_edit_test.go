package ledger

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// copy copies the ledger.
func (f *forger) copy(n int) string {
	f.Helper()
	text, err := os.ReadFile(f.base)
	require.NoError(f, err)
	path := filepath.Join(f.dir, fmt.Sprint("copy-", n, ".db"))
	require.NoError(f, os.WriteFile(path, text, 0o600))
	return path
}

func (f *forger) open(path string) *sql.DB {
	f.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(f, err)
	return db
}

func (f *forger) texts(db *sql.DB, query string, args ...any) []string {
	f.Helper()
	rows, err := db.QueryContext(f.Context(), query, args...)
	require.NoError(f, err)
	defer rows.Close()
	all := []string{}
	for rows.Next() {
		var text sql.NullString
		require.NoError(f, rows.Scan(&text))
		all = append(all, text.String)
	}
	require.NoError(f, rows.Err())
	return all
}

// edit changes one column of one row at random, or deletes the row, until something is different. It returns which table, and what was done.
func (f *forger) edit(path string) (table, what string) {
	f.Helper()
	db := f.open(path)
	defer func() { require.NoError(f, db.Close()) }()
	tables := f.texts(db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'ledger_schema' ORDER BY name`)
	for {
		table = tables[f.random.IntN(len(tables))]
		rows := f.texts(db, `SELECT COUNT(*) FROM `+table)
		var n int
		_, err := fmt.Sscan(rows[0], &n)
		require.NoError(f, err)
		if n == 0 {
			continue
		}
		columns := f.texts(db, `SELECT name FROM pragma_table_info($1)`, table) // without those that are computed
		column := columns[f.random.IntN(len(columns))]
		key := strings.Join(f.texts(db, `SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk`, table), ", ")
		where := fmt.Sprintf(` WHERE (%[1]s) IN (SELECT %[1]s FROM %[2]s ORDER BY %[1]s LIMIT 1 OFFSET %[3]d)`, key, table, f.random.IntN(n))
		if f.random.IntN(10) == 0 && !slices.Contains(processTables, table) {
			if _, err := db.ExecContext(f.Context(), `DELETE FROM `+table+where); err == nil {
				return table, "delete from " + table + where
			}
			continue
		}
		before := f.texts(db, `SELECT CAST(`+column+` AS TEXT) FROM `+table+where)[0]
		after := f.other(db, table, column, before)
		result, err := db.ExecContext(f.Context(), `UPDATE `+table+` SET `+column+` = $1`+where, after)
		if err != nil || fmt.Sprint(after) == before {
			continue // of two equal keys, or not a value of this column
		}
		changed, err := result.RowsAffected()
		require.NoError(f, err)
		require.EqualValues(f, 1, changed)
		return table, fmt.Sprintf("%s.%s%s: %.300s -> %.300v", table, column, where, before, after)
	}
}

// other gives another value for a column: that of another row, or its own with something changed.
func (f *forger) other(db *sql.DB, table, column, before string) any {
	f.Helper()
	var number int64
	if _, err := fmt.Sscan(before, &number); err == nil && fmt.Sprint(number) == before && column != "version" {
		return number + []int64{-3_600_000_000, -1, 1, 3_600_000_000}[f.random.IntN(4)]
	}
	var document map[string]any
	if json.Unmarshal([]byte(before), &document) == nil && len(document) > 0 && f.random.IntN(5) > 0 {
		f.mutate(document)
		text, err := json.Marshal(document)
		require.NoError(f, err)
		return string(text)
	}
	if others := f.texts(db, `SELECT CAST(`+column+` AS TEXT) FROM `+table); f.random.IntN(3) > 0 {
		return others[f.random.IntN(len(others))]
	}
	return before + "x"
}

// mutate changes one thing in a document.
func (f *forger) mutate(document map[string]any) {
	keys := []string{}
	for key := range document {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	key := keys[f.random.IntN(len(keys))]
	switch v := document[key].(type) {
	case map[string]any:
		if len(v) > 0 && f.random.IntN(8) > 0 {
			f.mutate(v)
			return
		}
		delete(document, key)
	case []any:
		if one, ok := anyOf(v, f.random).(map[string]any); ok && len(one) > 0 {
			f.mutate(one)
			return
		}
		delete(document, key)
	case bool:
		document[key] = !v
	case float64:
		document[key] = v + []float64{-1, 1}[f.random.IntN(2)]
	case string:
		document[key] = f.word(v)
	default:
		delete(document, key)
	}
}

func anyOf(list []any, random *rand.Rand) any {
	if len(list) == 0 {
		return nil
	}
	return list[random.IntN(len(list))]
}

// word gives another text of the same kind.
func (f *forger) word(before string) string {
	if at, err := time.Parse(time.RFC3339Nano, before); err == nil {
		return at.Add([]time.Duration{-2 * time.Hour, 2 * time.Hour}[f.random.IntN(2)]).Format(time.RFC3339Nano)
	}
	words := []string{"", alice, bob, "eu", "staging", "9", "verified", "failed", "deploying", "superseded", "approve", "reject", "shop", "production", "rollback"}
	return words[f.random.IntN(len(words))]
}
