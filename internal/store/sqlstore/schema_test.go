package sqlstore

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
)

func TestSchemaVersionIsTheNewestMigration(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(embedded(sqliteMigrations, "migrations/sqlite"), "*.sql")
	require.NoError(t, err)
	require.Len(t, files, schemaVersion)
	others, err := fs.Glob(embedded(postgresMigrations, "migrations/postgres"), "*.sql")
	require.NoError(t, err)
	require.Equal(t, files, others, "a migration is written for both kinds of database, under one name")
}

// How a schema is written down differs between databases; what stands in it does not.
func TestBothDatabasesHaveTheSameSchema(t *testing.T) {
	t.Parallel()
	lite, post := openLedger(t, databases["sqlite"](t)), openLedger(t, databases["postgres"](t))
	columns := texts(t, lite, `SELECT m.name || '.' || c.name || ' ' || replace(c.type, ' GENERATED ALWAYS', '') || CASE WHEN c."notnull" THEN '' ELSE ' NULL' END
		FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'ledger_schema'`)
	columns = append(columns, "ledger_turn.nothing INTEGER") // SQLite's writers take turns by themselves
	slices.Sort(columns)
	require.Equal(t, columns, texts(t, post, `SELECT table_name || '.' || column_name || ' ' || CASE data_type WHEN 'bigint' THEN 'INTEGER' ELSE UPPER(data_type) END
			|| CASE is_nullable WHEN 'NO' THEN '' ELSE ' NULL' END
		FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'ledger_schema'`))
	require.Equal(t, indexes(t, lite), indexes(t, post))
	rules := `'releases_keep_their_content', 'releases_stay', 'deployments_keep_their_content', 'deployments_stay', 'events_are_a_chain',
		'events_do_not_change', 'events_stay', 'test_reports_stay', 'overrides_stay', 'rollouts_do_not_change', 'rollouts_stay',
		'ledger_identity_stays', 'ledger_identity_is_not_lost', 'approvals_stay', 'approvals_keep_their_content', 'test_reports_keep_their_content',
		'overrides_keep_their_content', 'promotions_stay', 'promotions_keep_their_name', 'environments_keep_their_name', 'pipelines_keep_their_name',
		'freezes_keep_their_name', 'policies_keep_their_name'`
	triggers := texts(t, lite, `SELECT tbl_name || ' ' || name FROM sqlite_schema WHERE type = 'trigger'`)
	require.Len(t, triggers, strings.Count(rules, ",")+1, "a new rule belongs into this test")
	require.Equal(t, triggers, texts(t, post, `SELECT DISTINCT tgrelid::regclass::text || ' ' || tgname FROM pg_trigger
		WHERE tgname IN (`+rules+`) AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)`))
}

// Lists are sorted byte by byte on every database, whatever language it is set to.
func TestTextsHaveNoLanguage(t *testing.T) {
	t.Parallel()
	post := openLedger(t, databases["postgres"](t))
	require.Empty(t, texts(t, post, `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`))
}

// indexes lists the indexes that are made by name: table, name, columns, and for which rows.
func indexes(t *testing.T, l *ledger) []string {
	t.Helper()
	query := `SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL`
	if l.dialect.goose == goose.DialectPostgres {
		query = `SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'`
	}
	list := texts(t, l, query)
	for i, definition := range list {
		definition = regexp.MustCompile(`ON \w+\.`).ReplaceAllString(definition, "ON ")
		definition = regexp.MustCompile(` USING btree|::text(\[\])?|[()]`).ReplaceAllString(definition, "")
		definition = strings.ReplaceAll(definition, "= ANY ARRAY['deploying', 'verifying']", "IN 'deploying', 'verifying'")
		list[i] = strings.Join(strings.Fields(definition), " ")
	}
	slices.Sort(list)
	return list
}

// texts gives a query's one column, sorted.
func texts(t *testing.T, l *ledger, query string) []string {
	t.Helper()
	rows, err := l.read.Query(query)
	require.NoError(t, err)
	defer rows.Close()
	list := []string{}
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(&text))
		list = append(list, text)
	}
	require.NoError(t, rows.Err())
	slices.Sort(list)
	return list
}
