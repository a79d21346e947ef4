// Package journal changes the ledger: each change and the events that tell it are written in one transaction, and so is a refusal.
package journal

import (
	"context"
	"encoding/json"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Journal records changes of one ledger.
type Journal struct {
	store store.Store
	now   func() time.Time
}

// New makes a journal of a ledger, by a clock.
func New(s store.Store, now func() time.Time) Journal { return Journal{s, now} }

// Now is the moment by the ledger's clock, as the ledger keeps it: UTC, in microseconds. A database that machines share has a clock of its own;
// otherwise it is this machine's.
func (j Journal) Now() time.Time {
	return j.now().Add(-j.store.ClockAhead()).UTC().Truncate(time.Microsecond)
}

// Entry is one event to record with a change. Subject names what it is about, and Data is the whole object afterwards.
type Entry struct {
	Kind    delivery.EventKind
	Subject string
	Data    any
}

// One is the entry of a change that needs no other.
func One(kind delivery.EventKind, subject string, data any) []Entry {
	return []Entry{{kind, subject, data}}
}

// Change runs f in one write transaction. What f returns is recorded as events of that transaction. A refusal of f (returned
// before f wrote anything) is recorded as an event of the kind refused, and then returned.
func (j Journal) Change(ctx context.Context, actor string, refused delivery.EventKind, subject string, f func(store.Tx) ([]Entry, error)) error {
	return j.ChangeThen(ctx, actor, refused, subject, f, func(store.Tx) error { return nil })
}

// ChangeThen is Change, and then reads or records, in the same transaction and after its events, what is no change of anything that is
// decided from. A change that is refused has no then.
func (j Journal) ChangeThen(ctx context.Context, actor string, refused delivery.EventKind, subject string, f func(store.Tx) ([]Entry, error),
	then func(store.Tx) error,
) error {
	if err := delivery.ValidateActor(actor).Err(); err != nil {
		return err
	}
	var refusal error
	err := j.store.Update(ctx, func(tx store.Tx) error {
		refusal = nil
		entries, err := f(tx)
		if err != nil && refuses(err) {
			refusal = err
			entries = One(refused, subject, map[string]string{"reason": err.Error()})
		} else if err != nil {
			return err
		}
		if err := j.Append(ctx, tx, actor, entries); err != nil || refusal != nil {
			return err
		}
		return then(tx)
	})
	if err != nil {
		return err
	}
	return refusal
}

// refuses reports whether an error says that somebody may not do this, as things are; not that it could not be done, or that there
// is nothing to do it to.
func refuses(err error) bool {
	code := delivery.CodeOf(err)
	return code == delivery.CodeConflict || code == delivery.CodeInvalid || code == delivery.CodeForbidden
}

// Append adds events to the log in a transaction that makes the changes they tell.
func (j Journal) Append(ctx context.Context, tx store.Tx, actor string, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	events := make([]delivery.Event, len(entries))
	for i, entry := range entries {
		data, err := json.Marshal(entry.Data)
		if err != nil {
			return delivery.Errorf(delivery.CodeInternal, "event %s %s: %v", entry.Kind, entry.Subject, err)
		}
		events[i] = delivery.Event{At: j.Now(), Actor: actor, Kind: entry.Kind, Subject: entry.Subject, Data: data}
	}
	_, err := tx.AppendEvents(ctx, events...)
	return err
}
