package client

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// The previews ask what applying one declaration would do. A refusal is part of the answer, not an error.

// PreviewEnvironment asks what declaring an environment would do.
func (c *Client) PreviewEnvironment(ctx context.Context, r delivery.PreviewRequest[delivery.EnvironmentSpec]) (delivery.EnvironmentPreview, error) {
	return ask[delivery.EnvironmentPreview](ctx, c, api.PathPreviewEnvironment, r)
}

// PreviewPipeline asks what declaring a pipeline would do.
func (c *Client) PreviewPipeline(ctx context.Context, r delivery.PreviewRequest[delivery.PipelineSpec]) (delivery.PipelinePreview, error) {
	return ask[delivery.PipelinePreview](ctx, c, api.PathPreviewPipeline, r)
}

// PreviewRelease asks what delivering a release would do.
func (c *Client) PreviewRelease(ctx context.Context, r delivery.PreviewRequest[delivery.ReleaseRequest]) (delivery.ReleasePreview, error) {
	return ask[delivery.ReleasePreview](ctx, c, api.PathPreviewRelease, r)
}

// PreviewPromotion asks what promoting a release would do.
func (c *Client) PreviewPromotion(ctx context.Context, r delivery.PreviewRequest[delivery.PromotionSpec]) (delivery.PromotionPreview, error) {
	return ask[delivery.PromotionPreview](ctx, c, api.PathPreviewPromotion, r)
}

// PreviewVerification asks what verifying a release would do.
func (c *Client) PreviewVerification(ctx context.Context, r delivery.PreviewRequest[delivery.VerificationRequest]) (delivery.VerificationPreview, error) {
	return ask[delivery.VerificationPreview](ctx, c, api.PathPreviewVerification, r)
}

// PreviewApproval asks what recording a decision would do.
func (c *Client) PreviewApproval(ctx context.Context, r delivery.PreviewRequest[delivery.ApprovalSpec]) (delivery.ApprovalPreview, error) {
	return ask[delivery.ApprovalPreview](ctx, c, api.PathPreviewApproval, r)
}

// PreviewTestReport asks what recording a test report would do.
func (c *Client) PreviewTestReport(ctx context.Context, r delivery.PreviewRequest[delivery.TestReportRequest]) (delivery.TestReportPreview, error) {
	return ask[delivery.TestReportPreview](ctx, c, api.PathPreviewTestReport, r)
}

// PreviewOverride asks what making an override would do.
func (c *Client) PreviewOverride(ctx context.Context, r delivery.PreviewRequest[delivery.OverrideSpec]) (delivery.OverridePreview, error) {
	return ask[delivery.OverridePreview](ctx, c, api.PathPreviewOverride, r)
}

// Relaxations asks what one declaration of a plan makes easier to enter, and which releases get in by it.
func (c *Client) Relaxations(ctx context.Context, r delivery.RelaxationRequest) (delivery.RelaxationReport, error) {
	return ask[delivery.RelaxationReport](ctx, c, api.PathRelaxations, r)
}

// Outstanding asks which changes of a plan the ledger does not have yet.
func (c *Client) Outstanding(ctx context.Context, r delivery.OutstandingRequest) (delivery.OutstandingAnswer, error) {
	return ask[delivery.OutstandingAnswer](ctx, c, api.PathOutstanding, r)
}
