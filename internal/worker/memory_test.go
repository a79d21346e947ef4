package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest"
)

// memory is a ledger in memory: a thousand random histories on the real one would take longer than anybody waits. It is held to
// the same conformance suite as the real one, and some histories run on the real one too.
type memory struct {
	writing sync.Mutex // one write transaction at a time
	mu      sync.Mutex
	kept    memoryPages
	closed  bool
}

// pages is everything the ledger remembers. It is never changed once kept: a transaction writes on a copy.
type memoryPages struct {
	id           string
	environments map[string]delivery.EnvironmentSpec
	pipelines    map[string]delivery.PipelineSpec
	releases     map[[2]string]delivery.Release
	promotions   map[[2]string]delivery.Promotion
	approvals    map[string]delivery.Approval
	deployments  []delivery.Deployment
	events       []delivery.Event
	leases       map[string]store.Lease
	evidence     evidence
	work         workPages
	over         bool // the transaction has ended
}

// memories numbers the ledgers, so that each has its own id.
var memories atomic.Int64

func newMemory() *memory {
	return &memory{kept: memoryPages{id: fmt.Sprintf("%032x", memories.Add(1)), environments: map[string]delivery.EnvironmentSpec{}, pipelines: map[string]delivery.PipelineSpec{},
		releases: map[[2]string]delivery.Release{}, promotions: map[[2]string]delivery.Promotion{}, approvals: map[string]delivery.Approval{}, leases: map[string]store.Lease{}, evidence: newEvidence(), work: newWorkPages()}}
}

func TestMemoryIsALedger(t *testing.T) {
	storetest.Exercise(t, func(*testing.T) store.Store { return newMemory() })
}

func (m *memory) snapshot() memoryPages {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept
}

// usable says why nothing can be done; nil when something can.
func (m *memory) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", delivery.Errorf(delivery.CodeUnavailable, "the ledger could not be used in time"), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return delivery.Errorf(delivery.CodeInternal, "the ledger is closed")
	}
	return nil
}

func (m *memory) View(ctx context.Context, f func(store.Reader) error) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	p := m.snapshot()
	return f(&p)
}

func (m *memory) Update(ctx context.Context, f func(store.Tx) error) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	p := m.snapshot().copied()
	defer func() { p.over = true }()
	if err := f(&p); err != nil {
		return err
	}
	if err := m.usable(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = p
	return nil
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

func (p memoryPages) copied() memoryPages {
	return memoryPages{id: p.id, environments: maps.Clone(p.environments), pipelines: maps.Clone(p.pipelines), releases: maps.Clone(p.releases),
		promotions: maps.Clone(p.promotions), approvals: maps.Clone(p.approvals), deployments: slices.Clone(p.deployments),
		events: slices.Clip(p.events), leases: maps.Clone(p.leases), evidence: p.evidence.copied(), work: p.work.copied()}
}

// again gives a value as the real ledger gives it back: written and read, and nobody else's.
func again[T any](v T) T {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var read T
	if err := json.Unmarshal(text, &read); err != nil {
		panic(err)
	}
	return read
}

func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func one[K comparable, V any](m map[K]V, key K, what string) (V, error) {
	v, ok := m[key]
	if !ok {
		return v, delivery.Errorf(delivery.CodeNotFound, "%s does not exist", what)
	}
	return v, nil
}

// declared lists declarations by name.
func declared[T any](table map[string]T) []T {
	found := []T{}
	for _, name := range sortedKeys(table) {
		found = append(found, table[name])
	}
	return found
}

// record is what the ledger finds and orders records by.
type record struct {
	id, pipeline, version string
	at                    time.Time
}

// recorded lists the records of a pipeline, or of some of its versions, oldest first.
func recorded[T any](table map[string]T, pipeline string, versions []string, of func(T) record) []T {
	found := []T{}
	for _, v := range table {
		if r := of(v); r.pipeline == pipeline && (len(versions) == 0 || slices.Contains(versions, r.version)) {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b T) int {
		return cmp.Or(of(a).at.Compare(of(b).at), cmp.Compare(of(a).id, of(b).id))
	})
	return found
}

func (p *memoryPages) Environment(_ context.Context, name string) (delivery.EnvironmentSpec, error) {
	return one(p.environments, name, fmt.Sprintf("environment %q", name))
}

func (p *memoryPages) Environments(_ context.Context, names ...string) ([]delivery.EnvironmentSpec, error) {
	found := []delivery.EnvironmentSpec{}
	for _, name := range sortedKeys(p.environments) {
		if len(names) == 0 || slices.Contains(names, name) {
			found = append(found, p.environments[name])
		}
	}
	return found, nil
}

func (p *memoryPages) Replicas(_ context.Context, of string) ([]string, error) {
	found := []string{}
	for _, name := range sortedKeys(p.environments) {
		if of != "" && p.environments[name].ReplicaOf == of {
			found = append(found, name)
		}
	}
	return found, nil
}

func (p *memoryPages) Pipeline(_ context.Context, name string) (delivery.PipelineSpec, error) {
	return one(p.pipelines, name, fmt.Sprintf("pipeline %q", name))
}

func (p *memoryPages) Pipelines(context.Context) ([]delivery.PipelineSpec, error) {
	return declared(p.pipelines), nil
}

func (p *memoryPages) Release(_ context.Context, pipeline, version string) (delivery.Release, error) {
	return one(p.releases, [2]string{pipeline, version}, fmt.Sprintf("release %q", pipeline+"/"+version))
}

func (p *memoryPages) Releases(_ context.Context, pipeline string, versions ...string) ([]delivery.Release, error) {
	found := []delivery.Release{}
	for key, r := range p.releases {
		if key[0] == pipeline && (len(versions) == 0 || slices.Contains(versions, key[1])) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b delivery.Release) int { return cmp.Compare(a.Spec.Version, b.Spec.Version) })
	return found, nil
}

