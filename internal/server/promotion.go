package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// PromotionPath is part of the inputs that name a promotion.
type PromotionPath struct {
	PipelinePath
	Stage string `path:"stage"`
}

func (s *server) promotions() {
	answer(s, route{"promotion", "get-promotion", "Read a promotion and where it stands, or wait for it to finish", http.MethodGet, api.PathPromotion},
		func(ctx context.Context, in *struct {
			PromotionPath
			Version string `query:"version" doc:"The release whose work is waited for; the newest request's when left out."`
			Wait
		}) (delivery.PromotionState, error) {
			d, waits, err := in.duration()
			switch {
			case err != nil:
				return delivery.PromotionState{}, err
			case waits:
				return s.engine.WaitPromotion(ctx, in.Pipeline, in.Stage, in.Version, d)
			}
			return s.engine.Promotion(ctx, in.Pipeline, in.Stage)
		})

	answer(s, route{"promotion", "put-promotion", "Ask for a release in a stage and begin bringing it there, or wait for that to finish", http.MethodPut, api.PathPromotion},
		func(ctx context.Context, in *struct {
			By
			PromotionPath
			Wait
			Body delivery.PromotionSpec
		}) (delivery.PromotionState, error) {
			if err := sameAsPath(named{"pipeline", in.Pipeline, in.Body.Pipeline}, named{"stage", in.Stage, in.Body.Stage}); err != nil {
				return delivery.PromotionState{}, err
			}
			d, waits, err := in.duration()
			switch {
			case err != nil:
				return delivery.PromotionState{}, err
			case waits:
				return s.engine.PutPromotionAndWait(ctx, in.Actor, in.Body, d)
			}
			return s.engine.PutPromotion(ctx, in.Actor, in.Body)
		})

	act(s, route{"promotion", "delete-promotion", "Stop managing a promotion; what runs keeps running", http.MethodDelete, api.PathPromotion},
		func(ctx context.Context, in *struct {
			By
			PromotionPath
		}) error {
			return s.engine.DeletePromotion(ctx, in.Actor, in.Pipeline, in.Stage)
		})

	act(s, route{"promotion", "cancel-promotion", "Stop the work on a stage at its next safe point, and wait until it has stopped", http.MethodPost, api.PathCancel},
		func(ctx context.Context, in *struct {
			By
			PromotionPath
		}) error {
			return s.engine.Cancel(ctx, in.Pipeline, in.Stage)
		})
}
