package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (s *server) events() {
	list(s, route{"event", "list-events", "List the events of the ledger, oldest first", http.MethodGet, api.PathEvents},
		func(ctx context.Context, in *struct {
			After int64 `query:"after" doc:"Only those that follow the event with this number."`
			Page
		}) ([]delivery.Event, error) {
			limit, err := in.limit()
			if err != nil {
				return nil, err
			}
			return s.engine.Events(ctx, in.After, limit)
		})
}