func (p *memoryPages) Promotion(_ context.Context, pipeline, stage string) (delivery.Promotion, error) {
	return one(p.promotions, [2]string{pipeline, stage}, fmt.Sprintf("promotion %q", pipeline+"/"+stage))
}

func (p *memoryPages) Promotions(_ context.Context, pipeline string) ([]delivery.Promotion, error) {
	found := []delivery.Promotion{}
	for key, one := range p.promotions {
		if key[0] == pipeline {
			found = append(found, one)
		}
	}
	slices.SortFunc(found, func(a, b delivery.Promotion) int { return cmp.Compare(a.Spec.Stage, b.Spec.Stage) })
	return found, nil
}

func (p *memoryPages) Approval(_ context.Context, id string) (delivery.Approval, error) {
	return one(p.approvals, id, fmt.Sprintf("approval %q", id))
}

func (p *memoryPages) Approvals(_ context.Context, pipeline string, versions ...string) ([]delivery.Approval, error) {
	return recorded(p.approvals, pipeline, versions, func(a delivery.Approval) record {
		return record{a.ID, a.Spec.Pipeline, a.Spec.Version, a.DecidedAt}
	}), nil
}

func (p *memoryPages) Deployment(_ context.Context, id string) (delivery.Deployment, error) {
	for _, d := range p.deployments {
		if d.ID == id {
			return d, nil
		}
	}
	return delivery.Deployment{}, delivery.Errorf(delivery.CodeNotFound, "deployment %q does not exist", id)
}

func (p *memoryPages) Deployments(_ context.Context, f store.DeploymentFilter) ([]delivery.Deployment, error) {
	is := func(wanted, value string) bool { return wanted == "" || wanted == value }
	found := []delivery.Deployment{}
	for _, d := range p.deployments {
		if is(f.Pipeline, d.Pipeline) && is(f.Environment, d.Environment) && is(f.Version, d.Content.Version) && is(string(f.Status), string(d.Status)) {
			found = append(found, d)
		}
	}
	if f.Newest > 0 && len(found) > f.Newest {
		found = found[len(found)-f.Newest:]
	}
	return found, nil
}

// DecisionHistory gives no more than the contract asks for, so that a decision that needs more is found out.
func (p *memoryPages) DecisionHistory(_ context.Context, pipeline string, versions ...string) ([]delivery.Deployment, error) {
	wanted, rollouts := map[int64]bool{}, map[string]bool{}
	seen, standing, ever := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, d := range slices.Backward(p.deployments) {
		if d.Pipeline != pipeline {
			continue
		}
		if slices.Contains(versions, d.Content.Version) {
			wanted[d.Seq] = true
		}
		if !seen[d.Environment] {
			seen[d.Environment], wanted[d.Seq] = true, true
			rollouts[d.Rollout] = d.Rollout != ""
		}
		if d.Status == delivery.Verified && !standing[d.Environment] {
			standing[d.Environment], wanted[d.Seq] = true, true
		}
		if d.VerifiedAt != nil && ever[d.Environment] < 2 {
			ever[d.Environment]++
			wanted[d.Seq] = true
		}
	}
	found := []delivery.Deployment{}
	for _, d := range p.deployments {
		if d.Pipeline == pipeline && (wanted[d.Seq] || rollouts[d.Rollout]) {
			found = append(found, d)
		}
	}
	return found, nil
}

func (p *memoryPages) Events(_ context.Context, after int64, limit int) ([]delivery.Event, error) {
	found := []delivery.Event{}
	for _, e := range p.events {
		if len(found) < limit && e.Seq > after {
			found = append(found, e)
		}
	}
	return found, nil
}
