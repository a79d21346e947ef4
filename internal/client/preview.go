package client

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Preview asks what applying one declaration would do. A refusal is part of the answer, not an error.
func (c *Client) Preview(ctx context.Context, r delivery.PreviewRequest) (delivery.Preview, error) {
	return post[delivery.Preview](ctx, c, api.PathPreview, r)
}
