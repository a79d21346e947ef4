package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// testReportResource is cd_test_report: the result of a test suite for exactly one release.
type testReportResource struct {
	recordedResource[testReportModel, delivery.TestReport]
}

var (
	_ resource.ResourceWithIdentity       = (*testReportResource)(nil)
	_ resource.ResourceWithConfigure      = (*testReportResource)(nil)
	_ resource.ResourceWithValidateConfig = (*testReportResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*testReportResource)(nil)
	_ resource.ResourceWithImportState    = (*testReportResource)(nil)
)

func newTestReportResource() resource.Resource {
	return &testReportResource{newRecordedResource("test_report", recordedKind[testReportModel, delivery.TestReport]{
		noun:     "test report",
		subject:  []string{"pipeline", "version", "stage", "suite"},
		planGone: planGoneReport,
		action:   "record",
		revoke:   "withdraw",
		name:     func(m testReportModel) string { return testReportName(m.toSpec().Spec) },
		validate: func(m testReportModel) delivery.Errors { return m.toSpec().Spec.Validate() },
		model:    testReportModelFrom,
		isGone:   func(delivery.TestReport) bool { return false },
		record: func(ctx context.Context, c *client.Client, m testReportModel) (delivery.TestReport, error) {
			return c.AddTestReport(ctx, m.toSpec())
		},
		known:  delivery.PipelineState.Report,
		get:    (*client.Client).TestReport,
		remove: (*client.Client).WithdrawTestReport,
	})}
}

// Schema describes cd_test_report.
func (r *testReportResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replaces := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	defer tf.FixTypes(&resp.Schema)
	resp.Schema = schema.Schema{
		MarkdownDescription: "The result of a test suite for a release, as evidence for `tests` gates. The report belongs to the release's digest, not only to its version. Make the promotion that needs the report depend on it, so that the report is recorded first. Every change replaces the report. Destroying or replacing stops managing the report: it still counts, until the suite reports again. With `withdraw_on_destroy`, it no longer counts.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Id of the report in the ledger.",
			},
			"pipeline": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the pipeline.",
				PlanModifiers:       replaces,
			},
			"version": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Version of the release that was tested.",
				PlanModifiers:       replaces,
			},
			"suite": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the suite, which `tests` gates refer to.",
				PlanModifiers:       replaces,
			},
			"stage": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name of the stage where the suite ran. Omit it if the suite ran before any deployment.",
				PlanModifiers:       replaces,
			},
			"environment": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name of the environment of `stage` where the suite ran. Reports about different places never stand for each other: the newest of each must pass.",
				PlanModifiers:       replaces,
			},
			"withdraw_on_destroy": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether destroying or replacing the resource withdraws the report. Gates then wait for a new report from the same place; older ones do not count again. " +
					"The report and its withdrawal stay in the ledger. Defaults to `false`.",
			},
			"junit": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "The report as JUnit XML, at most 16 MiB, as in `file(\"report.xml\")`. Malformed XML is an error, and nothing is recorded. Required to record a report. The ledger stores the results and the digest, not the text, so the text cannot be imported. An imported report may omit it. Adding the same text later updates the report in place.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplaceIf(isAnotherReport, anotherReport, anotherReport)},
			},
			"tests": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Number of tests in the report, including skipped tests.",
			},
			"failures": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Number of tests that failed. A flaky test that passed when it was run again is none.",
			},
			"errors": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Number of tests that ended with an error before they could pass or fail.",
			},
			"skipped": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Number of tests that were skipped.",
			},
			"duration": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Duration of the tests, as a Go duration such as `1.25s`.",
			},
			"digest": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "`sha256:` and the hexadecimal SHA-256 of the text.",
			},
		},
	}
}

const anotherReport = "Another text is another report. The text of the report that was imported is not."

