package sqlstore

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// member is one of several updates that are made to wait for each other, so that they share a transaction.
type member struct {
	name string
	// do runs after the member's environment was written.
	do func(ctx context.Context, l *ledger, w *writer) error
}

// together runs updates so that all of them are in one transaction, in their order. It returns how each ended, and how often it ran.
func together(t *testing.T, l *ledger, members ...member) (ended []error, runs []int) {
	t.Helper()
	ended, runs = make([]error, len(members)), make([]int, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended[i] = l.Update(context.WithValue(ctx, canceling{}, cancel), func(tx store.Tx) error {
				if runs[i]++; i == 0 && runs[i] == 1 {
					waitForQueue(l, len(members)-1)
				}
				if err := errors.Join(tx.PutEnvironment(ctx, delivery.EnvironmentSpec{Name: m.name, Tier: delivery.TierTesting}), declared(ctx, tx, m.name)); err != nil || m.do == nil {
					return err
				}
				return m.do(context.WithValue(ctx, canceling{}, cancel), l, tx.(*writer)) //nolint:errcheck // a wrong type fails the test
			})
		})
		if i < len(members)-1 { // the last one ends the first one's wait: the queue is full for a moment only
			waitForTurns(l, i)
		}
	}
	all.Wait()
	return ended, runs
}

type canceling struct{}

func declared(ctx context.Context, tx store.Tx, name string) error {
	_, err := tx.AppendEvents(ctx, delivery.Event{Actor: "ann", Kind: "environment.declared", Subject: name})
	return err
}

// waitForQueue waits until so many updates are waiting for their turn.
func waitForQueue(l *ledger, n int) {
	for queued(l) < n {
		runtime.Gosched()
	}
}

// waitForTurns waits until the first update has the turn and so many wait behind it.
func waitForTurns(l *ledger, n int) {
	for taken := false; !taken || queued(l) < n; {
		l.turns.mu.Lock()
		taken = l.turns.taken
		l.turns.mu.Unlock()
		runtime.Gosched()
	}
}

func queued(l *ledger) int {
	l.turns.mu.Lock()
	defer l.turns.mu.Unlock()
	return len(l.turns.queue)
}

// onEach runs a test on a new ledger in each kind of database.
func onEach(t *testing.T, test func(t *testing.T, l *ledger)) {
	t.Helper()
	for name, address := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return t.TempDir() + "/ledger.db" },
		"postgres": func(t *testing.T) string { t.Helper(); return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := open(t.Context(), address(t), busyTimeout)
			require.NoError(t, err)
			l.joining = time.Hour // however busy the machine is
			t.Cleanup(func() { require.NoError(t, l.Close()) })
			test(t, l)
		})
	}
}

// kept lists the environments that were kept, and checks that their events are a chain.
func kept(t *testing.T, l *ledger) []string {
	t.Helper()
	names := []string{}
	require.NoError(t, l.View(t.Context(), func(r store.Reader) error {
		specs, err := r.Environments(t.Context())
		require.NoError(t, err)
		for _, spec := range specs {
			names = append(names, spec.Name)
		}
		events, err := r.Events(t.Context(), 0, 100)
		require.NoError(t, err)
		require.Len(t, events, len(specs))
		var before *delivery.Event
		for _, e := range events {
			require.NoError(t, delivery.VerifyLink(before, e))
			before = &e
		}
		return nil
	}))
	return names
}

func TestUpdatesThatWaitShareATransaction(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *ledger) {
		groups := map[*group]int{}
		count := func(_ context.Context, l *ledger, _ *writer) error { groups[l.group]++; return nil }
		seen := func(ctx context.Context, l *ledger, w *writer) error {
			_, err := w.Environment(ctx, "a") // which is not committed yet
			return errors.Join(err, count(ctx, l, w))
		}
		ended, runs := together(t, l, member{"a", count}, member{"b", seen}, member{"c", seen})
		require.Equal(t, []error{nil, nil, nil}, ended)
		require.Equal(t, []int{1, 1, 1}, runs)
		require.Len(t, groups, 1)
		require.Equal(t, []string{"a", "b", "c"}, kept(t, l))
	})
}

