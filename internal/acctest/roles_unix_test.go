//go:build unix

package acctest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// guide is the database of the guide "A ledger on PostgreSQL", created with the SQL of the guide.
type guide struct {
	t                       *testing.T
	cluster                 *pgtest.Cluster
	owner, applier, planner string // addresses
	grants                  string // the SQL that the owner runs after each upgrade
}

// followGuide follows the guide until the owner opens the ledger. Every role gets the sentinel as its password.
func followGuide(t *testing.T) guide {
	t.Helper()
	text, err := os.ReadFile("../../templates/guides/ledger-postgresql.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 3)
	g := guide{t: t, cluster: pgtest.New(t), grants: blocks[2][1]}
	for _, statement := range strings.SplitAfter(blocks[0][1], ";\n") {
		g.cluster.Exec(t, g.cluster.URL(pgtest.Superuser, "", "postgres"), statement)
	}
	g.cluster.Exec(t, g.cluster.URL(pgtest.Superuser, "", "cd"), blocks[1][1])
	for role, address := range map[string]*string{"cd_owner": &g.owner, "cd_applier": &g.applier, "cd_planner": &g.planner} {
		g.cluster.Exec(t, g.cluster.URL(pgtest.Superuser, "", "postgres"), fmt.Sprintf(`ALTER ROLE %s PASSWORD '%s'`, role, sentinel))
		*address = g.cluster.URL(role, sentinel, "cd")
	}
	return g
}

// open creates the tables as the owner, and runs the grants of the guide.
func (g guide) open() {
	g.t.Helper()
	require.NoError(g.t, sqlstore.Make(g.t.Context(), g.owner))
	g.cluster.Exec(g.t, g.owner, g.grants)
}

// may runs SQL as a role and rolls it back.
func (g guide) may(address, statement string) error {
	g.t.Helper()
	conn, err := pgx.Connect(g.t.Context(), address)
	require.NoError(g.t, err)
	defer func() { require.NoError(g.t, conn.Close(context.WithoutCancel(g.t.Context()))) }()
	tx, err := conn.Begin(g.t.Context())
	require.NoError(g.t, err)
	defer func() { require.NoError(g.t, tx.Rollback(context.WithoutCancel(g.t.Context()))) }()
	_, err = tx.Exec(g.t.Context(), statement)
	return err
}

func TestRolesOfTheGuide(t *testing.T) {
	t.Parallel()
	g := followGuide(t)
	for _, address := range []string{g.applier, g.planner} {
		_, err := sqlstore.Open(t.Context(), address)
		require.Equal(t, delivery.CodeForbidden, delivery.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, "may not make or change tables in the schema ledger; run terraform-provider-cd ledger init once as the role that owns it")
	}
	g.open()
	g.recordsEverything()

	tables := []string{"environments", "pipelines", "freezes", "policies", "releases", "promotions", "approvals", "test_reports", "overrides",
		"deployments", "leases", "work", "observations", "events", "rollouts", "ledger_turn", "ledger_schema"}
	for _, table := range tables {
		require.NoError(t, g.may(g.planner, `SELECT * FROM `+table), table)
		for _, statement := range []string{`INSERT INTO ` + table + ` DEFAULT VALUES`, `DELETE FROM ` + table, `TRUNCATE ` + table, `DROP TABLE ` + table,
			`LOCK TABLE ` + table + ` IN EXCLUSIVE MODE`} {
			require.ErrorContains(t, g.may(g.planner, statement), "SQLSTATE 42501", "cd_planner: %s", statement)
		}
		for _, statement := range []string{`TRUNCATE ` + table, `DROP TABLE ` + table, `ALTER TABLE ` + table + ` ADD COLUMN more TEXT`,
			`ALTER TABLE ` + table + ` DISABLE TRIGGER ALL`, `CREATE INDEX ON ` + table + ` ((1))`} {
			require.ErrorContains(t, g.may(g.applier, statement), "SQLSTATE 42501", "cd_applier: %s", statement)
		}
	}
	for _, statement := range []string{
		`UPDATE events SET actor = 'mallory'`, `DELETE FROM events`, `LOCK TABLE events IN EXCLUSIVE MODE`,
		`UPDATE rollouts SET started_at = 0`, `DELETE FROM rollouts`, `DELETE FROM deployments`, `DELETE FROM releases`,
		`DELETE FROM approvals`, `DELETE FROM test_reports`, `DELETE FROM overrides`, `DELETE FROM promotions`,
		`INSERT INTO ledger_turn VALUES (1)`, `INSERT INTO ledger_schema (version_id, is_applied) VALUES (9, true)`, `UPDATE ledger_schema SET version_id = 9`,
		`CREATE TABLE more (id INTEGER)`, `CREATE TEMPORARY TABLE events (seq BIGINT, hash TEXT)`, `CREATE SCHEMA more`, `SET ROLE cd_owner`,
		`CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
		`CREATE OR REPLACE FUNCTION ledger_replica_of(document TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN NULL; END'`,
	} {
		require.ErrorContains(t, g.may(g.applier, statement), "SQLSTATE 42501", "cd_applier: %s", statement)
	}
}

// tell appends the events of what recordsEverything writes.
func (g guide) tell(tx store.Tx, now time.Time) {
	ctx := g.t.Context()
	do := func(kind delivery.EventKind, subject string, v any, err error) {
		require.NoError(g.t, err)
		data, err := json.Marshal(v)
		require.NoError(g.t, err)
		_, err = tx.AppendEvents(ctx, delivery.Event{At: now, Kind: kind, Subject: subject, Data: data})
		require.NoError(g.t, err)
	}
	do(delivery.EventEnvironmentDeleted, "eu", delivery.EnvironmentSpec{Name: "eu"}, nil)
	do(delivery.EventPipelineDeleted, "shop", delivery.PipelineSpec{Name: "shop"}, nil)
	do(delivery.EventFreezeDeleted, "holidays", delivery.FreezeSpec{Name: "holidays"}, nil)
	do(delivery.EventPolicyDeleted, "strict", delivery.PolicySpec{Name: "strict"}, nil)
	release, err := tx.Release(ctx, "shop", "1.0.0")
	do(delivery.EventReleaseRegistered, "shop/1.0.0", release, err)
	promotion, err := tx.Promotion(ctx, "shop", "production")
	do(delivery.EventPromotionRequested, "shop/production", promotion, err)
	approval, err := tx.Approval(ctx, "a")
	do(delivery.EventApprovalRevoked, "a", approval, err)
	report, err := tx.TestReport(ctx, "t")
	do(delivery.EventTestReportWithdrawn, "t", report, err)
	override, err := tx.Override(ctx, "o")
	do(delivery.EventOverrideRevoked, "o", override, err)
	d, err := tx.Deployment(ctx, "d")
	do(delivery.EventDeploymentVerified, "d", d, err)
}

// recordsEverything writes, changes and deletes objects of each kind as the applier, as far as it may.
func (g guide) recordsEverything() {
	ctx, now := g.t.Context(), time.Now()
	ledger, err := sqlstore.Open(ctx, g.applier)
	require.NoError(g.t, err)
	defer func() { require.NoError(g.t, ledger.Close()) }()
	require.NoError(g.t, ledger.Update(ctx, func(tx store.Tx) error {
		all := []error{}
		do := func(err error) { all = append(all, err) }
		for range 2 { // the second time changes the objects of the first
			do(tx.PutEnvironment(ctx, delivery.EnvironmentSpec{Name: "eu"}))
			do(tx.PutPipeline(ctx, delivery.PipelineSpec{Name: "shop"}))
			do(tx.PutFreeze(ctx, delivery.FreezeSpec{Name: "holidays"}))
			do(tx.PutPolicy(ctx, delivery.PolicySpec{Name: "strict"}))
			do(tx.PutRelease(ctx, delivery.Release{Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.0.0"}}))
			do(tx.PutPromotion(ctx, delivery.Promotion{Spec: delivery.PromotionSpec{Pipeline: "shop", Stage: "production"}}))
		}
		do(tx.AddApproval(ctx, delivery.Approval{ID: "a"}))
		do(tx.RevokeApproval(ctx, "a", now))
		do(tx.AddTestReport(ctx, delivery.TestReport{ID: "t"}))
		do(tx.WithdrawTestReport(ctx, "t", now))
		do(tx.AddOverride(ctx, delivery.Override{ID: "o"}))
		do(tx.RevokeOverride(ctx, "o", now))
		d, err := tx.AddDeployment(ctx, delivery.Deployment{ID: "d", Pipeline: "shop", Environment: "eu", Kind: delivery.KindDeliver, Status: delivery.Deploying})
		do(err)
		d.Status = delivery.Verified
		do(tx.PutDeployment(ctx, d))
		g.tell(tx, now)
		lease, err := tx.AcquireLease(ctx, "eu/shop", "alice", now, time.Minute)
		do(err)
		do(tx.CheckLease(ctx, lease))
		for range 2 {
			work, err := tx.RequestWork(ctx, delivery.WorkRecord{Pipeline: "shop", Stage: "production"}, now, time.Minute)
			do(err)
			do(tx.PutWork(ctx, work, now, time.Minute))
			do(tx.PutRecordings(ctx, "shop", []delivery.Recording{{At: now, Environment: "eu", Observation: &delivery.Observation{}}}))
		}
		do(tx.CancelWork(ctx, "shop", "production"))
		do(tx.ReleaseLease(ctx, lease))
		do(tx.DeleteFreeze(ctx, "holidays"))
		do(tx.DeletePolicy(ctx, "strict"))
		do(tx.DeletePipeline(ctx, "shop"))
		do(tx.DeleteEnvironment(ctx, "eu"))
		for _, err := range all {
			require.NoError(g.t, err)
		}
		return nil
	}))
}
