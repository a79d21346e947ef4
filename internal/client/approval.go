package client

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Approval reads one decision; not_found when there is none.
func (c *Client) Approval(ctx context.Context, id string) (delivery.Approval, error) {
	return get[delivery.Approval](ctx, c, api.Fill(api.PathApproval, id), nil)
}

// AddApproval records a decision.
func (c *Client) AddApproval(ctx context.Context, spec delivery.ApprovalSpec) (delivery.Approval, error) {
	return post[delivery.Approval](ctx, c, api.PathApprovals, spec)
}

// RevokeApproval takes a decision back; not_found when there is none.
func (c *Client) RevokeApproval(ctx context.Context, id string) error {
	return c.delete(ctx, api.Fill(api.PathApproval, id))
}
