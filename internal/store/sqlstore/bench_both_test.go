package sqlstore

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var historySize = flag.Int("history", 100_000, "how many deployments and events of history the benchmarks have beside an empty ledger")

// sideBySide runs a benchmark on each database, on a ledger that holds what a shop is at present, and on one in which a long history
// went before exactly that.
func sideBySide(b *testing.B, run func(b *testing.B, l *ledger)) {
	for _, kind := range []string{"sqlite", "postgres"} {
		for _, rows := range []int{0, *historySize} {
			b.Run(fmt.Sprintf("database=%s/history=%d", kind, rows), func(b *testing.B) {
				l := openLedger(b, databases[kind](b))
				if rows > 0 {
					fillPast(b, l, rows)
				}
				declareShop(b, l)
				for _, version := range shopVersions {
					deliverShop(b, l, version)
				}
				run(b, l)
			})
		}
	}
}

// fillPast gives every table that grows a long history of the shop, none of which is at work anymore.
func fillPast(b *testing.B, l *ledger, rows int) {
	b.Helper()
	fillHistory(b, l, rows)
	tidy := `PRAGMA wal_checkpoint(TRUNCATE)` // both databases do so by themselves, but later
	if l.dialect.goose == goose.DialectPostgres {
		tidy = `VACUUM (ANALYZE)`
	}
	for _, statement := range []string{
		`UPDATE deployments SET status = 'superseded' WHERE status = 'verified'`,
		`DELETE FROM promotions`, // there is one for each stage, however long the history
		tidy,
	} {
		_, err := l.write.Exec(statement)
		require.NoError(b, err, statement)
	}
}

// shopVersions are those that the shop was delivered last: the one that runs, and the one before.
var shopVersions = []string{"2.7.0", "2.8.0"}

// declareShop declares what the benchmarks ask for: a pipeline over five environments.
func declareShop(b testing.TB, l *ledger) {
	b.Helper()
	ctx := b.Context()
	require.NoError(b, l.Update(ctx, func(tx store.Tx) error {
		all := []error{tx.PutPipeline(ctx, fullPipeline()), tx.PutFreeze(ctx, fullFreeze()), tx.PutPolicy(ctx, fullPolicy())}
		for i := range 5 {
			spec := fullEnvironment()
			spec.Name = fmt.Sprintf("e%d", i)
			all = append(all, tx.PutEnvironment(ctx, spec))
		}
		return errors.Join(all...)
	}))
}

// deliverShop records all that belongs to a version that was brought to each environment, in place of the one before.
func deliverShop(b testing.TB, l *ledger, version string) {
	b.Helper()
	ctx := b.Context()
	release, promotion, approval, report, override := fullRelease(), fullPromotion(), fullApproval(), fullTestReport(), fullOverride()
	release.Spec.Version, promotion.Spec.Version, approval.Spec.Version, report.Spec.Version, override.Spec.Version = version, version, version, version, version
	approval.ID, report.ID, override.ID = "a-"+version, "t-"+version, "o-"+version
	require.NoError(b, l.Update(ctx, func(tx store.Tx) error {
		all := []error{tx.PutRelease(ctx, release), tx.PutPromotion(ctx, promotion), tx.AddApproval(ctx, approval), tx.AddTestReport(ctx, report), tx.AddOverride(ctx, override)}
		for i := range 5 {
			env := fmt.Sprintf("e%d", i)
			before, err := tx.Deployments(ctx, store.DeploymentFilter{Pipeline: "shop", Environment: env, Status: delivery.Verified})
			all = append(all, err)
			for _, d := range before {
				d.Status = delivery.Superseded
				all = append(all, tx.PutDeployment(ctx, d))
			}
			d := fullDeployment()
			d.ID, d.Environment, d.Content.Version, d.Rollout, d.Kind, d.Status = version+env, env, version, version, delivery.KindDeliver, delivery.Verified
			_, err = tx.AddDeployment(ctx, d)
			all = append(all, err)
		}
		return errors.Join(all...)
	}))
}

