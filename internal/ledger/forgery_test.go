package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // edits files behind the ledger's back

	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

const (
	forgeries    = 1000 // edits of rows
	forgedSeeds  = 2    // ledgers that they are made in
	historySteps = 30   // operations of which each ledger is made
)

// processTables hold what processes do and see now. Nothing is decided from them, so no event tells of them, and ledger verify does not read
// them. An edit may only be harmless:
//   - leases: who acts where. Whoever lost one records nothing, and two deployments in flight are refused by the table of deployments.
//   - work: how far work has come, for people who wait for it.
//   - observations: what was seen last, for readers. Whoever acts asks the drivers.
//   - ledger_identity: which ledger it is. Terraform's states and the targets know that, and refuse another one.
var processTables = []string{"leases", "work", "observations", "ledger_identity"}

// Whatever column of whatever row is edited without an event: before it is used, it is refused, or every decision is as before or stricter,
// and it is found by ledger verify after an apply.
func TestEveryForgedRowIsRefusedOrHarmless(t *testing.T) {
	t.Parallel()
	outcomes := map[string]int{}
	for seed := range uint64(forgedSeeds) {
		f := newForger(t, seed)
		honest := f.apply(f.base)
		require.Empty(t, honest.refused)
		require.NotEmpty(t, honest.deployed, "an apply of the ledger as it is deploys something")
		_, err := Verify(t.Context(), f.base, "", quiet)
		require.NoError(t, err)
		for i := range forgeries / forgedSeeds {
			path := f.copy(i)
			table, what := f.edit(path)
			got := f.apply(path)
			what = fmt.Sprintf("ledger %d, edit %d: %s\n%s", seed, i, what, got.refused)
			require.Subset(t, honest.deployed, got.deployed, "deploys what it would not have: %s", what)
			require.Subset(t, honest.foreseen, got.foreseen, "plans what it would not have: %s", what)
			outcome := "harmless"
			if got.refused != "" {
				outcome = "refused"
			}
			outcomes[outcome+" "+table]++
			if !slices.Contains(processTables, table) {
				_, err := Verify(t.Context(), path, "", quiet)
				require.Error(t, err, "ledger verify is satisfied: %s", what)
			}
			require.NoError(t, os.Remove(path))
		}
	}
	t.Log(outcomes)
	for _, table := range []string{"environments", "pipelines", "freezes", "policies", "releases", "promotions", "approvals", "test_reports", "overrides", "deployments"} {
		require.NotZero(t, outcomes["refused "+table], "%v", outcomes)
	}
	require.NotZero(t, outcomes["harmless events"], "%v", outcomes)
}

// forger makes a ledger at random, and edits copies of it.
type forger struct {
	*testing.T
	random *rand.Rand
	dir    string
	base   string
	now    time.Time
}

// result is what became of a plan and an apply: what was planned and deployed, and why something was refused.
type result struct {
	foreseen, deployed []string
	refused            string
}

// recordingDriver notes what is deployed.
type recordingDriver struct {
	mu       sync.Mutex
	deployed []string
}

func (d *recordingDriver) Deploy(_ context.Context, r driver.Request) (driver.Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deployed = append(d.deployed, fmt.Sprint(r.Pipeline, " ", r.Version, " to ", r.Environment, " ", r.Config, " ", r.Artifacts))
	if r.Version == "3" && r.Environment == "eu" {
		return driver.Result{}, delivery.Errorf(delivery.CodeUnavailable, "3 cannot be deployed to eu")
	}
	return driver.Result{Receipt: r.ID}, nil
}

func (d *recordingDriver) Observe(_ context.Context, r driver.Request) (delivery.Observation, error) {
	return delivery.Observation{Running: true, Version: r.Version}, nil
}

