package provider

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// testReportModel is a cd_test_report as Terraform holds it.
type testReportModel struct {
	ID                types.String `tfsdk:"id"`
	Pipeline          types.String `tfsdk:"pipeline"`
	Version           types.String `tfsdk:"version"`
	Suite             types.String `tfsdk:"suite"`
	Stage             types.String `tfsdk:"stage"`
	Environment       types.String `tfsdk:"environment"`
	JUnit             types.String `tfsdk:"junit"`
	WithdrawOnDestroy types.Bool   `tfsdk:"withdraw_on_destroy"`
	Tests             types.Int64  `tfsdk:"tests"`
	Failures          types.Int64  `tfsdk:"failures"`
	Errors            types.Int64  `tfsdk:"errors"`
	Skipped           types.Int64  `tfsdk:"skipped"`
	Duration          types.String `tfsdk:"duration"`
	Digest            types.String `tfsdk:"digest"`
}

// toSpec returns what the user declares.
func (m testReportModel) toSpec() delivery.TestReportRequest {
	return delivery.TestReportRequest{
		Spec: delivery.TestReportSpec{
			Pipeline:    m.Pipeline.ValueString(),
			Version:     m.Version.ValueString(),
			Suite:       m.Suite.ValueString(),
			Stage:       m.Stage.ValueString(),
			Environment: m.Environment.ValueString(),
		},
		JUnit: m.JUnit.ValueString(),
	}
}

// testReportModelFrom makes the model of a report as it is read back. The ledger keeps what a text said and its digest, not the
// text itself: that is known only as long as the prior model has it.
func testReportModelFrom(r delivery.TestReport, prior testReportModel) testReportModel {
	m := testReportModel{
		ID:                types.StringValue(r.ID),
		Pipeline:          types.StringValue(r.Spec.Pipeline),
		Version:           types.StringValue(r.Spec.Version),
		Suite:             types.StringValue(r.Spec.Suite),
		Stage:             tf.StringOr(r.Spec.Stage, prior.Stage),
		Environment:       tf.StringOr(r.Spec.Environment, prior.Environment),
		JUnit:             types.StringNull(),
		WithdrawOnDestroy: prior.WithdrawOnDestroy, // Terraform's alone: the ledger does not know it
	}
	if textDigest(prior.JUnit.ValueString()) == r.Digest {
		m.JUnit = prior.JUnit
	}
	m.count(r.Counts, r.Digest)
	return m
}

// count fills in what follows from the text alone.
func (m *testReportModel) count(c delivery.TestCounts, digest string) {
	m.Tests = types.Int64Value(int64(c.Tests))
	m.Failures = types.Int64Value(int64(c.Failures))
	m.Errors = types.Int64Value(int64(c.Errors))
	m.Skipped = types.Int64Value(int64(c.Skipped))
	m.Duration = types.StringValue(c.Duration.String())
	m.Digest = types.StringValue(digest)
}

// isOf reports whether the model declares the report that the state has; without a text, it is any that was recorded.
func (m testReportModel) isOf(state testReportModel) bool {
	return m.toSpec().Spec == state.toSpec().Spec && (m.JUnit.IsNull() || textDigest(m.JUnit.ValueString()) == state.Digest.ValueString())
}

// keep takes over what was recorded of the same report; what the user declares stays as written.
func (m *testReportModel) keep(state testReportModel) {
	state.Stage, state.Environment, state.JUnit, state.WithdrawOnDestroy = m.Stage, m.Environment, m.JUnit, m.WithdrawOnDestroy
	*m = state
}

// textDigest is the digest by which the ledger knows a report's text.
func textDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}
