package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/app"
	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// outsideWorld is a driver and a checker that remember every call.
type outsideWorld struct {
	mu    sync.Mutex
	calls []string
}

func (o *outsideWorld) note(call string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, call)
}

// since returns the calls since it was asked last.
func (o *outsideWorld) since() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	calls := o.calls
	o.calls = nil
	return calls
}

func (o *outsideWorld) Deploy(context.Context, driver.Request) (driver.Result, error) {
	o.note("deploy")
	return driver.Result{}, nil
}

func (o *outsideWorld) Observe(_ context.Context, r driver.Request) (delivery.Observation, error) {
	o.note("observe")
	return delivery.Observation{Running: true, Version: r.Version}, nil
}

func (o *outsideWorld) Preflight(context.Context, driver.Request) error {
	o.note("preflight")
	return nil
}

func (o *outsideWorld) Check(_ context.Context, r delivery.CheckRequest) (delivery.CheckResult, error) {
	o.note("check")
	return delivery.CheckResult{Name: r.Name, Passed: true}, nil
}

// A GET runs nothing: no driver, and no check, which may be a program of the user. If you add a route, say what its parameters stand for.
func TestNoGetRunsADriverOrACheck(t *testing.T) {
	outside, ctx := &outsideWorld{}, t.Context()
	control, err := app.Open(ctx, app.Config{Ledger: filepath.Join(t.TempDir(), "ledger.db"), Adjust: func(o *controlplane.Options) {
		o.Drivers, o.Checkers = map[string]driver.Driver{"directory": outside}, map[string]check.Checker{"http": outside}
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, control.Close(context.WithoutCancel(ctx))) })
	c := client.New(client.Config{Address: "http://embedded", Transport: control.Transport(), Actor: actor})
	parameters := everyObject(t, c)
	require.Subset(t, outside.since(), []string{"preflight", "deploy", "observe", "check"})

	var routes struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name, In string
				Required bool
			}
		}
	}
	text, err := os.ReadFile(filepath.Join("testdata", "openapi.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &routes))
	reads := 0
	for path, operations := range routes.Paths {
		get, ok := operations["get"]
		if !ok {
			continue
		}
		address, query := path, []string{}
		for _, p := range get.Parameters {
			value, known := parameters[path+" "+p.Name]
			if !known {
				value, known = parameters[p.Name]
			}
			require.True(t, known, "GET %s: what does its parameter %q stand for?", path, p.Name)
			if address = strings.ReplaceAll(address, "{"+p.Name+"}", api.Fill("{x}", value)); p.In == "query" && value != "" {
				query = append(query, p.Name+"="+value)
			}
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://embedded"+address+"?"+strings.Join(query, "&"), http.NoBody)
		require.NoError(t, err)
		answer, err := control.Transport().RoundTrip(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode, request.URL)
		require.Empty(t, outside.since(), "GET %s asked the outside world", path)
		reads++
	}
	require.Greater(t, reads, 10)

	ready, err := c.Readiness(ctx, "shop", "1.0.0", "production", noon)
	require.NoError(t, err)
	require.True(t, ready.Ready)
	require.Equal(t, []string{"check"}, outside.since(), "a POST says that it asks")
}

// everyObject makes one object of each kind, of which much is to be asked, and returns what the parameters of paths and queries name.
func everyObject(t *testing.T, c *client.Client) map[string]string {
	t.Helper()
	ctx := t.Context()
	for _, name := range []string{"staging", "production"} {
		_, err := c.PutEnvironment(ctx, delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther, Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}})
		require.NoError(t, err)
	}
	check := delivery.Check{HTTP: &delivery.HTTPCheck{URL: "https://example.com"}}
	_, err := c.PutPipeline(ctx, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		{Name: "staging", Environments: []string{"staging"}, Promotion: delivery.Automatic, Verify: map[string]delivery.Check{"smoke": check}},
		{Name: "production", Environments: []string{"production"}, Promotion: delivery.Manual, Overridable: []string{"tests"}, Gates: delivery.Gates{
			Approvals: &delivery.ApprovalsGate{Required: 1, AllowAuthor: true, Approvers: []string{delivery.Anyone}}, Checks: map[string]delivery.Check{"errors": check}}},
	}})
	require.NoError(t, err)
	_, err = c.PutRelease(ctx, delivery.ReleaseRequest{Attempt: 1, Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.0.0", Source: &delivery.Source{Revision: "r", Author: "dave@example.com"},
		Artifacts: map[string]delivery.Artifact{"app": {URI: "app.tar.gz", Digest: "sha256:" + strings.Repeat("0", 64)}}}})
	require.NoError(t, err)
	request, err := c.ApprovalRequest(ctx, "shop", "1.0.0", "production", string(delivery.Approve))
	require.NoError(t, err)
	approval, err := c.AddApproval(ctx, delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production", Decision: delivery.Approve, Content: request.ContentDigest})
	require.NoError(t, err)
	report, err := c.AddTestReport(ctx, delivery.TestReportRequest{Spec: delivery.TestReportSpec{Pipeline: "shop", Version: "1.0.0", Suite: "unit"}, JUnit: `<testsuite tests="1"><testcase name="a"/></testsuite>`})
	require.NoError(t, err)
	_, err = c.PutPromotion(ctx, delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.0.0", WhenBlocked: delivery.WhenBlockedFail, Attempt: 1})
	require.NoError(t, err)
	_, err = c.Refresh(ctx, delivery.RefreshRequest{Pipelines: []string{"shop"}})
	require.NoError(t, err)
	override, err := c.AddOverride(ctx, delivery.OverrideSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production", Content: request.ContentDigest, Gates: []string{"tests"}, Reason: "an outage", Ticket: "OPS-1", ExpiresAt: delivery.Timestamp(time.Now().Add(time.Hour).UTC().Format(time.RFC3339))})
	require.NoError(t, err)
	_, err = c.PutFreeze(ctx, delivery.FreezeSpec{Name: "calm", Reason: "nobody is there", StartsAt: "2020-01-01T00:00:00Z", EndsAt: "2020-01-02T00:00:00Z", Environments: []string{"staging"}})
	require.NoError(t, err)
	_, err = c.PutPolicy(ctx, delivery.PolicySpec{Name: "strict", Tiers: []delivery.Tier{delivery.TierProduction}, Gates: delivery.Gates{Approvals: &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}}})
	require.NoError(t, err)
	return map[string]string{"environment": "staging", "pipeline": "shop", "stage": "production", "version": "1.0.0", "freeze": "calm", "policy": "strict",
		"with": "production", "source": "running", "decision": "approve", "wait": "1ms", "after": "0", "event": "1", "limit": "10",
		api.PathApproval + " id": approval.ID, api.PathTestReport + " id": report.ID, api.PathOverride + " id": override.ID}
}
