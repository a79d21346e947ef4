package worker

import (
	"context"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// deployedAsVerified is a ledger that takes for verified what was only deployed.
type deployedAsVerified struct{ store.Store }

type credulousTx struct{ store.Tx }

func (s deployedAsVerified) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return f(credulousTx{tx}) })
}

func (tx credulousTx) PutDeployment(ctx context.Context, d delivery.Deployment) error {
	if d.Status == delivery.Failed {
		d.Status, d.VerifiedAt = delivery.Verified, d.SettledAt
	}
	return tx.Tx.PutDeployment(ctx, d)
}

// trusting is a ledger that takes for verified what a verification refused.
type trusting struct{ store.Store }

type trustingTx struct{ store.Tx }

func (s trusting) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return f(trustingTx{tx}) })
}

func (tx trustingTx) PutDeployment(ctx context.Context, d delivery.Deployment) error {
	if d.Status == delivery.Failed && d.External() {
		d.Status, d.VerifiedAt = delivery.Verified, d.SettledAt
	}
	return tx.Tx.PutDeployment(ctx, d)
}

// forgetful is a ledger that lets a version be registered again.
type forgetful struct{ store.Store }

type forgetfulTx struct{ store.Tx }

func (s forgetful) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return f(forgetfulTx{tx}) })
}

func (tx forgetfulTx) Release(_ context.Context, pipeline, version string) (delivery.Release, error) {
	return delivery.Release{}, delivery.Errorf(delivery.CodeNotFound, "release %s/%s does not exist", pipeline, version)
}

func (tx forgetfulTx) PutRelease(ctx context.Context, r delivery.Release) error {
	if p, ok := tx.Tx.(*memoryPages); ok {
		delete(p.releases, [2]string{r.Spec.Pipeline, r.Spec.Version})
	}
	return tx.Tx.PutRelease(ctx, r)
}

// unforgetting is a ledger that does not know that a report was withdrawn, or an override revoked.
type unforgetting struct{ store.Store }

type unforgettingTx struct{ store.Tx }

func (s unforgetting) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return f(unforgettingTx{tx}) })
}

func (tx unforgettingTx) WithdrawTestReport(context.Context, string, time.Time) error { return nil }

func (tx unforgettingTx) RevokeOverride(context.Context, string, time.Time) error { return nil }

// agreeable is a ledger that takes every decision for an approval when it is about to change.
type agreeable struct{ store.Store }

type agreeableTx struct{ store.Tx }

func (s agreeable) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return f(agreeableTx{tx}) })
}

func (tx agreeableTx) Approval(ctx context.Context, id string) (delivery.Approval, error) {
	a, err := tx.Tx.Approval(ctx, id)
	a.Spec.Decision = delivery.Approve
	return a, err
}

// silent is a ledger that loses one kind of event.
type silent struct {
	store.Store
	kind delivery.EventKind
}

type silentTx struct {
	store.Tx
	kind delivery.EventKind
}

func (s silent) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return f(silentTx{tx, s.kind}) })
}

func (tx silentTx) AppendEvents(ctx context.Context, events ...delivery.Event) ([]delivery.Event, error) {
	return tx.Tx.AppendEvents(ctx, slices.DeleteFunc(events, func(e delivery.Event) bool { return e.Kind == tx.kind })...)
}
