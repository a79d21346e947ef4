package sqlstore

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// password is one that is found again wherever it should not be.
const password = "Hush7k3vb9Q@/?#"

func TestOpenRefusesPostgres(t *testing.T) {
	t.Parallel()
	c := pgtest.Shared(t)
	for name, example := range map[string]struct {
		address string
		code    delivery.Code
		says    string
	}{
		"another program's database":      {foreign(t), delivery.CodeInvalid, "another program"},
		"a newer ledger":                  {newer(t), delivery.CodeInvalid, "newer release"},
		"a database that is missing":      {c.URL(pgtest.Superuser, "", "nowhere"), delivery.CodeInvalid, "CREATE DATABASE"},
		"a role that is missing":          {c.URL("nobody_here", password, "postgres"), delivery.CodeForbidden, "rejected this user"},
		"a schema that is missing":        {c.URL(pgtest.Superuser, "", "postgres") + "&search_path=nowhere", delivery.CodeInvalid, "search path"},
		"a server that is missing":        {"postgres://cd:" + url.QueryEscape(password) + "@/cd?host=/tmp/no-such-directory", delivery.CodeUnavailable, "cannot be reached"},
		"a host that is missing":          {"postgresql://cd:" + url.QueryEscape(password) + "@cd.invalid/cd?connect_timeout=2", delivery.CodeUnavailable, "cannot be reached"},
		"a latin database":                {latin(t), delivery.CodeInvalid, "UTF8"},
		"a setting that is wrong":         {"postgres://cd:" + url.QueryEscape(password) + "@db/cd?sslmode=" + url.QueryEscape(password), delivery.CodeInvalid, "TLS"},
		"a port that is wrong":            {"postgres://cd:" + password + "@db:port/cd", delivery.CodeInvalid, "cannot be used"},
		"a password that is not escaped":  {"postgres://cd:" + password + "@db/cd", delivery.CodeInvalid, "%XX"},
		"a password cut by a number sign": {"postgres://cd:12#Hush7k3vb9Q@db/cd", delivery.CodeInvalid, "%XX"},
		"a password cut by a question":    {"postgres://cd:12?Hush7k3vb9Q@db/cd", delivery.CodeInvalid, "%XX"},
		"another kind of database":        {"mysql://cd:" + password + "@db/cd", delivery.CodeInvalid, "PostgreSQL URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireNotOpened(t, example.address, example.code, example.says)
		})
	}
}

// requireNotOpened requires that a wrong address is refused, without its password, and is not tried again: a ledger that is waited for is
// waited for here until the test fails.
func requireNotOpened(t *testing.T, address string, code delivery.Code, says string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // fails rather than hangs
	defer cancel()
	_, err := open(ctx, address, time.Hour)
	require.ErrorContains(t, err, says)
	require.Equal(t, code, delivery.CodeOf(err), "%v", err)
	require.NotContains(t, err.Error(), "Hush7k3vb9Q")
}

func foreign(t *testing.T) string {
	address := pgtest.URL(t)
	pgtest.Shared(t).Exec(t, address, `CREATE TABLE cookies (id INTEGER)`)
	return address
}

func newer(t *testing.T) string {
	address := pgtest.URL(t)
	require.NoError(t, openAndClose(t.Context(), address))
	pgtest.Shared(t).Exec(t, address, `INSERT INTO ledger_schema (version_id, is_applied) VALUES (9999, true)`)
	return address
}