func TestAnUpdateThatFailsIsUndoneAlone(t *testing.T) {
	t.Parallel()
	onPurpose := errors.New("on purpose")
	fails := func(context.Context, *ledger, *writer) error { return onPurpose }
	breaks := func(ctx context.Context, _ *ledger, w *writer) error {
		_, err := w.exec(ctx, `INSERT INTO no_such_table VALUES (1)`)
		return err
	}
	onEach(t, func(t *testing.T, l *ledger) {
		ended, runs := together(t, l, member{"a", nil}, member{"b", fails}, member{"c", nil}, member{"d", breaks}, member{"e", nil})
		require.Equal(t, []int{1, 1, 1, 1, 1}, runs)
		require.Equal(t, []error{nil, onPurpose, nil}, ended[:3])
		require.Error(t, ended[3])
		require.NoError(t, ended[4])
		require.Equal(t, []string{"a", "c", "e"}, kept(t, l))
	})
}

func TestAFailureThatIsPassedOverSpoilsNothingElse(t *testing.T) {
	t.Parallel()
	passesOver := func(ctx context.Context, _ *ledger, w *writer) error {
		_, err := w.exec(ctx, `INSERT INTO no_such_table VALUES (1)`)
		require.Error(t, err)
		return nil
	}
	onEach(t, func(t *testing.T, l *ledger) {
		ended, _ := together(t, l, member{"a", nil}, member{"b", passesOver}, member{"c", nil})
		require.NoError(t, ended[0])
		require.NoError(t, ended[2])
		if l.dialect.spoils {
			require.Error(t, ended[1])
			require.Equal(t, []string{"a", "c"}, kept(t, l))
			return
		}
		require.NoError(t, ended[1])
		require.Equal(t, []string{"a", "b", "c"}, kept(t, l))
	})
}

func TestTheFirstOfAGroupThatFailsTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	onPurpose := errors.New("on purpose")
	onEach(t, func(t *testing.T, l *ledger) {
		ended, _ := together(t, l, member{"a", func(context.Context, *ledger, *writer) error { return onPurpose }}, member{"b", nil}, member{"c", nil})
		require.Equal(t, []error{onPurpose, nil, nil}, ended)
		require.Equal(t, []string{"b", "c"}, kept(t, l))
	})
}

func TestAnUpdateThatIsCanceledTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	cancels := func(ctx context.Context, _ *ledger, _ *writer) error {
		ctx.Value(canceling{}).(context.CancelFunc)() //nolint:errcheck // a wrong type fails the test
		return nil
	}
	onEach(t, func(t *testing.T, l *ledger) {
		ended, _ := together(t, l, member{"a", nil}, member{"b", cancels}, member{"c", nil})
		require.NoError(t, ended[0])
		require.ErrorIs(t, ended[1], context.Canceled)
		require.NoError(t, ended[2])
		require.Equal(t, []string{"a", "c"}, kept(t, l))
	})
}

// One member's way to lose the whole transaction, as a lost connection does: the others are run again.
func TestAGroupThatIsLostIsRunAgain(t *testing.T) {
	t.Parallel()
	onPurpose := errors.New("on purpose")
	onEach(t, func(t *testing.T, l *ledger) {
		lost := false
		ended, runs := together(t, l, member{"a", nil}, member{"b", func(ctx context.Context, _ *ledger, w *writer) error {
			if !lost {
				lost = true
				_, err := w.exec(ctx, `ROLLBACK`)
				require.NoError(t, err)
			}
			return onPurpose
		}}, member{"c", nil})
		require.Equal(t, []error{nil, onPurpose, nil}, ended)
		require.Equal(t, 2, runs[0])
		require.Equal(t, []string{"a", "c"}, kept(t, l))
	})
}

func TestAnUpdateThatPanicsTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *ledger) {
		ended, _ := together(t, l, member{"a", nil}, member{"b", func(context.Context, *ledger, *writer) error {
			runtime.Goexit() // as a panic does, without ending the test
			return nil
		}}, member{"c", nil})
		require.NoError(t, ended[0])
		require.NoError(t, ended[2])
		require.Equal(t, []string{"a", "c"}, kept(t, l))
	})
}

// One that waits and gives up does not run, and those behind it do.
func TestWaitingForATurnOfThisProcessEndsWhenCanceled(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *ledger) {
		ctx, cancel := context.WithCancel(t.Context())
		var given, behind error
		var all sync.WaitGroup
		require.NoError(t, l.Update(t.Context(), func(tx store.Tx) error {
			all.Go(func() { given = l.Update(ctx, func(store.Tx) error { panic("it has given up") }) })
			waitForQueue(l, 1)
			all.Go(func() { behind = l.Update(t.Context(), func(store.Tx) error { return nil }) })
			waitForQueue(l, 2)
			cancel()
			for queued(l) > 1 {
				runtime.Gosched()
			}
			return nil
		}))
		all.Wait()
		require.ErrorIs(t, given, context.Canceled)
		require.NoError(t, behind)
	})
}
