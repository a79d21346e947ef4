package client

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Pipeline reads one pipeline; not_found when there is none.
func (c *Client) Pipeline(ctx context.Context, name string) (delivery.Pipeline, error) {
	return get[delivery.Pipeline](ctx, c, api.Fill(api.PathPipeline, name), nil)
}

// Pipelines lists all pipelines, sorted by name.
func (c *Client) Pipelines(ctx context.Context) ([]delivery.Pipeline, error) {
	return get[[]delivery.Pipeline](ctx, c, api.PathPipelines, nil)
}

// PutPipeline declares a pipeline: it is created, or changed to be as declared.
func (c *Client) PutPipeline(ctx context.Context, spec delivery.PipelineSpec) (delivery.Pipeline, error) {
	return put[delivery.Pipeline](ctx, c, api.Fill(api.PathPipeline, spec.Name), spec)
}

// DeletePipeline stops managing a pipeline; not_found when there is none, conflict while something needs it.
func (c *Client) DeletePipeline(ctx context.Context, name string) error {
	return c.delete(ctx, api.Fill(api.PathPipeline, name))
}
