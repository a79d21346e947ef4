package sqlstore

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// BenchmarkOpen is what each Terraform command pays before it can ask its first question.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger.db")
	l := openLedger(b, path)
	putEnvironment(b, l, "staging")
	for b.Loop() {
		s, err := Open(b.Context(), path)
		require.NoError(b, err)
		require.NoError(b, s.Close())
	}
}

// BenchmarkOpenAlone is the same when no other process holds the ledger open, so that its log is put away each time.
func BenchmarkOpenAlone(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger.db")
	l, err := open(b.Context(), path, busyTimeout)
	require.NoError(b, err)
	putEnvironment(b, l, "staging")
	require.NoError(b, l.Close())
	for b.Loop() {
		require.NoError(b, openAndClose(b.Context(), path))
	}
}

func BenchmarkOpenNew(b *testing.B) {
	dir := b.TempDir()
	i := 0
	for b.Loop() {
		i++
		require.NoError(b, openAndClose(b.Context(), filepath.Join(dir, fmt.Sprintf("%d.db", i))))
	}
}

func BenchmarkPutEnvironmentWithEvent(b *testing.B) {
	l := openLedger(b, filepath.Join(b.TempDir(), "ledger.db"))
	ctx := b.Context()
	spec := fullEnvironment()
	for b.Loop() {
		require.NoError(b, l.Update(ctx, func(tx store.Tx) error {
			if err := tx.PutEnvironment(ctx, spec); err != nil {
				return err
			}
			_, err := tx.AppendEvents(ctx, delivery.Event{At: storedAt, Actor: "alice", Kind: "environment.declared", Subject: "eu", Data: []byte(`{"name":"eu"}`)})
			return err
		}))
	}
}

func BenchmarkEnvironment(b *testing.B) {
	l := openLedger(b, filepath.Join(b.TempDir(), "ledger.db"))
	putEnvironment(b, l, "eu")
	ctx := b.Context()
	for b.Loop() {
		require.NoError(b, l.View(ctx, func(r store.Reader) error {
			_, err := r.Environment(ctx, "eu")
			return err
		}))
	}
}

func BenchmarkEnvironments1000(b *testing.B) {
	l := openLedger(b, filepath.Join(b.TempDir(), "ledger.db"))
	ctx := b.Context()
	require.NoError(b, l.Update(ctx, func(tx store.Tx) error {
		for i := range 1000 {
			spec := fullEnvironment()
			spec.Name = fmt.Sprintf("e-%d", i)
			if err := tx.PutEnvironment(ctx, spec); err != nil {
				return err
			}
		}
		return nil
	}))
	for b.Loop() {
		require.NoError(b, l.View(ctx, func(r store.Reader) error {
			list, err := r.Environments(ctx)
			require.Len(b, list, 1000)
			return err
		}))
	}
}

func BenchmarkDecisionHistory(b *testing.B) {
	for _, size := range []struct{ history, environments int }{{100, 3}, {100_000, 3}, {100_000, 100}} {
		b.Run(fmt.Sprintf("history=%d/environments=%d", size.history, size.environments), func(b *testing.B) {
			l := openLedger(b, filepath.Join(b.TempDir(), "ledger.db"))
			fill(b, l, size.history, size.environments)
			ctx := b.Context()
			for b.Loop() {
				require.NoError(b, l.View(ctx, func(r store.Reader) error { return relevantOnce(ctx, r) }))
			}
		})
	}
}

func relevantOnce(ctx context.Context, r store.Reader) error {
	list, err := r.DecisionHistory(ctx, "shop", "1.7.0")
	if err == nil && len(list) == 0 {
		return fmt.Errorf("nothing is relevant")
	}
	return err
}

func BenchmarkRollouts(b *testing.B) {
	for _, size := range []struct{ history, stages int }{{100, 3}, {100_000, 3}, {100_000, 20}} {
		b.Run(fmt.Sprintf("history=%d/stages=%d", size.history, size.stages), func(b *testing.B) {
			l := openLedger(b, filepath.Join(b.TempDir(), "ledger.db"))
			fillRollouts(b, l, size.history, size.stages)
			ctx, stages := b.Context(), []string{}
			for i := range size.stages {
				stages = append(stages, fmt.Sprintf("s%d", i))
			}
			for b.Loop() {
				require.NoError(b, l.View(ctx, func(r store.Reader) error {
					list, err := r.Rollouts(ctx, "shop", stages, time.Time{})
					require.Len(b, list, min(size.history/size.stages*size.stages, delivery.MaxRollouts*size.stages))
					return err
				}))
			}
		})
	}
}

// BenchmarkAddDeployment is what recording an intent costs when there is much history.
func BenchmarkAddDeployment(b *testing.B) {
	l := openLedger(b, filepath.Join(b.TempDir(), "ledger.db"))
	fill(b, l, 100_000, 3)
	fillRollouts(b, l, 100_000, 3)
	ctx := b.Context()
	i := 0
	for b.Loop() {
		i++
		d := fullDeployment()
		d.ID, d.Kind, d.Rollout = fmt.Sprintf("new-%d", i), delivery.KindDeliver, fmt.Sprintf("new-%d", i)
		require.NoError(b, l.Update(ctx, func(tx store.Tx) error {
			_, err := tx.AddDeployment(ctx, d)
			return err
		}))
	}
}

// fillRollouts records rollouts of each stage in turn, as many in each.
func fillRollouts(tb testing.TB, l *ledger, history, stages int) {
	tb.Helper()
	_, err := l.write.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO rollouts (pipeline, stage, seq, rollout, started_at) SELECT 'shop', 's' || (i % $2), i, 'b' || i, CAST(i AS BIGINT) * 1000000 FROM n`,
		history/stages*stages, stages)
	require.NoError(tb, err)
}

// fill records a long history: each environment in turn gets each version, and now and then one fails.
func fill(tb testing.TB, l *ledger, history, environments int) {
	tb.Helper()
	document, err := encode(fullDeployment())
	require.NoError(tb, err)
	_, err = l.write.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO deployments (seq, id, pipeline, stage, environment, version, rollout, status, verified_at, document)
		SELECT i, 'd' || i, 'shop', 'production', 'e' || (i % $2), '1.' || (i / $2) || '.0', 'r' || (i / $2),
			CASE WHEN i % 7 = 0 THEN 'failed' WHEN i > $1 - $2 THEN 'verified' ELSE 'superseded' END,
			CASE WHEN i % 7 = 0 THEN NULL ELSE i END, $3
		FROM n`, history, environments, document)
	require.NoError(tb, err)
}
