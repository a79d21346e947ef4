// Package sqlstore keeps the ledger in a database: a SQLite file in WAL mode, which many processes may hold open at once.
//
// Every object is a JSON document with the few columns that queries filter by. Each SQL text is written once and runs on every
// database; what differs between databases is in dialect.go. Inside a process, one connection writes and a few others read,
// each read from one snapshot.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// patience is how long a transaction waits for other processes before it gives up.
const patience = 10 * time.Second

// readers is how many snapshots one process may read from at the same time; more wait for their turn.
const readers = 8

// Open opens the ledger at path, creating the file, its directory and its tables where they are missing. Opening a ledger
// that is up to date writes nothing. An error is a *delivery.Error: invalid (the path cannot be a ledger, or a newer release
// wrote it), unavailable (it cannot be reached, or is locked for longer than 10 s) or internal. A file that may not be
// written serves View, and Update is a conflict.
func Open(ctx context.Context, path string) (store.Store, error) {
	return open(ctx, path, patience)
}

func open(ctx context.Context, path string, patience time.Duration) (*ledger, error) {
	if err := prepareFile(path); err != nil {
		return nil, err
	}
	l, err := newLedger(ctx, sqliteDialect(), path, patience)
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
	dialect  dialect
	path     string // as the user wrote it, for messages
	patience time.Duration
	read     *sql.DB
	write    *sql.DB // one connection: writers of one process queue here, not in the database
}

func newLedger(ctx context.Context, d dialect, path string, patience time.Duration) (*ledger, error) {
	l := &ledger{dialect: d, path: path, patience: patience}
	var err error
	if l.read, err = d.connect(path, forReading, patience); err != nil {
		return nil, l.failed(ctx, "be opened", err)
	}
	l.read.SetMaxOpenConns(readers)
	l.read.SetMaxIdleConns(readers)
	if l.write, err = d.connect(path, forWriting, patience); err != nil {
		return nil, errors.Join(l.failed(ctx, "be opened", err), l.read.Close())
	}
	l.write.SetMaxOpenConns(1)
	return l, nil
}

// Close implements store.Store.
func (l *ledger) Close() error {
	if err := errors.Join(l.read.Close(), l.write.Close()); err != nil {
		return l.failed(context.Background(), "be closed", err)
	}
	return nil
}

// View implements store.Store. The snapshot is the one at the moment View is called.
func (l *ledger) View(ctx context.Context, f func(store.Reader) error) error {
	var tx *sql.Tx
	err := l.patiently(ctx, func() (again bool, err error) {
		tx, err = l.snapshot(ctx)
		return l.dialect.diagnose(err).again, l.failed(ctx, "be read", err)
	})
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing was written; there is nothing to lose
	return f(&reader{ledger: l, tx: tx})
}

// snapshot begins a read transaction. Databases take the snapshot at the first statement, so one is run at once; it is also
// the only one that can find the database locked.
func (l *ledger) snapshot(ctx context.Context) (*sql.Tx, error) {
	tx, err := l.read.BeginTx(ctx, l.dialect.readOptions)
	if err != nil {
		return nil, err
	}
	var version int64
	if err := tx.QueryRowContext(ctx, selectSchemaVersion).Scan(&version); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// Update implements store.Store.
func (l *ledger) Update(ctx context.Context, f func(store.Tx) error) error {
	return l.patiently(ctx, func() (again bool, err error) { return l.update(ctx, f) })
}

// update runs f once. Again says that another transaction came between, so that running it anew may succeed.
func (l *ledger) update(ctx context.Context, f func(store.Tx) error) (again bool, err error) {
	tx, err := l.write.BeginTx(ctx, l.dialect.writeOptions)
	if err != nil {
		return l.dialect.diagnose(err).again, l.failed(ctx, "be written", err)
	}
	defer tx.Rollback() // after a commit this does nothing; otherwise f's own error says what went wrong
	w := &writer{reader{ledger: l, tx: tx}}
	if err := f(w); err != nil {
		return w.again, err
	}
	if err := tx.Commit(); err != nil {
		return l.dialect.diagnose(err).again, l.failed(ctx, "be written", err)
	}
	return false, nil
}

// patiently tries until it need not be done again, or the ledger's patience or the caller's ends.
func (l *ledger) patiently(ctx context.Context, try func() (again bool, err error)) error {
	start := time.Now()
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		again, err := try()
		if !again || time.Since(start) > l.patience {
			return err
		}
		select {
		case <-ctx.Done():
			return l.failed(ctx, "be used", ctx.Err())
		case <-time.After(pause):
		}
	}
}

// failed tells what the ledger could not do, and why. What is a refusal already is returned as it is, nil included.
func (l *ledger) failed(ctx context.Context, action string, err error) error {
	switch {
	case err == nil:
		return nil
	case len(delivery.ErrorsOf(err)) > 0:
		return err
	case ctx.Err() != nil:
		// The cause stays in the chain: callers tell their own cancelling from a database that does not answer.
		return fmt.Errorf("%w: %w", delivery.Errorf(delivery.CodeUnavailable, "the ledger %s could not %s in time", l.path, action), ctx.Err())
	}
	d := l.dialect.diagnose(err)
	return delivery.Errorf(d.code, "the ledger %s cannot %s: %s", l.path, action, d.words)
}
