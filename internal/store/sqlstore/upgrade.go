package sqlstore

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// upgrade creates or upgrades the schema unless another process already has.
func (l *ledger) upgrade(ctx context.Context, db *sql.DB) error {
	versions, err := database.NewStore(l.dialect.goose, schemaTable)
	if err != nil {
		return err
	}
	one := &upgradeTx{Store: versions, dialect: l.dialect}
	provider, err := goose.NewProvider(goose.DialectCustom, db, l.dialect.migrations,
		goose.WithStore(one),
		goose.WithSessionLocker(one),
		goose.WithIsolateDDL(true), // no transaction per step: one covers all of them
		goose.WithDisableGlobalRegistry(true),
	)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// upgradeTx is the one transaction in which a schema is created or upgraded: a second process waits, the lock ends with the
// process that held it, and no process ever sees half a schema. It stands between goose and its table of versions too, because
// goose looks at that table, and makes it, before it asks for the lock.
type upgradeTx struct {
	database.Store
	dialect dialect
	locked  bool // the transaction has begun
}

// SessionLock implements lock.SessionLocker.
func (u *upgradeTx) SessionLock(ctx context.Context, conn *sql.Conn) error {
	for _, statement := range u.dialect.beginUpgrade {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	u.locked = true
	return nil
}

// SessionUnlock implements lock.SessionLocker. It is called after a failure too, so only a whole schema is committed.
func (u *upgradeTx) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	u.locked = false
	var version int64
	end := `COMMIT`
	if err := conn.QueryRowContext(ctx, selectSchemaVersion).Scan(&version); err != nil || version != schemaVersion {
		end = `ROLLBACK`
	}
	_, err := conn.ExecContext(ctx, end)
	return err
}

// TableExists implements database.StoreExtender. The table is made by the first who is alone and needs it.
func (u *upgradeTx) TableExists(context.Context, database.DBTxConn) (bool, error) { return true, nil }

// ListMigrations implements database.Store. Before the transaction has begun, everything is still to do.
func (u *upgradeTx) ListMigrations(ctx context.Context, db database.DBTxConn) ([]*database.ListMigrationsResult, error) {
	if !u.locked {
		return []*database.ListMigrationsResult{{Version: 0, IsApplied: true}}, nil
	}
	if err := u.makeTable(ctx, db); err != nil {
		return nil, err
	}
	return u.Store.ListMigrations(ctx, db)
}

func (u *upgradeTx) makeTable(ctx context.Context, db database.DBTxConn) error {
	if _, there, err := u.dialect.tables(ctx, db, schemaTable); err != nil || there > 0 {
		return err
	}
	if err := u.CreateVersionTable(ctx, db); err != nil {
		return err
	}
	return u.Insert(ctx, db, database.InsertRequest{Version: 0})
}
