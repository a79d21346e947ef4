package sqlstore

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// hold keeps the write lock of a ledger, as another process would, until the returned function is called.
func hold(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := connectSQLite(path, forWriting, time.Second)
	require.NoError(t, err)
	tx, err := db.Begin()
	require.NoError(t, err)
	return func() {
		require.NoError(t, tx.Rollback())
		require.NoError(t, db.Close())
	}
}

func TestALedgerLockedForTooLongIsUnavailable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := open(t.Context(), path, 20*time.Millisecond)
	require.NoError(t, err)
	release := hold(t, path)
	err = l.Update(t.Context(), func(store.Tx) error { t.Error("f was run"); return nil })
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "another process")
	requireEnvironments(t, l) // readers are not kept out
	release()
	putEnvironment(t, l, "staging")
	require.NoError(t, l.Close())
}

func TestWaitingForALockedLedgerEndsWhenCanceled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openLedger(t, path)
	release := hold(t, path)
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := l.Update(ctx, func(store.Tx) error { return nil })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%v", err)
}

func TestUpdateRunsAgainAfterAConflict(t *testing.T) {
	t.Parallel()
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	// SQLite's writers never meet within f, because they queue before it; a database that lets them meet is played.
	l.dialect.diagnose = func(err error) diagnosis {
		d := diagnoseSQLite(err)
		d.conflict = d.conflict || d.noTable
		return d
	}
	runs := 0
	require.NoError(t, l.Update(t.Context(), func(tx store.Tx) error {
		runs++
		if err := tx.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "staging"}); err != nil {
			return err
		}
		_, err := tx.AppendEvents(t.Context(), delivery.Event{Kind: "environment.declared"})
		if runs < 3 {
			w, ok := tx.(*writer)
			require.True(t, ok)
			_, err = w.exec(t.Context(), `INSERT INTO contested (id) VALUES (1)`)
		}
		return err
	}))
	require.Equal(t, 3, runs)
	require.NoError(t, l.View(t.Context(), func(r store.Reader) error {
		events, err := r.Events(t.Context(), 0, 10)
		require.Len(t, events, 1, "the first runs left nothing")
		return err
	}))
}

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	putEnvironment(t, l, "staging")
	_, err := l.write.Exec(`PRAGMA max_page_count = 1`) // as many as there are
	require.NoError(t, err)
	err = l.Update(t.Context(), func(tx store.Tx) error {
		return tx.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "huge", Config: map[string]string{"X": string(make([]byte, 1<<20))}})
	})
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "disk is full")
	requireEnvironments(t, l, "staging")
	_, err = l.write.Exec(`PRAGMA max_page_count = 1000000`)
	require.NoError(t, err)
	putEnvironment(t, l, "production")
	requireEnvironments(t, l, "production", "staging")
}

func TestADamagedRowIsNamed(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		l := openLedger(t, address)
		for _, statement := range []string{
			`INSERT INTO environments VALUES ('staging', '{"name":')`,
			`INSERT INTO pipelines VALUES ('shop', '[]')`,
			`INSERT INTO releases VALUES ('shop', '1.0.0', 'sha256:0', '{"attempt":"one"}')`,
			`INSERT INTO promotions VALUES ('shop', 'production', '')`,
			`INSERT INTO approvals VALUES ('a1', 'shop', '1.0.0', 0, 'null and void')`,
			`INSERT INTO deployments VALUES (1, 'd1', 'shop', 'production', 'eu', '1.0.0', 'r1', 'verified', 0, '{"seq":"1"}')`,
			`INSERT INTO test_reports VALUES ('t1', 'shop', '1.0.0', 0, '{"counts":')`,
			`INSERT INTO freezes VALUES ('holidays', '{"tiers":"production"}')`,
			`INSERT INTO policies VALUES ('strict', '[]')`,
			`INSERT INTO overrides VALUES ('o1', 'shop', '1.0.0', 0, '{"created_at":"yesterday"}')`,
		} {
			_, err := l.write.Exec(statement)
			require.NoError(t, err, statement)
		}
		ctx := t.Context()
		require.NoError(t, l.View(ctx, func(r store.Reader) error {
			for key, ask := range map[string]func() error{
				"staging":         func() error { _, err := r.Environment(ctx, "staging"); return err },
				"shop":            func() error { _, err := r.Pipelines(ctx); return err },
				"shop/1.0.0":      func() error { _, err := r.Release(ctx, "shop", "1.0.0"); return err },
				"shop/production": func() error { _, err := r.Promotions(ctx, "shop"); return err },
				"a1":              func() error { _, err := r.Approval(ctx, "a1"); return err },
				"d1":              func() error { _, err := r.DecisionHistory(ctx, "shop"); return err },
				"t1":              func() error { _, err := r.TestReports(ctx, "shop", "1.0.0"); return err },
				"holidays":        func() error { _, err := r.Freezes(ctx); return err },
				"strict":          func() error { _, err := r.Policies(ctx); return err },
				"o1":              func() error { _, err := r.Overrides(ctx, "shop"); return err },
			} {
				err := ask()
				require.Equal(t, delivery.CodeInternal, delivery.CodeOf(err), "%v", err)
				require.ErrorContains(t, err, `"`+key+`"`)
				require.ErrorContains(t, err, "backup")
			}
			return nil
		}))
	})
}

