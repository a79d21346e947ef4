package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// recordingTx records every statement on its way to the database.
type recordingTx struct {
	transaction
	statements []statement
}

type statement struct {
	query string
	args  []any
}

func (l *recordingTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	l.statements = append(l.statements, statement{query, args})
	return l.transaction.ExecContext(ctx, query, args...)
}

func (l *recordingTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	l.statements = append(l.statements, statement{query, args})
	return l.transaction.QueryContext(ctx, query, args...)
}

func (l *recordingTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	l.statements = append(l.statements, statement{query, args})
	return l.transaction.QueryRowContext(ctx, query, args...)
}

// recordStatements returns the statements of a transaction.
func recordStatements(tb testing.TB, l *ledger, f func(ctx context.Context, tx store.Tx) error) []statement {
	tb.Helper()
	var heard []statement
	require.NoError(tb, l.Update(tb.Context(), func(tx store.Tx) error {
		w, ok := tx.(*writer)
		require.True(tb, ok)
		recording := &recordingTx{transaction: w.tx}
		w.tx = recording
		err := f(tb.Context(), w)
		heard = recording.statements
		return err
	}))
	return heard
}

// history are the tables that grow.
var history = []string{"environments", "releases", "promotions", "approvals", "test_reports", "overrides", "deployments", "rollouts", "events"}

// runEveryQuery calls every method of the ledger with every kind of filter that the product uses.
func runEveryQuery(ctx context.Context, tx store.Tx) error {
	all := []error{}
	do := func(err error) { all = append(all, err) }
	for _, versions := range [][]string{nil, {"1.1.0", "1.2.0"}} {
		for _, ask := range []func() error{
			func() error { _, err := tx.Releases(ctx, "shop", versions...); return err },
			func() error { _, err := tx.Approvals(ctx, "shop", versions...); return err },
			func() error { _, err := tx.TestReports(ctx, "shop", versions...); return err },
			func() error { _, err := tx.Overrides(ctx, "shop", versions...); return err },
			func() error { _, err := tx.DecisionHistory(ctx, "shop", versions...); return err },
			func() error { _, err := tx.Evidence(ctx, "shop", versions...); return err },
		} {
			do(ask())
		}
	}
	for _, filter := range []store.DeploymentFilter{
		{Pipeline: "shop", Newest: 10}, {Pipeline: "shop", Environment: "e1", Newest: 10}, {Pipeline: "shop", Version: "1.1.0", Newest: 10},
		{Pipeline: "shop", Environment: "e1", Version: "1.1.0", Newest: 10}, {Pipeline: "shop", Environment: "e1", Status: delivery.Verified},
	} {
		_, err := tx.Deployments(ctx, filter)
		do(err)
	}
	_, err := tx.Events(ctx, 100, 10)
	do(err)
	_, err = tx.Rollouts(ctx, "shop", []string{"s0", "s1"}, time.Time{})
	do(err)
	_, err = tx.Replicas(ctx, "eu")
	do(err)
	_, err = tx.Environments(ctx, "eu", "us")
	do(err)
	_, err = tx.Promotions(ctx, "shop")
	do(err)
	_, err = tx.Declared(ctx, "shop")
	do(err)
	_, err = tx.Head(ctx)
	do(err)
	d, err := tx.AddDeployment(ctx, delivery.Deployment{ID: "new", Pipeline: "shop", Environment: "new", Kind: delivery.KindDeliver, Status: delivery.Deploying, CreatedAt: storedAt})
	do(err)
	d.Status = delivery.Verified
	do(tx.PutDeployment(ctx, d))
	do(tx.PutRelease(ctx, delivery.Release{Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "new"}}))
	do(tx.PutPromotion(ctx, delivery.Promotion{Spec: delivery.PromotionSpec{Pipeline: "shop", Stage: "new"}}))
	do(tx.AddApproval(ctx, delivery.Approval{ID: "new"}))
	do(tx.RevokeApproval(ctx, "new", storedAt))
	do(tx.AddTestReport(ctx, delivery.TestReport{ID: "new"}))
	do(tx.WithdrawTestReport(ctx, "new", storedAt))
	do(tx.AddOverride(ctx, delivery.Override{ID: "new"}))
	do(tx.RevokeOverride(ctx, "new", storedAt))
	_, err = tx.AppendEvents(ctx, delivery.Event{At: storedAt, Kind: "asked", Subject: "everything"})
	do(err)
	lease, err := tx.AcquireLease(ctx, "eu/shop", "alice", storedAt, time.Minute)
	do(err)
	do(tx.CheckLease(ctx, lease))
	do(tx.ReleaseLease(ctx, lease))
	return errors.Join(all...)
}

