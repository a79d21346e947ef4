package sqlstore

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// firstLedger makes a ledger as the first release left it: its migration alone, and what it recorded.
func firstLedger(t *testing.T, address string, statements ...string) {
	t.Helper()
	d, _, err := dialectOf(address)
	require.NoError(t, err)
	if d.file != "" {
		require.NoError(t, prepareFile(d.file))
	}
	db, err := d.connect(forWriting, time.Second)
	require.NoError(t, err)
	require.NoError(t, d.prepare(t.Context(), db))
	provider, err := goose.NewProvider(d.goose, db, d.migrations, goose.WithTableName(schemaTable), goose.WithDisableGlobalRegistry(true))
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
		rollouts, err := r.Rollouts(ctx, "shop", []string{"development", "production"}, time.Time{}.Add(-time.Hour))
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
		rollouts, err := tx.Rollouts(ctx, "shop", []string{"development", "production"}, time.Time{}.Add(-time.Hour))
		require.Len(t, rollouts, 6, "r1 began before")
		return err
	}))
}

func TestAnOldLedgerIsBroughtUpByOneOfMany(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		firstLedger(t, address, `INSERT INTO environments VALUES ('staging', '{"name":"staging"}')`)
		var group errgroup.Group
		for range 16 {
			group.Go(func() error { return openAndClose(t.Context(), address) })
		}
		require.NoError(t, group.Wait())
		l := openLedger(t, address)
		requireEnvironments(t, l, "staging")
		var steps int
		require.NoError(t, l.read.QueryRow(`SELECT COUNT(*) FROM `+schemaTable+` WHERE version_id = 2`).Scan(&steps))
		require.Equal(t, 1, steps)
	})
}

func TestAnUpgradeThatWaitsForALockEnds(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		firstLedger(t, address)
		release := holdUpgrade(t, address)
		d, name, err := dialectOf(address)
		require.NoError(t, err)
		l, err := newLedger(t.Context(), d, name, busyTimeout, forReading)
		require.NoError(t, err)
		const shipped = `SET LOCAL lock_timeout = '30s'`
		if d.goose == goose.DialectPostgres {
			at := slices.Index(d.beginUpgrade, shipped)
			require.NotEqual(t, -1, at)
			l.dialect.beginUpgrade = slices.Clone(d.beginUpgrade)
			l.dialect.beginUpgrade[at] = `SET LOCAL lock_timeout = '50ms'`
		}
		l.timeout = 50 * time.Millisecond                               // of waiting for the lock only: a busy machine may take longer for all else
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // fails rather than hangs
		defer cancel()
		err = l.start(ctx)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, "another process is writing to it")
		release()
		l.dialect, l.timeout = d, busyTimeout
		require.NoError(t, l.start(t.Context()))
		require.NoError(t, l.Close())
	})
}

// holdUpgrade keeps others from upgrading a ledger, as a process that upgrades it does, until the returned function is called.
func holdUpgrade(t *testing.T, address string) (release func()) {
	t.Helper()
	d, _, err := dialectOf(address)
	require.NoError(t, err)
	db, err := d.connect(forUpgrading, time.Second)
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	for _, statement := range d.beginUpgrade {
		_, err := conn.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	return func() {
		_, err := conn.ExecContext(t.Context(), `ROLLBACK`)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.NoError(t, db.Close())
	}
}

func TestAnUpgradeThatFailsLeavesTheLedgerAsItWas(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		firstLedger(t, address, `CREATE TABLE overrides (id TEXT)`) // in the way, after other tables of the same migration are made
		_, err := Open(t.Context(), address)
		require.ErrorContains(t, err, fmt.Sprintf("cannot be prepared (its schema is version 1, and this release needs %d)", schemaVersion))
		require.ErrorContains(t, err, "overrides")
		d, _, err := dialectOf(address)
		require.NoError(t, err)
		db, err := d.connect(forWriting, time.Second)
		require.NoError(t, err)
		var version int
		require.NoError(t, db.QueryRow(selectSchemaVersion).Scan(&version))
		_, made, err := d.tables(t.Context(), db, "test_reports")
		require.NoError(t, err)
		require.Equal(t, []int{1, 0}, []int{version, made})
		_, err = db.Exec(`DROP TABLE overrides`)
		require.NoError(t, err)
		require.NoError(t, db.Close())
		require.NoError(t, openAndClose(t.Context(), address))
	})
}
