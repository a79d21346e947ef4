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

// absent is a ledger that did not exist when it was opened: a SQLite file that was missing, or a server's database without tables. Reading
// finds an empty ledger, so that a plan leaves nothing behind; the first update makes it. What another process makes is used from then on.
type absent struct {
	dialect dialect
	name    string
	timeout time.Duration
	unmade  *ledger // the server's database; nil for a file
	// trusting is that of the ledger that is made.
	trusting bool

	mu     sync.Mutex
	made   *ledger // nil while there is none
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
	switch {
	case a.made != nil:
		err = a.made.Close()
	case a.unmade != nil:
		err = a.unmade.Close()
	}
	if a.empty != nil {
		err = errors.Join(err, a.empty.close())
	}
	return err
}

// readable is the ledger, if it exists by now, else an empty one.
func (a *absent) readable(ctx context.Context) (*ledger, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.made == nil && !a.closed {
		there, err := a.exists(ctx)
		if err != nil {
			return nil, err
		}
		if !there {
			return a.openEmpty(ctx)
		}
	}
	return a.open(ctx)
}

func (a *absent) exists(ctx context.Context) (bool, error) {
	if a.unmade == nil {
		return fileExists(a.dialect.file)
	}
	version, err := a.unmade.version(ctx)
	return version > 0, err
}

// writable is the ledger, which is made if need be.
func (a *absent) writable(ctx context.Context) (*ledger, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open(ctx)
}

// open opens the ledger, and makes it if need be. The caller holds the lock.
func (a *absent) open(ctx context.Context) (*ledger, error) {
	if a.closed {
		return nil, delivery.Errorf(delivery.CodeInternal, "the ledger %s cannot be used: it was closed", a.name)
	}
	if a.made != nil {
		return a.made, nil
	}
	if a.unmade != nil {
		if err := a.unmade.start(ctx); err != nil {
			return nil, err
		}
		a.made = a.unmade
		return a.made, nil
	}
	made, err := openDialect(ctx, a.dialect, a.name, a.timeout)
	if err != nil {
		return nil, err
	}
	made.trusting = a.trusting
	a.made = made
	return made, nil
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
