package client

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Override reads one override; not_found when there is none, or it was revoked.
func (c *Client) Override(ctx context.Context, id string) (delivery.Override, error) {
	return get[delivery.Override](ctx, c, api.Fill(api.PathOverride, id), nil)
}

// AddOverride skips gates of one stage for one release, until the override expires; invalid when the stage does not let them be
// skipped.
func (c *Client) AddOverride(ctx context.Context, spec delivery.OverrideSpec) (delivery.Override, error) {
	return post[delivery.Override](ctx, c, api.PathOverrides, spec)
}

// RevokeOverride takes an override back; not_found when there is none, or it was revoked already.
func (c *Client) RevokeOverride(ctx context.Context, id string) error {
	return c.delete(ctx, api.Fill(api.PathOverride, id))
}
