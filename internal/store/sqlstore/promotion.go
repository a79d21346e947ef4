package sqlstore

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var (
	promotionQuery  = keyedQuery("promotions", `CAST($1 AS TEXT) || '/' || CAST($2 AS TEXT)`, `t.pipeline = $1 AND t.stage = $2`)
	promotionsQuery = rowsFrom(tableNamed("promotions"), "0", `WHERE t.pipeline = $1`) + ` UNION ALL ` + absentOfAll(tableNamed("promotions"), true)
)

// Promotion implements store.Reader.
func (r *reader) Promotion(ctx context.Context, pipeline, stage string) (delivery.Promotion, error) {
	return document[delivery.Promotion](ctx, r, fmt.Sprintf("promotion %q", pipeline+"/"+stage), promotionQuery, pipeline, stage)
}

// Promotions implements store.Reader. They are sorted by stage.
func (r *reader) Promotions(ctx context.Context, pipeline string) ([]delivery.Promotion, error) {
	return documents[delivery.Promotion](ctx, r, promotionsQuery, pipeline)
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
	w.wrote("promotions", promotion.Spec.Pipeline+"/"+promotion.Spec.Stage, text)
	return err
}
