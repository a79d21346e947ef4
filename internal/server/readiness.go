package server

import (
	"context"
	"net/http"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (s *server) readiness() {
	answer(s, route{"readiness", "get-readiness", "Ask whether a release could enter a stage, now or at another moment", http.MethodGet, api.PathReadiness},
		func(ctx context.Context, in *struct {
			ReleasePath
			Stage string `path:"stage"`
			At    string `query:"at" doc:"The moment, in RFC 3339; now when not given."`
		}) (delivery.Readiness, error) {
			at := time.Time{}
			if in.At != "" {
				var err error
				if at, err = time.Parse(time.RFC3339, in.At); err != nil {
					return delivery.Readiness{}, invalid("at", "%q is not a time; write it as RFC 3339, such as \"2027-06-30T00:00:00Z\"", in.At)
				}
			}
			return s.engine.Readiness(ctx, in.Pipeline, in.Version, in.Stage, at)
		})
}
