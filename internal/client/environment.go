package client

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Environment reads one environment; not_found when there is none.
func (c *Client) Environment(ctx context.Context, name string) (delivery.Environment, error) {
	return get[delivery.Environment](ctx, c, api.Fill(api.PathEnvironment, name), nil)
}

// Environments lists all environments, sorted by name.
func (c *Client) Environments(ctx context.Context) ([]delivery.Environment, error) {
	return get[[]delivery.Environment](ctx, c, api.PathEnvironments, nil)
}

// PutEnvironment declares an environment: it is created, or changed to be as declared.
func (c *Client) PutEnvironment(ctx context.Context, spec delivery.EnvironmentSpec) (delivery.Environment, error) {
	return put[delivery.Environment](ctx, c, api.Fill(api.PathEnvironment, spec.Name), spec)
}

// DeleteEnvironment stops managing an environment; not_found when there is none, conflict while something needs it.
func (c *Client) DeleteEnvironment(ctx context.Context, name string) error {
	return c.delete(ctx, api.Fill(api.PathEnvironment, name))
}
