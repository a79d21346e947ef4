package control

import (
	"context"
	"reflect"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Policy returns a policy.
func (c *Control) Policy(ctx context.Context, name string) (found delivery.PolicySpec, err error) {
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		found, err = r.Policy(ctx, name)
		return err
	})
	return found, err
}

// PutPolicy declares a policy. It holds at once, also for releases that already wait.
func (c *Control) PutPolicy(ctx context.Context, actor string, spec delivery.PolicySpec) (delivery.PolicySpec, error) {
	if err := spec.Validate().Err(); err != nil {
		return spec, err
	}
	return spec, c.journal.Change(ctx, actor, delivery.EventPolicyRefused, spec.Name, func(tx store.Tx) ([]journal.Entry, error) {
		before, err := tx.Policy(ctx, spec.Name)
		if err != nil && !delivery.IsNotFound(err) {
			return nil, err
		}
		if err == nil && reflect.DeepEqual(before, spec) {
			return nil, nil
		}
		return journal.One(delivery.EventPolicyDeclared, spec.Name, spec), tx.PutPolicy(ctx, spec)
	})
}

// DeletePolicy removes a policy; its removal is in the event log for good.
func (c *Control) DeletePolicy(ctx context.Context, actor, name string) error {
	return c.journal.Change(ctx, actor, delivery.EventPolicyRefused, name, func(tx store.Tx) ([]journal.Entry, error) {
		spec, err := tx.Policy(ctx, name)
		if err != nil {
			return nil, err
		}
		return journal.One(delivery.EventPolicyDeleted, name, spec), tx.DeletePolicy(ctx, name)
	})
}
