package server_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/memnet"
	"github.com/delivery-as-code/terraform-provider-cd/internal/server"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

const actor = "alice@example.com"

// inProcess serves an engine within this process, for as long as the test runs.
func inProcess(t testing.TB, e server.Engine) *client.Client {
	t.Helper()
	listener := memnet.Listen()
	s := &httptest.Server{Listener: listener, Config: &http.Server{Handler: server.New(e, slog.New(slog.DiscardHandler))}}
	s.Start()
	t.Cleanup(s.Close)
	transport := client.InProcess(listener)
	t.Cleanup(transport.CloseIdleConnections) // before the server closes: it waits for them
	return client.New(client.Config{Address: "http://embedded", Transport: transport, Actor: actor})
}

// bothWays runs a test with the handler in process and behind a real connection.
func bothWays(t *testing.T, e server.Engine, test func(t *testing.T, c *client.Client)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) { test(t, inProcess(t, e)) })
	t.Run("over the network", func(t *testing.T) {
		s := httptest.NewServer(server.New(e, slog.New(slog.DiscardHandler)))
		defer s.Close()
		test(t, client.New(client.Config{Address: s.URL, Actor: actor}))
	})
}

// call is one method of the client: what it asks of the engine, and what it should give back.
type call struct {
	name  string
	do    func(ctx context.Context, c *client.Client) (any, error)
	asked asked
	reply any
}

// Names that the domain would refuse show that they travel unharmed.
const (
	oddName = "a/b %2F?#;"
	oddID   = "shop/1.4.2/production/alice@example.com/1"
)

var noon = time.Date(2027, 1, 2, 12, 0, 0, 5000, time.UTC)

