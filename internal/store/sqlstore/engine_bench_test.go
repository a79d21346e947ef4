package sqlstore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/directory"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// overheard is a ledger that counts what is asked of it.
type overheard struct {
	*ledger
	tb                       testing.TB
	statements, transactions atomic.Int64
}

// View counts the statements of f, and the one that takes the snapshot.
func (o *overheard) View(ctx context.Context, f func(store.Reader) error) error {
	return o.ledger.View(ctx, func(r store.Reader) error {
		of, ok := r.(*reader)
		require.True(o.tb, ok)
		o.statements.Add(1)
		return o.listen(of, func() error { return f(of) })
	})
}

// Update counts the statements of f.
func (o *overheard) Update(ctx context.Context, f func(store.Tx) error) error {
	return o.ledger.Update(ctx, func(tx store.Tx) error {
		of, ok := tx.(*writer)
		require.True(o.tb, ok)
		return o.listen(&of.reader, func() error { return f(of) })
	})
}

func (o *overheard) listen(r *reader, f func() error) error {
	recording := &recordingTx{transaction: r.tx}
	r.tx = recording
	err := f()
	o.statements.Add(int64(len(recording.statements)))
	o.transactions.Add(1)
	return err
}

// earnest is a PostgreSQL that keeps what is committed, unlike that of the tests, to stand beside SQLite. It ends with the process.
var earnest = sync.OnceValues(pgtest.Begin)

// lines gives each kind of database, as the address of an empty ledger.
var lines = map[string]func(b *testing.B) string{
	"sqlite": func(b *testing.B) string { return filepath.Join(b.TempDir(), "ledger.db") },
	"postgres": func(b *testing.B) string {
		cluster, err := earnest()
		require.NoError(b, err)
		address, err := cluster.Schema()
		require.NoError(b, err)
		return address
	},
}

// line is a control plane over a ledger, with a pipeline through two directories, to each of which 1.0.0 was delivered.
type line struct {
	*controlplane.Plane
	ledger *overheard
	dir    string
	count  int
	seen   string // content of the release that is approved next
}

const ann, bea = "ann@example.com", "bea@example.com"

func newLine(b *testing.B, address string) *line {
	b.Helper()
	ctx, l := b.Context(), &line{dir: b.TempDir(), ledger: &overheard{ledger: openLedger(b, address), tb: b}}
	l.ledger.trusting = false // as Open opens it
	l.Plane = controlplane.New(controlplane.Options{Store: l.ledger, Drivers: map[string]driver.Driver{"directory": directory.New(directory.Options{})}})
	b.Cleanup(func() { require.NoError(b, l.Close(context.WithoutCancel(ctx))) })
	require.NoError(b, os.WriteFile(filepath.Join(l.dir, "page.html"), []byte("hello"), 0o600))
	for _, name := range []string{"staging", "production"} {
		_, err := l.PutEnvironment(ctx, ann, l.environment(name))
		require.NoError(b, err)
	}
	_, err := l.PutPipeline(ctx, ann, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		{Name: "staging", Promotion: delivery.Automatic, Environments: []string{"staging"}},
		{Name: "production", Promotion: delivery.Manual, Environments: []string{"production"}, Gates: delivery.Gates{Approvals: &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}}},
	}})
	require.NoError(b, err)
	l.deliver(b, "1.0.0")
	l.look(b, "1.0.0")
	l.approve(b, bea, "1.0.0")
	l.promote(b, "1.0.0")
	return l
}

func (l *line) environment(name string) delivery.EnvironmentSpec {
	return delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther, Config: map[string]string{"LOG_LEVEL": "info"},
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(l.dir, name)}}}
}

// next gives a version that nobody has had.
func (l *line) next() string {
	l.number()
	return l.newest()
}

// number gives one that nobody has had.
func (l *line) number() int {
	l.count++
	return l.count
}

func (l *line) newest() string { return fmt.Sprintf("2.0.%d", l.count) }

func (l *line) release(version string) delivery.ReleaseRequest {
	return delivery.ReleaseRequest{Attempt: 1, Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: version, Artifacts: map[string]delivery.Artifact{
		"page": {URI: filepath.Join(l.dir, "page.html"), Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("hello")))}}}}
}

// deliver brings a release to staging.
func (l *line) deliver(b *testing.B, version string) {
	b.Helper()
	state, err := l.PutReleaseAndWait(b.Context(), ann, l.release(version), time.Minute)
	require.NoError(b, err)
	require.True(b, state.Work.Finished)
	require.Nil(b, state.Work.Failure)
}

