package worker

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// counted counts what is read of the ledger: each call is one statement.
type counted struct {
	store.Store
	reads *atomic.Int64
}

func (c counted) View(ctx context.Context, f func(store.Reader) error) error {
	return c.Store.View(ctx, func(r store.Reader) error { return f(countedReader{r, c.reads}) })
}

type countedReader struct {
	store.Reader
	reads *atomic.Int64
}

func (r countedReader) Environment(ctx context.Context, name string) (delivery.EnvironmentSpec, error) {
	r.reads.Add(1)
	return r.Reader.Environment(ctx, name)
}

func (r countedReader) Environments(ctx context.Context, names ...string) ([]delivery.EnvironmentSpec, error) {
	r.reads.Add(1)
	return r.Reader.Environments(ctx, names...)
}

func (r countedReader) Replicas(ctx context.Context, of string) ([]string, error) {
	r.reads.Add(1)
	return r.Reader.Replicas(ctx, of)
}

func (r countedReader) Pipeline(ctx context.Context, name string) (delivery.PipelineSpec, error) {
	r.reads.Add(1)
	return r.Reader.Pipeline(ctx, name)
}

func (r countedReader) Release(ctx context.Context, pipeline, version string) (delivery.Release, error) {
	r.reads.Add(1)
	return r.Reader.Release(ctx, pipeline, version)
}

func (r countedReader) Releases(ctx context.Context, pipeline string, versions ...string) ([]delivery.Release, error) {
	r.reads.Add(1)
	return r.Reader.Releases(ctx, pipeline, versions...)
}

func (r countedReader) Promotion(ctx context.Context, pipeline, stage string) (delivery.Promotion, error) {
	r.reads.Add(1)
	return r.Reader.Promotion(ctx, pipeline, stage)
}

func (r countedReader) Promotions(ctx context.Context, pipeline string) ([]delivery.Promotion, error) {
	r.reads.Add(1)
	return r.Reader.Promotions(ctx, pipeline)
}

func (r countedReader) Approval(ctx context.Context, id string) (delivery.Approval, error) {
	r.reads.Add(1)
	return r.Reader.Approval(ctx, id)
}

func (r countedReader) Approvals(ctx context.Context, pipeline string, versions ...string) ([]delivery.Approval, error) {
	r.reads.Add(1)
	return r.Reader.Approvals(ctx, pipeline, versions...)
}

func (r countedReader) TestReport(ctx context.Context, id string) (delivery.TestReport, error) {
	r.reads.Add(1)
	return r.Reader.TestReport(ctx, id)
}

func (r countedReader) TestReports(ctx context.Context, pipeline string, versions ...string) ([]delivery.TestReport, error) {
	r.reads.Add(1)
	return r.Reader.TestReports(ctx, pipeline, versions...)
}

func (r countedReader) Freeze(ctx context.Context, name string) (delivery.FreezeSpec, error) {
	r.reads.Add(1)
	return r.Reader.Freeze(ctx, name)
}

func (r countedReader) Policy(ctx context.Context, name string) (delivery.PolicySpec, error) {
	r.reads.Add(1)
	return r.Reader.Policy(ctx, name)
}

func (r countedReader) Override(ctx context.Context, id string) (delivery.Override, error) {
	r.reads.Add(1)
	return r.Reader.Override(ctx, id)
}

func (r countedReader) Overrides(ctx context.Context, pipeline string, versions ...string) ([]delivery.Override, error) {
	r.reads.Add(1)
	return r.Reader.Overrides(ctx, pipeline, versions...)
}

func (r countedReader) Declared(ctx context.Context, pipeline string) (store.Declared, error) {
	r.reads.Add(1)
	return r.Reader.Declared(ctx, pipeline)
}

func (r countedReader) Evidence(ctx context.Context, pipeline string, versions ...string) (store.Evidence, error) {
	r.reads.Add(1)
	return r.Reader.Evidence(ctx, pipeline, versions...)
}

func (r countedReader) Rollouts(ctx context.Context, pipeline string, stages []string, since time.Time) ([]delivery.RolloutRecord, error) {
	r.reads.Add(1)
	return r.Reader.Rollouts(ctx, pipeline, stages, since)
}

func (r countedReader) Deployment(ctx context.Context, id string) (delivery.Deployment, error) {
	r.reads.Add(1)
	return r.Reader.Deployment(ctx, id)
}

func (r countedReader) Deployments(ctx context.Context, filter store.DeploymentFilter) ([]delivery.Deployment, error) {
	r.reads.Add(1)
	return r.Reader.Deployments(ctx, filter)
}

func (r countedReader) DecisionHistory(ctx context.Context, pipeline string, versions ...string) ([]delivery.Deployment, error) {
	r.reads.Add(1)
	return r.Reader.DecisionHistory(ctx, pipeline, versions...)
}

func (r countedReader) Work(ctx context.Context, pipeline string, now time.Time) ([]delivery.WorkRecord, error) {
	r.reads.Add(1)
	return r.Reader.Work(ctx, pipeline, now)
}

func (r countedReader) Recordings(ctx context.Context, pipeline string) ([]delivery.Recording, error) {
	r.reads.Add(1)
	return r.Reader.Recordings(ctx, pipeline)
}

func (r countedReader) Head(ctx context.Context) (string, error) {
	r.reads.Add(1)
	return r.Reader.Head(ctx)
}

func (r countedReader) Events(ctx context.Context, after int64, limit int) ([]delivery.Event, error) {
	r.reads.Add(1)
	return r.Reader.Events(ctx, after, limit)
}
