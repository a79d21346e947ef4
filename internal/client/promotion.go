package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Promotion reads what is wanted in a stage and where it stands; not_found when nobody declares it.
func (c *Client) Promotion(ctx context.Context, pipeline, stage string) (delivery.PromotionState, error) {
	return get[delivery.PromotionState](ctx, c, api.Fill(api.PathPromotion, pipeline, stage), nil)
}

// PutPromotion brings a release into a stage and on through the automatic stages after it. It returns once that has finished;
// what went wrong on the way is in the state's Work. When ctx ends first, the work is stopped and the error is ctx's.
func (c *Client) PutPromotion(ctx context.Context, spec delivery.PromotionSpec) (delivery.PromotionState, error) {
	path := api.Fill(api.PathPromotion, spec.Pipeline, spec.Stage)
	return finish(ctx, c, work[delivery.PromotionState]{
		what: "promotion " + spec.ID(),
		start: func(ctx context.Context, query url.Values) (delivery.PromotionState, error) {
			return fetch[delivery.PromotionState](ctx, c, http.MethodPut, path, query, spec)
		},
		look: func(ctx context.Context, query url.Values) (delivery.PromotionState, error) {
			query.Set("version", spec.Version) // another one may be asked for meanwhile
			return get[delivery.PromotionState](ctx, c, path, query)
		},
		finished: func(s delivery.PromotionState) bool { return s.Work.Finished },
		stop: func(ctx context.Context) error {
			return c.cancel(ctx, spec.Pipeline, spec.Stage)
		},
	})
}

// DeletePromotion stops managing a promotion: what runs keeps running. not_found when nobody declares it.
func (c *Client) DeletePromotion(ctx context.Context, pipeline, stage string) error {
	return c.delete(ctx, api.Fill(api.PathPromotion, pipeline, stage))
}
