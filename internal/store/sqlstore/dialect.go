package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// dialect is all that differs between databases: the one at an address.
type dialect struct {
	file string // the absolute path of a SQLite file; empty for a server's database

	goose      goose.Dialect
	migrations fs.FS

	// connect gives the connections for one way of use. It opens none yet.
	connect func(use use, timeout time.Duration) (*sql.DB, error)
	readers int           // how many snapshots one process may read from at the same time; more wait for their turn
	idle    time.Duration // how long an unused connection is kept; 0: forever

	batch int // how many rows one statement writes while a ledger is filled

	spoils bool // a statement that fails spoils all of its transaction, back to a savepoint

	// readOptions and writeOptions begin a snapshot and a write transaction.
	readOptions, writeOptions *sql.TxOptions
	// lockWriters waits until no other writer is active and blocks them until the transaction ends. Receipt names the
	// transaction, for committed. It is nil where the way in which a transaction begins does all that.
	lockWriters func(ctx context.Context, tx *sql.Tx, timeout time.Duration) (receipt string, err error)
	// committed finds out what became of a transaction whose connection was lost during its commit: it was kept, it was
	// not, or (decided is false) the database does not know yet.
	committed func(ctx context.Context, db *sql.DB, receipt string) (kept, decided bool, err error)

	// clock is the moment by which leases lapse, in microseconds since 1970, given the caller's as $2. The caller's will do for a
	// database of one machine; machines that share one do not agree on the time, so it is the database that tells it.
	clock string
	// now is the database's own moment, in microseconds since 1970; 0 where the caller's clock decides.
	now string
	// elements gives a query of the texts in a JSON list, as a column named element: one SQL text whatever the list's length.
	elements func(placeholder string) string
	// tables counts all tables, and those of the given name, at one moment.
	tables func(ctx context.Context, db rowQuerier, name string) (all, named int, err error)
	// prepare does what has to be done before the schema is made or upgraded, outside of a transaction.
	prepare func(ctx context.Context, write *sql.DB) error
	// beginUpgrade begins the transaction in which the schema is made or upgraded, and keeps other processes out until it ends.
	beginUpgrade []string

	diagnose func(error) diagnosis
}

// rowQuerier answers a query with one row.
type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// use is what connections are for.
type use int

const (
	forReading use = iota
	forWriting
	forReadingAll        // a whole ledger: one statement may then take as long as it needs
	forUpgrading         // as for forReadingAll
	forReadingUnwritable // a file in a place where nothing can be written, not even the files beside it that readers share
)

// diagnosis is what an error of the database means.
type diagnosis struct {
	code     delivery.Code
	message  string // what is wrong and what would fix it
	conflict bool   // another transaction was in the way: it may succeed when run again
	lost     bool   // the connection was lost or never came about: the same thing may succeed on another one
	aborted  bool   // the statement was refused only because an earlier one of its transaction had failed
	noTable  bool   // the table that was asked does not exist
	noOpen   bool   // the database, or a file beside it that even readers need, could not be opened
}

// transient reports whether the same transaction may succeed when it is run again.
func (d diagnosis) transient() bool { return d.conflict || d.lost }

func embedded(files fs.FS, dir string) fs.FS {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		panic(fmt.Sprintf("sqlstore: the embedded path is constant: %v", err))
	}
	return sub
}