// look sees what would be delivered. It is not part of what is measured.
func (l *line) look(b *testing.B, version string) {
	b.Helper()
	request, err := l.ApprovalRequest(b.Context(), "shop", version, "production", delivery.Approve)
	require.NoError(b, err)
	l.seen = request.ContentDigest
}

func (l *line) approve(b *testing.B, who, version string) {
	b.Helper()
	_, err := l.AddApproval(b.Context(), who, delivery.ApprovalSpec{Pipeline: "shop", Version: version, Stage: "production", Decision: delivery.Approve, Content: l.seen})
	require.NoError(b, err)
}

func promotion(version string) delivery.PromotionSpec {
	return delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: version, WhenBlocked: delivery.WhenBlockedFail, Attempt: 1}
}

// promote brings a release to production.
func (l *line) promote(b *testing.B, version string) {
	b.Helper()
	state, err := l.PutPromotionAndWait(b.Context(), ann, promotion(version), time.Minute)
	require.NoError(b, err)
	require.True(b, state.Work.Finished)
	require.Nil(b, state.Work.Failure)
}

func (l *line) previewRelease(b *testing.B, steps int, version string) {
	b.Helper()
	preview, err := l.PreviewRelease(b.Context(), ann, delivery.PreviewRequest[delivery.ReleaseRequest]{Subject: l.release(version)})
	require.NoError(b, err)
	require.Empty(b, preview.Refused)
	require.Len(b, preview.Steps, steps)
}

// BenchmarkEngine is what the engine does in a second on each kind of database, with directories as targets, and how often it asks the
// ledger for each operation. BEGIN and COMMIT, and in PostgreSQL what waits for the turn to write, are not counted.
func BenchmarkEngine(b *testing.B) {
	for _, one := range []struct {
		operation string
		metric    string                      // how many of what in a second, where that is asked
		before    func(b *testing.B, l *line) // is not measured
		do        func(b *testing.B, l *line)
	}{
		{operation: "decide-nothing-to-do", metric: "decisions/s", do: func(b *testing.B, l *line) {
			_, decision, err := l.Worker.Advance(b.Context(), ann, "shop", "production")
			require.NoError(b, err)
			require.Empty(b, decision.Steps)
		}},
		{operation: "deliver", metric: "deliveries/s", do: func(b *testing.B, l *line) { l.deliver(b, l.next()) }},
		{operation: "promote", metric: "deliveries/s", before: func(b *testing.B, l *line) {
			l.deliver(b, l.next())
			l.look(b, l.newest())
			l.approve(b, bea, l.newest())
		}, do: func(b *testing.B, l *line) { l.promote(b, l.newest()) }},
		{operation: "plan-release-unchanged", do: func(b *testing.B, l *line) {
			l.previewRelease(b, 0, "1.0.0")
		}},
		{operation: "plan-release", do: func(b *testing.B, l *line) {
			l.previewRelease(b, 1, "3.0.0")
		}},
		{operation: "plan-promotion-unchanged", do: func(b *testing.B, l *line) {
			preview, err := l.PreviewPromotion(b.Context(), ann, delivery.PreviewRequest[delivery.PromotionSpec]{Subject: promotion("1.0.0")})
			require.NoError(b, err)
			require.Empty(b, preview.Refused)
			require.Empty(b, preview.Steps)
		}},
		{operation: "approve", before: func(b *testing.B, l *line) { l.deliver(b, l.next()); l.look(b, l.newest()) }, do: func(b *testing.B, l *line) { l.approve(b, bea, l.newest()) }},
		{operation: "declare-environment", do: func(b *testing.B, l *line) {
			_, err := l.PutEnvironment(b.Context(), ann, l.environment(fmt.Sprintf("e%d", l.number())))
			require.NoError(b, err)
		}},
	} {
		for _, kind := range []string{"sqlite", "postgres"} {
			b.Run(fmt.Sprintf("database=%s/operation=%s", kind, one.operation), func(b *testing.B) {
				l := newLine(b, lines[kind](b))
				var statements, transactions int64
				n := 0
				for b.Loop() {
					if one.before != nil {
						b.StopTimer()
						one.before(b, l)
						b.StartTimer()
					}
					statements, transactions, n = statements-l.ledger.statements.Load(), transactions-l.ledger.transactions.Load(), n+1
					one.do(b, l)
					statements, transactions = statements+l.ledger.statements.Load(), transactions+l.ledger.transactions.Load()
				}
				b.ReportMetric(float64(statements)/float64(n), "statements/op")
				b.ReportMetric(float64(transactions)/float64(n), "transactions/op")
				if one.metric != "" {
					b.ReportMetric(float64(n)/b.Elapsed().Seconds(), one.metric)
				}
			})
		}
	}
}
