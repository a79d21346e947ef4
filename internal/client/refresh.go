package client

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Refresh looks at what pipelines run, records it, and says where everything of them stands. What is read of them afterwards tells what was
// seen: reading alone looks at nothing. A pipeline that does not exist has no answer.
func (c *Client) Refresh(ctx context.Context, r delivery.RefreshRequest) ([]delivery.PipelineState, error) {
	return ask[[]delivery.PipelineState](ctx, c, api.PathRefresh, r)
}
