package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Deployed reads what a pipeline runs in one environment.
func (c *Client) Deployed(ctx context.Context, pipeline, environment string) (delivery.Deployed, error) {
	return get[delivery.Deployed](ctx, c, api.Fill(api.PathDeployed, pipeline, environment), nil)
}

// Deployments lists the newest deployments of a pipeline. An empty environment or version matches all; limit 0 means
// api.DefaultLimit, and api.MaxLimit is the most.
func (c *Client) Deployments(ctx context.Context, pipeline, environment, version string, limit int) ([]delivery.Deployment, error) {
	query := url.Values{}
	set(query, "environment", environment)
	set(query, "version", version)
	setLimit(query, limit)
	return get[[]delivery.Deployment](ctx, c, api.Fill(api.PathDeployments, pipeline), query)
}

func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

func setLimit(query url.Values, limit int) {
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
}
