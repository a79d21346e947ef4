package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// dialect is all that differs between databases.
type dialect struct {
	goose      goose.Dialect
	migrations fs.FS

	// connect gives the connections for one way of use. It opens none yet.
	connect func(path string, use use, patience time.Duration) (*sql.DB, error)
	// readOptions and writeOptions begin a snapshot and a serialised write transaction.
	readOptions, writeOptions *sql.TxOptions

	// elements gives a query of the texts in a JSON list, as a column named element: one SQL text whatever the list's length.
	elements func(placeholder string) string
	// tables counts all tables, and those of the given name, at one moment.
	tables func(ctx context.Context, read *sql.DB, name string) (all, named int, err error)
	// prepare sets what cannot be set in a transaction, before the schema is made or upgraded.
	prepare func(ctx context.Context, write *sql.DB) error
	// locker keeps other processes out while the schema is made or upgraded.
	locker lock.SessionLocker

	diagnose func(error) diagnosis
}

// use is what connections are for.
type use int

const (
	forReading use = iota
	forWriting
	forReadingUnwritable // a file in a place where nothing can be written, not even the files beside it that readers share
)

// diagnosis is what an error of the database means.
type diagnosis struct {
	code    delivery.Code
	words   string // what is wrong and what would fix it
	again   bool   // another transaction was in the way: the same thing may succeed when done anew
	noTable bool   // the table that was asked does not exist
	noOpen  bool   // the database, or a file beside it that even readers need, could not be opened
}

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

func sqliteDialect() dialect {
	migrations, err := fs.Sub(sqliteMigrations, "migrations/sqlite")
	if err != nil {
		panic(fmt.Sprintf("sqlstore: the embedded path is constant: %v", err))
	}
	return dialect{
		goose:       goose.DialectSQLite3,
		migrations:  migrations,
		connect:     connectSQLite,
		readOptions: &sql.TxOptions{ReadOnly: true}, // makes the driver begin deferred, whatever _txlock says
		elements:    func(placeholder string) string { return "SELECT value AS element FROM json_each(" + placeholder + ")" },
		tables:      tablesSQLite,
		prepare:     prepareSQLite,
		locker:      sqliteLocker{},
		diagnose:    diagnoseSQLite,
	}
}

func connectSQLite(path string, use use, patience time.Duration) (*sql.DB, error) {
	dsn, err := sqliteDSN(path, use, patience)
	if err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func sqliteDSN(path string, use use, patience time.Duration) (string, error) {
	// Absolute, because connections are opened later too, when the working directory may be another one.
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/ledger.db
	}
	options := url.Values{
		"mode":          {"rw"}, // never create: SQLite would make the file readable by others
		"_busy_timeout": {fmt.Sprint(patience.Milliseconds())},
		"_defensive":    {"1"},
		"_dqs":          {"0"},
		"_error_rc":     {"1"},
		"_pragma":       {"trusted_schema = 0"},
	}
	switch use {
	case forReading:
		options.Set("_query_only", "1")
	case forReadingUnwritable:
		options.Set("mode", "ro")
		options.Set("immutable", "1")
	case forWriting:
		options.Set("_txlock", "immediate")
		options.Set("_foreign_keys", "1")
		options.Set("_synchronous", "FULL")
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	return dsn.String(), nil
}

func tablesSQLite(ctx context.Context, read *sql.DB, name string) (all, named int, err error) {
	err = read.QueryRowContext(ctx, `SELECT COUNT(*), COUNT(CASE WHEN name = $1 THEN 1 END) FROM sqlite_schema WHERE type = 'table'`, name).Scan(&all, &named)
	return all, named, err
}

// prepareSQLite switches the file to write-ahead logging, which stays with the file. Where the file system cannot do it (it
// needs shared memory), SQLite goes on with a rollback journal: slower with several processes, but as correct.
func prepareSQLite(ctx context.Context, write *sql.DB) error {
	var mode string
	return write.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
}

// sqliteLocker makes the whole upgrade one write transaction: SQLite's own lock keeps other processes out and is gone with the
// process that held it, and nobody ever sees a schema half made.
type sqliteLocker struct{}

// SessionLock implements lock.SessionLocker.
func (sqliteLocker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`)
	return err
}

// SessionUnlock implements lock.SessionLocker. It is called after a failure too, so only a whole schema is committed.
func (sqliteLocker) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	var version int64
	end := `COMMIT`
	if err := conn.QueryRowContext(ctx, selectSchemaVersion).Scan(&version); err != nil || version != schemaVersion {
		end = `ROLLBACK`
	}
	_, err := conn.ExecContext(ctx, end)
	return err
}

func diagnoseSQLite(err error) diagnosis {
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return diagnosis{code: delivery.CodeInternal, words: fmt.Sprint(err)}
	}
	switch failure.Code() & 0xff { // the low byte is the kind, the rest its particulars
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return diagnosis{code: delivery.CodeUnavailable, again: true, words: "another process is writing to it and does not finish; see which one holds it open, then try again"}
	case sqlite3.SQLITE_FULL:
		return diagnosis{code: delivery.CodeUnavailable, words: "the disk is full; free some space, then try again"}
	case sqlite3.SQLITE_IOERR:
		return diagnosis{code: delivery.CodeUnavailable, words: fmt.Sprintf("reading or writing the disk failed (%v); check the disk and its free space, then try again", failure)}
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return diagnosis{code: delivery.CodeUnavailable, noOpen: true, words: "the file cannot be opened; check that it is still there and that this user may read and write it and its directory"}
	case sqlite3.SQLITE_READONLY:
		// Not unavailable: that would be tried again by itself, in vain.
		return diagnosis{code: delivery.CodeConflict, noOpen: true, words: "it is read-only here; let this user write the file and its directory"}
	case sqlite3.SQLITE_CONSTRAINT:
		return diagnosis{code: delivery.CodeConflict, words: fmt.Sprintf("a rule of the ledger forbids it (%v)", failure)}
	case sqlite3.SQLITE_NOTADB:
		return diagnosis{code: delivery.CodeInvalid, words: "the file is not a ledger but holds something else; name another path"}
	case sqlite3.SQLITE_CORRUPT:
		return diagnosis{code: delivery.CodeInternal, words: fmt.Sprintf("the file is damaged (%v); restore it from a backup", failure)}
	}
	return diagnosis{
		code:    delivery.CodeInternal,
		words:   failure.Error(),
		noTable: strings.Contains(failure.Error(), "no such table"), // SQLite has no code of its own for it
	}
}
