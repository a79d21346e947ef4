package server

import (
	"context"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Previewer says what applying one declaration would do, over the ledger and over what the same plan is about to change.
type Previewer interface {
	PreviewEnvironment(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.EnvironmentSpec]) (delivery.EnvironmentPreview, error)
	PreviewPipeline(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.PipelineSpec]) (delivery.PipelinePreview, error)
	PreviewRelease(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.ReleaseRequest]) (delivery.ReleasePreview, error)
	PreviewPromotion(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.PromotionSpec]) (delivery.PromotionPreview, error)
	PreviewVerification(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.VerificationRequest]) (delivery.VerificationPreview, error)
	PreviewApproval(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.ApprovalSpec]) (delivery.ApprovalPreview, error)
	PreviewTestReport(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.TestReportRequest]) (delivery.TestReportPreview, error)
	PreviewOverride(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.OverrideSpec]) (delivery.OverridePreview, error)
	Relaxations(ctx context.Context, actor string, r delivery.RelaxationRequest) (delivery.RelaxationReport, error)
	Outstanding(ctx context.Context, r delivery.OutstandingRequest) (delivery.OutstandingAnswer, error)
}

func (s *server) previews() {
	preview(s, route{"preview", "preview-environment", "Say what declaring an environment would do, without doing it", http.MethodPost, api.PathPreviewEnvironment}, s.engine.PreviewEnvironment)
	preview(s, route{"preview", "preview-pipeline", "Say what declaring a pipeline would do, without doing it", http.MethodPost, api.PathPreviewPipeline}, s.engine.PreviewPipeline)
	preview(s, route{"preview", "preview-release", "Say what delivering a release would do, without doing it", http.MethodPost, api.PathPreviewRelease}, s.engine.PreviewRelease)
	preview(s, route{"preview", "preview-promotion", "Say what promoting a release would do, without doing it", http.MethodPost, api.PathPreviewPromotion}, s.engine.PreviewPromotion)
	preview(s, route{"preview", "preview-verification", "Say what verifying a release would do, without doing it", http.MethodPost, api.PathPreviewVerification}, s.engine.PreviewVerification)
	preview(s, route{"preview", "preview-approval", "Say what recording a decision would do, without doing it", http.MethodPost, api.PathPreviewApproval}, s.engine.PreviewApproval)
	preview(s, route{"preview", "preview-test-report", "Say what recording a test report would do, without doing it", http.MethodPost, api.PathPreviewTestReport}, s.engine.PreviewTestReport)
	preview(s, route{"preview", "preview-override", "Say what making an override would do, without doing it", http.MethodPost, api.PathPreviewOverride}, s.engine.PreviewOverride)
	answer(s, route{"preview", "relaxations", "Say what a declaration would make easier to enter, and what it would let in", http.MethodPost, api.PathRelaxations},
		func(ctx context.Context, in *struct {
			By
			Body delivery.RelaxationRequest
		}) (delivery.RelaxationReport, error) {
			return s.engine.Relaxations(ctx, in.Actor, in.Body)
		})
	answer(s, route{"preview", "outstanding", "Say which changes of a plan the ledger does not have yet", http.MethodPost, api.PathOutstanding},
		func(ctx context.Context, in *struct {
			By
			Body delivery.OutstandingRequest
		}) (delivery.OutstandingAnswer, error) {
			return s.engine.Outstanding(ctx, in.Body)
		})
}

// preview registers the preview of a declaration that an actor makes after other changes of a plan.
func preview[S, A any](s *server, r route, of func(ctx context.Context, actor string, r delivery.PreviewRequest[S]) (A, error)) {
	answer(s, r, func(ctx context.Context, in *struct {
		By
		Body delivery.PreviewRequest[S]
	}) (A, error) {
		return of(ctx, in.Actor, in.Body)
	})
}
