package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

const (
	// maxMembers is how many updates share one transaction.
	maxMembers = 32
	// joiningTime is for how long a transaction takes members in: other processes wait for it.
	joiningTime = 50 * time.Millisecond
)

// group is a write transaction that the updates of this process share while others wait for their turn (group commit): what
// takes long is not to write but to have it on disk, and that is done once for all of them.
//
//	update A   ─ begin ─ f ──────────────────────────── wait ───────────────── returns
//	update B   ─ wait ───── savepoint ─ f ───────────── wait ───────────────── returns
//	update C   ─ wait ───────────────────── savepoint ─ f ── nobody waits: commit ─ returns
//
// Members take turns, so each sees what those before it wrote, as if they had been committed. A member that fails is undone alone,
// to its savepoint. No member hears how its update ended before the transaction has: what it saw might be undone.
type group struct {
	ledger  *ledger
	tx      *sql.Tx
	release context.CancelFunc // of the transaction's context
	receipt string
	began   time.Time

	members int                     // that ran, or run
	last    delivery.LedgerPosition // of the event that was appended last and not undone

	ended bool
	done  chan struct{} // closed once it has ended; then:
	again bool          // nothing of it was kept, and running every member again may succeed
	err   error         // why nothing of it was kept, no matter which member was to blame
}

// update runs f once, in its own transaction or a group's. Again says that another transaction came between or that the
// connection was lost before anything was kept, so that running it again may succeed.
func (l *ledger) update(ctx context.Context, f func(store.Tx) error) (again bool, err error) {
	if err := l.turns.wait(ctx); err != nil {
		return false, l.failed(ctx, "be written", err)
	}
	if l.group == nil {
		if l.group, err = l.newGroup(ctx); err != nil {
			l.turns.pass()
			return l.dialect.diagnose(err).transient(), l.failed(ctx, "be written", err)
		}
	}
	g := l.group
	again, err = g.run(ctx, f)
	if <-g.done; g.err != nil {
		return g.again, g.err
	}
	return again, err
}

// newGroup begins a transaction. It outlives the context of the update that begins it, because others may join.
func (l *ledger) newGroup(ctx context.Context) (*group, error) {
	lasting, release := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, release) // while it begins, which may take as long as other processes write
	tx, receipt, err := l.begin(lasting)
	if !stop() && err == nil {
		err = tx.Rollback()
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		release()
		return nil, err
	}
	return &group{ledger: l, tx: tx, release: release, receipt: receipt, began: time.Now(), done: make(chan struct{})}, nil
}

// run runs the f of one member, whose turn it is, and ends the turn, however f ends.
func (g *group) run(ctx context.Context, f func(store.Tx) error) (again bool, err error) {
	kept := false
	defer func() { g.endTurn(ctx, kept) }()
	g.members++
	w := &writer{reader: reader{ledger: g.ledger, tx: g.tx}}
	if g.members > 1 {
		if _, err := w.exec(ctx, `SAVEPOINT `+g.savepoint()); err != nil {
			return w.retryable, err
		}
	}
	if err := f(w); err != nil {
		return w.retryable, err
	}
	if err := w.complete(); err != nil {
		return false, err
	}
	switch {
	case ctx.Err() != nil:
		return false, g.ledger.failed(ctx, "be written", ctx.Err())
	case w.first != nil && g.ledger.dialect.spoils:
		return w.retryable, w.first // f went on after it, but the database does not
	}
	if kept = true; w.last.Seq > 0 {
		g.last = w.last
	}
	return false, nil
}

// savepoint is the name of the one before the member whose turn it is. The first member needs none.
func (g *group) savepoint() string { return fmt.Sprintf("member_%d", g.members) }

// endTurn undoes what a member did, unless it is kept. Then it gives the turn to the next member, or ends the transaction and gives
// the turn to the first member of the next one.
func (g *group) endTurn(ctx context.Context, kept bool) {
	l := g.ledger
	if !kept {
		g.undo(ctx)
	}
	if !g.ended && g.members < maxMembers && time.Since(g.began) < l.joining && l.turns.passIfWanted() {
		return
	}
	if !g.ended {
		g.commit(ctx)
	}
	g.release()
	l.group = nil
	close(g.done)
	l.turns.pass()
}

// undo rolls back what the last member did. Where that cannot be done, everybody's work is lost, and is to be done again.
func (g *group) undo(ctx context.Context) {
	if g.members == 1 {
		g.ended = true
		g.tx.Rollback() // f's own error says what went wrong
		return
	}
	ctx = context.WithoutCancel(ctx)
	if _, err := g.tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT `+g.savepoint()); err != nil { // SQL takes no parameter for a name
		g.ended, g.again, g.err = true, true, g.ledger.failed(ctx, "be written", err)
		g.tx.Rollback() // the failure before says what went wrong
	}
}

// commit has on disk what all members did, or finds out that it is not.
func (g *group) commit(ctx context.Context) {
	if g.members > 1 {
		ctx = context.WithoutCancel(ctx) // the others want to know all the same
	}
	g.ended = true
	err := g.tx.Commit()
	if err == nil {
		g.ledger.committed(g.last)
		return
	}
	d := g.ledger.dialect.diagnose(err)
	if d.lost && g.receipt != "" {
		if g.again, g.err = g.ledger.resolveCommit(ctx, g.receipt, g.last); g.err == nil {
			g.ledger.committed(g.last)
		}
		return
	}
	g.again, g.err = d.transient(), g.ledger.failed(ctx, "be written", err)
}

// turns lets the updates of one process write one after the other, in the order in which they asked.
type turns struct {
	mu    sync.Mutex
	taken bool
	queue []chan struct{} // closed when the turn comes
}

// wait returns when the turn has come, or fails when ctx ends before.
func (t *turns) wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	t.queue = append(t.queue, turn)
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.queue, turn)
	if i < 0 {
		return nil // it came at the same moment, and has to be ended as any other
	}
	t.queue = slices.Delete(t.queue, i, i+1)
	return ctx.Err()
}

// pass gives the turn to the next one who waits, if there is one.
func (t *turns) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = t.next()
}

// passIfWanted gives the turn to the next one who waits; false, and the turn is kept, when there is none.
func (t *turns) passIfWanted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next()
}

func (t *turns) next() bool {
	if len(t.queue) == 0 {
		return false
	}
	close(t.queue[0])
	t.queue = t.queue[1:]
	return true
}