func newForger(t *testing.T, seed uint64) *forger {
	t.Helper()
	f := &forger{T: t, random: rand.New(rand.NewPCG(seed, 11)), dir: t.TempDir(), now: time.Date(2026, time.November, 30, 12, 0, 0, 0, time.UTC)}
	f.base = filepath.Join(f.dir, "base.db")
	f.with(f.base, func(e *controlplane.Plane, _ *recordingDriver) {
		f.declare(e)
		f.release(e, "5")
		f.approve(e, "5", delivery.Approve)
		f.report(e, "5", 0)
		_, err := f.promote(e, "5")
		require.NoError(t, err)
		for range historySteps {
			f.now = f.now.Add(time.Minute)
			f.step(e)
		}
		f.now = f.now.Add(time.Hour)
		for _, one := range []struct {
			version  string
			decision delivery.ApprovalDecision
			failures int
		}{{"6", delivery.Reject, 0}, {"7", delivery.Approve, 1}, {"8", delivery.Approve, 0}, {"9", delivery.Approve, 0}} {
			f.release(e, one.version)
			f.approve(e, one.version, delivery.Approve)
			f.approve(e, one.version, one.decision)
			f.report(e, one.version, 0)
			f.report(e, one.version, one.failures)
		}
		require.NoError(t, f.override(e, "9", bob)) // alice registered it
		_, err = e.PutFreeze(f.Context(), alice, f.freeze("over", -2*time.Hour, -time.Hour))
		require.NoError(t, err)
	})
	db := f.open(f.base)
	drop := f.texts(db, `SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger'`)
	require.NotEmpty(t, drop)
	for _, statement := range append(drop, `PRAGMA wal_checkpoint(TRUNCATE)`, `PRAGMA journal_mode = DELETE`) {
		_, err := db.ExecContext(f.Context(), statement)
		require.NoError(t, err, statement)
	}
	require.NoError(t, db.Close())
	return f
}

// with lets a control plane live on a ledger while do is at work.
func (f *forger) with(path string, do func(e *controlplane.Plane, d *recordingDriver)) {
	f.Helper()
	held, err := sqlstore.Open(f.Context(), path)
	require.NoError(f, err)
	d := &recordingDriver{}
	e := controlplane.New(controlplane.Options{Store: held, Drivers: map[string]driver.Driver{"directory": d}, Poll: time.Millisecond, Now: func() time.Time { return f.now }})
	do(e, d)
	require.NoError(f, e.Close(f.Context()))
	require.NoError(f, held.Close())
}

func (f *forger) declare(e *controlplane.Plane) {
	for _, name := range []string{"staging", "eu", "us"} {
		f.environment(e, name, "hello")
	}
	_, err := e.PutEnvironment(f.Context(), alice, delivery.EnvironmentSpec{Name: "repro", Tier: delivery.TierOther, ReplicaOf: "eu",
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/repro"}}})
	require.NoError(f, err)
	_, err = e.PutPipeline(f.Context(), alice, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		{Name: "staging", Environments: []string{"staging"}, Promotion: delivery.Automatic},
		{Name: "production", Environments: []string{"eu", "us"}, Promotion: delivery.Manual, Overridable: []string{"approvals", "tests"}, Gates: delivery.Gates{
			Approvals:  &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}},
			MaxDeploys: &delivery.MaxDeploysGate{Count: 90, Per: "24h"},
		}},
	}})
	require.NoError(f, err)
	_, err = e.PutPolicy(f.Context(), alice, delivery.PolicySpec{Name: "tested", Environments: []string{"eu", "us"}, Gates: delivery.Gates{Tests: map[string]delivery.TestsGate{"unit": {}}}})
	require.NoError(f, err)
}

func (f *forger) environment(e *controlplane.Plane, name, greeting string) {
	unprotected := false
	_, err := e.PutEnvironment(f.Context(), alice, delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther, Config: map[string]string{"GREETING": greeting},
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}, DeletionProtection: &unprotected})
	require.NoError(f, err)
}

func (f *forger) freeze(name string, from, to time.Duration) delivery.FreezeSpec {
	at := func(d time.Duration) delivery.Timestamp {
		return delivery.Timestamp(f.now.Add(d).Format(time.RFC3339))
	}
	return delivery.FreezeSpec{Name: name, Reason: "stock", StartsAt: at(from), EndsAt: at(to), Environments: []string{"eu", "us"}}
}

func (f *forger) release(e *controlplane.Plane, version string) {
	spec := delivery.ReleaseSpec{Pipeline: "shop", Version: version, Artifacts: map[string]delivery.Artifact{"app": {URI: "dist/" + version, Digest: "sha256:" + strings.Repeat("0", 64)}}}
	_, _ = e.PutReleaseAndWait(f.Context(), alice, delivery.ReleaseRequest{Spec: spec, Attempt: 1 + f.random.IntN(2)}, time.Minute)
}

func (f *forger) report(e *controlplane.Plane, version string, failures int) {
	text := `<testsuite tests="1"><testcase name="a"/></testsuite>`
	if failures > 0 {
		text = `<testsuite tests="1" failures="1"><testcase name="a"><failure/></testcase></testsuite>`
	}
	_, err := e.AddTestReport(f.Context(), alice, delivery.TestReportRequest{Spec: delivery.TestReportSpec{Pipeline: "shop", Version: version, Suite: "unit"}, JUnit: text})
	require.NoError(f, err)
}

