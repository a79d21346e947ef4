package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (s *server) ledger() {
	answer(s, route{"ledger", "get-ledger", "Tell which ledger this is and where its history ends, with the hashes of the events around one", http.MethodGet, api.PathLedger},
		func(ctx context.Context, in *struct {
			Event int64 `query:"event" minimum:"0" doc:"The number of the event around which hashes are given."`
		}) (delivery.LedgerPage, error) {
			return s.engine.Ledger(ctx, in.Event)
		})
}