func calls() []call {
	environment, pipeline := filled[delivery.EnvironmentSpec](), filled[delivery.PipelineSpec]()
	verification := filled[delivery.VerificationRequest]()
	release, promotion := filled[delivery.ReleaseRequest](), filled[delivery.PromotionSpec]()
	approval, refresh := filled[delivery.ApprovalSpec](), filled[delivery.RefreshRequest]()
	return append(append(evidenceCalls(), previewCalls()...), []call{
		{"Environment", func(ctx context.Context, c *client.Client) (any, error) { return c.Environment(ctx, oddName) },
			asked{"Environment", []any{oddName}}, filled[delivery.Environment]()},
		{"Environments", func(ctx context.Context, c *client.Client) (any, error) { return c.Environments(ctx) },
			asked{"Environments", nil}, filled[[]delivery.Environment]()},
		{"PutEnvironment", func(ctx context.Context, c *client.Client) (any, error) { return c.PutEnvironment(ctx, environment) },
			asked{"PutEnvironment", []any{actor, environment}}, filled[delivery.Environment]()},
		{"DeleteEnvironment", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.DeleteEnvironment(ctx, "..") },
			asked{"DeleteEnvironment", []any{actor, ".."}}, nil},
		{"Pipeline", func(ctx context.Context, c *client.Client) (any, error) { return c.Pipeline(ctx, oddName) },
			asked{"Pipeline", []any{oddName}}, filled[delivery.Pipeline]()},
		{"Pipelines", func(ctx context.Context, c *client.Client) (any, error) { return c.Pipelines(ctx) },
			asked{"Pipelines", nil}, filled[[]delivery.Pipeline]()},
		{"PutPipeline", func(ctx context.Context, c *client.Client) (any, error) { return c.PutPipeline(ctx, pipeline) },
			asked{"PutPipeline", []any{actor, pipeline}}, filled[delivery.Pipeline]()},
		{"DeletePipeline", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.DeletePipeline(ctx, ".") },
			asked{"DeletePipeline", []any{actor, "."}}, nil},
		{"Release", func(ctx context.Context, c *client.Client) (any, error) { return c.Release(ctx, oddName, "1.0+b") },
			asked{"Release", []any{oddName, "1.0+b"}}, filled[delivery.ReleaseState]()},
		{"PutRelease", func(ctx context.Context, c *client.Client) (any, error) { return c.PutRelease(ctx, release) },
			asked{"PutReleaseAndWait", []any{actor, release, 20 * time.Second}}, filled[delivery.ReleaseState]()},
		{"DeleteRelease", func(ctx context.Context, c *client.Client) (any, error) {
			return nil, c.DeleteRelease(ctx, oddName, "1")
		},
			asked{"DeleteRelease", []any{actor, oddName, "1"}}, nil},
		{"Promotion", func(ctx context.Context, c *client.Client) (any, error) { return c.Promotion(ctx, oddName, "s") },
			asked{"Promotion", []any{oddName, "s"}}, filled[delivery.PromotionState]()},
		{"PutPromotion", func(ctx context.Context, c *client.Client) (any, error) { return c.PutPromotion(ctx, promotion) },
			asked{"PutPromotionAndWait", []any{actor, promotion, 20 * time.Second}}, filled[delivery.PromotionState]()},
		{"DeletePromotion", func(ctx context.Context, c *client.Client) (any, error) {
			return nil, c.DeletePromotion(ctx, oddName, "s")
		},
			asked{"DeletePromotion", []any{actor, oddName, "s"}}, nil},
		{"Verification", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Verification(ctx, verification.Spec)
		},
			asked{"Verification", []any{verification.Spec}}, filled[delivery.VerificationState]()},
		{"PutVerification", func(ctx context.Context, c *client.Client) (any, error) { return c.PutVerification(ctx, verification) },
			asked{"PutVerificationAndWait", []any{actor, verification, 20 * time.Second}}, filled[delivery.VerificationState]()},
		{"Approval", func(ctx context.Context, c *client.Client) (any, error) { return c.Approval(ctx, oddID) },
			asked{"Approval", []any{oddID}}, filled[delivery.Approval]()},
		{"AddApproval", func(ctx context.Context, c *client.Client) (any, error) { return c.AddApproval(ctx, approval) },
			asked{"AddApproval", []any{actor, approval}}, filled[delivery.Approval]()},
		{"RevokeApproval", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.RevokeApproval(ctx, oddID) },
			asked{"RevokeApproval", []any{actor, oddID}}, nil},
		{"Refresh", func(ctx context.Context, c *client.Client) (any, error) { return c.Refresh(ctx, refresh) },
			asked{"Refresh", []any{actor, refresh}}, filled[[]delivery.PipelineState]()},
		{"Deployed", func(ctx context.Context, c *client.Client) (any, error) { return c.Deployed(ctx, oddName, "e") },
			asked{"Deployed", []any{oddName, "e"}}, filled[delivery.Deployed]()},
		{"Deployments", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Deployments(ctx, oddName, "e&=", "1+2", 7)
		},
			asked{"Deployments", []any{store.DeploymentFilter{Pipeline: oddName, Environment: "e&=", Version: "1+2", Newest: 7}}}, filled[[]delivery.Deployment]()},
		{"Deployments, all", func(ctx context.Context, c *client.Client) (any, error) { return c.Deployments(ctx, "p", "", "", 0) },
			asked{"Deployments", []any{store.DeploymentFilter{Pipeline: "p", Newest: api.DefaultLimit}}}, filled[[]delivery.Deployment]()},
		{"Parity", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Parity(ctx, delivery.ParityQuery{Environment: oddName, With: "b", Pipeline: "p", Source: delivery.ParityRunning})
		},
			asked{"Parity", []any{delivery.ParityQuery{Environment: oddName, With: "b", Pipeline: "p", Source: delivery.ParityRunning}}}, filled[delivery.ParityResult]()},
		{"Parity, as declared", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Parity(ctx, delivery.ParityQuery{Environment: "a", With: "b"})
		},
			asked{"Parity", []any{delivery.ParityQuery{Environment: "a", With: "b"}}}, filled[delivery.ParityResult]()},
		{"Readiness", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Readiness(ctx, oddName, "1", "s", noon)
		},
			asked{"Readiness", []any{oddName, "1", "s", noon}}, filled[delivery.Readiness]()},
		{"Readiness, now", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Readiness(ctx, "p", "1", "s", time.Time{})
		},
			asked{"Readiness", []any{"p", "1", "s", time.Time{}}}, filled[delivery.Readiness]()},
		{"Ledger", func(ctx context.Context, c *client.Client) (any, error) { return c.Ledger(ctx, 501) },
			asked{"Ledger", []any{int64(501)}}, filled[delivery.LedgerPage]()},
		{"Events", func(ctx context.Context, c *client.Client) (any, error) { return c.Events(ctx, 41, 99999) },
			asked{"Events", []any{int64(41), api.MaxLimit}}, filled[[]delivery.Event]()},
	}...)
}

func TestEveryCallArrivesWhole(t *testing.T) {
	e := &recording{}
	bothWays(t, e, func(t *testing.T, c *client.Client) {
		for _, one := range calls() {
			t.Run(one.name, func(t *testing.T) {
				got, err := one.do(t.Context(), c)
				require.NoError(t, err)
				require.Equal(t, one.asked, e.last())
				require.Equal(t, one.reply, got)
			})
		}
	})
}

func TestEmptyDeclarationsReachTheEngine(t *testing.T) {
	e := &recording{}
	bothWays(t, e, func(t *testing.T, c *client.Client) {
		_, err := c.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "e"})
		require.NoError(t, err)
		require.Equal(t, asked{"PutEnvironment", []any{actor, delivery.EnvironmentSpec{Name: "e"}}}, e.last())
		release := delivery.ReleaseRequest{Spec: delivery.ReleaseSpec{Pipeline: "p", Version: "1"}}
		_, err = c.PutRelease(t.Context(), release)
		require.NoError(t, err)
		require.Equal(t, asked{"PutReleaseAndWait", []any{actor, release, 20 * time.Second}}, e.last())
		_, err = c.PutPipeline(t.Context(), delivery.PipelineSpec{Name: "p", Stages: []delivery.Stage{{}}})
		require.NoError(t, err)
	})
}

