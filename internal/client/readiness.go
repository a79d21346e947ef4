package client

import (
	"context"
	"net/url"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Readiness asks whether a release could enter a stage at a moment; the zero time means now.
func (c *Client) Readiness(ctx context.Context, pipeline, version, stage string, at time.Time) (delivery.Readiness, error) {
	query := url.Values{}
	if !at.IsZero() {
		query.Set("at", at.UTC().Format(time.RFC3339Nano))
	}
	return get[delivery.Readiness](ctx, c, api.Fill(api.PathReadiness, pipeline, version, stage), query)
}
