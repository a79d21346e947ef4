package sqlstore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Events implements store.Reader.
func (r *reader) Events(ctx context.Context, after int64, limit int) ([]delivery.Event, error) {
	if limit <= 0 {
		return []delivery.Event{}, nil
	}
	rows, err := r.tx.QueryContext(ctx, `SELECT seq, at, actor, kind, subject, data, previous, hash FROM events WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
	if err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	defer rows.Close()
	events := []delivery.Event{}
	for rows.Next() {
		var (
			e    delivery.Event
			at   int64
			data string
		)
		if err := rows.Scan(&e.Seq, &at, &e.Actor, &e.Kind, &e.Subject, &data, &e.Previous, &e.Hash); err != nil {
			return nil, r.failed(ctx, "be read", err)
		}
		e.At, e.Data = time.UnixMicro(at).UTC(), rawData(data)
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, r.failed(ctx, "be read", err)
	}
	return events, nil
}

// Head implements store.Reader.
func (r *reader) Head(ctx context.Context) (string, error) {
	found, err := r.Ledger(ctx)
	return found.Newest.Hash, err
}

// AppendEvents implements store.Tx. The text of the data is kept byte for byte, because the chain covers it.
func (w *writer) AppendEvents(ctx context.Context, events ...delivery.Event) ([]delivery.Event, error) {
	for _, e := range events {
		if len(e.Data) > 0 && !json.Valid(e.Data) {
			return nil, delivery.Errorf(delivery.CodeInternal, "the data of event %s %s is not JSON", e.Kind, e.Subject)
		}
	}
	if _, err := w.Ledger(ctx); err != nil {
		return nil, err
	}
	sealed := make([]delivery.Event, 0, len(events))
	for batch := range slices.Chunk(events, w.ledger.dialect.batch) {
		values, args := make([]string, len(batch)), conditions{}
		for i, e := range batch {
			e, err := w.ends.Next(e) // nobody else writes meanwhile
			if err != nil {
				w.ends = nil // events of this batch are not written
				return nil, err
			}
			values[i] = "(" + args.list(e.Seq, e.At.UnixMicro(), e.Actor, string(e.Kind), e.Subject, string(e.Data), e.Previous, e.Hash) + ")"
			e.Data = rawData(string(e.Data)) // as it is read back
			w.follow(e)
			w.told(e)
			sealed = append(sealed, e)
		}
		if _, err := w.exec(ctx, `INSERT INTO events (seq, at, actor, kind, subject, data, previous, hash) VALUES `+strings.Join(values, ", "), args.args...); err != nil {
			w.ends = nil
			return nil, err
		}
		w.last = w.ends.Newest
	}
	return sealed, nil
}

func rawData(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
