package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

func (s *server) deployments() {
	answer(s, route{"deployment", "get-deployed", "Read what a pipeline runs in an environment", http.MethodGet, api.PathDeployed},
		func(ctx context.Context, in *struct {
			PipelinePath
			EnvironmentPath
		}) (delivery.Deployed, error) {
			return s.engine.Deployed(ctx, in.Pipeline, in.Environment)
		})

	list(s, route{"deployment", "list-deployments", "List the newest deployments of a pipeline", http.MethodGet, api.PathDeployments},
		func(ctx context.Context, in *struct {
			PipelinePath
			Environment string `query:"environment" doc:"Only those to this environment."`
			Version     string `query:"version" doc:"Only those of this version."`
			Page
		}) ([]delivery.Deployment, error) {
			limit, err := in.limit()
			if err != nil {
				return nil, err
			}
			return s.engine.Deployments(ctx, store.DeploymentFilter{Pipeline: in.Pipeline, Environment: in.Environment, Version: in.Version, Newest: limit})
		})
}
