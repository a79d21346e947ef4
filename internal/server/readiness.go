package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (s *server) readiness() {
	answer(s, route{"readiness", "ask-readiness", "Run the checks of a stage's gates, and say whether a release could enter it, now or at another moment", http.MethodPost, api.PathReadiness},
		func(ctx context.Context, in *struct {
			ReleasePath
			Stage string `path:"stage"`
			Body  api.ReadinessRequest
		}) (delivery.Readiness, error) {
			return s.engine.Readiness(ctx, in.Pipeline, in.Version, in.Stage, in.Body.At)
		})
}
