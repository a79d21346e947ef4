// Package server is the control plane's HTTP API: one http.Handler over an engine. It knows paths, shapes and statuses; every
// rule is the engine's.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Engine is what the API offers, as *controlplane.Plane does it. Errors that carry a delivery.Error are answered as they are; any
// other one is logged and answered as internal, without its text.
type Engine interface {
	Previewer

	Environment(ctx context.Context, name string) (delivery.Environment, error)
	Environments(ctx context.Context) ([]delivery.Environment, error)
	PutEnvironment(ctx context.Context, actor string, spec delivery.EnvironmentSpec) (delivery.Environment, error)
	DeleteEnvironment(ctx context.Context, actor, name string) error

	Pipeline(ctx context.Context, name string) (delivery.Pipeline, error)
	Pipelines(ctx context.Context) ([]delivery.Pipeline, error)
	PutPipeline(ctx context.Context, actor string, spec delivery.PipelineSpec) (delivery.Pipeline, error)
	DeletePipeline(ctx context.Context, actor, name string) error

	Release(ctx context.Context, pipeline, version string) (delivery.ReleaseState, error)
	PutRelease(ctx context.Context, actor string, r delivery.ReleaseRequest) (delivery.ReleaseState, error)
	PutReleaseAndWait(ctx context.Context, actor string, r delivery.ReleaseRequest, d time.Duration) (delivery.ReleaseState, error)
	DeleteRelease(ctx context.Context, actor, pipeline, version string) error
	WaitRelease(ctx context.Context, pipeline, version string, d time.Duration) (delivery.ReleaseState, error)

	Promotion(ctx context.Context, pipeline, stage string) (delivery.PromotionState, error)
	PutPromotion(ctx context.Context, actor string, spec delivery.PromotionSpec) (delivery.PromotionState, error)
	PutPromotionAndWait(ctx context.Context, actor string, spec delivery.PromotionSpec, d time.Duration) (delivery.PromotionState, error)
	DeletePromotion(ctx context.Context, actor, pipeline, stage string) error
	WaitPromotion(ctx context.Context, pipeline, stage, version string, d time.Duration) (delivery.PromotionState, error)
	Cancel(ctx context.Context, pipeline, stage string) error

	Verification(ctx context.Context, spec delivery.VerificationSpec) (delivery.VerificationState, error)
	PutVerification(ctx context.Context, actor string, r delivery.VerificationRequest) (delivery.VerificationState, error)
	PutVerificationAndWait(ctx context.Context, actor string, r delivery.VerificationRequest, d time.Duration) (delivery.VerificationState, error)
	WaitVerification(ctx context.Context, spec delivery.VerificationSpec, d time.Duration) (delivery.VerificationState, error)

	Approval(ctx context.Context, id string) (delivery.Approval, error)
	AddApproval(ctx context.Context, actor string, spec delivery.ApprovalSpec) (delivery.Approval, error)
	RevokeApproval(ctx context.Context, actor, id string) error
	ApprovalRequest(ctx context.Context, pipeline, version, stage string, decision delivery.ApprovalDecision) (delivery.ApprovalRequest, error)

	TestReport(ctx context.Context, id string) (delivery.TestReport, error)
	AddTestReport(ctx context.Context, actor string, r delivery.TestReportRequest) (delivery.TestReport, error)
	WithdrawTestReport(ctx context.Context, actor, id string) error

	Freeze(ctx context.Context, name string) (delivery.FreezeSpec, error)
	PutFreeze(ctx context.Context, actor string, spec delivery.FreezeSpec) (delivery.FreezeSpec, error)
	DeleteFreeze(ctx context.Context, actor, name string) error

	Policy(ctx context.Context, name string) (delivery.PolicySpec, error)
	PutPolicy(ctx context.Context, actor string, spec delivery.PolicySpec) (delivery.PolicySpec, error)
	DeletePolicy(ctx context.Context, actor, name string) error

	Override(ctx context.Context, id string) (delivery.Override, error)
	AddOverride(ctx context.Context, actor string, spec delivery.OverrideSpec) (delivery.Override, error)
	RevokeOverride(ctx context.Context, actor, id string) error

	Deployed(ctx context.Context, pipeline, environment string) (delivery.Deployed, error)
	Deployments(ctx context.Context, f store.DeploymentFilter) ([]delivery.Deployment, error)
	Readiness(ctx context.Context, pipeline, version, stage string, at time.Time) (delivery.Readiness, error)
	Refresh(ctx context.Context, actor string, r delivery.RefreshRequest) ([]delivery.PipelineState, error)
	Parity(ctx context.Context, q delivery.ParityQuery) (delivery.ParityResult, error)
	Events(ctx context.Context, after int64, limit int) ([]delivery.Event, error)
	Ledger(ctx context.Context, event int64) (delivery.LedgerPage, error)
	// Written is the newest event that this process committed; the zero position if there is none.
	Written() delivery.LedgerPosition
}

type server struct {
	engine Engine
	log    *slog.Logger
	api    huma.API
}

// New builds the handler. It is cheap enough to be built when the first request comes; the API's description is rendered when
// somebody asks for it.
func New(e Engine, log *slog.Logger) http.Handler {
	adoptProblems()
	mux := http.NewServeMux()
	s := &server{engine: e, log: log, api: humago.New(mux, configuration())}
	s.environments()
	s.pipelines()
	s.releases()
	s.promotions()
	s.verifications()
	s.approvals()
	s.testReports()
	s.freezes()
	s.policies()
	s.overrides()
	s.refresh()
	s.deployments()
	s.readiness()
	s.parity()
	s.previews()
	s.events()
	s.ledger()
	s.describe(mux)
	return &guard{mux: mux, log: log, written: e.Written}
}

func configuration() huma.Config {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Continuous delivery control plane",
				Version:     "1",
				Description: "Environments, pipelines, releases and promotions; approvals, test reports, freezes, policies and overrides; and what runs where.",
			},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}, // "json" is what any +json is written with
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
	config.FieldsOptionalByDefault = true // what is needed is a rule, and rules are the domain's
	return config
}

// route is one operation of the API.
type route struct {
	noun, id, summary string
	method, path      string
}

func (r route) operation() huma.Operation {
	return huma.Operation{
		OperationID:  r.id,
		Summary:      r.summary,
		Tags:         []string{r.noun},
		Method:       r.method,
		Path:         r.path,
		MaxBodyBytes: api.MaxBodyBytes + 1, // huma refuses a body that is exactly this long
		// A deadline for reading the body would stay on the connection, and end the context of a handler that takes longer.
		BodyReadTimeout: -1,
	}
}

type output[T any] struct{ Body T }

// answer registers an operation that answers with a body.
func answer[I, O any](s *server, r route, f func(context.Context, *I) (O, error)) {
	huma.Register(s.api, r.operation(), func(ctx context.Context, in *I) (*output[O], error) {
		out, err := f(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return &output[O]{Body: out}, nil
	})
}

// list registers an operation that answers with a list, which is [] when there is nothing.
func list[I, O any](s *server, r route, f func(context.Context, *I) ([]O, error)) {
	answer(s, r, func(ctx context.Context, in *I) ([]O, error) {
		all, err := f(ctx, in)
		if all == nil {
			all = []O{}
		}
		return all, err
	})
}

// act registers an operation that answers with nothing but success.
func act[I any](s *server, r route, f func(context.Context, *I) error) {
	huma.Register(s.api, r.operation(), func(ctx context.Context, in *I) (*struct{}, error) {
		if err := f(ctx, in); err != nil {
			return nil, s.problem(ctx, err)
		}
		return nil, nil
	})
}
