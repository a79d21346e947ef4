package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// ApprovalPath is part of the inputs that name an approval.
type ApprovalPath struct {
	ID string `path:"id"`
}

func (s *server) approvals() {
	answer(s, route{"approval", "add-approval", "Record a decision on a release entering a stage", http.MethodPost, api.PathApprovals},
		func(ctx context.Context, in *struct {
			By
			Body delivery.ApprovalSpec
		}) (delivery.Approval, error) {
			return s.engine.AddApproval(ctx, in.Actor, in.Body)
		})

	answer(s, route{"approval", "get-approval", "Read a decision", http.MethodGet, api.PathApproval},
		func(ctx context.Context, in *ApprovalPath) (delivery.Approval, error) {
			return s.engine.Approval(ctx, in.ID)
		})

	act(s, route{"approval", "revoke-approval", "Take a decision back; its record stays", http.MethodDelete, api.PathApproval},
		func(ctx context.Context, in *struct {
			By
			ApprovalPath
		}) error {
			return s.engine.RevokeApproval(ctx, in.Actor, in.ID)
		})

	answer(s, route{"approval", "get-approval-request", "Read what an approver is asked to sign, as of now", http.MethodGet, api.PathApprovalRequest},
		func(ctx context.Context, in *struct {
			ReleasePath
			Stage    string                    `path:"stage"`
			Decision delivery.ApprovalDecision `query:"decision" doc:"What the approver means to say: approve or reject."`
		}) (api.ApprovalRequest, error) {
			r, err := s.engine.ApprovalRequest(ctx, in.Pipeline, in.Version, in.Stage, in.Decision)
			return api.ApprovalRequestOf(r), err
		})
}
