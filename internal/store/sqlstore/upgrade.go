package sqlstore

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// upgrade makes or upgrades the schema, if nobody else has.
func (l *ledger) upgrade(ctx context.Context, db *sql.DB) error {
	versions, err := database.NewStore(l.dialect.goose, schemaTable)
	if err != nil {
		return err
	}
	one := &oneUpgrade{Store: versions, dialect: l.dialect}
	provider, err := goose.NewProvider(goose.DialectCustom, db, l.dialect.migrations,
		goose.WithStore(one),
		goose.WithSessionLocker(one),
		goose.WithIsolateDDL(true), // no transaction of its own for each step: this one covers all of them
		goose.WithDisableGlobalRegistry(true),
	)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// oneUpgrade is the one transaction in which a schema is made or upgraded: whoever comes second waits, its lock is gone with the
// process that held it, and nobody ever sees a schema half made. It stands between goose and its table of versions too, because
// goose looks at that table, and makes it, before it asks for the lock.
type oneUpgrade struct {
	database.Store
	dialect dialect
	alone   bool // the transaction has begun
}

// SessionLock implements lock.SessionLocker.
func (u *oneUpgrade) SessionLock(ctx context.Context, conn *sql.Conn) error {
	for _, statement := range u.dialect.beginUpgrade {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	u.alone = true
	return nil
}

// SessionUnlock implements lock.SessionLocker. It is called after a failure too, so only a whole schema is committed.
func (u *oneUpgrade) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	u.alone = false
	var version int64
	end := `COMMIT`
	if err := conn.QueryRowContext(ctx, selectSchemaVersion).Scan(&version); err != nil || version != schemaVersion {
		end = `ROLLBACK`
	}
	_, err := conn.ExecContext(ctx, end)
	return err
}

// TableExists implements database.StoreExtender. The table is made by the first who is alone and needs it.
func (u *oneUpgrade) TableExists(context.Context, database.DBTxConn) (bool, error) { return true, nil }

// ListMigrations implements database.Store. Before the transaction has begun, everything is still to do.
func (u *oneUpgrade) ListMigrations(ctx context.Context, db database.DBTxConn) ([]*database.ListMigrationsResult, error) {
	if !u.alone {
		return []*database.ListMigrationsResult{{Version: 0, IsApplied: true}}, nil
	}
	if err := u.makeTable(ctx, db); err != nil {
		return nil, err
	}
	return u.Store.ListMigrations(ctx, db)
}

func (u *oneUpgrade) makeTable(ctx context.Context, db database.DBTxConn) error {
	if _, there, err := u.dialect.tables(ctx, db, schemaTable); err != nil || there > 0 {
		return err
	}
	if err := u.CreateVersionTable(ctx, db); err != nil {
		return err
	}
	return u.Insert(ctx, db, database.InsertRequest{Version: 0})
}
