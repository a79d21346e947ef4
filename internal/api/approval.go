package api

import "github.com/delivery-as-code/terraform-provider-cd/internal/delivery"

// ApprovalRequest is what an approver is asked to sign, with the text to sign written out, so that any client can hand it to
// ssh-keygen.
type ApprovalRequest struct {
	delivery.ApprovalRequest

	Payload string `json:"payload"`
}

// ApprovalRequestOf writes the text of a request out.
func ApprovalRequestOf(r delivery.ApprovalRequest) ApprovalRequest {
	return ApprovalRequest{ApprovalRequest: r, Payload: r.Payload()}
}
