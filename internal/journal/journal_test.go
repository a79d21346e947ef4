package journal

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// book is a ledger of events, which runs each change as often as it is told to. Only the last try counts.
type book struct {
	store.Store
	store.Tx
	tries  int
	broken error // why no event can be recorded
	events []delivery.Event
	ahead  time.Duration
}

func (b *book) ClockAhead() time.Duration { return b.ahead }

func (b *book) Update(_ context.Context, f func(store.Tx) error) error {
	var err error
	for range b.tries {
		b.events = nil
		err = f(b)
	}
	return err
}

func (b *book) AppendEvents(_ context.Context, events ...delivery.Event) ([]delivery.Event, error) {
	if b.broken != nil {
		return nil, b.broken
	}
	b.events = append(b.events, events...)
	return events, nil
}

var berlin = time.FixedZone("", 3600)

func newBook(tries int) (*book, Journal) {
	b := &book{tries: tries}
	return b, New(b, func() time.Time { return time.Date(2027, 3, 1, 10, 0, 0, 1999, berlin) })
}

func change(j Journal, actor string, f func(store.Tx) ([]Entry, error)) error {
	return j.Change(context.Background(), actor, delivery.EventFreezeRefused, "xmas", f)
}

func TestNowIsAsTheLedgerKeepsIt(t *testing.T) {
	b, j := newBook(1)
	require.Equal(t, time.Date(2027, 3, 1, 9, 0, 0, 1000, time.UTC), j.Now())
	b.ahead = time.Hour
	require.Equal(t, time.Date(2027, 3, 1, 8, 0, 0, 1000, time.UTC), j.Now(), "a ledger with a clock of its own goes by that")
}

func TestAChangeIsRecordedWithItsEvents(t *testing.T) {
	b, j := newBook(2)
	require.NoError(t, change(j, "ann", func(store.Tx) ([]Entry, error) {
		return append(One(delivery.EventFreezeDeclared, "xmas", 1), One(delivery.EventFreezeDeleted, "easter", 2)...), nil
	}))
	require.Equal(t, []delivery.Event{
		{At: j.Now(), Actor: "ann", Kind: delivery.EventFreezeDeclared, Subject: "xmas", Data: json.RawMessage("1")},
		{At: j.Now(), Actor: "ann", Kind: delivery.EventFreezeDeleted, Subject: "easter", Data: json.RawMessage("2")},
	}, b.events)
}

func TestARefusalIsRecordedAndReturned(t *testing.T) {
	for code, recorded := range map[delivery.Code]bool{
		delivery.CodeConflict: true, delivery.CodeInvalid: true, delivery.CodeForbidden: true,
		delivery.CodeNotFound: false, delivery.CodeUnavailable: false, delivery.CodeInternal: false,
	} {
		b, j := newBook(1)
		refusal := delivery.Errorf(code, "as things are")
		require.ErrorIs(t, change(j, "ann", func(store.Tx) ([]Entry, error) { return One(delivery.EventFreezeDeclared, "xmas", nil), refusal }), refusal)
		if !recorded {
			require.Empty(t, b.events, code)
			continue
		}
		require.Len(t, b.events, 1, code)
		require.Equal(t, delivery.EventFreezeRefused, b.events[0].Kind)
		require.Equal(t, "xmas", b.events[0].Subject)
		require.JSONEq(t, `{"reason": "as things are"}`, string(b.events[0].Data))
	}
}

// A change may run again, and find that what was in its way is gone.
func TestARefusalOfTheFirstTryIsForgotten(t *testing.T) {
	b, j := newBook(2)
	tries := 0
	require.NoError(t, change(j, "ann", func(store.Tx) ([]Entry, error) {
		if tries++; tries == 1 {
			return nil, delivery.Errorf(delivery.CodeConflict, "somebody is in the way")
		}
		return One(delivery.EventFreezeDeclared, "xmas", nil), nil
	}))
	require.Len(t, b.events, 1)
	require.Equal(t, delivery.EventFreezeDeclared, b.events[0].Kind)
}

func TestAChangeWithoutItsEventsIsNone(t *testing.T) {
	b, j := newBook(1)
	b.broken = errors.New("the disk is full")
	require.ErrorIs(t, change(j, "ann", func(store.Tx) ([]Entry, error) { return One(delivery.EventFreezeDeclared, "xmas", nil), nil }), b.broken)
	err := change(j, "ann", func(store.Tx) ([]Entry, error) { return One(delivery.EventFreezeDeclared, "xmas", func() {}), nil })
	require.Equal(t, delivery.CodeInternal, delivery.CodeOf(err))
}

func TestWhoCannotBeRecordedChangesNothing(t *testing.T) {
	_, j := newBook(1)
	for _, actor := range []string{"ann\nbob", strings.Repeat("a", delivery.MaxActorLength+1)} {
		err := change(j, actor, func(store.Tx) ([]Entry, error) {
			t.Fatal("it was changed")
			return nil, nil
		})
		require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err))
	}
}

// What comes after a change sees its events. A refusal is no change, and nothing comes after it.
func TestNothingComesAfterARefusal(t *testing.T) {
	b, j := newBook(1)
	seen := -1
	then := func(store.Tx) error { seen = len(b.events); return nil }
	declare := func(err error) error {
		return j.ChangeThen(t.Context(), "ann", delivery.EventFreezeRefused, "xmas", func(store.Tx) ([]Entry, error) {
			return One(delivery.EventFreezeDeclared, "xmas", nil), err
		}, then)
	}
	require.Error(t, declare(delivery.Errorf(delivery.CodeConflict, "as things are")))
	require.Equal(t, -1, seen)
	require.NoError(t, declare(nil))
	require.Equal(t, 1, seen)
	broken := errors.New("it cannot be loaded")
	then = func(store.Tx) error { return broken }
	require.ErrorIs(t, declare(nil), broken)
}
