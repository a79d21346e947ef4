package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// PipelinePath is part of the inputs that name a pipeline.
type PipelinePath struct {
	Pipeline string `path:"pipeline"`
}

func (s *server) pipelines() {
	list(s, route{"pipeline", "list-pipelines", "List all pipelines, sorted by name", http.MethodGet, api.PathPipelines},
		func(ctx context.Context, _ *struct{}) ([]delivery.Pipeline, error) {
			return s.engine.Pipelines(ctx)
		})

	answer(s, route{"pipeline", "get-pipeline", "Read a pipeline", http.MethodGet, api.PathPipeline},
		func(ctx context.Context, in *PipelinePath) (delivery.Pipeline, error) {
			return s.engine.Pipeline(ctx, in.Pipeline)
		})

	answer(s, route{"pipeline", "put-pipeline", "Declare a pipeline", http.MethodPut, api.PathPipeline},
		func(ctx context.Context, in *struct {
			By
			PipelinePath
			Body delivery.PipelineSpec
		}) (delivery.Pipeline, error) {
			if err := sameAsPath(named{"name", in.Pipeline, in.Body.Name}); err != nil {
				return delivery.Pipeline{}, err
			}
			return s.engine.PutPipeline(ctx, in.Actor, in.Body)
		})

	act(s, route{"pipeline", "delete-pipeline", "Stop managing a pipeline; what it deployed keeps running", http.MethodDelete, api.PathPipeline},
		func(ctx context.Context, in *struct {
			By
			PipelinePath
		}) error {
			return s.engine.DeletePipeline(ctx, in.Actor, in.Pipeline)
		})
}
