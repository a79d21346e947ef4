package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// absent is the ledger in a SQLite file that was missing when it was opened. Reading finds an empty ledger, so that a plan leaves nothing
// on disk; the first update makes the file. A file that another process makes is used from then on.
type absent struct {
	dialect dialect
	name    string
	timeout time.Duration

	mu     sync.Mutex
	file   *ledger // nil while there is none
	empty  *emptyLedger
	closed bool
}

func newAbsent(ctx context.Context, d dialect, name string) (*absent, error) {
	if err := ctx.Err(); err != nil {
		return nil, (&ledger{dialect: d, name: name}).failed(ctx, "be opened", err)
	}
	return &absent{dialect: d, name: name, timeout: busyTimeout}, nil
}

// View implements store.Store.
func (a *absent) View(ctx context.Context, f func(store.Reader) error) error {
	l, err := a.readable(ctx)
	if err != nil {
		return err
	}
	return l.View(ctx, f)
}

// Update implements store.Store.
func (a *absent) Update(ctx context.Context, f func(store.Tx) error) error {
	l, err := a.writable(ctx)
	if err != nil {
		return err
	}
	return l.Update(ctx, f)
}

// Close implements store.Store.
func (a *absent) Close() (err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.file != nil {
		err = a.file.Close()
	}
	if a.empty != nil {
		err = errors.Join(err, a.empty.close())
	}
	return err
}

// readable is the ledger in the file, if it exists by now, else an empty one.
func (a *absent) readable(ctx context.Context) (*ledger, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil && !a.closed {
		there, err := fileExists(a.dialect.file)
		if err != nil {
			return nil, err
		}
		if !there {
			return a.openEmpty(ctx)
		}
	}
	return a.open(ctx)
}

// writable is the ledger in the file, which is made if need be.
func (a *absent) writable(ctx context.Context) (*ledger, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open(ctx)
}

// open opens the file, and makes it if need be. The caller holds the lock.
func (a *absent) open(ctx context.Context) (_ *ledger, err error) {
	if a.closed {
		return nil, delivery.Errorf(delivery.CodeInternal, "the ledger %s cannot be used: it was closed", a.name)
	}
	if a.file == nil {
		a.file, err = openDialect(ctx, a.dialect, a.name, a.timeout)
	}
	return a.file, err
}

func (a *absent) openEmpty(ctx context.Context) (_ *ledger, err error) {
	if a.empty == nil {
		if a.empty, err = newEmptyLedger(ctx, a.name, a.timeout); err != nil {
			return nil, err
		}
	}
	return a.empty.ledger, nil
}

// emptyLedger is a ledger in memory, which nothing is written to.
type emptyLedger struct {
	*ledger
	held *sql.Conn // the database lasts as long as it has a connection
}

// memories numbers the databases in memory: those of one name are one database.
var memories atomic.Int64

func newEmptyLedger(ctx context.Context, name string, timeout time.Duration) (*emptyLedger, error) {
	file := fmt.Sprintf("/empty-ledger-%d", memories.Add(1))
	d := sqliteDialect(file)
	d.connect = func(use use, timeout time.Duration) (*sql.DB, error) {
		return connectSQLiteAt(sqliteDSN(file, use, timeout)+"&vfs=memdb", use)
	}
	l, err := newLedger(ctx, d, name, timeout, forReading)
	if err != nil {
		return nil, err
	}
	held, err := l.write.Conn(ctx)
	if err != nil {
		return nil, errors.Join(l.failed(ctx, "be opened", err), l.Close())
	}
	e := &emptyLedger{l, held}
	if err := l.migrate(ctx, 0); err != nil {
		return nil, errors.Join(err, e.close())
	}
	if err := forgetIdentity(ctx, held); err != nil {
		return nil, errors.Join(l.failed(ctx, "be opened", err), e.close())
	}
	return e, nil
}

func (e *emptyLedger) close() error { return errors.Join(e.held.Close(), e.Close()) }
