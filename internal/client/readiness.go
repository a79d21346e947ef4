package client

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Readiness runs the checks of a stage's gates, and says whether a release could enter the stage at a moment; the zero time means now.
func (c *Client) Readiness(ctx context.Context, pipeline, version, stage string, at time.Time) (delivery.Readiness, error) {
	return ask[delivery.Readiness](ctx, c, api.Fill(api.PathReadiness, pipeline, version, stage), api.ReadinessRequest{At: at})
}
