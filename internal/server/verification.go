package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (s *server) verifications() {
	answer(s, route{"verification", "get-verification", "Read where a release stands in a stage that Terraform deploys to, or wait for its verification to finish", http.MethodGet, api.PathVerification},
		func(ctx context.Context, in *struct {
			PromotionPath
			Version string `query:"version" doc:"The release; the one that is authorized there when left out."`
			Wait
		}) (delivery.VerificationState, error) {
			spec := delivery.VerificationSpec{Pipeline: in.Pipeline, Stage: in.Stage, Version: in.Version}
			d, waits, err := in.duration()
			switch {
			case err != nil:
				return delivery.VerificationState{}, err
			case waits:
				return s.engine.WaitVerification(ctx, spec, d)
			}
			return s.engine.Verification(ctx, spec)
		})

	answer(s, route{"verification", "put-verification", "Begin verifying what Terraform has deployed to a stage, or wait for that to finish", http.MethodPut, api.PathVerification},
		func(ctx context.Context, in *struct {
			By
			PromotionPath
			Wait
			Body delivery.VerificationRequest
		}) (delivery.VerificationState, error) {
			if err := sameAsPath(named{"spec.pipeline", in.Pipeline, in.Body.Spec.Pipeline}, named{"spec.stage", in.Stage, in.Body.Spec.Stage}); err != nil {
				return delivery.VerificationState{}, err
			}
			d, waits, err := in.duration()
			switch {
			case err != nil:
				return delivery.VerificationState{}, err
			case waits:
				return s.engine.PutVerificationAndWait(ctx, in.Actor, in.Body, d)
			}
			return s.engine.PutVerification(ctx, in.Actor, in.Body)
		})
}
