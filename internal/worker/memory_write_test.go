package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// errOver keeps a transaction that was kept after its end from writing.
var errOver = delivery.Errorf(delivery.CodeInternal, "the transaction has ended")

// declare writes a declaration.
func declare[T any](p *memoryPages, table map[string]T, name string, spec T) error {
	if p.over {
		return errOver
	}
	table[name] = again(spec)
	return nil
}

// remove deletes a declaration, which must exist.
func remove[T any](p *memoryPages, table map[string]T, name, what string) error {
	if p.over {
		return errOver
	}
	_, err := one(table, name, fmt.Sprintf("%s %q", what, name))
	delete(table, name)
	return err
}

// add writes a record, of which there must be none yet.
func add[T any](p *memoryPages, table map[string]T, id, what string, v T) error {
	if p.over {
		return errOver
	}
	if _, ok := table[id]; ok {
		return delivery.Errorf(delivery.CodeConflict, "%s %q is recorded already", what, id)
	}
	table[id] = again(v)
	return nil
}

// end writes when a record stopped being valid, unless that is written already. ended returns where.
func end[T any](p *memoryPages, table map[string]T, id, what string, at time.Time, ended func(*T) **time.Time) error {
	if p.over {
		return errOver
	}
	v, err := one(table, id, fmt.Sprintf("%s %q", what, id))
	if err != nil || *ended(&v) != nil {
		return err
	}
	at = moment(at)
	*ended(&v) = &at
	table[id] = v
	return nil
}

func (p *memoryPages) PutEnvironment(_ context.Context, spec delivery.EnvironmentSpec) error {
	return declare(p, p.environments, spec.Name, spec)
}

func (p *memoryPages) DeleteEnvironment(_ context.Context, name string) error {
	return remove(p, p.environments, name, "environment")
}

func (p *memoryPages) PutPipeline(_ context.Context, spec delivery.PipelineSpec) error {
	return declare(p, p.pipelines, spec.Name, spec)
}

func (p *memoryPages) DeletePipeline(_ context.Context, name string) error {
	return remove(p, p.pipelines, name, "pipeline")
}

func (p *memoryPages) PutRelease(_ context.Context, release delivery.Release) error {
	if p.over {
		return errOver
	}
	key := [2]string{release.Spec.Pipeline, release.Spec.Version}
	held, ok := p.releases[key]
	switch {
	case !ok:
		held = again(release)
		held.RegisteredAt = moment(release.RegisteredAt)
	case held.Digest != release.Digest:
		return delivery.Errorf(delivery.CodeConflict, "release %s exists with other content", release.Spec.ID())
	}
	held.Attempt, held.Retired = release.Attempt, release.Retired
	p.releases[key] = held
	return nil
}

func (p *memoryPages) PutPromotion(_ context.Context, promotion delivery.Promotion) error {
	if p.over {
		return errOver
	}
	promotion.RequestedAt = moment(promotion.RequestedAt)
	p.promotions[[2]string{promotion.Spec.Pipeline, promotion.Spec.Stage}] = promotion
	return nil
}

func (p *memoryPages) AddApproval(_ context.Context, a delivery.Approval) error {
	a.Status, a.DecidedAt = "", moment(a.DecidedAt)
	return add(p, p.approvals, a.ID, "approval", a)
}

func (p *memoryPages) RevokeApproval(_ context.Context, id string, at time.Time) error {
	return end(p, p.approvals, id, "approval", at, func(a *delivery.Approval) **time.Time { return &a.RevokedAt })
}

func (p *memoryPages) AddDeployment(ctx context.Context, d delivery.Deployment) (delivery.Deployment, error) {
	if p.over {
		return delivery.Deployment{}, errOver
	}
	if _, err := p.Deployment(ctx, d.ID); err == nil {
		return delivery.Deployment{}, delivery.Errorf(delivery.CodeConflict, "deployment %q is recorded already", d.ID)
	}
	if err := p.refuseSecond(d); err != nil {
		return delivery.Deployment{}, err
	}
	d.Seq = int64(len(p.deployments)) + 1
	d = stored(d)
	p.deployments = append(p.deployments, d)
	return d, nil
}

