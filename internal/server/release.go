package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// ReleasePath is part of the inputs that name a release.
type ReleasePath struct {
	PipelinePath
	Version string `path:"version"`
}

func (s *server) releases() {
	answer(s, route{"release", "get-release", "Read a release and where it stands, or wait for its delivery to finish", http.MethodGet, api.PathRelease},
		func(ctx context.Context, in *struct {
			ReleasePath
			Wait
		}) (delivery.ReleaseState, error) {
			d, waits, err := in.duration()
			switch {
			case err != nil:
				return delivery.ReleaseState{}, err
			case waits:
				return s.engine.WaitRelease(ctx, in.Pipeline, in.Version, d)
			}
			return s.engine.Release(ctx, in.Pipeline, in.Version)
		})

	answer(s, route{"release", "put-release", "Register a release and begin its delivery, or wait for it to finish", http.MethodPut, api.PathRelease},
		func(ctx context.Context, in *struct {
			By
			ReleasePath
			Wait
			Body delivery.ReleaseRequest
		}) (delivery.ReleaseState, error) {
			if err := sameAsPath(named{"spec.pipeline", in.Pipeline, in.Body.Spec.Pipeline}, named{"spec.version", in.Version, in.Body.Spec.Version}); err != nil {
				return delivery.ReleaseState{}, err
			}
			d, waits, err := in.duration()
			switch {
			case err != nil:
				return delivery.ReleaseState{}, err
			case waits:
				return s.engine.PutReleaseAndWait(ctx, in.Actor, in.Body, d)
			}
			return s.engine.PutRelease(ctx, in.Actor, in.Body)
		})

	act(s, route{"release", "delete-release", "Stop managing a release; its record stays", http.MethodDelete, api.PathRelease},
		func(ctx context.Context, in *struct {
			By
			ReleasePath
		}) error {
			return s.engine.DeleteRelease(ctx, in.Actor, in.Pipeline, in.Version)
		})
}
