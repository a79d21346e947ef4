package server_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/app"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// shop is a client of a whole control plane, with a release that waits before its only stage.
func shop(t *testing.T) *client.Client {
	t.Helper()
	control, err := app.Open(t.Context(), app.Config{Ledger: filepath.Join(t.TempDir(), "ledger.db"),
		Adjust: func(o *controlplane.Options) { o.Now = func() time.Time { return noon } }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, control.Close(context.WithoutCancel(t.Context()))) })
	c := client.New(client.Config{Address: "http://embedded", Transport: control.Transport(), Actor: actor})
	_, err = c.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "production", Tier: delivery.TierProduction,
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(t.TempDir(), "srv")}}})
	require.NoError(t, err)
	_, err = c.PutPipeline(t.Context(), delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{
		Name: "production", Environments: []string{"production"}, Promotion: delivery.Manual, Overridable: []string{"soak"}}}})
	require.NoError(t, err)
	_, err = c.PutRelease(t.Context(), delivery.ReleaseRequest{Attempt: 1, Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.4.2+b",
		Artifacts: map[string]delivery.Artifact{"app": {URI: "oci://registry.example.com/shop",
			Digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}}})
	require.NoError(t, err)
	return c
}

// kept checks that a write is what the next read returns, that the same again changes nothing, and that what is gone is not found.
func kept[T any](t *testing.T, write, read func() (T, error), remove func() error) T {
	t.Helper()
	written, err := write()
	require.NoError(t, err)
	found, err := read()
	require.NoError(t, err)
	require.Equal(t, written, found)
	again, err := write()
	require.NoError(t, err)
	require.Equal(t, written, again)
	require.NoError(t, remove())
	_, err = read()
	require.True(t, delivery.IsNotFound(err), "%v", err)
	require.True(t, delivery.IsNotFound(remove()))
	return written
}

func TestFreezesAndPoliciesAreKept(t *testing.T) {
	c, ctx := shop(t), t.Context()
	freeze := delivery.FreezeSpec{Name: "holidays", Reason: "nobody is there", StartsAt: "2027-12-20T00:00:00Z", EndsAt: "2028-01-03T00:00:00Z", Tiers: []delivery.Tier{delivery.TierProduction}}
	got := kept(t, func() (delivery.FreezeSpec, error) { return c.PutFreeze(ctx, freeze) },
		func() (delivery.FreezeSpec, error) { return c.Freeze(ctx, freeze.Name) }, func() error { return c.DeleteFreeze(ctx, freeze.Name) })
	require.Equal(t, freeze, got)

	policy := delivery.PolicySpec{Name: "two-people", Tiers: []delivery.Tier{delivery.TierProduction}, Gates: delivery.Gates{Approvals: &delivery.ApprovalsGate{Required: 2, Approvers: []string{delivery.Anyone}}}}
	bound := kept(t, func() (delivery.PolicySpec, error) { return c.PutPolicy(ctx, policy) },
		func() (delivery.PolicySpec, error) { return c.Policy(ctx, policy.Name) }, func() error { return c.DeletePolicy(ctx, policy.Name) })
	require.Equal(t, policy, bound)
}

func TestOverridesAndTestReportsAreKept(t *testing.T) {
	c, ctx := shop(t), t.Context()
	wanted, err := c.ApprovalRequest(ctx, "shop", "1.4.2+b", "production", string(delivery.Approve))
	require.NoError(t, err)
	spec := delivery.OverrideSpec{Pipeline: "shop", Version: "1.4.2+b", Stage: "production", Content: wanted.ContentDigest, Gates: []string{"soak"}, Reason: "an outage", Ticket: "OPS-1", ExpiresAt: "2027-01-02T18:00:00Z"}
	var made delivery.Override
	override := kept(t, func() (_ delivery.Override, err error) { made, err = c.AddOverride(ctx, spec); return made, err },
		func() (delivery.Override, error) { return c.Override(ctx, made.ID) }, func() error { return c.RevokeOverride(ctx, made.ID) })
	require.Equal(t, "shop/1.4.2+b/production/1", override.ID)
	require.Equal(t, spec, override.Spec)
	require.Equal(t, actor, override.Actor)

	request := delivery.TestReportRequest{Spec: delivery.TestReportSpec{Pipeline: "shop", Version: "1.4.2+b", Suite: "unit"},
		JUnit: `<testsuite name="unit" tests="2" failures="1"><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>`}
	var recorded delivery.TestReport
	report := kept(t, func() (_ delivery.TestReport, err error) {
		recorded, err = c.AddTestReport(ctx, request)
		return recorded, err
	},
		func() (delivery.TestReport, error) { return c.TestReport(ctx, recorded.ID) }, func() error { return c.WithdrawTestReport(ctx, recorded.ID) })
	require.Equal(t, "shop/1.4.2+b/unit/1", report.ID)
	require.Equal(t, delivery.TestCounts{Tests: 2, Failures: 1}, report.Counts)

	request.JUnit = "<testsuite>"
	_, err = c.AddTestReport(ctx, request)
	require.Equal(t, "junit", delivery.ErrorsOf(err)[0].Field)
}

func TestApprovalRequestsAreOfWhatIsThere(t *testing.T) {
	c, ctx := shop(t), t.Context()
	r, err := c.ApprovalRequest(ctx, "shop", "1.4.2+b", "production", "approve")
	require.NoError(t, err)
	require.NotEmpty(t, r.ContentDigest)
	_, err = c.ApprovalRequest(ctx, "shop", "1.4.2+b", "production", "maybe")
	require.Equal(t, "decision", delivery.ErrorsOf(err)[0].Field)
	_, err = c.ApprovalRequest(ctx, "shop", "9", "production", "approve")
	require.True(t, delivery.IsNotFound(err))
}
