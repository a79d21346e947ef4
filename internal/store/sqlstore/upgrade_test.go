package sqlstore

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// firstLedger makes a ledger as the first release left it: its migration alone, and what it recorded.
func firstLedger(t *testing.T, path string, statements ...string) {
	t.Helper()
	writeFile(t, path, "")
	db, err := connectSQLite(path, forWriting, time.Second)
	require.NoError(t, err)
	require.NoError(t, prepareSQLite(t.Context(), db))
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, sqliteDialect().migrations, goose.WithTableName(schemaTable), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), 1)
	require.NoError(t, err)
	for _, statement := range statements {
		_, err := db.Exec(statement)
		require.NoError(t, err, statement)
	}
	require.NoError(t, db.Close())
}

// recorded is a deployment as the first release wrote it.
func recorded(seq int, stage, rollout, kind, createdAt string) string {
	return fmt.Sprintf(`INSERT INTO deployments VALUES (%[1]d, 'd%[1]d', 'shop', '%[2]s', 'eu', '1.0.0', '%[3]s', 'superseded', NULL,
		'{"id":"d%[1]d","seq":%[1]d,"pipeline":"shop","stage":"%[2]s","environment":"eu","kind":"%[4]s","rollout":"%[3]s","created_at":"%[5]s"}')`,
		seq, stage, rollout, kind, createdAt)
}

func TestALedgerOfTheFirstReleaseIsBroughtUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	firstLedger(t, path,
		`INSERT INTO environments VALUES ('staging', '{"name":"staging"}')`,
		recorded(1, "production", "r1", "deliver", "2026-11-20T12:00:00Z"),
		recorded(2, "production", "r1", "deliver", "2026-11-20T12:00:01Z"),
		recorded(3, "development", "r1", "deliver", "2026-11-20T11:59:59.5Z"),
		recorded(4, "production", "r2", "heal", "2026-11-20T12:00:02.000007Z"),
		recorded(5, "production", "r3", "rollback", "2026-11-20T12:00:03Z"),
		recorded(6, "production", "r3", "deliver", "2026-11-20T12:00:04.1234Z"),
		recorded(7, "production", "", "deliver", "2026-11-20T12:00:05Z"),
		recorded(8, "production", "r4", "deliver", "0001-01-01T00:00:00Z"),
		`INSERT INTO deployments VALUES (9, 'd9', 'shop', 'production', 'eu', '1.0.0', 'r5', 'superseded', NULL, '{"created_at":')`,
		`INSERT INTO deployments VALUES (10, 'd10', 'shop', 'production', 'eu', '1.0.0', 'r6', 'superseded', NULL, '{"created_at":"yesterday"}')`,
	)
	l := openLedger(t, path)
	requireEnvironments(t, l, "staging")
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return moment
	}
	ctx := t.Context()
	require.NoError(t, l.View(ctx, func(r store.Reader) error {
		rollouts, err := r.Rollouts(ctx, "shop")
		require.Equal(t, []delivery.RolloutRecord{
			{ID: "r4", Stage: "production", StartedAt: at("0001-01-01T00:00:00Z")},
			{ID: "r1", Stage: "development", StartedAt: at("2026-11-20T11:59:59.5Z")},
			{ID: "r1", Stage: "production", StartedAt: at("2026-11-20T12:00:00Z")},
			{ID: "r2", Stage: "production", StartedAt: at("2026-11-20T12:00:02.000007Z")},
			{ID: "r3", Stage: "production", StartedAt: at("2026-11-20T12:00:04.1234Z")},
			{ID: "d7", Stage: "production", StartedAt: at("2026-11-20T12:00:05Z")},
		}, rollouts)
		_, err2 := r.Deployment(ctx, "d9")
		require.ErrorContains(t, err2, `"d9"`, "what is damaged is told of when it is asked for")
		return err
	}))
	require.NoError(t, l.Update(ctx, func(tx store.Tx) error {
		_, err := tx.AddDeployment(ctx, delivery.Deployment{ID: "d11", Pipeline: "shop", Stage: "production", Environment: "eu", Rollout: "r1",
			Kind: delivery.KindDeliver, Status: delivery.Deploying, CreatedAt: storedAt})
		require.NoError(t, err)
		rollouts, err := tx.Rollouts(ctx, "shop")
		require.Len(t, rollouts, 6, "r1 began before")
		return err
	}))
}

func TestAnOldLedgerIsBroughtUpByOneOfMany(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	firstLedger(t, path, recorded(1, "production", "r1", "deliver", "2026-11-20T12:00:00Z"))
	var group errgroup.Group
	for range 16 {
		group.Go(func() error { return openAndClose(t.Context(), path) })
	}
	require.NoError(t, group.Wait())
	l := openLedger(t, path)
	require.NoError(t, l.View(t.Context(), func(r store.Reader) error {
		rollouts, err := r.Rollouts(t.Context(), "shop")
		require.Len(t, rollouts, 1)
		return err
	}))
}

func TestAnUpgradeThatFailsLeavesTheLedgerAsItWas(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	firstLedger(t, path, `CREATE TABLE overrides (id TEXT)`) // in the way, after other tables of the same migration are made
	_, err := Open(t.Context(), path)
	require.ErrorContains(t, err, "cannot be prepared")
	require.ErrorContains(t, err, "overrides")
	db, err := connectSQLite(path, forReading, time.Second)
	require.NoError(t, err)
	var version, made int
	require.NoError(t, db.QueryRow(selectSchemaVersion).Scan(&version))
	require.NoError(t, db.QueryRow(`SELECT COUNT(*) FROM sqlite_schema WHERE name = 'test_reports'`).Scan(&made))
	require.NoError(t, db.Close())
	require.Equal(t, []int{1, 0}, []int{version, made})
	change(t, path, `DROP TABLE overrides`)
	require.NoError(t, openAndClose(t.Context(), path))
}
