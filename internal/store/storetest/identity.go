package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var identities = map[string]func(*testing.T, ledger){
	"an id is kept, and no two ledgers share one": func(t *testing.T, l ledger) {
		l.write(t, appendEvent(delivery.EventEnvironmentDeclared, "eu", nil))
		first := identity(t, l)
		require.Regexp(t, `^[0-9a-f]{32}$`, first.Newest.Ledger)
		l.write(t, appendEvent(delivery.EventEnvironmentDeclared, "us", nil))
		require.Equal(t, first.Newest.Ledger, identity(t, l).Newest.Ledger)
	},
	"the newest event is the end, in a snapshot and in a transaction": func(t *testing.T, l ledger) {
		require.Zero(t, identity(t, l).Newest.Seq)
		require.Zero(t, identity(t, l).At)
		require.Zero(t, l.Written())
		for i := range 3 {
			l.write(t, func(ctx context.Context, tx store.Tx) error {
				before, err := tx.Ledger(ctx)
				require.NoError(t, err)
				require.EqualValues(t, i, before.Newest.Seq)
				e, err := appended(ctx, tx, eventOf(delivery.EventEnvironmentDeclared, "eu"))
				require.NoError(t, err)
				after, err := tx.Ledger(ctx)
				require.Equal(t, delivery.LedgerPosition{Ledger: before.Newest.Ledger, Seq: e.Seq, Hash: e.Hash}, after.Newest)
				require.Equal(t, noon, after.At)
				return err
			})
			require.Equal(t, identity(t, l).Newest, l.Written())
		}
	},
	"no event is earlier than the one before it": func(t *testing.T, l ledger) {
		l.write(t, appendEvent(delivery.EventEnvironmentDeclared, "eu", nil))
		for _, at := range []time.Time{noon.Add(-time.Hour), noon.Add(time.Hour), noon} {
			l.write(t, func(ctx context.Context, tx store.Tx) error {
				early := eventOf(delivery.EventEnvironmentDeclared, "us")
				early.At = at
				_, err := appended(ctx, tx, early)
				return err
			})
		}
		times := []time.Time{}
		for _, e := range read(t, l, func(ctx context.Context, r store.Reader) ([]delivery.Event, error) { return r.Events(ctx, 0, 10) }) {
			times = append(times, e.At)
		}
		require.Equal(t, []time.Time{noon, noon, noon.Add(time.Hour), noon.Add(time.Hour)}, times)
	},
	"what was undone was not written": func(t *testing.T, l ledger) {
		l.write(t, appendEvent(delivery.EventEnvironmentDeclared, "eu", nil))
		written := l.Written()
		require.Error(t, l.Update(t.Context(), func(tx store.Tx) error {
			_, err := tx.AppendEvents(t.Context(), eventOf(delivery.EventEnvironmentDeclared, "us"))
			require.NoError(t, err)
			return delivery.Errorf(delivery.CodeConflict, "no")
		}))
		require.Equal(t, written, l.Written())
	},
	"hashes are read by page": func(t *testing.T, l ledger) {
		want := []string{}
		l.write(t, func(ctx context.Context, tx store.Tx) error {
			for i := range delivery.LedgerPageSize + 3 {
				e, err := appended(ctx, tx, eventOf(delivery.EventEnvironmentDeclared, fmt.Sprint(i)))
				if err != nil {
					return err
				}
				want = append(want, e.Hash)
			}
			return nil
		})
		hashes := func(page int64) []string {
			return read(t, l, func(ctx context.Context, r store.Reader) ([]string, error) { return r.EventHashes(ctx, page) })
		}
		require.Equal(t, want[:delivery.LedgerPageSize], hashes(0))
		require.Equal(t, want[delivery.LedgerPageSize:], hashes(delivery.LedgerPageOf(delivery.LedgerPageSize+1)))
		require.Empty(t, hashes(2))
	},
	"a sealed ledger takes nothing until it is opened": func(t *testing.T, l ledger) {
		l.write(t, appendEvent(delivery.EventLedgerSealed, "ledger", delivery.LedgerMove{To: "elsewhere.db"}))
		require.Equal(t, &delivery.LedgerMove{To: "elsewhere.db"}, identity(t, l).Moved)
		l.refuse(t, delivery.CodeConflict, appendEvent(delivery.EventEnvironmentDeclared, "eu", nil), "moved to elsewhere.db", "CD_LEDGER")
		l.refuse(t, delivery.CodeConflict, appendEvent(delivery.EventLedgerSealed, "ledger", delivery.LedgerMove{To: "a third"}), "moved to elsewhere.db")
		l.write(t, appendEvent(delivery.EventLedgerOpened, "ledger", nil), appendEvent(delivery.EventEnvironmentDeclared, "eu", nil))
		require.Nil(t, identity(t, l).Moved)
	},
	"what it replaces is known": func(t *testing.T, l ledger) {
		lost := []delivery.LedgerPosition{{Ledger: "0123456789abcdef0123456789abcdef", Seq: 7, Hash: "sha256:7"}, {Ledger: "f123456789abcdef0123456789abcdef", Seq: 9, Hash: "sha256:9"}}
		l.write(t, func(ctx context.Context, tx store.Tx) error {
			for i, p := range lost {
				if err := appendEvent(delivery.EventLedgerAdopted, p.Ledger, p)(ctx, tx); err != nil {
					return err
				}
				now, err := tx.Ledger(ctx)
				require.NoError(t, err)
				require.Equal(t, lost[:i+1], now.Adopted)
			}
			return nil
		}, appendEvent(delivery.EventEnvironmentDeclared, "eu", nil))
		require.Equal(t, lost, identity(t, l).Adopted)
	},
}

func identity(t *testing.T, l ledger) delivery.Ledger {
	t.Helper()
	return read(t, l, func(ctx context.Context, r store.Reader) (delivery.Ledger, error) { return r.Ledger(ctx) })
}

func eventOf(kind delivery.EventKind, subject string) delivery.Event {
	return delivery.Event{At: noon, Actor: "alice@example.com", Kind: kind, Subject: subject}
}

func appended(ctx context.Context, tx store.Tx, e delivery.Event) (delivery.Event, error) {
	all, err := tx.AppendEvents(ctx, e)
	if err != nil {
		return delivery.Event{}, err
	}
	return all[0], nil
}

func appendEvent(kind delivery.EventKind, subject string, data any) change {
	return func(ctx context.Context, tx store.Tx) error {
		e := eventOf(kind, subject)
		if data != nil {
			text, err := json.Marshal(data)
			if err != nil {
				return err
			}
			e.Data = text
		}
		_, err := tx.AppendEvents(ctx, e)
		return err
	}
}
