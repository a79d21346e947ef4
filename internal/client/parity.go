package client

import (
	"context"
	"net/url"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Parity compares an environment with another one.
func (c *Client) Parity(ctx context.Context, q delivery.ParityQuery) (delivery.ParityResult, error) {
	query := url.Values{}
	set(query, "with", q.With)
	set(query, "pipeline", q.Pipeline)
	set(query, "source", string(q.Source))
	return get[delivery.ParityResult](ctx, c, api.Fill(api.PathParity, q.Environment), query)
}
