package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

// sqliteDialect is a file in WAL mode, which many processes may hold open at once. path is absolute, because connections are opened later
// too, when the working directory may be another one.
func sqliteDialect(path string) dialect {
	return dialect{
		file:       path,
		goose:      goose.DialectSQLite3,
		migrations: embedded(sqliteMigrations, "migrations/sqlite"),
		connect: func(use use, timeout time.Duration) (*sql.DB, error) {
			return connectSQLite(path, use, timeout)
		},
		readers:      8,
		batch:        16,                             // it looks for the name of each argument among those of all others: what that takes grows with the square
		readOptions:  &sql.TxOptions{ReadOnly: true}, // makes the driver begin deferred, whatever _txlock says
		clock:        "CAST($2 AS INTEGER)",
		now:          "0",
		elements:     func(placeholder string) string { return "SELECT value AS element FROM json_each(" + placeholder + ")" },
		tables:       tablesSQLite,
		prepare:      prepareSQLite,
		beginUpgrade: []string{`BEGIN IMMEDIATE`},
		diagnose:     diagnoseSQLite,
	}
}

func connectSQLite(path string, use use, timeout time.Duration) (*sql.DB, error) {
	return connectSQLiteAt(sqliteDSN(path, use, timeout), use)
}

func connectSQLiteAt(dsn string, use use) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	if use == forReading || use == forWriting {
		connector = statementCache{connector}
	}
	return sql.OpenDB(connector), nil
}

func sqliteDSN(path string, use use, timeout time.Duration) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/ledger.db
	}
	options := url.Values{
		"mode":          {"rw"}, // never create: SQLite would make the file readable by others
		"_busy_timeout": {fmt.Sprint(timeout.Milliseconds())},
		"_defensive":    {"1"},
		"_dqs":          {"0"},
		"_error_rc":     {"1"},
		"_pragma":       {"trusted_schema = 0"},
	}
	switch use {
	case forReading, forReadingAll:
		options.Set("_query_only", "1")
	case forReadingUnwritable:
		options.Set("mode", "ro")
		options.Set("immutable", "1")
	case forWriting, forUpgrading:
		options.Set("_txlock", "immediate")
		options.Set("_foreign_keys", "1")
		options.Set("_synchronous", "FULL")
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	return dsn.String()
}

func tablesSQLite(ctx context.Context, db rowQuerier, name string) (all, named int, err error) {
	err = db.QueryRowContext(ctx, `SELECT COUNT(*), COUNT(CASE WHEN name = $1 THEN 1 END) FROM sqlite_schema WHERE type = 'table'`, name).Scan(&all, &named)
	return all, named, err
}

// prepareSQLite switches the file to write-ahead logging, which stays with the file. Where the file system cannot do it (it
// needs shared memory), SQLite goes on with a rollback journal: slower with several processes, but as correct.
func prepareSQLite(ctx context.Context, write *sql.DB) error {
	var mode string
	return write.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
}

func diagnoseSQLite(err error) diagnosis {
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return diagnosis{code: delivery.CodeInternal, message: fmt.Sprint(err)}
	}
	switch failure.Code() & 0xff { // the low byte is the kind, the rest its particulars
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return diagnosis{code: delivery.CodeUnavailable, conflict: true, message: "another process is writing to it and does not finish; see which one holds it open, then try again"}
	case sqlite3.SQLITE_FULL:
		return diagnosis{code: delivery.CodeUnavailable, message: "the disk is full; free some space, then try again"}
	case sqlite3.SQLITE_IOERR:
		return diagnosis{code: delivery.CodeUnavailable, message: fmt.Sprintf("reading or writing the disk failed (%v); check the disk and its free space, then try again", failure)}
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return diagnosis{code: delivery.CodeUnavailable, noOpen: true, message: "the file cannot be opened; check that it is still there and that this user may read and write it and its directory"}
	case sqlite3.SQLITE_READONLY:
		// Not unavailable: that would be retried in vain.
		return diagnosis{code: delivery.CodeConflict, noOpen: true, message: "it is read-only here; let this user write the file and its directory"}
	case sqlite3.SQLITE_CONSTRAINT:
		return diagnosis{code: delivery.CodeConflict, message: fmt.Sprintf("a rule of the ledger forbids it (%v)", failure)}
	case sqlite3.SQLITE_NOTADB:
		return diagnosis{code: delivery.CodeInvalid, message: "the file is not a ledger but holds something else; name another path"}
	case sqlite3.SQLITE_CORRUPT:
		return diagnosis{code: delivery.CodeInternal, message: fmt.Sprintf("the file is damaged (%v); restore it from a backup", failure)}
	}
	return diagnosis{
		code:    delivery.CodeInternal,
		message: failure.Error(),
		noTable: strings.Contains(failure.Error(), "no such table"), // SQLite has no separate code for it
	}
}
