package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// selectLedger is one row for the ledger's id and the database's clock, one for the newest event, and one for each of the last hundred
// ledgers that this one replaced, newest first. The %s is the dialect's now.
const selectLedger = `SELECT 'ledger' AS part, '' AS kind, 0 AS seq, %s AS at, id AS hash, '' AS data, '' AS actor, '' AS subject, '' AS previous FROM ledger_identity
	UNION ALL SELECT 'newest', kind, seq, at, hash, data, actor, subject, previous
		FROM (SELECT kind, seq, at, hash, data, actor, subject, previous FROM events ORDER BY seq DESC LIMIT 1) AS newest
	UNION ALL SELECT 'adopted', kind, seq, at, hash, data, actor, subject, previous
		FROM (SELECT kind, seq, at, hash, data, actor, subject, previous FROM events WHERE kind = 'ledger.adopted' ORDER BY seq DESC LIMIT 100) AS adopted`

// Ledger implements store.Reader. It is read once for a snapshot; a write transaction follows its own events.
func (r *reader) Ledger(ctx context.Context) (delivery.Ledger, error) {
	ends, err := r.endsAsTheyAre(ctx)
	if err == nil && !r.unchecked() {
		err = r.changed
	}
	return ends, err
}

// endsAsTheyAre is Ledger, also when an event that it reads is not as it was written.
func (r *reader) endsAsTheyAre(ctx context.Context) (delivery.Ledger, error) {
	if r.ends == nil {
		read, err := r.readLedger(ctx)
		if err != nil {
			return delivery.Ledger{}, err
		}
		r.ends = &read
	}
	return *r.ends, nil
}

func (r *reader) readLedger(ctx context.Context) (l delivery.Ledger, err error) {
	asked := time.Now()
	rows, err := r.tx.QueryContext(ctx, r.ledger.selectLedger)
	if err != nil {
		return l, r.failed(ctx, "be read", err)
	}
	defer rows.Close()
	for rows.Next() {
		var (
			e          delivery.Event
			at         int64
			part, data string
		)
		if err := rows.Scan(&part, &e.Kind, &e.Seq, &at, &e.Hash, &data, &e.Actor, &e.Subject, &e.Previous); err != nil {
			return l, r.failed(ctx, "be read", err)
		}
		if part == "ledger" {
			l.Newest.Ledger = e.Hash
			r.ledger.compareClocks(asked, at)
			continue
		}
		e.At, e.Data = time.UnixMicro(at).UTC(), rawData(data)
		if !e.Intact() {
			r.changed = delivery.EventChanged(e)
		}
		if part == "newest" {
			l.Newest.Seq, l.Newest.Hash, l.At, l.Moved = e.Seq, e.Hash, e.At, e.Move()
			continue
		}
		p, ok := e.Adopted()
		if !ok {
			return l, delivery.Errorf(delivery.CodeInternal, "event %d of the ledger is damaged; restore the ledger from a backup", e.Seq)
		}
		l.Adopted = append(l.Adopted, p)
	}
	slices.Reverse(l.Adopted)
	return l, r.failed(ctx, "be read", rows.Err())
}

// EventHashes implements store.Reader.
func (r *reader) EventHashes(ctx context.Context, page int64) ([]string, error) {
	rows, err := r.tx.QueryContext(ctx, `SELECT hash FROM events WHERE seq > $1 ORDER BY seq LIMIT $2`, page*delivery.LedgerPageSize, delivery.LedgerPageSize)
	if err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	defer rows.Close()
	hashes := []string{}
	for rows.Next() {
		var hash string
		if err := rows.Scan(&hash); err != nil {
			return nil, r.failed(ctx, "be read", err)
		}
		hashes = append(hashes, hash)
	}
	return hashes, r.failed(ctx, "be read", rows.Err())
}

// follow notes an event that is about to be written in this transaction.
func (w *writer) follow(e delivery.Event) {
	next := *w.ends
	next.Newest.Seq, next.Newest.Hash, next.At, next.Moved = e.Seq, e.Hash, e.At, e.Move()
	if p, ok := e.Adopted(); ok {
		next.Adopted = append(slices.Clip(next.Adopted), p)
	}
	w.ends = &next
}

// committed notes the newest event that is known to be kept.
func (l *ledger) committed(last delivery.LedgerPosition) {
	if last.Seq > 0 {
		l.written.Store(&last)
	}
}

// Written implements store.Store.
func (l *ledger) Written() delivery.LedgerPosition {
	if last := l.written.Load(); last != nil {
		return *last
	}
	return delivery.LedgerPosition{}
}

// clockNoise is how far two clocks may seem to differ because a query takes time. A smaller difference changes nothing, so that the
// moments of one process do not jump.
const clockNoise = 100 * time.Millisecond

// compareClocks notes how far this machine's clock is ahead of the database's, which said its time while a query ran.
func (l *ledger) compareClocks(asked time.Time, micros int64) {
	if micros == 0 {
		return
	}
	took := time.Since(asked)
	ahead := asked.Add(took / 2).Sub(time.UnixMicro(micros))
	if before := time.Duration(l.ahead.Load()); (ahead - before).Abs() > clockNoise+took {
		l.ahead.Store(int64(ahead))
	}
}

// ClockAhead implements store.Store.
func (l *ledger) ClockAhead() time.Duration { return time.Duration(l.ahead.Load()) }

// Written implements store.Store.
func (a *absent) Written() delivery.LedgerPosition {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.made == nil {
		return delivery.LedgerPosition{}
	}
	return a.made.Written()
}

// ClockAhead implements store.Store: a file goes by the machine's clock.
func (a *absent) ClockAhead() time.Duration {
	if a.unmade == nil {
		return 0
	}
	return a.unmade.ClockAhead()
}

// forgetIdentity takes the id from a ledger that stands for one that does not exist.
func forgetIdentity(ctx context.Context, held *sql.Conn) error {
	_, drop := held.ExecContext(ctx, `DROP TRIGGER ledger_identity_is_not_lost`)
	_, remove := held.ExecContext(ctx, `DELETE FROM ledger_identity`)
	return errors.Join(drop, remove)
}