// isAnotherReport compares digests, because the state has no text after an import. No text stands for what was recorded.
func isAnotherReport(ctx context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
	var digest types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("digest"), &digest)...)
	resp.RequiresReplace = req.PlanValue.IsUnknown() || !req.PlanValue.IsNull() && textDigest(req.PlanValue.ValueString()) != digest.ValueString()
}

// ModifyPlan reads the report, so that the plan shows what it says and gates are foreseen with it, and notes what this plan
// withdraws. Terraform calls it twice for a replacement: with the old report, then as if there were none.
func (r *testReportResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	plan, state, ok := r.decodePlan(ctx, req, resp)
	if !ok {
		return
	}
	switch {
	case state != nil && (plan == nil || !plan.isOf(*state)):
		var in map[string]string
		if plan != nil {
			spec := plan.toSpec().Spec
			in = map[string]string{"pipeline": spec.Pipeline, "version": spec.Version, "suite": spec.Suite}
		}
		planGoneReport(ctx, r.session, *state, in, &resp.Diagnostics)
		return
	case state != nil:
		plan.keep(*state)
	case plan.JUnit.IsNull():
		resp.Diagnostics.AddAttributeError(path.Root("junit"), fmt.Sprintf("Unable to record test report %q", testReportName(plan.toSpec().Spec)),
			"Set junit to the text of the report, as in file(\"report.xml\"). Only an imported report can be without it.")
		return
	case !r.previewReport(ctx, plan, resp):
		return
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

// planGoneReport notes that this plan withdraws a report, if the resource says so.
func planGoneReport(ctx context.Context, s *session, state testReportModel, in map[string]string, diags *diag.Diagnostics) {
	if state.WithdrawOnDestroy.ValueBool() {
		s.changes.WithdrawTestReport(state.ID.ValueString())
		s.planGone(ctx, diags, "test report", state.ID.ValueString(), state.Pipeline.ValueString(), in)
	}
}

// previewReport fills in the results of the report and notes them for this plan; false if they are not known.
func (r *testReportResource) previewReport(ctx context.Context, plan *testReportModel, resp *resource.ModifyPlanResponse) bool {
	request := plan.toSpec()
	preview, _, err := preview(ctx, r.session, "cd_test_report", request.Spec.Pipeline, request, (*client.Client).PreviewTestReport)
	if err != nil {
		tf.AddErrors(&resp.Diagnostics, "preview", "test report", testReportName(request.Spec), err)
		return false
	}
	tf.AddErrorsInPlan(&resp.Diagnostics, true, "record", "test report", testReportName(request.Spec), preview.Refused)
	if preview.Counts == nil {
		return false
	}
	plan.count(*preview.Counts, preview.Digest)
	r.session.changes.AddTestReport(delivery.TestReport{Spec: request.Spec, Counts: *preview.Counts})
	r.session.requireOrderAgain(ctx, &resp.Diagnostics, request.Spec.Pipeline)
	warnIfOrderedAfter(&resp.Diagnostics, "test report", "cd_test_report", r.session.changes.GateUsesBefore(request.Spec.Pipeline, request.Spec.Version, "", isTests(request.Spec.Suite)))
	return true
}

func testReportName(s delivery.TestReportSpec) string {
	return fmt.Sprintf("%s/%s/%s", s.Pipeline, s.Version, s.Suite)
}

// Delete stops managing the report, and withdraws it if the resource says so.
func (r *testReportResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state testReportModel
	if tf.Decode(ctx, req.State, &state, &resp.Diagnostics) && state.WithdrawOnDestroy.ValueBool() {
		r.recordedResource.Delete(ctx, req, resp)
	}
}

// Update stores the text of an imported report, and whether destroying withdraws it. Every other change replaces the report.
func (r *testReportResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan testReportModel
	if tf.Decode(ctx, req.Plan, &plan, &resp.Diagnostics) {
		r.setState(ctx, &plan, &resp.State, resp.Identity, &resp.Diagnostics)
	}
}
