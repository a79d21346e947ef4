package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (s *server) preview() {
	answer(s, route{"preview", "preview", "Say what applying a declaration would do, without doing it", http.MethodPost, api.PathPreview},
		func(ctx context.Context, in *struct {
			By
			Body delivery.PreviewRequest
		}) (delivery.Preview, error) {
			return s.engine.Preview(ctx, in.Actor, in.Body)
		})
}
