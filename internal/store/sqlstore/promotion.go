package sqlstore

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Promotion implements store.Reader.
func (r *reader) Promotion(ctx context.Context, pipeline, stage string) (delivery.Promotion, error) {
	return document[delivery.Promotion](ctx, r, "promotions", fmt.Sprintf("promotion %q", pipeline+"/"+stage),
		`SELECT pipeline || '/' || stage, document FROM promotions WHERE pipeline = $1 AND stage = $2`, pipeline, stage)
}

// Promotions implements store.Reader. They are sorted by stage.
func (r *reader) Promotions(ctx context.Context, pipeline string) ([]delivery.Promotion, error) {
	return documents[delivery.Promotion](ctx, r, "promotions",
		`SELECT pipeline || '/' || stage, document FROM promotions WHERE pipeline = $1 ORDER BY stage`, pipeline)
}

// PutPromotion implements store.Tx.
func (w *writer) PutPromotion(ctx context.Context, promotion delivery.Promotion) error {
	promotion.RequestedAt = moment(promotion.RequestedAt)
	text, err := encode(promotion)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, `INSERT INTO promotions (pipeline, stage, document) VALUES ($1, $2, $3)
		ON CONFLICT (pipeline, stage) DO UPDATE SET document = excluded.document`,
		promotion.Spec.Pipeline, promotion.Spec.Stage, text)
	return err
}
