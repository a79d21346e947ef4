package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// FreezePath is part of the inputs that name a freeze.
type FreezePath struct {
	Freeze string `path:"freeze"`
}

func (s *server) freezes() {
	answer(s, route{"freeze", "get-freeze", "Read a freeze", http.MethodGet, api.PathFreeze},
		func(ctx context.Context, in *FreezePath) (delivery.FreezeSpec, error) {
			return s.engine.Freeze(ctx, in.Freeze)
		})

	answer(s, route{"freeze", "put-freeze", "Declare a freeze; it holds at once", http.MethodPut, api.PathFreeze},
		func(ctx context.Context, in *struct {
			By
			FreezePath
			Body delivery.FreezeSpec
		}) (delivery.FreezeSpec, error) {
			if err := sameAsPath(named{"name", in.Freeze, in.Body.Name}); err != nil {
				return delivery.FreezeSpec{}, err
			}
			return s.engine.PutFreeze(ctx, in.Actor, in.Body)
		})

	act(s, route{"freeze", "delete-freeze", "End a freeze", http.MethodDelete, api.PathFreeze},
		func(ctx context.Context, in *struct {
			By
			FreezePath
		}) error {
			return s.engine.DeleteFreeze(ctx, in.Actor, in.Freeze)
		})
}
