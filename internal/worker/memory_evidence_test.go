package worker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// evidence is what the ledger in memory remembers of reports, freezes, policies and overrides.
type evidence struct {
	reports   map[string]delivery.TestReport
	freezes   map[string]delivery.FreezeSpec
	policies  map[string]delivery.PolicySpec
	overrides map[string]delivery.Override
}

func newEvidence() evidence {
	return evidence{map[string]delivery.TestReport{}, map[string]delivery.FreezeSpec{}, map[string]delivery.PolicySpec{}, map[string]delivery.Override{}}
}

func (e evidence) copied() evidence {
	return evidence{maps.Clone(e.reports), maps.Clone(e.freezes), maps.Clone(e.policies), maps.Clone(e.overrides)}
}

func (p *memoryPages) TestReport(_ context.Context, id string) (delivery.TestReport, error) {
	return one(p.evidence.reports, id, fmt.Sprintf("test report %q", id))
}

func (p *memoryPages) TestReports(_ context.Context, pipeline string, versions ...string) ([]delivery.TestReport, error) {
	return recorded(p.evidence.reports, pipeline, versions, func(r delivery.TestReport) record {
		return record{r.ID, r.Spec.Pipeline, r.Spec.Version, r.RecordedAt}
	}), nil
}

func (p *memoryPages) AddTestReport(_ context.Context, r delivery.TestReport) error {
	r.RecordedAt = moment(r.RecordedAt)
	return add(p, p.evidence.reports, r.ID, "test report", r)
}

func (p *memoryPages) WithdrawTestReport(_ context.Context, id string, at time.Time) error {
	return end(p, p.evidence.reports, id, "test report", at, func(r *delivery.TestReport) **time.Time { return &r.WithdrawnAt })
}

func (p *memoryPages) Freeze(_ context.Context, name string) (delivery.FreezeSpec, error) {
	return one(p.evidence.freezes, name, fmt.Sprintf("freeze %q", name))
}

func (p *memoryPages) Freezes(context.Context) ([]delivery.FreezeSpec, error) {
	return declared(p.evidence.freezes), nil
}

func (p *memoryPages) PutFreeze(_ context.Context, spec delivery.FreezeSpec) error {
	return declare(p, p.evidence.freezes, spec.Name, spec)
}

func (p *memoryPages) DeleteFreeze(_ context.Context, name string) error {
	return remove(p, p.evidence.freezes, name, "freeze")
}

func (p *memoryPages) Policy(_ context.Context, name string) (delivery.PolicySpec, error) {
	return one(p.evidence.policies, name, fmt.Sprintf("policy %q", name))
}

func (p *memoryPages) Policies(context.Context) ([]delivery.PolicySpec, error) {
	return declared(p.evidence.policies), nil
}

func (p *memoryPages) PutPolicy(_ context.Context, spec delivery.PolicySpec) error {
	return declare(p, p.evidence.policies, spec.Name, spec)
}

func (p *memoryPages) DeletePolicy(_ context.Context, name string) error {
	return remove(p, p.evidence.policies, name, "policy")
}

func (p *memoryPages) Override(_ context.Context, id string) (delivery.Override, error) {
	return one(p.evidence.overrides, id, fmt.Sprintf("override %q", id))
}

func (p *memoryPages) Overrides(_ context.Context, pipeline string, versions ...string) ([]delivery.Override, error) {
	return recorded(p.evidence.overrides, pipeline, versions, func(o delivery.Override) record {
		return record{o.ID, o.Spec.Pipeline, o.Spec.Version, o.CreatedAt}
	}), nil
}

func (p *memoryPages) AddOverride(_ context.Context, o delivery.Override) error {
	o.CreatedAt = moment(o.CreatedAt)
	return add(p, p.evidence.overrides, o.ID, "override", o)
}

func (p *memoryPages) RevokeOverride(_ context.Context, id string, at time.Time) error {
	return end(p, p.evidence.overrides, id, "override", at, func(o *delivery.Override) **time.Time { return &o.RevokedAt })
}

func (p *memoryPages) Rollouts(_ context.Context, pipeline string, stages []string, since time.Time) ([]delivery.RolloutRecord, error) {
	found, begun, ofStage := []delivery.RolloutRecord{}, map[delivery.RolloutRecord]bool{}, map[string]int{}
	for _, d := range p.deployments {
		id := cmp.Or(d.Rollout, d.ID)
		key := delivery.RolloutRecord{ID: id, Stage: d.Stage}
		if d.Pipeline == pipeline && d.Kind != delivery.KindRollback && !begun[key] {
			begun[key] = true
			found = append(found, delivery.RolloutRecord{ID: id, Stage: d.Stage, StartedAt: d.CreatedAt})
		}
	}
	slices.SortStableFunc(found, func(a, b delivery.RolloutRecord) int { return a.StartedAt.Compare(b.StartedAt) })
	newest := []delivery.RolloutRecord{}
	for _, r := range slices.Backward(found) {
		if ofStage[r.Stage]++; ofStage[r.Stage] <= delivery.MaxRollouts && slices.Contains(stages, r.Stage) && r.StartedAt.After(since) {
			newest = append(newest, r)
		}
	}
	slices.Reverse(newest)
	return newest, nil
}

func (p *memoryPages) Declared(ctx context.Context, pipeline string) (found store.Declared, err error) {
	if spec, ok := p.pipelines[pipeline]; ok {
		found.Pipeline = &spec
	}
	found.Promotions, err = p.Promotions(ctx, pipeline)
	found.Freezes, _ = p.Freezes(ctx)
	found.Policies, _ = p.Policies(ctx)
	found.Head, _ = p.Head(ctx)
	return found, err
}

func (p *memoryPages) Evidence(ctx context.Context, pipeline string, versions ...string) (found store.Evidence, err error) {
	if len(versions) == 0 {
		return store.Evidence{Releases: []delivery.Release{}, Approvals: []delivery.Approval{}, TestReports: []delivery.TestReport{}, Overrides: []delivery.Override{}}, nil
	}
	found.Releases, err = p.Releases(ctx, pipeline, versions...)
	found.Approvals, _ = p.Approvals(ctx, pipeline, versions...)
	found.TestReports, _ = p.TestReports(ctx, pipeline, versions...)
	found.Overrides, _ = p.Overrides(ctx, pipeline, versions...)
	return found, err
}