// world asks what a decision about a release asks, in the order in which it is asked.
func world(ctx context.Context, r store.Reader) error {
	versions := shopVersions
	_, err := r.Pipeline(ctx, "shop")
	_, err1 := r.Environments(ctx, "e0", "e1", "e2", "e3", "e4")
	_, err2 := r.Promotions(ctx, "shop")
	_, err3 := r.DecisionHistory(ctx, "shop", versions...)
	_, err4 := r.DecisionHistory(ctx, "shop", append(slices.Clone(versions), "2.9.0")...)
	_, err5 := r.Rollouts(ctx, "shop", []string{"s0", "s1", "s2", "production"}, storedAt.Add(-24*time.Hour))
	_, err6 := r.Releases(ctx, "shop", versions...)
	_, err7 := r.Approvals(ctx, "shop", versions...)
	_, err8 := r.TestReports(ctx, "shop", versions...)
	_, err9 := r.Overrides(ctx, "shop", versions...)
	_, err10 := r.Freezes(ctx)
	_, err11 := r.Policies(ctx)
	return errors.Join(err, err1, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11)
}

// BenchmarkWorld is what each plan and each decision of an apply read.
func BenchmarkWorld(b *testing.B) {
	sideBySide(b, func(b *testing.B, l *ledger) {
		ctx := b.Context()
		statements := len(recordStatements(b, l, func(ctx context.Context, tx store.Tx) error { return world(ctx, tx) }))
		for b.Loop() {
			require.NoError(b, l.View(ctx, func(r store.Reader) error { return world(ctx, r) }))
		}
		b.ReportMetric(float64(statements), "statements/op")
	})
}

// BenchmarkDelivery is what the ledger records of one deployment: its intent under a lease, its result, and that the lease is free.
func BenchmarkDelivery(b *testing.B) {
	sideBySide(b, func(b *testing.B, l *ledger) {
		i, statements := 0, 0
		for b.Loop() {
			i++
			d := fullDeployment()
			d.ID, d.Kind, d.Rollout, d.Status = fmt.Sprintf("new-%d", i), delivery.KindDeliver, fmt.Sprintf("new-%d", i), delivery.Deploying
			var lease store.Lease
			steps := []func(ctx context.Context, tx store.Tx) error{
				func(ctx context.Context, tx store.Tx) (err error) {
					if lease, err = tx.AcquireLease(ctx, "eu/shop", "alice", storedAt, time.Minute); err != nil {
						return err
					}
					if d, err = tx.AddDeployment(ctx, d); err != nil {
						return err
					}
					return happen(ctx, tx, "deployment.started", d.ID)
				},
				func(ctx context.Context, tx store.Tx) error {
					d.Status = delivery.Verified
					return errors.Join(tx.CheckLease(ctx, lease), tx.PutDeployment(ctx, d), happen(ctx, tx, "deployment.verified", d.ID))
				},
				func(ctx context.Context, tx store.Tx) error { return tx.ReleaseLease(ctx, lease) },
			}
			statements = 0
			for _, step := range steps {
				statements += len(recordStatements(b, l, step))
			}
		}
		b.ReportMetric(float64(statements), "statements/op")
	})
}

// BenchmarkDeclareEnvironments is what an apply of a thousand environments writes, each in its own transaction.
func BenchmarkDeclareEnvironments(b *testing.B) {
	sideBySide(b, func(b *testing.B, l *ledger) {
		ctx, spec := b.Context(), fullEnvironment()
		for b.Loop() {
			for i := range 1000 {
				spec.Name = fmt.Sprintf("environment-%d", i)
				require.NoError(b, l.Update(ctx, func(tx store.Tx) error {
					_, err := tx.Environment(ctx, spec.Name)
					if err != nil && !delivery.IsNotFound(err) {
						return err
					}
					return errors.Join(tx.PutEnvironment(ctx, spec), happen(ctx, tx, "environment.declared", spec.Name))
				}))
			}
		}
	})
}

func happen(ctx context.Context, tx store.Tx, kind delivery.EventKind, subject string) error {
	_, err := tx.AppendEvents(ctx, delivery.Event{At: storedAt, Actor: "alice", Kind: kind, Subject: subject, Data: []byte(`{}`)})
	return err
}