func TestErrorsKeepCodeFieldAndMessage(t *testing.T) {
	for _, code := range []delivery.Code{delivery.CodeInvalid, delivery.CodeNotFound, delivery.CodeConflict,
		delivery.CodeForbidden, delivery.CodeInternal} {
		refusals := delivery.Errors{
			{Code: code, Field: `parity.allow["DB_*"].reason`, Message: "a reason \"is\" <needed>"},
			{Code: delivery.CodeConflict, Message: "and another\nthing"},
		}
		e := &recording{fail: refusals}
		bothWays(t, e, func(t *testing.T, c *client.Client) {
			for _, one := range calls() {
				_, err := one.do(t.Context(), c)
				require.Equal(t, refusals, err, "%s %s", code, one.name)
				require.Equal(t, code == delivery.CodeNotFound, delivery.IsNotFound(err))
			}
		})
	}
}

// Asked without the client, which would try again for a while.
func TestUnavailableIsAnsweredAsSuch(t *testing.T) {
	refusal := &delivery.Error{Code: delivery.CodeUnavailable, Field: "ledger", Message: "the ledger is locked"}
	w, p := send(server.New(&recording{fail: refusal}, slog.New(slog.DiscardHandler)), "GET", "/v1/environments/e", "")
	require.Equal(t, 503, w.Code)
	require.Equal(t, delivery.Errors{refusal}, p.Errors)
}

func TestWaitIsBoundedAndPassedOn(t *testing.T) {
	e := &recording{}
	handler := server.New(e, slog.New(slog.DiscardHandler))
	ask := func(path string) int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code
	}
	require.Equal(t, 200, ask(api.Fill(api.PathRelease, "p", "1")+"?wait=1500ms"))
	require.Equal(t, asked{"WaitRelease", []any{"p", "1", 1500 * time.Millisecond}}, e.last())
	require.Equal(t, 200, ask(api.Fill(api.PathPromotion, "p", "s")+"?wait=10h&version=2"))
	require.Equal(t, asked{"WaitPromotion", []any{"p", "s", "2", api.MaxWait}}, e.last())
	require.Equal(t, 200, ask(api.Fill(api.PathPromotion, "p", "s")+"?wait=0s"))
	require.Equal(t, asked{"WaitPromotion", []any{"p", "s", "", time.Duration(0)}}, e.last())
	require.Equal(t, 422, ask(api.Fill(api.PathPromotion, "p", "s")+"?wait=soon"))
	require.Equal(t, 422, ask(api.Fill(api.PathPromotion, "p", "s")+"?wait=-1s"))
	require.Equal(t, 200, ask(api.Fill(api.PathVerification, "p", "s")+"?wait=1h&version=1"))
	require.Equal(t, asked{"WaitVerification", []any{delivery.VerificationSpec{Pipeline: "p", Stage: "s", Version: "1"}, api.MaxWait}}, e.last())
	require.Equal(t, 422, ask(api.Fill(api.PathVerification, "p", "s")+"?wait=soon"))
	require.Equal(t, 422, ask(api.Fill(api.PathRelease, "p", "1")+"?wait=-1s"))
}

func TestAWriteMayWaitForItsWork(t *testing.T) {
	e := &recording{}
	handler := server.New(e, slog.New(slog.DiscardHandler))
	put := func(path, body string) int {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPut, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(api.ActorHeader, "alice@example.com")
		handler.ServeHTTP(w, r)
		return w.Code
	}
	for path, c := range map[string]struct{ body, method string }{
		api.Fill(api.PathRelease, "p", "1"):      {`{"spec":{"pipeline":"p","version":"1"}}`, "PutRelease"},
		api.Fill(api.PathPromotion, "p", "s"):    {`{"pipeline":"p","stage":"s"}`, "PutPromotion"},
		api.Fill(api.PathVerification, "p", "s"): {`{"spec":{"pipeline":"p","stage":"s"}}`, "PutVerification"},
	} {
		require.Equal(t, 200, put(path, c.body))
		require.Equal(t, c.method, e.last().method)
		require.Equal(t, 200, put(path+"?wait=10h", c.body))
		require.Equal(t, c.method+"AndWait", e.last().method)
		require.Equal(t, api.MaxWait, e.last().args[2])
		require.Equal(t, 422, put(path+"?wait=soon", c.body))
	}
}

func TestCallerThatGivesUpGetsItsOwnError(t *testing.T) {
	for _, name := range []string{"Environment", "PutRelease", "PutPromotion"} {
		ctx, cancel := context.WithCancel(t.Context())
		e := &recording{block: cancel, fail: errors.New("context canceled, says the database")}
		bothWays(t, e, func(t *testing.T, c *client.Client) {
			for _, one := range calls() {
				if one.name == name {
					_, err := one.do(ctx, c)
					require.ErrorIs(t, err, context.Canceled, name)
				}
			}
		})
	}
}
