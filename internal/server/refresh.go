package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (s *server) refresh() {
	list(s, route{"pipeline", "refresh", "Look at what pipelines run, record it for all that is read afterwards, and say where everything of them stands", http.MethodPost, api.PathRefresh},
		func(ctx context.Context, in *struct {
			By
			Body delivery.RefreshRequest
		}) ([]delivery.PipelineState, error) {
			return s.engine.Refresh(ctx, in.Actor, in.Body)
		})
}
