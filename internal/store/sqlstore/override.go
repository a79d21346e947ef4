package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var overrideQuery = keyedQuery("overrides", `CAST($1 AS TEXT)`, `t.id = $1`)

// Override implements store.Reader.
func (r *reader) Override(ctx context.Context, id string) (delivery.Override, error) {
	return document[delivery.Override](ctx, r, fmt.Sprintf("override %q", id), overrideQuery, id)
}

// Overrides implements store.Reader.
func (r *reader) Overrides(ctx context.Context, pipeline string, versions ...string) ([]delivery.Override, error) {
	query, args := r.ledger.byRelease("overrides", "created_at", pipeline, versions)
	return documents[delivery.Override](ctx, r, query, args...)
}

// AddOverride implements store.Tx.
func (w *writer) AddOverride(ctx context.Context, override delivery.Override) error {
	override.CreatedAt, override.RevokedAt = moment(override.CreatedAt), momentOf(override.RevokedAt)
	text, err := encode(override)
	if err != nil {
		return err
	}
	n, err := w.exec(ctx, `INSERT INTO overrides (id, pipeline, version, created_at, document) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO NOTHING`,
		override.ID, override.Spec.Pipeline, override.Spec.Version, override.CreatedAt.UnixMicro(), text)
	if err == nil && n == 0 {
		return delivery.Errorf(delivery.CodeConflict, "override %q is recorded already, and an override never changes", override.ID)
	}
	w.wrote("overrides", override.ID, text)
	return err
}

// RevokeOverride implements store.Tx.
func (w *writer) RevokeOverride(ctx context.Context, id string, at time.Time) error {
	override, err := w.Override(ctx, id)
	if err != nil || override.RevokedAt != nil {
		return err
	}
	override.RevokedAt = momentOf(&at)
	text, err := encode(override)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `UPDATE overrides SET document = $2 WHERE id = $1`, id, text)
	w.wrote("overrides", id, text)
	return err
}
