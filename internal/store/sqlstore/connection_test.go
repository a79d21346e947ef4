package sqlstore

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// proxied is an empty ledger behind a proxy.
func proxied(t *testing.T, timeout time.Duration) (*ledger, *pgtest.Proxy) {
	t.Helper()
	p := pgtest.Shared(t).NewProxy(t)
	l, err := open(t.Context(), p.Through(t, pgtest.URL(t)), timeout)
	require.NoError(t, err)
	t.Cleanup(func() {
		p.Cut() // saying good-bye to a server that does not answer takes long
		require.NoError(t, l.Close())
	})
	return l, p
}

// commit is the message that commits.
const commit = "commit"

// once gives the first message of one text a fate, and lets all others pass.
func once(text string, fate pgtest.Fate) func(string) pgtest.Fate {
	done := false
	return func(statement string) pgtest.Fate {
		if done || statement != text {
			return pgtest.Passed
		}
		done = true
		return fate
	}
}

// record appends one event, and counts how often it was tried.
func record(ctx context.Context, l *ledger) (tries int, err error) {
	err = l.Update(ctx, func(tx store.Tx) error {
		tries++
		_, err := tx.AppendEvents(ctx, delivery.Event{Kind: "round.fought", Subject: "once"})
		return err
	})
	return tries, err
}

func requireRecorded(t *testing.T, l *ledger, want int) {
	t.Helper()
	count, err := storetest.VerifyEvents(t.Context(), l)
	require.NoError(t, err)
	require.Equal(t, want, count)
}

// The connection breaks around COMMIT: whether the server kept the transaction is asked, never guessed.
func TestACommitWhoseAnswerIsLostIsNeitherLostNorRepeated(t *testing.T) {
	t.Parallel()
	for name, example := range map[string]struct {
		fate  pgtest.Fate
		tries []int
	}{
		"before the server sees it":       {pgtest.Lost, []int{2}},
		"as the server sees it":           {pgtest.Abandoned, []int{1, 2}},
		"after the server kept it":        {pgtest.Unheard, []int{1}},
		"never, and the server is silent": {pgtest.Silenced, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, p := proxied(t, 2*time.Second)
			p.Decide(once(commit, example.fate))
			tries, err := record(t.Context(), l)
			require.NoError(t, err)
			require.Contains(t, example.tries, tries)
			requireRecorded(t, l, 1)
		})
	}
}

// A standby that took over may have given the number of a transaction that it never got to somebody else's.
func TestAnotherTransactionOfTheSameNumberIsNotOurs(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL(t))
	var receipt string
	require.NoError(t, l.write.QueryRow(`SELECT pg_current_xact_id()::text`).Scan(&receipt))
	_, err := record(t.Context(), l)
	require.NoError(t, err)
	event := delivery.Event{Kind: "round.fought", Subject: "once"}.Sealed(1, "")
	ours := delivery.LedgerPosition{Seq: 1, Hash: event.Hash}
	again, err := l.resolveCommit(t.Context(), receipt, ours)
	require.NoError(t, err)
	require.False(t, again, "our event is there")
	ours.Hash = "sha256:another"
	again, err = l.resolveCommit(t.Context(), receipt, ours)
	require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%v", err)
	require.True(t, again)
	again, err = l.resolveCommit(t.Context(), receipt, delivery.LedgerPosition{})
	require.NoError(t, err)
	require.False(t, again, "a transaction without an event has nothing but its number")
}

// Not even asking what became of the transaction works: then nobody claims to know, and it is not tried again.
func TestACommitOfUnknownOutcomeSaysSo(t *testing.T) {
	t.Parallel()
	for name, example := range map[string]struct {
		fate pgtest.Fate
		kept int
	}{"kept": {pgtest.Unheard, 1}, "not kept": {pgtest.Lost, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, p := proxied(t, 100*time.Millisecond)
			broken := false
			p.Decide(func(statement string) pgtest.Fate {
				switch {
				case statement == commit && !broken:
					broken = true
					return example.fate
				case broken:
					return pgtest.Lost
				}
				return pgtest.Passed
			})
			tries, err := record(t.Context(), l)
			require.Equal(t, 1, tries)
			require.Equal(t, delivery.CodeInternal, delivery.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, "whether it was recorded cannot be found out now")
			p.Decide(nil)
			requireRecorded(t, l, example.kept)
		})
	}
}

