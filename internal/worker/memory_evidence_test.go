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
	found := []delivery.TestReport{}
	for _, r := range p.evidence.reports {
		if r.Spec.Pipeline == pipeline && (len(versions) == 0 || slices.Contains(versions, r.Spec.Version)) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b delivery.TestReport) int {
		return cmp.Or(a.RecordedAt.Compare(b.RecordedAt), cmp.Compare(a.ID, b.ID))
	})
	return found, nil
}

func (p *memoryPages) AddTestReport(_ context.Context, r delivery.TestReport) error {
	if p.over {
		return errOver
	}
	if _, ok := p.evidence.reports[r.ID]; ok {
		return delivery.Errorf(delivery.CodeConflict, "test report %q is recorded already", r.ID)
	}
	r = again(r)
	r.RecordedAt = moment(r.RecordedAt)
	p.evidence.reports[r.ID] = r
	return nil
}

func (p *memoryPages) WithdrawTestReport(ctx context.Context, id string, at time.Time) error {
	if p.over {
		return errOver
	}
	r, err := p.TestReport(ctx, id)
	if err != nil || r.WithdrawnAt != nil {
		return err
	}
	at = moment(at)
	r.WithdrawnAt = &at
	p.evidence.reports[id] = r
	return nil
}

func (p *memoryPages) Freeze(_ context.Context, name string) (delivery.FreezeSpec, error) {
	return one(p.evidence.freezes, name, fmt.Sprintf("freeze %q", name))
}

func (p *memoryPages) Freezes(context.Context) ([]delivery.FreezeSpec, error) {
	found := []delivery.FreezeSpec{}
	for _, name := range sortedKeys(p.evidence.freezes) {
		found = append(found, p.evidence.freezes[name])
	}
	return found, nil
}

func (p *memoryPages) PutFreeze(_ context.Context, spec delivery.FreezeSpec) error {
	if p.over {
		return errOver
	}
	p.evidence.freezes[spec.Name] = again(spec)
	return nil
}

func (p *memoryPages) DeleteFreeze(ctx context.Context, name string) error {
	if p.over {
		return errOver
	}
	_, err := p.Freeze(ctx, name)
	delete(p.evidence.freezes, name)
	return err
}

func (p *memoryPages) Policy(_ context.Context, name string) (delivery.PolicySpec, error) {
	return one(p.evidence.policies, name, fmt.Sprintf("policy %q", name))
}

func (p *memoryPages) Policies(context.Context) ([]delivery.PolicySpec, error) {
	found := []delivery.PolicySpec{}
	for _, name := range sortedKeys(p.evidence.policies) {
		found = append(found, p.evidence.policies[name])
	}
	return found, nil
}

func (p *memoryPages) PutPolicy(_ context.Context, spec delivery.PolicySpec) error {
	if p.over {
		return errOver
	}
	p.evidence.policies[spec.Name] = again(spec)
	return nil
}

func (p *memoryPages) DeletePolicy(ctx context.Context, name string) error {
	if p.over {
		return errOver
	}
	_, err := p.Policy(ctx, name)
	delete(p.evidence.policies, name)
	return err
}

func (p *memoryPages) Override(_ context.Context, id string) (delivery.Override, error) {
	return one(p.evidence.overrides, id, fmt.Sprintf("override %q", id))
}

func (p *memoryPages) Overrides(_ context.Context, pipeline string, versions ...string) ([]delivery.Override, error) {
	found := []delivery.Override{}
	for _, o := range p.evidence.overrides {
		if o.Spec.Pipeline == pipeline && (len(versions) == 0 || slices.Contains(versions, o.Spec.Version)) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b delivery.Override) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return found, nil
}

func (p *memoryPages) AddOverride(_ context.Context, o delivery.Override) error {
	if p.over {
		return errOver
	}
	if _, ok := p.evidence.overrides[o.ID]; ok {
		return delivery.Errorf(delivery.CodeConflict, "override %q is recorded already", o.ID)
	}
	o = again(o)
	o.CreatedAt = moment(o.CreatedAt)
	p.evidence.overrides[o.ID] = o
	return nil
}

func (p *memoryPages) RevokeOverride(ctx context.Context, id string, at time.Time) error {
	if p.over {
		return errOver
	}
	o, err := p.Override(ctx, id)
	if err != nil || o.RevokedAt != nil {
		return err
	}
	at = moment(at)
	o.RevokedAt = &at
	p.evidence.overrides[id] = o
	return nil
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
