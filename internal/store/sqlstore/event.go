package sqlstore

import (
	"context"
	"encoding/json"
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
	last, err := r.lastEvent(ctx)
	return last.Hash, err
}

// lastEvent reads the number and the hash of the last event; the zero value while there is none.
func (r *reader) lastEvent(ctx context.Context) (last delivery.Event, err error) {
	_, err = r.value(ctx, []any{&last.Seq, &last.Hash}, `SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1`)
	return last, err
}

// Head implements store.Reader. Nobody else writes meanwhile, so it is read once.
func (w *writer) Head(ctx context.Context) (string, error) {
	if w.head == nil {
		last, err := w.lastEvent(ctx)
		if err != nil {
			return "", err
		}
		w.head = &last
	}
	return w.head.Hash, nil
}

// AppendEvent implements store.Tx. The data's text is kept byte for byte, because the chain covers it.
func (w *writer) AppendEvent(ctx context.Context, e delivery.Event) (delivery.Event, error) {
	if len(e.Data) > 0 && !json.Valid(e.Data) {
		return delivery.Event{}, delivery.Errorf(delivery.CodeInternal, "the data of event %s %s is not JSON", e.Kind, e.Subject)
	}
	if _, err := w.Head(ctx); err != nil {
		return delivery.Event{}, err
	}
	e = e.Sealed(w.head.Seq+1, w.head.Hash)
	_, err := w.exec(ctx, `INSERT INTO events (seq, at, actor, kind, subject, data, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		e.Seq, e.At.UnixMicro(), e.Actor, string(e.Kind), e.Subject, string(e.Data), e.Previous, e.Hash)
	if err != nil {
		return delivery.Event{}, err
	}
	e.Data = rawData(string(e.Data)) // as it is read back
	w.head, w.last = &e, e
	return e, nil
}

func rawData(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
