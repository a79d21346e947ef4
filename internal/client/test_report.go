package client

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// TestReport reads one report; not_found when there is none, or it was withdrawn.
func (c *Client) TestReport(ctx context.Context, id string) (delivery.TestReport, error) {
	return get[delivery.TestReport](ctx, c, api.Fill(api.PathTestReport, id), nil)
}

// AddTestReport records what a JUnit text says about a release; invalid when it cannot be read, and then nothing is recorded.
func (c *Client) AddTestReport(ctx context.Context, r delivery.TestReportRequest) (delivery.TestReport, error) {
	return post[delivery.TestReport](ctx, c, api.PathTestReports, r)
}

// WithdrawTestReport withdraws a report; not_found when there is none, or it was withdrawn already.
func (c *Client) WithdrawTestReport(ctx context.Context, id string) error {
	return c.delete(ctx, api.Fill(api.PathTestReport, id))
}
