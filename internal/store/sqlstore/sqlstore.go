// Package sqlstore keeps the ledger in a database: a SQLite file in WAL mode, or a PostgreSQL database that a team shares. Many
// processes may hold either open at once.
//
// Every object is a JSON document with the few columns that queries filter by. Each SQL text is written once and runs on every
// database; what differs between databases is in the dialect files. Inside a process, one connection writes and a few others
// read, each read from one snapshot. Of all processes, one writes at a time: the event log is one chain, so writers have to wait
// for each other anyway, and what a writer has read stays true until it commits.
package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// busyTimeout is how long a transaction waits for other processes before it fails.
const busyTimeout = 10 * time.Second

// Open opens the ledger at an address: the path of a SQLite file, or the URL of a PostgreSQL database (postgres://…). A file that is
// missing, and a database without tables, read as an empty ledger, and the first Update makes the file, with its directory, or the tables.
// The tables of an older release are upgraded. Opening a ledger that is up to date writes nothing. An error is
// a *delivery.Error: invalid (the address cannot be a ledger, or a newer release wrote it), unauthorized (the database does not
// let this user in, or do this), unavailable (it cannot be reached, or is locked for longer than 10 s) or internal. A ledger
// that may not be written serves View, and Update is refused. No error shows a password.
func Open(ctx context.Context, address string) (store.Store, error) {
	d, name, err := dialectOf(address)
	if err != nil {
		return nil, err
	}
	if d.file == "" {
		return openServer(ctx, d, name)
	}
	if there, err := fileExists(d.file); err != nil {
		return nil, err
	} else if !there {
		return newAbsent(ctx, d, name)
	}
	return openDialect(ctx, d, name, busyTimeout)
}

