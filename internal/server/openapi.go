package server

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
)

// describe serves the API's description, rendered at the first request for it.
func (s *server) describe(mux *http.ServeMux) {
	render := sync.OnceValues(func() ([]byte, error) { return json.MarshalIndent(s.api.OpenAPI(), "", "  ") })
	mux.HandleFunc("GET "+api.PathOpenAPI, func(w http.ResponseWriter, r *http.Request) {
		text, err := render()
		if err != nil {
			write(w, s.problem(r.Context(), err))
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Write(append(text, '\n')) //nolint:errcheck // a caller that is gone cannot be told
	})
}