// Whatever is asked of a ledger finds its rows by index: history only grows, and must not slow anything down.
func TestEveryStatementFindsItsRowsByIndex(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, address string) {
		l := openLedger(t, address)
		fillHistory(t, l, 10_000)
		heard := map[string]statement{}
		for _, s := range recordStatements(t, l, runEveryQuery) {
			heard[s.query] = s
		}
		asked := strings.Join(slices.Collect(maps.Keys(heard)), "\n")
		for _, table := range history {
			require.Contains(t, asked, table, "nothing was asked of it")
		}
		used := map[string]bool{}
		for _, s := range heard {
			if l.dialect.goose == goose.DialectPostgres {
				requireIndexed(t, l, s, used)
			} else {
				requireSearched(t, l, s, used)
			}
		}
		// Every index costs each write. A unique one also holds a rule.
		for _, definition := range indexes(t, l) {
			if name, ok := strings.CutPrefix(definition, "CREATE INDEX "); ok {
				name, _, _ = strings.Cut(name, " ")
				require.Contains(t, used, name, "no statement reads by this index: drop it in a new migration")
			}
		}
	})
}

// sqliteIndex finds the index in a line of SQLite's plan.
var sqliteIndex = regexp.MustCompile(`USING (?:COVERING )?INDEX (\w+)`)

// requireSearched reads SQLite's plan. A SCAN that follows an index until a LIMIT is none, if nothing is sorted by hand.
func requireSearched(t *testing.T, l *ledger, s statement, used map[string]bool) {
	t.Helper()
	plan := explain(t, l, s.query, s.args...)
	text := s.query + "\n" + strings.Join(plan, "\n")
	ends := regexp.MustCompile(`ORDER BY (t\.)?seq( DESC)? LIMIT`).MatchString(s.query) && !strings.Contains(text, "TEMP B-TREE")
	for _, line := range plan {
		if found := sqliteIndex.FindStringSubmatch(line); found != nil {
			used[found[1]] = true
		}
		words := strings.Fields(line)
		if words[0] == "SCAN" && slices.Contains(append(history, "d", "r", "last", "mate"), words[1]) {
			require.True(t, ends, "reads all of %s:\n%s", words[1], text)
		}
	}
}

// node is a step of PostgreSQL's plan.
type node struct {
	Kind      string `json:"Node Type"`
	Table     string `json:"Relation Name"`
	Index     string `json:"Index Name"`
	Condition string `json:"Index Cond"`
	Filter    string `json:"Filter"`
	Plans     []node
}

