package server_test

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (e *recording) PreviewEnvironment(_ context.Context, actor string, r delivery.PreviewRequest[delivery.EnvironmentSpec]) (delivery.EnvironmentPreview, error) {
	return reply[delivery.EnvironmentPreview](e, "PreviewEnvironment", actor, r)
}

func (e *recording) PreviewPipeline(_ context.Context, actor string, r delivery.PreviewRequest[delivery.PipelineSpec]) (delivery.PipelinePreview, error) {
	return reply[delivery.PipelinePreview](e, "PreviewPipeline", actor, r)
}

func (e *recording) PreviewRelease(_ context.Context, actor string, r delivery.PreviewRequest[delivery.ReleaseRequest]) (delivery.ReleasePreview, error) {
	return reply[delivery.ReleasePreview](e, "PreviewRelease", actor, r)
}

func (e *recording) PreviewPromotion(_ context.Context, actor string, r delivery.PreviewRequest[delivery.PromotionSpec]) (delivery.PromotionPreview, error) {
	return reply[delivery.PromotionPreview](e, "PreviewPromotion", actor, r)
}

func (e *recording) PreviewVerification(_ context.Context, actor string, r delivery.PreviewRequest[delivery.VerificationRequest]) (delivery.VerificationPreview, error) {
	return reply[delivery.VerificationPreview](e, "PreviewVerification", actor, r)
}

func (e *recording) PreviewApproval(_ context.Context, actor string, r delivery.PreviewRequest[delivery.ApprovalSpec]) (delivery.ApprovalPreview, error) {
	return reply[delivery.ApprovalPreview](e, "PreviewApproval", actor, r)
}

func (e *recording) PreviewTestReport(_ context.Context, actor string, r delivery.PreviewRequest[delivery.TestReportRequest]) (delivery.TestReportPreview, error) {
	return reply[delivery.TestReportPreview](e, "PreviewTestReport", actor, r)
}

func (e *recording) PreviewOverride(_ context.Context, actor string, r delivery.PreviewRequest[delivery.OverrideSpec]) (delivery.OverridePreview, error) {
	return reply[delivery.OverridePreview](e, "PreviewOverride", actor, r)
}

func (e *recording) Relaxations(_ context.Context, actor string, r delivery.RelaxationRequest) (delivery.RelaxationReport, error) {
	return reply[delivery.RelaxationReport](e, "Relaxations", actor, r)
}

func (e *recording) Outstanding(_ context.Context, r delivery.OutstandingRequest) (delivery.OutstandingAnswer, error) {
	return reply[delivery.OutstandingAnswer](e, "Outstanding", r)
}
