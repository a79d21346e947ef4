package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// EnvironmentPath is part of the inputs that name an environment.
type EnvironmentPath struct {
	Environment string `path:"environment"`
}

func (s *server) environments() {
	list(s, route{"environment", "list-environments", "List all environments, sorted by name", http.MethodGet, api.PathEnvironments},
		func(ctx context.Context, _ *struct{}) ([]delivery.Environment, error) {
			return s.engine.Environments(ctx)
		})

	answer(s, route{"environment", "get-environment", "Read an environment", http.MethodGet, api.PathEnvironment},
		func(ctx context.Context, in *EnvironmentPath) (delivery.Environment, error) {
			return s.engine.Environment(ctx, in.Environment)
		})

	answer(s, route{"environment", "put-environment", "Declare an environment", http.MethodPut, api.PathEnvironment},
		func(ctx context.Context, in *struct {
			By
			EnvironmentPath
			Body delivery.EnvironmentSpec
		}) (delivery.Environment, error) {
			if err := sameAsPath(named{"name", in.Environment, in.Body.Name}); err != nil {
				return delivery.Environment{}, err
			}
			return s.engine.PutEnvironment(ctx, in.Actor, in.Body)
		})

	act(s, route{"environment", "delete-environment", "Stop managing an environment; what runs there keeps running", http.MethodDelete, api.PathEnvironment},
		func(ctx context.Context, in *struct {
			By
			EnvironmentPath
		}) error {
			return s.engine.DeleteEnvironment(ctx, in.Actor, in.Environment)
		})
}
