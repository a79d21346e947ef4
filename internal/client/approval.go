package client

import (
	"context"
	"net/url"

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

// ApprovalRequest returns what an approver is asked to sign, as of now; not_found when there is no such release or stage. What
// the control plane calls its text must be the text made here of what was asked for: nobody is to sign anything else.
func (c *Client) ApprovalRequest(ctx context.Context, pipeline, version, stage, decision string) (delivery.ApprovalRequest, error) {
	path := api.Fill(api.PathApprovalRequest, pipeline, version, stage)
	a, err := get[api.ApprovalRequest](ctx, c, path, url.Values{"decision": {decision}})
	if err != nil {
		return delivery.ApprovalRequest{}, err
	}
	r := delivery.ApprovalRequest{Pipeline: pipeline, Version: version, Stage: stage, Decision: delivery.ApprovalDecision(decision),
		ContentDigest: a.ContentDigest, Ledger: a.Ledger, Summary: a.Summary, Round: a.Round}
	if r != a.ApprovalRequest || r.Payload() != a.Payload {
		return delivery.ApprovalRequest{}, delivery.Errors{delivery.Errorf(delivery.CodeInternal,
			"%s answered with something else to sign than was asked for; do not sign it, and check that the endpoint is the control plane's address and that both have the same version", c.shown)}
	}
	return r, nil
}