// Connections break at any message, for many writers at once, and everything is done exactly once.
func TestConnectionsThatBreakAnywhereLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	l, p := proxied(t, busyTimeout)
	l.timeout = time.Hour // a slow machine is not a reason to give up
	random, mu := rand.New(rand.NewPCG(1, 2)), sync.Mutex{}
	cuts := 0
	p.Decide(func(string) pgtest.Fate {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(40) > 0 {
			return pgtest.Passed
		}
		cuts++
		return []pgtest.Fate{pgtest.Lost, pgtest.Abandoned, pgtest.Unheard}[random.IntN(3)]
	})
	const workers, rounds = 3, 12
	var group errgroup.Group
	for worker := range workers {
		group.Go(func() error {
			for round := range rounds {
				if err := storetest.Contend(t.Context(), l, "shop", strconv.Itoa(worker)+"-"+strconv.Itoa(round)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	p.Decide(nil)
	require.Greater(t, cuts, 10)
	storetest.RequireContended(t, l, workers*rounds)
}

// A network that swallows everything is not waited for without end.
func TestAServerThatFallsSilentIsGivenUp(t *testing.T) {
	t.Parallel()
	l, p := proxied(t, 100*time.Millisecond)
	putEnvironment(t, l, "staging")
	p.Decide(func(string) pgtest.Fate { return pgtest.Silenced })
	for name, use := range map[string]func() error{
		"reading": func() error { return l.View(t.Context(), func(store.Reader) error { return nil }) },
		"writing": func() error { _, err := record(t.Context(), l); return err },
	} {
		err := use()
		require.Equal(t, delivery.CodeUnavailable, delivery.CodeOf(err), "%s: %v", name, err)
		require.ErrorContains(t, err, "connection to the server was lost", name)
	}
	p.Decide(nil)
	requireEnvironments(t, l, "staging")
	requireRecorded(t, l, 1) // the environment's own
}

// What a canceled caller waits for ends at once, whatever the network does.
// Counting or checking a whole ledger may keep a server busy for longer than a plan or an apply would wait.
func TestReadingAWholeLedgerMayTakeLong(t *testing.T) {
	t.Parallel()
	d, name, err := dialectOf(pgtest.URL(t))
	require.NoError(t, err)
	const limit = 200 * time.Millisecond
	for use, want := range map[use]bool{forReading: false, forReadingAll: true} {
		l, err := newLedger(t.Context(), d, name, limit-slack, use)
		require.NoError(t, err)
		_, err = l.read.Exec(`SELECT pg_sleep(0.5)`)
		require.Equal(t, want, err == nil, "%v", err)
		require.NoError(t, l.Close())
	}
}

func TestASilentServerDoesNotKeepACanceledCaller(t *testing.T) {
	t.Parallel()
	l, p := proxied(t, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	p.Decide(func(statement string) pgtest.Fate {
		if strings.Contains(statement, "INTO events") {
			cancel()
			return pgtest.Silenced
		}
		return pgtest.Passed
	})
	_, err := record(ctx, l)
	require.ErrorIs(t, err, context.Canceled)
}

// A connection that is lost between two reads of a snapshot is replaced, with a new snapshot.
func TestAReaderWhoseConnectionIsCutReadsAgain(t *testing.T) {
	t.Parallel()
	l, p := proxied(t, busyTimeout)
	putEnvironment(t, l, "staging")
	tries := 0
	require.NoError(t, l.View(t.Context(), func(r store.Reader) error {
		if tries++; tries == 1 {
			p.Cut()
		}
		list, err := r.Environments(t.Context())
		if err == nil {
			require.Len(t, list, 1)
		}
		return err
	}))
	require.Equal(t, 2, tries)
}
