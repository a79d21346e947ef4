package client

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Freeze reads one freeze; not_found when there is none.
func (c *Client) Freeze(ctx context.Context, name string) (delivery.FreezeSpec, error) {
	return get[delivery.FreezeSpec](ctx, c, api.Fill(api.PathFreeze, name), nil)
}

// PutFreeze declares a freeze: it is created, or changed to be as declared. It holds at once, also for releases that already wait.
func (c *Client) PutFreeze(ctx context.Context, spec delivery.FreezeSpec) (delivery.FreezeSpec, error) {
	return put[delivery.FreezeSpec](ctx, c, api.Fill(api.PathFreeze, spec.Name), spec)
}

// DeleteFreeze ends a freeze; not_found when there is none.
func (c *Client) DeleteFreeze(ctx context.Context, name string) error {
	return c.delete(ctx, api.Fill(api.PathFreeze, name))
}