// openServer opens the ledger in a server's database. The first Update makes its tables.
func openServer(ctx context.Context, d dialect, name string) (store.Store, error) {
	l, err := newLedger(ctx, d, name, busyTimeout, forReading)
	if err != nil {
		return nil, err
	}
	version, err := l.version(ctx)
	if err == nil && version == 0 {
		if err = l.requireSuitable(ctx); err == nil {
			return &absent{dialect: d, name: name, timeout: busyTimeout, unmade: l}, nil
		}
	} else if err == nil {
		err = l.startAt(ctx, version)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Make makes the ledger at an address, or upgrades it, and writes nothing into one that is up to date. Errors are as of Open.
func Make(ctx context.Context, address string) error {
	l, err := open(ctx, address, busyTimeout)
	if err != nil {
		return err
	}
	return l.Close()
}

// open is Open, but makes what is missing at once, and reads rows as they are.
func open(ctx context.Context, address string, timeout time.Duration) (*ledger, error) {
	d, name, err := dialectOf(address)
	if err != nil {
		return nil, err
	}
	l, err := openDialect(ctx, d, name, timeout)
	if err == nil {
		l.trusting = true
	}
	return l, err
}

func openDialect(ctx context.Context, d dialect, name string, timeout time.Duration) (*ledger, error) {
	if d.file != "" {
		if err := prepareFile(d.file); err != nil {
			return nil, err
		}
	}
	l, err := newLedger(ctx, d, name, timeout, forReading)
	if err != nil {
		return nil, err
	}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// ledger is a store.Store over database/sql.
type ledger struct {
	dialect dialect
	name    string // for messages: the path as the user wrote it, or a URL without what is secret
	timeout time.Duration

	selectLedger string
	// trusting makes rows be read as they are, without a look at the log: for tests of the tables, and to fill a ledger.
	trusting bool

	read  *sql.DB
	write *sql.DB // one connection: writers of one process queue for their turn, not in the database

	turns   turns
	joining time.Duration // for how long a group takes updates in
	group   *group        // that the next update may join; only the one whose turn it is looks at it

	written atomic.Pointer[delivery.LedgerPosition] // the newest event of this process
	ahead   atomic.Int64                            // this machine's clock, as seen last, in nanoseconds
}

func newLedger(ctx context.Context, d dialect, name string, timeout time.Duration, reading use) (*ledger, error) {
	l := &ledger{dialect: d, name: name, timeout: timeout, joining: joiningTime, selectLedger: fmt.Sprintf(selectLedger, d.now)}
	var err error
	if l.read, err = d.connect(reading, timeout); err != nil {
		return nil, l.failed(ctx, "be opened", err)
	}
	l.read.SetMaxOpenConns(d.readers)
	l.read.SetMaxIdleConns(d.readers)
	l.read.SetConnMaxIdleTime(d.idle)
	if l.write, err = d.connect(forWriting, timeout); err != nil {
		return nil, errors.Join(l.failed(ctx, "be opened", err), l.read.Close())
	}
	l.write.SetMaxOpenConns(1)
	l.write.SetConnMaxIdleTime(d.idle)
	return l, nil
}

// Close implements store.Store.
func (l *ledger) Close() error {
	if err := errors.Join(l.read.Close(), l.write.Close()); err != nil {
		return l.failed(context.Background(), "be closed", err)
	}
	return nil
}

// View implements store.Store. The snapshot is the one at the moment View is called, or a later one if its connection was lost.
func (l *ledger) View(ctx context.Context, f func(store.Reader) error) error {
	return l.retry(ctx, func() (again bool, err error) { return l.view(ctx, f) })
}

// view runs f once. Again says that the connection was lost under it.
func (l *ledger) view(ctx context.Context, f func(store.Reader) error) (again bool, err error) {
	tx, err := l.read.BeginTx(ctx, l.dialect.readOptions)
	if err != nil {
		return l.dialect.diagnose(err).transient(), l.failed(ctx, "be read", err)
	}
	defer tx.Rollback() // nothing was written; there is nothing to lose
	r := &reader{ledger: l, tx: tx}
	// Databases take the snapshot at the first statement, so one is run at once.
	if _, err := r.endsAsTheyAre(ctx); err != nil {
		return r.retryable, err
	}
	err = f(r)
	return err != nil && r.retryable, err
}

// Update implements store.Store. Updates that are waiting for each other in this process are committed together.
func (l *ledger) Update(ctx context.Context, f func(store.Tx) error) error {
	return l.retry(ctx, func() (again bool, err error) { return l.update(ctx, f) })
}

// begin begins a write transaction, alone. Receipt names it, where the database can be asked later what became of it.
func (l *ledger) begin(ctx context.Context) (tx *sql.Tx, receipt string, err error) {
	tx, err = l.write.BeginTx(ctx, l.dialect.writeOptions)
	if err != nil || l.dialect.lockWriters == nil {
		return tx, "", err
	}
	if receipt, err = l.dialect.lockWriters(ctx, tx, l.timeout); err != nil {
		tx.Rollback() // nothing was written; there is nothing to lose
		return nil, "", err
	}
	return tx, receipt, nil
}

// resolveCommit finds out what became of a transaction when the connection was lost during its commit: running it again
// might do everything twice, and giving up might lose what was kept. A standby that has taken over without our last transactions gives
// their numbers to others, so it counts as kept only if its last event, when it had one, is in the log.
func (l *ledger) resolveCommit(ctx context.Context, receipt string, last delivery.LedgerPosition) (again bool, err error) {
	var kept, decided bool
	err = l.retry(ctx, func() (again bool, err error) {
		kept, decided, err = l.dialect.committed(ctx, l.write, receipt)
		if err == nil && kept && last.Seq > 0 {
			err = l.write.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM events WHERE seq = $1 AND hash = $2)`, last.Seq, last.Hash).Scan(&kept)
		}
		return l.dialect.diagnose(err).transient() || err == nil && !decided, err
	})
	switch {
	case err == nil && decided && kept:
		return false, nil
	case err == nil && decided:
		return true, l.failed(ctx, "be written", driver.ErrBadConn)
	case ctx.Err() != nil:
		return false, err
	}
	// Not unavailable: that would be retried.
	return false, delivery.Errorf(delivery.CodeInternal, "the connection to the ledger %s was lost while a change was being recorded, and whether it was recorded cannot be found out now; see with a plan, then apply again", l.name)
}

// retry tries until it succeeds, fails for good, or the ledger's timeout or the caller's context ends.
func (l *ledger) retry(ctx context.Context, try func() (again bool, err error)) error {
	start := time.Now()
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		again, err := try()
		if !again || time.Since(start) > l.timeout {
			return err
		}
		select {
		case <-ctx.Done():
			return l.failed(ctx, "be used", ctx.Err())
		case <-time.After(pause):
		}
	}
}

// failed says what the ledger could not do, and why. A *delivery.Error is returned unchanged, and so is nil.
func (l *ledger) failed(ctx context.Context, action string, err error) error {
	switch {
	case err == nil:
		return nil
	case len(delivery.ErrorsOf(err)) > 0:
		return err
	case ctx.Err() != nil:
		// The cause stays in the chain: callers tell their own canceling from a database that does not answer.
		return fmt.Errorf("%w: %w", delivery.Errorf(delivery.CodeUnavailable, "the ledger %s could not %s in time", l.name, action), ctx.Err())
	}
	d := l.dialect.diagnose(err)
	return delivery.Errorf(d.code, "the ledger %s cannot %s: %s", l.name, action, d.message)
}
