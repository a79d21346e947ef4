package ledger

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

const alice, bob = "alice@example.com", "bob@example.com"

// databases gives each kind of database that a ledger can be in, as the address of one that is not made yet.
var databases = map[string]func(t testing.TB) string{
	"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "ledger.db") },
	"postgres": pgtest.URL,
}

// quiet is a Progress nobody sees.
func quiet(string, int64, int64) {}

// place is a target that is always there and takes everything, except for one version.
type fakeDriver struct{}

func (fakeDriver) Deploy(_ context.Context, r driver.Request) (driver.Result, error) {
	if r.Version == "2" {
		return driver.Result{}, delivery.Errorf(delivery.CodeUnavailable, "2 cannot be deployed")
	}
	return driver.Result{Receipt: r.ID}, nil
}

func (fakeDriver) Observe(_ context.Context, r driver.Request) (delivery.Observation, error) {
	return delivery.Observation{Running: true, Version: r.Version}, nil
}

// life lets a control plane live on a ledger while f is at work.
func withPlane(t *testing.T, address string, f func(e *controlplane.Plane)) {
	t.Helper()
	held, err := sqlstore.Open(t.Context(), address)
	require.NoError(t, err)
	e := controlplane.New(controlplane.Options{Store: held, Drivers: map[string]driver.Driver{"directory": fakeDriver{}}, Poll: time.Millisecond})
	f(e)
	require.NoError(t, e.Close(t.Context()))
	require.NoError(t, held.Close())
}

// deliver brings a version into the first stage, whatever becomes of it.
func deliver(t *testing.T, e *controlplane.Plane, version string) {
	t.Helper()
	spec := delivery.ReleaseSpec{Pipeline: "shop", Version: version,
		Artifacts: map[string]delivery.Artifact{"app": {URI: "dist/<ä>&" + version, Digest: "sha256:" + strings.Repeat("0", 64)}}}
	_, err := e.PutRelease(t.Context(), alice, delivery.ReleaseRequest{Spec: spec, Attempt: 1})
	require.NoError(t, err)
	_, err = e.WaitRelease(t.Context(), "shop", version, time.Minute)
	require.NoError(t, err)
}

// history fills a ledger with what a line goes through: declarations made and withdrawn, deliveries, a failure that is taken
// back, decisions and their end.
func history(t *testing.T, address string) {
	t.Helper()
	ctx := t.Context()
	withPlane(t, address, func(e *controlplane.Plane) {
		for _, name := range []string{"staging", "production", "gone"} {
			unprotected := false
			spec := delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther, Config: map[string]string{"GREETING": "<hello> & „hallo“"},
				Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}, DeletionProtection: &unprotected}
			_, err := e.PutEnvironment(ctx, alice, spec)
			require.NoError(t, err)
		}
		require.NoError(t, e.DeleteEnvironment(ctx, alice, "gone"))
		approvals := &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}
		_, err := e.PutPipeline(ctx, alice, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
			{Name: "staging", Environments: []string{"staging"}, Promotion: delivery.Automatic},
			{Name: "production", Environments: []string{"production"}, Promotion: delivery.Manual, Gates: delivery.Gates{Approvals: approvals}},
		}})
		require.NoError(t, err)
		_, err = e.PutFreeze(ctx, alice, delivery.FreezeSpec{Name: "holidays", Reason: "nobody is there", StartsAt: "2026-12-24T00:00:00Z", EndsAt: "2026-12-27T00:00:00Z", Environments: []string{"production"}})
		require.NoError(t, err)
		require.NoError(t, e.DeleteFreeze(ctx, alice, "holidays"))
		for _, version := range []string{"1", "2", "3"} {
			deliver(t, e, version)
		}
		_, err = e.AddApproval(ctx, bob, delivery.ApprovalSpec{Pipeline: "shop", Version: "3", Stage: "production", Decision: delivery.Approve, Content: contentOf(ctx, e, "3")})
		require.NoError(t, err)
		unused, err := e.AddApproval(ctx, bob, delivery.ApprovalSpec{Pipeline: "shop", Version: "2", Stage: "production", Decision: delivery.Approve, Content: contentOf(ctx, e, "2")})
		require.NoError(t, err)
		_, err = e.PutPromotion(ctx, bob, delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: "3", WhenBlocked: delivery.WhenBlockedFail, Attempt: 1})
		require.NoError(t, err)
		_, err = e.WaitPromotion(ctx, "shop", "production", "", time.Minute)
		require.NoError(t, err)
		require.NoError(t, e.RevokeApproval(ctx, bob, unused.ID))
		_, err = e.AddTestReport(ctx, alice, delivery.TestReportRequest{Spec: delivery.TestReportSpec{Pipeline: "shop", Version: "3", Suite: "unit"},
			JUnit: `<testsuite tests="1"><testcase name="a"/></testsuite>`})
		require.NoError(t, err)
		require.NoError(t, e.DeleteRelease(ctx, alice, "shop", "1"))
	})
}

// contentOf is what a decision names that is about what would be delivered now; empty if there is no such release.
func contentOf(ctx context.Context, e *controlplane.Plane, version string) string {
	request, err := e.ApprovalRequest(ctx, "shop", version, "production", delivery.Approve)
	if err != nil {
		return ""
	}
	return delivery.ShortContent(request.ContentDigest)
}

// exported is a whole ledger as text.
func exported(t *testing.T, address string) string {
	t.Helper()
	var out strings.Builder
	_, err := Export(t.Context(), address, &out, quiet)
	require.NoError(t, err)
	return out.String()
}

// counting fails a piece of work when it has come to a record.
func counting(work string, at int64, then func()) Progress {
	return func(doing string, done, total int64) {
		if done > total {
			panic(fmt.Sprintf("%s: %d of %d", doing, done, total))
		}
		if doing == work && done == at {
			then()
		}
	}
}
