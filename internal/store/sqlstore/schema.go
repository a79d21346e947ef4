package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const (
	// schemaVersion is the number of the newest migration.
	schemaVersion = 9
	// schemaTable is where goose keeps which migrations have run. Its name also identifies a database as a ledger.
	schemaTable         = "ledger_schema"
	selectSchemaVersion = `SELECT COALESCE(MAX(version_id), 0) FROM ` + schemaTable
)

// start brings the schema up to date. When it is already, that takes one query.
func (l *ledger) start(ctx context.Context) error {
	version, err := l.version(ctx)
	if err != nil {
		return err
	}
	return l.startAt(ctx, version)
}

func (l *ledger) startAt(ctx context.Context, version int64) error {
	switch {
	case version == schemaVersion:
		return nil
	case version > schemaVersion:
		return l.tooNew(version)
	}
	if err := l.requireOwnDatabase(ctx, version); err != nil {
		return err
	}
	return l.migrate(ctx, version)
}

// requireSuitable refuses a server's database in which no ledger can be made, so that a plan says it and not the apply. It also compares
// the clocks: the database's decides, even before it has tables.
func (l *ledger) requireSuitable(ctx context.Context) error {
	if err := l.requireOwnDatabase(ctx, 0); err != nil {
		return err
	}
	if err := l.dialect.prepare(ctx, l.read); err != nil {
		return l.failed(ctx, "be made", err)
	}
	asked, at := time.Now(), int64(0)
	if err := l.read.QueryRowContext(ctx, `SELECT `+l.dialect.now).Scan(&at); err != nil {
		return l.failed(ctx, "be read", err)
	}
	l.compareClocks(asked, at)
	return nil
}

func (l *ledger) tooNew(version int64) error {
	return delivery.Errorf(delivery.CodeInvalid, "the ledger %s was written by a newer release (its schema is version %d, and this release knows %d); use that release or a newer one", l.name, version, schemaVersion)
}

// version reads the schema's version; 0 when there is no schema yet.
func (l *ledger) version(ctx context.Context) (int64, error) {
	version, err := l.queryVersion(ctx)
	if l.dialect.diagnose(err).noOpen && !logged(l.name) {
		err = l.reopenReadOnly()
		if err == nil {
			version, err = l.queryVersion(ctx)
		}
	}
	if l.dialect.diagnose(err).noTable {
		return 0, nil
	}
	return version, l.failed(ctx, "be opened", err)
}

func (l *ledger) queryVersion(ctx context.Context) (version int64, err error) {
	err = l.retry(ctx, func() (again bool, err error) {
		err = l.read.QueryRowContext(ctx, selectSchemaVersion).Scan(&version)
		return l.dialect.diagnose(err).conflict, err // not when no connection came about: the address may be wrong
	})
	return version, err
}

// reopenReadOnly continues with connections that write nothing, not even the files that readers share. They notice no change of the file,
// so none is kept for longer than one View.
func (l *ledger) reopenReadOnly() error {
	db, err := l.dialect.connect(forReadingUnwritable, l.timeout)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(l.dialect.readers)
	db.SetMaxIdleConns(-1)
	before := l.read
	l.read = db
	return before.Close()
}

// requireOwnDatabase keeps us from adding tables to the database of another program. A schema is made in one transaction, so a
// ledger that another process is making now has either no table or all of them. A ledger that was found elsewhere than where tables are
// made, as in the second schema of a search path, would not be upgraded: an empty one would hide it.
func (l *ledger) requireOwnDatabase(ctx context.Context, version int64) error {
	var all, ours int
	err := l.retry(ctx, func() (again bool, err error) {
		all, ours, err = l.dialect.tables(ctx, l.read, schemaTable)
		return l.dialect.diagnose(err).conflict, err
	})
	if err != nil {
		return l.failed(ctx, "be opened", err)
	}
	if version > 0 && ours == 0 {
		return delivery.Errorf(delivery.CodeInvalid, "the ledger %s is not in the schema in which its tables would be upgraded: its search path names another one first. Name the ledger's own schema in the URL, as in search_path=ledger", l.name)
	}
	if all > 0 && ours == 0 {
		return delivery.Errorf(delivery.CodeInvalid, "the ledger %s is the database of another program; name another path", l.name)
	}
	return nil
}

// migrate makes or upgrades the schema. Other processes may do the same at the same time: the second one finds nothing to do.
func (l *ledger) migrate(ctx context.Context, version int64) error {
	db, err := l.dialect.connect(forUpgrading, l.timeout)
	if err == nil {
		err = l.retry(ctx, func() (again bool, err error) {
			err = l.dialect.prepare(ctx, db)
			if err == nil {
				err = l.upgrade(ctx, db)
			}
			return l.dialect.diagnose(err).conflict, err
		})
		if closing := db.Close(); err == nil {
			err = closing
		}
	}
	return l.failed(ctx, fmt.Sprintf("be prepared (its schema is version %d, and this release needs %d)", version, schemaVersion), err)
}
