package api

import "time"

// ReadinessRequest is the body of a question about readiness.
type ReadinessRequest struct {
	At time.Time `json:"at,omitzero" doc:"The moment, in RFC 3339; now when not given."`
}
