package client

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Policy reads one policy; not_found when there is none.
func (c *Client) Policy(ctx context.Context, name string) (delivery.PolicySpec, error) {
	return get[delivery.PolicySpec](ctx, c, api.Fill(api.PathPolicy, name), nil)
}

// PutPolicy declares a policy: it is created, or changed to be as declared. It holds at once, also for releases that already wait.
func (c *Client) PutPolicy(ctx context.Context, spec delivery.PolicySpec) (delivery.PolicySpec, error) {
	return put[delivery.PolicySpec](ctx, c, api.Fill(api.PathPolicy, spec.Name), spec)
}

// DeletePolicy removes a policy; not_found when there is none.
func (c *Client) DeletePolicy(ctx context.Context, name string) error {
	return c.delete(ctx, api.Fill(api.PathPolicy, name))
}
