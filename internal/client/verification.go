package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Verification reads where a release stands in a stage that Terraform deploys to; without a version, the release that is authorized
// there. not_found when there is no such pipeline or stage.
func (c *Client) Verification(ctx context.Context, spec delivery.VerificationSpec) (delivery.VerificationState, error) {
	return get[delivery.VerificationState](ctx, c, api.Fill(api.PathVerification, spec.Pipeline, spec.Stage), versionQuery(spec))
}

// PutVerification runs a stage's checks on what Terraform has deployed there, and carries the release on through the automatic stages
// behind it. It returns once that has finished; what went wrong on the way is in the state's Work. When ctx ends first, the work is
// stopped and the error is ctx's.
func (c *Client) PutVerification(ctx context.Context, r delivery.VerificationRequest) (delivery.VerificationState, error) {
	path := api.Fill(api.PathVerification, r.Spec.Pipeline, r.Spec.Stage)
	return finish(ctx, c, work[delivery.VerificationState]{
		what: "verification " + r.Spec.ID(),
		start: func(ctx context.Context, query url.Values) (delivery.VerificationState, error) {
			return fetch[delivery.VerificationState](ctx, c, http.MethodPut, path, query, r)
		},
		look: func(ctx context.Context, query url.Values) (delivery.VerificationState, error) {
			for key, values := range versionQuery(r.Spec) {
				query[key] = values
			}
			return get[delivery.VerificationState](ctx, c, path, query)
		},
		finished: func(s delivery.VerificationState) bool { return s.Work.Finished },
		stop: func(ctx context.Context) error {
			return c.cancel(ctx, r.Spec.Pipeline, r.Spec.Stage)
		},
	})
}

func versionQuery(spec delivery.VerificationSpec) url.Values {
	if spec.Version == "" {
		return nil
	}
	return url.Values{"version": {spec.Version}}
}
