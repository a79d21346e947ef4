package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// PolicyPath is part of the inputs that name a policy.
type PolicyPath struct {
	Policy string `path:"policy"`
}

func (s *server) policies() {
	answer(s, route{"policy", "get-policy", "Read a policy", http.MethodGet, api.PathPolicy},
		func(ctx context.Context, in *PolicyPath) (delivery.PolicySpec, error) {
			return s.engine.Policy(ctx, in.Policy)
		})

	answer(s, route{"policy", "put-policy", "Declare a policy; it holds at once, also for releases that wait", http.MethodPut, api.PathPolicy},
		func(ctx context.Context, in *struct {
			By
			PolicyPath
			Body delivery.PolicySpec
		}) (delivery.PolicySpec, error) {
			if err := sameAsPath(named{"name", in.Policy, in.Body.Name}); err != nil {
				return delivery.PolicySpec{}, err
			}
			return s.engine.PutPolicy(ctx, in.Actor, in.Body)
		})

	act(s, route{"policy", "delete-policy", "Remove a policy; its record stays", http.MethodDelete, api.PathPolicy},
		func(ctx context.Context, in *struct {
			By
			PolicyPath
		}) error {
			return s.engine.DeletePolicy(ctx, in.Actor, in.Policy)
		})
}
