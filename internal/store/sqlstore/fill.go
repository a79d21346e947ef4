package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// batchBytes bounds what one statement writes, beside the dialect's batch.
const batchBytes = 1 << 20

// Fill opens the ledger at an address, makes it if need be, and writes into it in one transaction all that f hands over. It is
// kept when f returns nil; after any error, and when ctx ends, the ledger is as empty as it was. f may be run again after a
// conflict. A ledger that holds anything is a conflict. Other errors are as of Open.
func Fill(ctx context.Context, address string, f func(*Filling) error) (err error) {
	l, err := open(ctx, address, busyTimeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return l.Update(ctx, func(tx store.Tx) error {
		w, ok := tx.(*writer)
		if !ok {
			return fmt.Errorf("sqlstore: the writer is a %T, not sqlstore's own", tx)
		}
		if err := w.requireEmpty(ctx); err != nil {
			return err
		}
		filling := &Filling{w: w, full: map[string]*sql.Stmt{}}
		if err := f(filling); err != nil {
			return err
		}
		return filling.flush(ctx)
	})
}

// RequireEmpty is a conflict if the ledger at an address holds anything. It makes nothing. Other errors are as of Open.
func RequireEmpty(ctx context.Context, address string) (err error) {
	l, err := Open(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return l.View(ctx, func(r store.Reader) error {
		of, ok := r.(*reader)
		if !ok {
			return fmt.Errorf("sqlstore: the reader is a %T, not sqlstore's own", r)
		}
		return of.requireEmpty(ctx)
	})
}

// requireEmpty allows only an empty ledger to be filled: two histories cannot become one chain.
func (r *reader) requireEmpty(ctx context.Context) error {
	for _, t := range append([]table{events}, snapshotTables...) {
		var filled bool
		if _, err := r.value(ctx, []any{&filled}, `SELECT EXISTS (SELECT 1 FROM `+t.name+`)`); err != nil {
			return err
		}
		if filled {
			return delivery.Errorf(delivery.CodeConflict, "the ledger %s is not empty: its table %s already has rows, and two histories cannot become one; name a new file, or an empty database or schema", r.ledger.name, t.name)
		}
	}
	return nil
}

// Filling is a ledger while it is being filled.
type Filling struct {
	w     *writer
	into  table
	rows  [][]any
	bytes int
	full  map[string]*sql.Stmt // by table: what writes a whole batch; closed with the transaction
}

// Identity makes it the ledger of this id. It comes before the first event.
func (f *Filling) Identity(ctx context.Context, id string) error {
	_, err := f.w.exec(ctx, `UPDATE ledger_identity SET id = $1`, id)
	return err
}

// Append appends events to what was handed over, as new links of the chain.
func (f *Filling) Append(ctx context.Context, events ...delivery.Event) error {
	if err := f.flush(ctx); err != nil {
		return err
	}
	f.w.ends = nil // the events before were not written one by one
	_, err := f.w.AppendEvents(ctx, events...)
	return err
}

// Event writes an event just as it is.
func (f *Filling) Event(ctx context.Context, e delivery.Event) error {
	return f.add(ctx, events, []any{e.Seq, e.At.UnixMicro(), e.Actor, string(e.Kind), e.Subject, string(e.Data), e.Previous, e.Hash}, len(e.Data))
}

// Row writes a row just as it is.
func (f *Filling) Row(ctx context.Context, r delivery.Row) error {
	for _, t := range snapshotTables {
		if t.name != r.Table {
			continue
		}
		values, size := make([]any, len(t.columns)), 0
		for i, column := range t.columns {
			values[i] = r.Values[column]
			if text, ok := values[i].(string); ok {
				size += len(text)
			}
		}
		return f.add(ctx, t, values, size)
	}
	return delivery.Errorf(delivery.CodeInvalid, "the ledger has no table %q", r.Table)
}

// Written reads what was handed over, as the database has it.
func (f *Filling) Written(ctx context.Context) (Snapshot, error) {
	return Snapshot{&f.w.reader}, f.flush(ctx)
}

func (f *Filling) add(ctx context.Context, t table, values []any, size int) error {
	if t.name != f.into.name || len(f.rows) == f.w.ledger.dialect.batch || f.bytes+size > batchBytes {
		if err := f.flush(ctx); err != nil {
			return err
		}
	}
	f.into, f.rows, f.bytes = t, append(f.rows, values), f.bytes+size
	return nil
}

// flush writes the rows that are waiting, in one statement.
func (f *Filling) flush(ctx context.Context) error {
	if len(f.rows) == 0 {
		return nil
	}
	args, n := slices.Concat(f.rows...), len(f.rows)
	f.rows, f.bytes = f.rows[:0], 0
	if n < f.w.ledger.dialect.batch {
		_, err := f.w.exec(ctx, f.into.insert(n), args...)
		return err
	}
	prepared, ok := f.full[f.into.name]
	if !ok {
		var err error
		if prepared, err = f.w.tx.PrepareContext(ctx, f.into.insert(n)); err != nil {
			return f.w.failed(ctx, "be written", err)
		}
		f.full[f.into.name] = prepared
	}
	_, err := prepared.ExecContext(ctx, args...)
	return f.w.failed(ctx, "be written", err)
}

// insert is a statement that writes a number of rows. Its arguments are their values, row after row.
func (t table) insert(rows int) string {
	lines := make([]string, rows)
	for i := range lines {
		places := make([]string, len(t.columns))
		for j := range places {
			places[j] = fmt.Sprintf("$%d", i*len(places)+j+1)
		}
		lines[i] = "(" + strings.Join(places, ", ") + ")"
	}
	return `INSERT INTO ` + t.name + ` (` + strings.Join(t.columns, ", ") + `) VALUES ` + strings.Join(lines, ", ")
}
