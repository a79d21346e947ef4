package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Release reads one release and where it stands; not_found when nobody declares it.
func (c *Client) Release(ctx context.Context, pipeline, version string) (delivery.ReleaseState, error) {
	return get[delivery.ReleaseState](ctx, c, api.Fill(api.PathRelease, pipeline, version), nil)
}

// PutRelease registers a release and carries it through the leading automatic stages. It returns once that has finished; what
// went wrong on the way is in the state's Work. When ctx ends first, the work is stopped and the error is ctx's.
func (c *Client) PutRelease(ctx context.Context, r delivery.ReleaseRequest) (delivery.ReleaseState, error) {
	path := api.Fill(api.PathRelease, r.Spec.Pipeline, r.Spec.Version)
	return finish(ctx, c, work[delivery.ReleaseState]{
		what: "release " + r.Spec.ID(),
		start: func(ctx context.Context, query url.Values) (delivery.ReleaseState, error) {
			return fetch[delivery.ReleaseState](ctx, c, http.MethodPut, path, query, r)
		},
		look: func(ctx context.Context, query url.Values) (delivery.ReleaseState, error) {
			return get[delivery.ReleaseState](ctx, c, path, query)
		},
		finished: func(s delivery.ReleaseState) bool { return s.Work.Finished },
		stop: func(ctx context.Context) error {
			return c.cancelRelease(ctx, r.Spec.Pipeline)
		},
	})
}

// cancelRelease stops the delivery of a release, which is the work on the pipeline's first stage. A manual first stage is
// entered by promotions only: work there is somebody else's.
func (c *Client) cancelRelease(ctx context.Context, pipeline string) error {
	p, err := c.Pipeline(ctx, pipeline)
	if err != nil {
		return err
	}
	if !p.Spec.AutoStart() {
		return nil
	}
	return c.cancel(ctx, pipeline, p.Spec.Stages[0].Name)
}

// DeleteRelease stops managing a release; not_found when nobody declares it.
func (c *Client) DeleteRelease(ctx context.Context, pipeline, version string) error {
	return c.delete(ctx, api.Fill(api.PathRelease, pipeline, version))
}
