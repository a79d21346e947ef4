package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// OverridePath is part of the inputs that name an override.
type OverridePath struct {
	ID string `path:"id"`
}

func (s *server) overrides() {
	answer(s, route{"override", "add-override", "Skip gates of a stage for one release, until a moment", http.MethodPost, api.PathOverrides},
		func(ctx context.Context, in *struct {
			By
			Body delivery.OverrideSpec
		}) (delivery.Override, error) {
			return s.engine.AddOverride(ctx, in.Actor, in.Body)
		})

	answer(s, route{"override", "get-override", "Read an override", http.MethodGet, api.PathOverride},
		func(ctx context.Context, in *OverridePath) (delivery.Override, error) {
			return s.engine.Override(ctx, in.ID)
		})

	act(s, route{"override", "revoke-override", "Take an override back; its record stays", http.MethodDelete, api.PathOverride},
		func(ctx context.Context, in *struct {
			By
			OverridePath
		}) error {
			return s.engine.RevokeOverride(ctx, in.Actor, in.ID)
		})
}