// What the code refuses in words, the database refuses too.
func TestTheLedgersOwnRules(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		l := openLedger(t, address)
		for _, statement := range []string{
			`INSERT INTO releases VALUES ('shop', '1.0.0', 'sha256:0', '{}')`,
			`INSERT INTO deployments VALUES (1, 'd1', 'shop', 'production', 'eu', '1.0.0', 'r1', 'deploying', NULL, '{}')`,
			`INSERT INTO events VALUES (1, 0, 'alice', 'a.b', 'x', '', '', 'sha256:1')`,
			`INSERT INTO events VALUES (2, 0, 'alice', 'a.b', 'x', '', 'sha256:1', 'sha256:2')`,
			`INSERT INTO rollouts VALUES ('shop', 'production', 1, 'r1', 0)`,
			`INSERT INTO test_reports VALUES ('t1', 'shop', '1.0.0', 0, '{}')`,
			`INSERT INTO overrides VALUES ('o1', 'shop', '1.0.0', 0, '{}')`,
		} {
			_, err := l.write.Exec(statement)
			require.NoError(t, err, statement)
		}
		for _, statement := range []string{
			`UPDATE releases SET digest = 'sha256:1'`,
			`DELETE FROM releases`,
			`INSERT INTO deployments VALUES (2, 'd2', 'shop', 'production', 'eu', '1.0.0', 'r1', 'verifying', NULL, '{}')`,
			`INSERT INTO deployments VALUES (2, 'd1', 'api', 'production', 'eu', '1.0.0', 'r1', 'verifying', NULL, '{}')`,
			`UPDATE deployments SET environment = 'us'`,
			`UPDATE deployments SET version = '1.0.1'`,
			`DELETE FROM deployments`,
			`INSERT INTO rollouts VALUES ('shop', 'production', 2, 'r1', 0)`,
			`UPDATE rollouts SET started_at = -1`,
			`DELETE FROM rollouts`,
			`DELETE FROM test_reports`,
			`DELETE FROM overrides`,
			`UPDATE events SET actor = 'mallory'`,
			`UPDATE events SET seq = 3 WHERE seq = 2`,
			`DELETE FROM events WHERE seq = 2`,
			`INSERT INTO events VALUES (2, 0, 'mallory', 'a.b', 'x', '', 'sha256:1', 'sha256:2')`,
			`INSERT INTO events VALUES (4, 0, 'alice', 'a.b', 'x', '', 'sha256:2', 'sha256:4')`,
			`INSERT INTO events VALUES (3, 0, 'alice', 'a.b', 'x', '', 'sha256:1', 'sha256:3')`,
		} {
			_, err := l.write.Exec(statement)
			require.Error(t, err, statement)
			require.Equal(t, delivery.CodeConflict, l.dialect.diagnose(err).code, "%s: %v", statement, err)
		}
		for _, statement := range onlyHere[l.dialect.goose] {
			_, err := l.write.Exec(statement)
			require.Equal(t, delivery.CodeConflict, l.dialect.diagnose(err).code, "%s: %v", statement, err)
		}
	})
}

// onlyHere lists ways around the rules that only one kind of database has.
var onlyHere = map[goose.Dialect][]string{
	goose.DialectSQLite3: {`INSERT OR REPLACE INTO events VALUES (2, 0, 'mallory', 'a.b', 'x', '', 'sha256:1', 'sha256:2')`},
	goose.DialectPostgres: {
		`TRUNCATE releases`, `TRUNCATE deployments`, `TRUNCATE rollouts`, `TRUNCATE test_reports`, `TRUNCATE overrides`, `TRUNCATE events`,
	},
}
