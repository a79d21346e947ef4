package server_test

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func (e *recording) ApprovalRequest(_ context.Context, pipeline, version, stage string, decision delivery.ApprovalDecision) (delivery.ApprovalRequest, error) {
	return reply[delivery.ApprovalRequest](e, "ApprovalRequest", pipeline, version, stage, decision)
}

func (e *recording) TestReport(_ context.Context, id string) (delivery.TestReport, error) {
	return reply[delivery.TestReport](e, "TestReport", id)
}

func (e *recording) AddTestReport(_ context.Context, actor string, r delivery.TestReportRequest) (delivery.TestReport, error) {
	return reply[delivery.TestReport](e, "AddTestReport", actor, r)
}

func (e *recording) WithdrawTestReport(_ context.Context, actor, id string) error {
	return e.record("WithdrawTestReport", actor, id)
}

func (e *recording) Freeze(_ context.Context, name string) (delivery.FreezeSpec, error) {
	return reply[delivery.FreezeSpec](e, "Freeze", name)
}

func (e *recording) PutFreeze(_ context.Context, actor string, spec delivery.FreezeSpec) (delivery.FreezeSpec, error) {
	return reply[delivery.FreezeSpec](e, "PutFreeze", actor, spec)
}

func (e *recording) DeleteFreeze(_ context.Context, actor, name string) error {
	return e.record("DeleteFreeze", actor, name)
}

func (e *recording) Policy(_ context.Context, name string) (delivery.PolicySpec, error) {
	return reply[delivery.PolicySpec](e, "Policy", name)
}

func (e *recording) PutPolicy(_ context.Context, actor string, spec delivery.PolicySpec) (delivery.PolicySpec, error) {
	return reply[delivery.PolicySpec](e, "PutPolicy", actor, spec)
}

func (e *recording) DeletePolicy(_ context.Context, actor, name string) error {
	return e.record("DeletePolicy", actor, name)
}

func (e *recording) Override(_ context.Context, id string) (delivery.Override, error) {
	return reply[delivery.Override](e, "Override", id)
}

func (e *recording) AddOverride(_ context.Context, actor string, spec delivery.OverrideSpec) (delivery.Override, error) {
	return reply[delivery.Override](e, "AddOverride", actor, spec)
}

func (e *recording) RevokeOverride(_ context.Context, actor, id string) error {
	return e.record("RevokeOverride", actor, id)
}