func (p *memoryPages) refuseSecond(d delivery.Deployment) error {
	for _, o := range p.deployments {
		if d.InFlight() && o.InFlight() && o.ID != d.ID && o.Pipeline == d.Pipeline && o.Environment == d.Environment {
			return delivery.Errorf(delivery.CodeConflict, "deployment %s is in flight", o.ID)
		}
	}
	return nil
}

// stored gives the deployment with its times as they are read back.
func stored(d delivery.Deployment) delivery.Deployment {
	d = again(d)
	d.CreatedAt = moment(d.CreatedAt)
	for _, at := range []*time.Time{d.VerifiedAt, d.SettledAt} {
		if at != nil {
			*at = moment(*at)
		}
	}
	for i := range d.Gates {
		if at := d.Gates[i].ReadyAt; at != nil {
			*at = moment(*at)
		}
	}
	return d
}

func (p *memoryPages) PutDeployment(ctx context.Context, d delivery.Deployment) error {
	if p.over {
		return errOver
	}
	held, err := p.Deployment(ctx, d.ID)
	if err != nil {
		return err
	}
	d = stored(d)
	if held.Seq != d.Seq || held.Pipeline != d.Pipeline || held.Environment != d.Environment || !reflect.DeepEqual(held.Content, d.Content) {
		return delivery.Errorf(delivery.CodeConflict, "deployment %q: its number, pipeline, environment and content never change", d.ID)
	}
	if held.Stage != d.Stage || held.Kind != d.Kind || held.Rollout != d.Rollout || !held.CreatedAt.Equal(d.CreatedAt) {
		return delivery.Errorf(delivery.CodeConflict, "deployment %q: its stage, kind, rollout and when it was made never change", d.ID)
	}
	if err := p.refuseSecond(d); err != nil {
		return err
	}
	p.deployments[d.Seq-1] = d
	return nil
}

func (p *memoryPages) AppendEvents(ctx context.Context, events ...delivery.Event) ([]delivery.Event, error) {
	if p.over {
		return nil, errOver
	}
	for i, e := range events {
		if len(e.Data) > 0 && !json.Valid(e.Data) {
			return nil, delivery.Errorf(delivery.CodeInternal, "the data of event %s is not JSON", e.Kind)
		}
		e.Data = slices.Clone(e.Data)
		if len(e.Data) == 0 {
			e.Data = nil
		}
		end, err := p.Ledger(ctx)
		if err == nil {
			events[i], err = end.Next(e)
		}
		if err != nil {
			return nil, err
		}
		p.events = append(p.events, events[i])
	}
	return events, nil
}

func (p *memoryPages) AcquireLease(_ context.Context, key, holder string, now time.Time, ttl time.Duration) (store.Lease, error) {
	if p.over {
		return store.Lease{}, errOver
	}
	held := p.leases[key]
	if key == "" || holder == "" {
		return store.Lease{}, delivery.Errorf(delivery.CodeInternal, "a lease needs a key and a holder")
	}
	lease := store.Lease{Key: key, Holder: holder, Fence: held.Fence, Expires: moment(now.Add(ttl))}
	switch {
	case held.Holder == holder:
	case held.Holder != "" && now.Before(held.Expires):
		if held.Expires.After(lease.Expires) {
			held.Expires = lease.Expires
			p.leases[key] = held
		}
		return store.Lease{}, delivery.Errorf(delivery.CodeConflict, "%s holds the lease on %q until %s", held.Holder, key, held.Expires.Format(time.RFC3339))
	default:
		lease.Fence++
	}
	p.leases[key] = lease
	return lease, nil
}

func (p *memoryPages) CheckLease(_ context.Context, lease store.Lease) error {
	if p.over {
		return errOver
	}
	if held := p.leases[lease.Key]; held.Holder != lease.Holder || held.Fence != lease.Fence {
		return delivery.Errorf(delivery.CodeConflict, "%s no longer holds the lease on %q: %s", lease.Holder, lease.Key,
			fmt.Sprintf("%q took it over", held.Holder))
	}
	return nil
}

func (p *memoryPages) ReleaseLease(_ context.Context, lease store.Lease) error {
	if p.over {
		return errOver
	}
	if held := p.leases[lease.Key]; held.Holder == lease.Holder && held.Fence == lease.Fence {
		p.leases[lease.Key] = store.Lease{Key: lease.Key, Fence: held.Fence}
	}
	return nil
}
