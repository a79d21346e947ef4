package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (s *server) parity() {
	answer(s, route{"environment", "get-parity", "Compare an environment with another one, as they are declared or as they run", http.MethodGet, api.PathParity},
		func(ctx context.Context, in *struct {
			EnvironmentPath
			With     string `query:"with" doc:"The environment to compare with."`
			Pipeline string `query:"pipeline" doc:"The pipeline whose stages' configuration takes part; needed for what runs."`
			Source   string `query:"source" doc:"What is compared: declared, which is the default, or running."`
		}) (delivery.ParityResult, error) {
			return s.engine.Parity(ctx, delivery.ParityQuery{Environment: in.Environment, With: in.With, Pipeline: in.Pipeline, Source: delivery.ParitySource(in.Source)})
		})
}
