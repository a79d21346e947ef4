package control

import (
	"context"
	"reflect"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Freeze returns a freeze.
func (c *Control) Freeze(ctx context.Context, name string) (found delivery.FreezeSpec, err error) {
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		found, err = r.Freeze(ctx, name)
		return err
	})
	return found, err
}

// PutFreeze declares a freeze. It holds at once, also for releases that already wait.
func (c *Control) PutFreeze(ctx context.Context, actor string, spec delivery.FreezeSpec) (delivery.FreezeSpec, error) {
	if err := spec.Validate().Err(); err != nil {
		return spec, err
	}
	return spec, c.journal.Change(ctx, actor, delivery.EventFreezeRefused, spec.Name, func(tx store.Tx) ([]journal.Entry, error) {
		before, err := tx.Freeze(ctx, spec.Name)
		if err != nil && !delivery.IsNotFound(err) {
			return nil, err
		}
		if err == nil && reflect.DeepEqual(before, spec) {
			return nil, nil
		}
		return journal.One(delivery.EventFreezeDeclared, spec.Name, spec), tx.PutFreeze(ctx, spec)
	})
}

// DeleteFreeze ends a freeze.
func (c *Control) DeleteFreeze(ctx context.Context, actor, name string) error {
	return c.journal.Change(ctx, actor, delivery.EventFreezeRefused, name, func(tx store.Tx) ([]journal.Entry, error) {
		spec, err := tx.Freeze(ctx, name)
		if err != nil {
			return nil, err
		}
		return journal.One(delivery.EventFreezeDeleted, name, spec), tx.DeleteFreeze(ctx, name)
	})
}
