package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// Times are the two moments whose order decides whether gates about time can pass.
type Times struct {
	Clock  time.Time // of the database, or of the machine for a file
	Newest time.Time // of the ledger's newest event; zero if there is none
	Seq    int64     // the number of that event
}

// Behind reports whether the clock is behind the newest event by more than noise.
func (t Times) Behind() bool { return t.Newest.Sub(t.Clock) > delivery.MaxClockNoise }

// Clock compares the clock with a ledger. now is the moment by this machine. An error is not_found (there is no ledger), or as of sqlstore.Open.
func Clock(ctx context.Context, address string, now time.Time) (t Times, err error) {
	err = withOpened(ctx, address, func(opened store.Store) error {
		return opened.View(ctx, func(r store.Reader) error {
			t, err = timesOf(ctx, opened, r, now)
			return err
		})
	})
	return t, err
}

// CorrectClock records that the newest events of a ledger have times that a wrong clock gave them: from then on, time goes on from the clock. It
// is a conflict if the clock is not behind the ledger. It returns the times before.
func CorrectClock(ctx context.Context, address string, by By) (t Times, err error) {
	if err := delivery.ValidateActor(by.Actor).Err(); err != nil {
		return t, err
	}
	err = withOpened(ctx, address, func(opened store.Store) error {
		return opened.Update(ctx, func(tx store.Tx) error {
			if t, err = timesOf(ctx, opened, tx, by.At); err != nil {
				return err
			}
			if !t.Behind() {
				return delivery.Errorf(delivery.CodeConflict, "the clock is not behind the ledger's newest event, so there is nothing to correct")
			}
			corrected, err := By{by.Actor, t.Clock}.event(delivery.EventLedgerClockCorrected, delivery.ClockCorrection{Newest: t.Newest})
			if err != nil {
				return err
			}
			_, err = tx.AppendEvents(ctx, corrected)
			return err
		})
	})
	return t, err
}

func timesOf(ctx context.Context, opened store.Store, r store.Reader, now time.Time) (Times, error) {
	found, err := r.Ledger(ctx)
	return Times{Clock: now.Add(-opened.ClockAhead()), Newest: found.At, Seq: found.Newest.Seq}, err
}

// withOpened runs f over a ledger that exists.
func withOpened(ctx context.Context, address string, f func(store.Store) error) (err error) {
	if err := withSnapshot(ctx, address, func(string, sqlstore.Snapshot) error { return nil }); err != nil {
		return err
	}
	opened, err := sqlstore.Open(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return f(opened)
}
