package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Events lists the events that follow the one numbered after, oldest first. limit 0 means api.DefaultLimit, and api.MaxLimit is
// the most.
func (c *Client) Events(ctx context.Context, after int64, limit int) ([]delivery.Event, error) {
	query := url.Values{}
	if after != 0 {
		query.Set("after", strconv.FormatInt(after, 10))
	}
	setLimit(query, limit)
	return get[[]delivery.Event](ctx, c, api.PathEvents, query)
}
