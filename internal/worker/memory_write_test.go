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

func (p *memoryPages) PutEnvironment(_ context.Context, spec delivery.EnvironmentSpec) error {
	if p.over {
		return errOver
	}
	p.environments[spec.Name] = again(spec)
	return nil
}

func (p *memoryPages) DeleteEnvironment(ctx context.Context, name string) error {
	if p.over {
		return errOver
	}
	_, err := p.Environment(ctx, name)
	delete(p.environments, name)
	return err
}

func (p *memoryPages) PutPipeline(_ context.Context, spec delivery.PipelineSpec) error {
	if p.over {
		return errOver
	}
	p.pipelines[spec.Name] = again(spec)
	return nil
}

func (p *memoryPages) DeletePipeline(ctx context.Context, name string) error {
	if p.over {
		return errOver
	}
	_, err := p.Pipeline(ctx, name)
	delete(p.pipelines, name)
	return err
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

func (p *memoryPages) AddApproval(ctx context.Context, a delivery.Approval) error {
	if p.over {
		return errOver
	}
	if _, err := p.Approval(ctx, a.ID); err == nil {
		return delivery.Errorf(delivery.CodeConflict, "approval %q is recorded already", a.ID)
	}
	a = again(a)
	a.Status, a.DecidedAt = "", moment(a.DecidedAt)
	p.approvals = append(p.approvals, a)
	return nil
}

func (p *memoryPages) RevokeApproval(ctx context.Context, id string, at time.Time) error {
	if p.over {
		return errOver
	}
	if _, err := p.Approval(ctx, id); err != nil {
		return err
	}
	i := slices.IndexFunc(p.approvals, func(a delivery.Approval) bool { return a.ID == id })
	if at = moment(at); p.approvals[i].RevokedAt == nil {
		p.approvals[i].RevokedAt = &at
	}
	return nil
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

func (p *memoryPages) AppendEvent(_ context.Context, e delivery.Event) (delivery.Event, error) {
	if p.over {
		return delivery.Event{}, errOver
	}
	if len(e.Data) > 0 && !json.Valid(e.Data) {
		return delivery.Event{}, delivery.Errorf(delivery.CodeInternal, "the data of event %s is not JSON", e.Kind)
	}
	previous := ""
	if n := len(p.events); n > 0 {
		previous = p.events[n-1].Hash
	}
	if len(e.Data) == 0 {
		e.Data = nil
	}
	e.Data = slices.Clone(e.Data)
	e = e.Sealed(int64(len(p.events))+1, previous)
	p.events = append(p.events, e)
	return e, nil
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