// requireIndexed reads PostgreSQL's plan, as it is made for tables of which it knows that they are large.
func requireIndexed(t *testing.T, l *ledger, s statement, used map[string]bool) {
	t.Helper()
	var text string
	args := append([]any{pgx.QueryExecModeSimpleProtocol}, s.args...)
	require.NoError(t, l.write.QueryRow(`EXPLAIN (FORMAT JSON) `+s.query, args...).Scan(&text), s.query)
	var plans []struct{ Plan node }
	require.NoError(t, json.Unmarshal([]byte(text), &plans))
	var walk func(n node, limited bool)
	walk = func(n node, limited bool) {
		used[n.Index] = true
		grows := slices.Contains(history, n.Table)
		require.False(t, grows && n.Kind == "Seq Scan", "reads all of %s:\n%s\n%s", n.Table, s.query, text)
		if grows && strings.HasPrefix(n.Kind, "Index") && n.Filter != "" {
			require.Contains(t, n.Condition, " = ", "passes by others' rows of %s:\n%s\n%s", n.Table, s.query, text)
		}
		if grows && strings.HasPrefix(n.Kind, "Index") && (n.Condition == "" || n.Condition == "(seq IS NOT NULL)") {
			require.True(t, limited, "follows a whole index of %s:\n%s\n%s", n.Table, s.query, text)
		}
		for _, below := range n.Plans {
			walk(below, n.Kind == "Limit" || limited && n.Kind != "Sort" && n.Kind != "Aggregate")
		}
	}
	walk(plans[0].Plan, false)
}

// fillHistory gives every table that grows a long history.
func fillHistory(tb testing.TB, l *ledger, rows int) {
	tb.Helper()
	fill(tb, l, rows, 5)
	fillRollouts(tb, l, rows, 3)
	each := func(statement string) string {
		return `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) INSERT INTO ` + statement + ` FROM n`
	}
	const pipeline = `CASE WHEN i % 100 = 0 THEN 'shop' ELSE 'p' || (i % 50) END`
	for _, statement := range []string{
		`environments (name, document) SELECT 'many-' || i, '{"replica_of":"many-' || (i % 500) || '"}' || format('%1000s', '')`, // as long as a real one: of short rows, reading all may be best
		`releases SELECT ` + pipeline + `, '1.' || i || '.0', 'sha256:0', '{}'`,
		`approvals SELECT 'a' || i, ` + pipeline + `, '1.' || i || '.0', i, '{}'`,
		`test_reports SELECT 't' || i, ` + pipeline + `, '1.' || i || '.0', i, '{}'`,
		`overrides SELECT 'o' || i, ` + pipeline + `, '1.' || i || '.0', i, '{}'`,
		`promotions SELECT ` + pipeline + `, 's' || i, '{}'`,
	} {
		_, err := l.write.Exec(each(statement), rows)
		require.NoError(tb, err, statement)
	}
	fillEvents(tb, l, rows)
	if l.dialect.goose == goose.DialectPostgres { // a server does it unasked, but later
		_, err := l.write.Exec(`ANALYZE`)
		require.NoError(tb, err)
	}
}

// fillEvents appends to the log past its rule, which would look at each row.
func fillEvents(tb testing.TB, l *ledger, rows int) {
	tb.Helper()
	var rule string
	off, on := `ALTER TABLE events DISABLE TRIGGER events_are_a_chain`, `ALTER TABLE events ENABLE TRIGGER events_are_a_chain`
	if l.dialect.goose == goose.DialectSQLite3 {
		require.NoError(tb, l.write.QueryRow(`SELECT sql FROM sqlite_schema WHERE name = 'events_are_a_chain'`).Scan(&rule))
		off, on = `DROP TRIGGER events_are_a_chain`, rule
	}
	for _, statement := range []string{off, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO events SELECT i, i, 'alice', CASE i %% 4 WHEN 0 THEN 'deployment.started' WHEN 1 THEN 'environment.declared' WHEN 2 THEN 'deployment.verified' ELSE 'approval.approve' END,
			CASE i %% 4 WHEN 0 THEN 'd' || i WHEN 1 THEN 'many-' || i WHEN 2 THEN 'd' || (i - 2) ELSE 'p' || (i %% 50) || '/1.' || i || '.0/s/ann/1' END,
			'{"pipeline":"p' || (i %% 50) || '","environment":"e' || (i %% 7) || '","stage":"s0","rollout":"b' || i || '","content":{"version":"1.' || i || '.0"},"replica_of":"many-' || (i %% 500) || '"}',
			'sha256:' || (i - 1), 'sha256:' || i FROM n`, rows), on} {
		_, err := l.write.Exec(statement)
		require.NoError(tb, err, statement)
	}
}