// approve decides, each time as another person.
func (f *forger) approve(e *controlplane.Plane, version string, decision delivery.ApprovalDecision) {
	who := map[delivery.ApprovalDecision]string{delivery.Approve: "carol@example.com", delivery.Reject: bob}[decision]
	_, err := e.AddApproval(f.Context(), who, delivery.ApprovalSpec{Pipeline: "shop", Version: version, Stage: "production", Decision: decision, Content: contentOf(f.Context(), e, version)})
	require.NoError(f, err)
}

func (f *forger) promote(e *controlplane.Plane, version string) (delivery.PromotionState, error) {
	spec := delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: version, WhenBlocked: delivery.WhenBlockedFail, Attempt: 1}
	return e.PutPromotionAndWait(f.Context(), alice, spec, time.Minute)
}

func (f *forger) override(e *controlplane.Plane, version, who string) error {
	_, err := e.AddOverride(f.Context(), who, delivery.OverrideSpec{Pipeline: "shop", Version: version, Stage: "production", Gates: []string{"approvals"}, Reason: "r", Ticket: "T-1", Content: contentOf(f.Context(), e, version),
		ExpiresAt: delivery.Timestamp(f.now.Add(30 * time.Minute).Format(time.RFC3339))})
	return err
}

// step does one thing at random; whether it is refused does not matter.
func (f *forger) step(e *controlplane.Plane) {
	ctx, version, who := f.Context(), fmt.Sprint(1+f.random.IntN(4)), []string{alice, bob, "carol@example.com"}[f.random.IntN(3)]
	switch f.random.IntN(12) {
	case 0, 1, 2:
		f.release(e, version)
	case 3:
		decision := []delivery.ApprovalDecision{delivery.Approve, delivery.Approve, delivery.Reject}[f.random.IntN(3)]
		_, _ = e.AddApproval(ctx, who, delivery.ApprovalSpec{Pipeline: "shop", Version: version, Stage: "production", Decision: decision, Content: contentOf(ctx, e, version)})
	case 4:
		_ = e.RevokeApproval(ctx, who, fmt.Sprintf("shop/%s/production/%s/1", version, who))
	case 5:
		if _, err := e.Release(ctx, "shop", version); err == nil {
			f.report(e, version, f.random.IntN(2))
		}
	case 6:
		_ = f.override(e, version, who)
	case 7, 8:
		_, _ = f.promote(e, version)
	case 9:
		f.environment(e, []string{"staging", "eu"}[f.random.IntN(2)], fmt.Sprint("hello ", f.random.IntN(3)))
	case 10:
		_, _ = e.PutFreeze(ctx, who, f.freeze(fmt.Sprint("f", f.random.IntN(2)), -time.Minute, time.Duration(f.random.IntN(10))*time.Minute))
	default:
		_ = e.DeleteFreeze(ctx, who, fmt.Sprint("f", f.random.IntN(2)))
	}
}

// apply plans and applies the promotion of two releases and their delivery.
func (f *forger) apply(path string) (r result) {
	f.Helper()
	target := filepath.Join(f.dir, "applied.db")
	if path == f.base { // stays as it is
		text, err := os.ReadFile(f.base)
		require.NoError(f, err)
		require.NoError(f, os.WriteFile(target, text, 0o600))
		path = target
	}
	note := func(err error) {
		if err != nil && r.refused == "" {
			r.refused = err.Error()
		}
	}
	f.with(path, func(e *controlplane.Plane, d *recordingDriver) {
		for _, version := range []string{"7", "9"} {
			spec := delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: version, WhenBlocked: delivery.WhenBlockedFail, Attempt: 1}
			preview, err := e.PreviewPromotion(f.Context(), alice, delivery.PreviewRequest[delivery.PromotionSpec]{Subject: spec})
			note(err)
			for _, step := range preview.Steps {
				r.foreseen = append(r.foreseen, fmt.Sprint(step.Kind, step.Environment, step.Version, step.Content.ConfigRevision))
			}
		}
		for _, version := range []string{"6", "7", "9"} {
			state, err := f.promote(e, version)
			changed := err != nil && strings.Contains(err.Error(), "changed outside its log")
			if changed || version == "9" {
				note(err)
			}
			if state.Work.Failure != nil {
				note(state.Work.Failure)
			}
		}
		r.deployed = d.deployed
	})
	return r
}