func latin(t *testing.T) string {
	c := pgtest.Shared(t)
	c.Exec(t, c.URL(pgtest.Superuser, "", "postgres"), `CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
	return c.URL(pgtest.Superuser, "", "latin")
}

// A database may hold other programs' schemas beside the ledger's.
func TestALedgerSharesADatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.Shared(t).Database(t)
	pgtest.Shared(t).Exec(t, database, `CREATE SCHEMA other; CREATE TABLE other.events (id INTEGER); CREATE SCHEMA ledger`)
	l := openLedger(t, database+"&search_path=ledger")
	putEnvironment(t, l, "staging")
	requireEnvironments(t, l, "staging")
}

// A ledger behind another schema of the search path is not upgraded into an empty one in front of it.
func TestAnUpgradeHidesNoLedger(t *testing.T) {
	t.Parallel()
	database := pgtest.Shared(t).Database(t)
	firstLedger(t, database, `INSERT INTO environments VALUES ('staging', '{"name":"staging"}')`)
	pgtest.Shared(t).Exec(t, database, `CREATE SCHEMA `+pgtest.Superuser) // the search path begins with the schema of the role's name
	_, err := Open(t.Context(), database)
	require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "search_path=")
	requireEnvironments(t, openLedger(t, database+"&search_path=public"), "staging")
	requireEnvironments(t, openLedger(t, database), "staging")
}

// A table of the same name that stands in front of the log does not make the log forget its last link.
func TestTheChainIsThatOfTheLogItself(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL(t))
	schema := texts(t, l, `SELECT current_schema()::text`)[0]
	for _, statement := range []string{
		`INSERT INTO events VALUES (1, 0, 'alice', 'a.b', 'x', '', '', 'sha256:1')`,
		`CREATE TEMPORARY TABLE events (seq BIGINT, hash TEXT)`,
	} {
		_, err := l.write.Exec(statement)
		require.NoError(t, err)
	}
	_, err := l.write.Exec(`INSERT INTO ` + schema + `.events VALUES (1, 0, 'mallory', 'a.b', 'x', '', '', 'sha256:2')`)
	require.ErrorContains(t, err, "end of the chain")
}

func TestConnectionsToPostgres(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL(t))
	require.NoError(t, l.Update(t.Context(), func(tx store.Tx) error {
		w, ok := tx.(*writer)
		require.True(t, ok)
		for setting, want := range map[string]string{
			"application_name": applicationName, "lock_timeout": "10s", "statement_timeout": "30s", "idle_in_transaction_session_timeout": "30s",
			"synchronous_commit":    "on", // the tests' own server has it off
			"transaction_isolation": "read committed",
		} {
			var got string
			require.NoError(t, w.tx.QueryRowContext(t.Context(), `SELECT current_setting($1)`, setting).Scan(&got))
			require.Equal(t, want, got, setting)
		}
		return nil
	}))
	require.NoError(t, l.View(t.Context(), func(r store.Reader) error {
		snapshot, ok := r.(*reader)
		require.True(t, ok)
		_, err := snapshot.tx.ExecContext(t.Context(), `DELETE FROM environments`)
		require.ErrorContains(t, err, "read-only")
		return nil
	}))
	require.Equal(t, postgresReaders, l.read.Stats().MaxOpenConnections)
	require.Equal(t, 1, l.write.Stats().MaxOpenConnections)
}

func TestOpeningAPostgresLedgerAgainWritesNothing(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	require.NoError(t, openAndClose(t.Context(), address))
	l := openLedger(t, address)
	requireEnvironments(t, l)
	require.Zero(t, l.write.Stats().OpenConnections, "a reader needs no writer")
}

// holdTurn keeps all writers of a PostgreSQL ledger out, as another process would, until the returned function is called.
func holdTurn(t *testing.T, address string) (release func()) {
	t.Helper()
	l := openLedger(t, address)
	tx, _, err := l.begin(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	return func() { require.NoError(t, tx.Rollback()) }
}

func TestAPostgresLedgerLockedForTooLongIsUnavailable(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	l := openLedger(t, address)
	release := holdTurn(t, address)
	l.timeout = 20 * time.Millisecond // of waiting for the turn only
	err := l.Update(t.Context(), func(store.Tx) error { t.Error("f was run"); return nil })
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "another process")
	requireEnvironments(t, l) // readers are not kept out
	release()
	l.timeout = busyTimeout
	putEnvironment(t, l, "staging")
}

func TestWaitingForATurnEndsWhenCanceled(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	l := openLedger(t, address)
	release := holdTurn(t, address)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := l.Update(ctx, func(store.Tx) error { return nil })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%v", err)
	release()
	putEnvironment(t, l, "staging")
}

// A statement that fails makes PostgreSQL refuse all that follow in its transaction; what is told is why it failed.
func TestTheFirstFailureOfATransactionIsTold(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL(t))
	err := l.Update(t.Context(), func(tx store.Tx) error {
		w, ok := tx.(*writer)
		require.True(t, ok)
		_, err := w.exec(t.Context(), `INSERT INTO environments (name, document) VALUES (NULL, '')`)
		require.Equal(t, delivery.CodeConflict, delivery.CodeOf(err), "%v", err)
		return tx.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "staging"})
	})
	require.Equal(t, delivery.CodeConflict, delivery.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "null value")
	requireEnvironments(t, l)
	err = l.Update(t.Context(), func(tx store.Tx) error {
		w, ok := tx.(*writer)
		require.True(t, ok)
		_, failure := w.exec(t.Context(), `INSERT INTO environments (name, document) VALUES (NULL, '')`)
		require.Error(t, failure)
		return nil // it goes on as if nothing had happened
	})
	require.Error(t, err, "nothing was kept, so it must not be detail to be")
}

func TestTransactionsThatMeetAreRunAgain(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL(t))
	runs := 0
	require.NoError(t, l.Update(t.Context(), func(tx store.Tx) error {
		runs++
		w, ok := tx.(*writer)
		require.True(t, ok)
		if err := tx.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "staging"}); err != nil || runs == 3 {
			return err
		}
		_, err := w.exec(t.Context(), `DO $$ BEGIN RAISE 'played' USING ERRCODE = 'deadlock_detected'; END $$`)
		return err
	}))
	require.Equal(t, 3, runs)
	requireEnvironments(t, l, "staging")
}

func TestDiagnosisOfPostgres(t *testing.T) {
	t.Parallel()
	require.Equal(t, diagnosis{}, diagnosePostgres(nil, "cd"))
	require.Equal(t, delivery.CodeInternal, diagnosePostgres(sql.ErrTxDone, "cd").code)
	l := openLedger(t, pgtest.URL(t))
	for state, want := range map[string]diagnosis{
		"40001": {code: delivery.CodeUnavailable, conflict: true}, "55P03": {code: delivery.CodeUnavailable, conflict: true},
		"57P03": {code: delivery.CodeUnavailable, conflict: true}, "53300": {code: delivery.CodeUnavailable, conflict: true},
		"57P01": {code: delivery.CodeUnavailable, lost: true}, "25P03": {code: delivery.CodeUnavailable, lost: true},
		"25P04": {code: delivery.CodeUnavailable, lost: true}, "08006": {code: delivery.CodeUnavailable, lost: true},
		"57014": {code: delivery.CodeUnavailable}, "53100": {code: delivery.CodeUnavailable},
		"42501": {code: delivery.CodeForbidden}, "25006": {code: delivery.CodeForbidden}, "28P01": {code: delivery.CodeForbidden},
		"3D000": {code: delivery.CodeInvalid},
		"23505": {code: delivery.CodeConflict}, "XX001": {code: delivery.CodeInternal}, "22P02": {code: delivery.CodeInternal},
		"42P01": {code: delivery.CodeInternal, noTable: true}, "25P02": {code: delivery.CodeInternal, aborted: true}, "0A000": {code: delivery.CodeInternal},
	} {
		_, err := l.write.Exec(`DO $$ BEGIN RAISE 'played' USING ERRCODE = '` + state + `'; END $$`)
		got := l.dialect.diagnose(err)
		require.True(t, strings.Contains(got.message, "played") || state == "55P03", "%s: %s", state, got.message)
		got.message = ""
		require.Equal(t, want, got, state)
	}
}
