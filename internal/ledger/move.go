package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// By is who changes a ledger, and when.
type By struct {
	Actor string
	At    time.Time
}

// subject is what the events about a ledger itself are about.
const subject = "ledger"

// reopening bounds how long it may take to open the source again after a move that failed, or was interrupted.
const reopening = 10 * time.Second

// Move copies a ledger as Copy does, and seals it before: the source takes no more changes and says where it continues, so that two ledgers
// never go on from one history. After an error the source is open again. A move whose process died can be repeated. Errors are as of Copy;
// conflict is also a source that was moved elsewhere, and forbidden one that may not be written.
func Move(ctx context.Context, from, to string, by By, progress Progress) (report Report, err error) {
	if err := delivery.ValidateActor(by.Actor).Err(); err != nil {
		return report, err
	}
	place, err := sqlstore.Place(to)
	if err != nil {
		return report, err
	}
	if err := sqlstore.RequireEmpty(ctx, to); err != nil {
		return report, err
	}
	if err := seal(ctx, from, place, by); err != nil {
		return report, err
	}
	opened, err := by.event(delivery.EventLedgerOpened, delivery.LedgerMove{To: place})
	if err != nil {
		return report, err
	}
	report, err = transfer(ctx, from, to, progress, opened)
	if err == nil {
		return report, nil
	}
	undoing, cancel := context.WithTimeout(context.WithoutCancel(ctx), reopening)
	defer cancel()
	return report, errors.Join(err, change(undoing, from, func(tx store.Tx) error {
		_, err := tx.AppendEvents(undoing, opened)
		return err
	}))
}

// seal records that a ledger continues in another place. One that says so already is left as it is.
func seal(ctx context.Context, address, place string, by By) error {
	if err := withSnapshot(ctx, address, func(string, sqlstore.Snapshot) error { return nil }); err != nil {
		return err // there is none: opening it for a change would make it
	}
	sealed, err := by.event(delivery.EventLedgerSealed, delivery.LedgerMove{To: place})
	if err != nil {
		return err
	}
	return change(ctx, address, func(tx store.Tx) error {
		found, err := tx.Ledger(ctx)
		if err != nil {
			return err
		}
		if found.Moved != nil && found.Moved.To == place {
			return nil
		}
		_, err = tx.AppendEvents(ctx, sealed)
		return err
	})
}

// Adopt records in a ledger, which is made if need be, that it replaces another one up to a position: states that know that one accept this
// one from then on. A position that the ledger holds, or adopted, is left as it is. It returns the ledger. Errors are as of sqlstore.Open.
func Adopt(ctx context.Context, address string, replaced delivery.LedgerPosition, by By) (found delivery.Ledger, err error) {
	if err := delivery.ValidateActor(by.Actor).Err(); err != nil {
		return found, err
	}
	adopted, err := by.event(delivery.EventLedgerAdopted, replaced)
	if err != nil {
		return found, err
	}
	adopted.Subject = replaced.Ledger
	err = change(ctx, address, func(tx store.Tx) error {
		if found, err = tx.Ledger(ctx); err != nil {
			return err
		}
		page := delivery.LedgerPageOf(replaced.Seq)
		hashes, err := tx.EventHashes(ctx, page)
		if err != nil {
			return err
		}
		known := delivery.LedgerPage{Ledger: found, First: page*delivery.LedgerPageSize + 1, Hashes: hashes}
		if known.Recognize(replaced) == nil {
			return nil
		}
		_, err = tx.AppendEvents(ctx, adopted)
		return err
	})
	return found, err
}

func (b By) event(kind delivery.EventKind, data any) (delivery.Event, error) {
	text, err := json.Marshal(data)
	return delivery.Event{At: b.At, Actor: b.Actor, Kind: kind, Subject: subject, Data: text}, err
}

// change runs f in one write transaction of the ledger at an address.
func change(ctx context.Context, address string, f func(store.Tx) error) (err error) {
	opened, err := sqlstore.Open(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return opened.Update(ctx, f)
}
