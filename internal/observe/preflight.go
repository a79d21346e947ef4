package observe

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// Preflight asks the driver of a deployment whether it would find the artifacts, if it is a driver that can tell.
func (o *Observer) Preflight(ctx context.Context, d delivery.Deployment) error {
	by, ok := o.Drivers[d.Content.Target.Kind()].(driver.Preflighter)
	if !ok {
		return nil
	}
	return by.Preflight(ctx, Request(delivery.Ledger{}, d, Confidential{}))
}

// Claimed asks the driver of a deployment whether the place belongs to another ledger, if it is a driver that can tell.
func (o *Observer) Claimed(ctx context.Context, ledger delivery.Ledger, d delivery.Deployment) error {
	by, ok := o.Drivers[d.Content.Target.Kind()].(driver.Claimer)
	if !ok {
		return nil
	}
	return by.Claimed(ctx, Request(ledger, d, Confidential{}))
}
