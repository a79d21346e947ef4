package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var approvalQuery = keyedQuery("approvals", `CAST($1 AS TEXT)`, `t.id = $1`)

// Approval implements store.Reader.
func (r *reader) Approval(ctx context.Context, id string) (delivery.Approval, error) {
	return document[delivery.Approval](ctx, r, fmt.Sprintf("approval %q", id), approvalQuery, id)
}

// Approvals implements store.Reader.
func (r *reader) Approvals(ctx context.Context, pipeline string, versions ...string) ([]delivery.Approval, error) {
	query, args := r.ledger.byRelease("approvals", "decided_at", pipeline, versions)
	return documents[delivery.Approval](ctx, r, query, args...)
}

// AddApproval implements store.Tx.
func (w *writer) AddApproval(ctx context.Context, approval delivery.Approval) error {
	approval.DecidedAt, approval.RevokedAt = moment(approval.DecidedAt), momentOf(approval.RevokedAt)
	approval.Status = "" // it depends on the moment of reading
	text, err := encode(approval)
	if err != nil {
		return err
	}
	n, err := w.exec(ctx, `INSERT INTO approvals (id, pipeline, version, decided_at, document) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO NOTHING`,
		approval.ID, approval.Spec.Pipeline, approval.Spec.Version, approval.DecidedAt.UnixMicro(), text)
	if err == nil && n == 0 {
		return delivery.Errorf(delivery.CodeConflict, "approval %q is recorded already, and a decision never changes", approval.ID)
	}
	w.wrote("approvals", approval.ID, text)
	return err
}

// RevokeApproval implements store.Tx.
func (w *writer) RevokeApproval(ctx context.Context, id string, at time.Time) error {
	approval, err := w.Approval(ctx, id)
	if err != nil || approval.RevokedAt != nil {
		return err
	}
	approval.RevokedAt = momentOf(&at)
	text, err := encode(approval)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `UPDATE approvals SET document = $2 WHERE id = $1`, id, text)
	w.wrote("approvals", id, text)
	return err
}
