package provider_test

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const theReport = "cd_test_report.of[0]"

const (
	goodReport = `<testsuite name="unit" tests="3"><testcase name="a" time="1"/><testcase name="b" time="0.25"/><testcase name="c"><skipped/></testcase></testsuite>`
	badReport  = `<testsuite name="unit" tests="2"><testcase name="a"/><testcase name="b"><failure>wrong price</failure></testcase></testsuite>`
)

// askUnit are gates that ask for the report of a suite.
var askUnit = map[string]any{"tests": map[string]any{"unit": map[string]any{"min_tests": 2}}}

func reports(with map[string]any) []map[string]any { return []map[string]any{with} }

func expectReport(attribute string, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(theReport, tfjsonpath.New(attribute), want)
}

func TestAccTestReport(t *testing.T) { onEachLedger(t, testReportStory) }

func testReportStory(t *testing.T, s shop) {
	with := func(junit string) wish {
		return wish{"release": release("1.0.0"), "gates": askUnit, "reports": reports(map[string]any{"junit": junit}), "promotion": map[string]any{"version": "1.0.0"}}
	}
	recorded := expecting(s.then(s.step(with(goodReport)), "1.0.0", "1.0.0"),
		plancheck.ExpectKnownValue(theReport, tfjsonpath.New("tests"), knownvalue.Int64Exact(3)),
		plancheck.ExpectUnknownValue(theReport, tfjsonpath.New("id")))
	recorded.ConfigStateChecks = []statecheck.StateCheck{
		expectReport("id", knownvalue.StringExact("shop/1.0.0/unit/1")),
		expectReport("failures", knownvalue.Int64Exact(0)),
		expectReport("errors", knownvalue.Int64Exact(0)),
		expectReport("skipped", knownvalue.Int64Exact(1)),
		expectReport("duration", knownvalue.StringExact("1.25s")),
		expectReport("digest", knownvalue.StringRegexp(regexp.MustCompile("^sha256:[0-9a-f]{64}$"))),
		expectReport("stage", knownvalue.Null()),
	}
	imported := resource.TestStep{ResourceName: theReport, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"junit"},
		ConfigDirectory: recorded.ConfigDirectory, ConfigVariables: recorded.ConfigVariables, ImportStateId: "shop/1.0.0/unit/1"}
	// Another text is another report, and where it ran is part of it; what runs already is not taken away for it.
	again := expecting(s.step(wish{"release": release("1.0.0"), "gates": askUnit, "promotion": map[string]any{"version": "1.0.0"},
		"reports": reports(map[string]any{"junit": goodReport + "\n", "stage": "staging"})}),
		plancheck.ExpectResourceAction(theReport, plancheck.ResourceActionReplace), plancheck.ExpectResourceAction(thePromotion, plancheck.ResourceActionNoop))
	again.ConfigStateChecks = []statecheck.StateCheck{expectReport("id", knownvalue.StringExact("shop/1.0.0/unit/2")), expectReport("stage", knownvalue.StringExact("staging"))}
	// One that somebody else withdrew is recorded again.
	withdrawn := again
	withdrawn.ConfigPlanChecks.PreApply = []plancheck.PlanCheck{plancheck.ExpectResourceAction(theReport, plancheck.ResourceActionCreate)}
	withdrawn.ConfigStateChecks = []statecheck.StateCheck{expectReport("id", knownvalue.StringExact("shop/1.0.0/unit/3"))}
	withdrawn.PreConfig = func() {
		require.NoError(t, s.Client("bob@example.com").WithdrawTestReport(t.Context(), "shop/1.0.0/unit/2"))
	}
	s.test(recorded, imported, again, withdrawn)
}

// The ledger does not keep the text. An imported report is not recorded again for that: it may stay without its text, and takes it
// over in place.
func TestAccImportedTestReportTakesItsText(t *testing.T) {
	s := newShop(t)
	config := func(junit string) string {
		return fmt.Sprintf(`
import {
  to = cd_test_report.unit
  id = "shop/1.0.0/unit/1"
}

resource "cd_test_report" "unit" {
  pipeline = "shop"
  version  = "1.0.0"
  suite    = "unit"
  junit    = file(%q)
}`, s.write(junit, map[string]string{"good.xml": goodReport, "bad.xml": badReport}[junit]))
	}
	same := resource.TestStep{Config: config("good.xml"), PreConfig: func() { s.register(delivery.Gates{}); s.record(goodReport) },
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("cd_test_report.unit", plancheck.ResourceActionUpdate)}},
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("cd_test_report.unit", tfjsonpath.New("id"), knownvalue.StringExact("shop/1.0.0/unit/1")),
			statecheck.ExpectKnownValue("cd_test_report.unit", tfjsonpath.New("junit"), knownvalue.StringExact(goodReport)),
			statecheck.ExpectKnownValue("cd_test_report.unit", tfjsonpath.New("tests"), knownvalue.Int64Exact(3)),
		}}
	other := resource.TestStep{Config: config("bad.xml"),
		ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("cd_test_report.unit", plancheck.ResourceActionReplace)}},
		ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue("cd_test_report.unit", tfjsonpath.New("failures"), knownvalue.Int64Exact(1))}}
	without := resource.TestStep{Config: regexp.MustCompile(`(?m)^ +junit.*$`).ReplaceAllString(config("good.xml"), ""), PreConfig: same.PreConfig,
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("cd_test_report.unit", plancheck.ResourceActionNoop)}},
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("cd_test_report.unit", tfjsonpath.New("id"), knownvalue.StringExact("shop/1.0.0/unit/1")),
			statecheck.ExpectKnownValue("cd_test_report.unit", tfjsonpath.New("junit"), knownvalue.Null()),
		}}
	same.PreConfig = nil
	// Taking the text out of the configuration takes nothing back.
	again := without
	again.PreConfig = nil
	again.ConfigPlanChecks.PreApply = []plancheck.PlanCheck{plancheck.ExpectResourceAction("cd_test_report.unit", plancheck.ResourceActionUpdate)}
	s.test(without, same, again, other)
}

// register declares the shop behind Terraform's back, with one manual stage, and a release.
func (s shop) register(gates delivery.Gates) {
	s.t.Helper()
	api := s.Client("dave@example.com")
	_, err := api.PutEnvironment(s.t.Context(), delivery.EnvironmentSpec{Name: "production", Tier: delivery.TierOther,
		Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(s.Dir, "srv", "production")}}})
	require.NoError(s.t, err)
	_, err = api.PutPipeline(s.t.Context(), delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		{Name: "production", Environments: []string{"production"}, Promotion: delivery.Manual, Gates: gates}}})
	require.NoError(s.t, err)
	_, err = api.PutRelease(s.t.Context(), delivery.ReleaseRequest{Attempt: 1, Spec: delivery.ReleaseSpec{Pipeline: "shop", Version: "1.0.0",
		Artifacts: map[string]delivery.Artifact{"page": {URI: filepath.Join(s.Dir, "shop-1.0.0.html"), Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("1.0.0")))}}}})
	require.NoError(s.t, err)
}

func (s shop) record(junit string) {
	s.t.Helper()
	_, err := s.Client("dave@example.com").AddTestReport(s.t.Context(), delivery.TestReportRequest{
		Spec: delivery.TestReportSpec{Pipeline: "shop", Version: "1.0.0", Suite: "unit"}, JUnit: junit})
	require.NoError(s.t, err)
}

// What is wrong is told at the plan, at the attribute, and nothing is recorded.
func TestAccTestReportRefusals(t *testing.T) {
	s := newShop(t)
	with := func(report map[string]any, want string) resource.TestStep {
		step := s.step(wish{"release": release("1.0.0"), "gates": askUnit, "reports": reports(report)})
		if want != "" {
			step.ExpectError = regexp.MustCompile(want)
		}
		return step
	}
	s.test(
		s.step(wish{"release": release("1.0.0"), "gates": askUnit}),
		with(map[string]any{"junit": "<testsuite"}, `(?s)Unable to record test report "shop/1.0.0/unit".*junit\s+=.*the\s+report\s+cannot\s+be\s+read`),
		with(map[string]any{}, `(?s)Unable to record test report "shop/1.0.0/unit".*Set\s+junit\s+to\s+the\s+text\s+of\s+the\s+report`),
		with(map[string]any{"junit": ""}, `(?s)Unable to record test report.*junit\s+=.*cannot\s+be\s+read`),
		with(map[string]any{"junit": goodReport, "version": "9.9.9"}, `(?s)Unable to record test report.*version\s+=.*has\s+no\s+release\s+"9\.9\.9"`),
		with(map[string]any{"junit": goodReport, "stage": "test"}, `(?s)Unable to record test report.*stage\s+=.*has\s+no\s+stage\s+"test"`),
		with(map[string]any{"junit": goodReport, "suite": "no suite"}, `(?s)Invalid test report.*suite\s+=.*is\s+not\s+a\s+name`),
		resource.TestStep{ConfigDirectory: with(nil, "").ConfigDirectory, ConfigVariables: s.step(wish{"release": release("1.0.0"), "gates": askUnit}).ConfigVariables,
			PreConfig: func() {
				_, err := s.Client(acctest.Actor).TestReport(t.Context(), "shop/1.0.0/unit/1")
				require.True(t, delivery.IsNotFound(err), "%v", err)
			}},
	)
}

// A plan that records a report, changes it or withdraws it, foresees what that does to the gate.
func TestPlanForeseesTestReports(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	with := func(report map[string]any) []declaration {
		return s.declare(order{version: "1.0.0", gates: askUnit, report: report, promotion: map[string]any{"when_blocked": "pend"}})
	}
	w.apply(with(nil)...)
	plan := w.refreshAndPlan(with(nil)...)
	require.Empty(t, plan["promotion"].action, "waiting is no reason to plan anything")
	require.Contains(t, plan["promotion"].said(), "no report of suite unit about 1.0.0; record one with a cd_test_report")

	plan = w.refreshAndPlan(with(map[string]any{"junit": badReport})...)
	require.Contains(t, plan["promotion"].said(), "2 tests ran, 1 failed; at most 0 may")

	w.apply(with(map[string]any{"junit": badReport})...)
	plan = w.refreshAndPlan(with(map[string]any{"junit": goodReport})...)
	require.Equal(t, "replace", plan["report"].action)
	require.Contains(t, plan["promotion"].said(), "production: deploy 1.0.0")

	// What is not known yet is not spoken of.
	plan = w.refreshAndPlan(with(map[string]any{"junit": unknown})...)
	require.Equal(t, "replace", plan["report"].action)
	require.Empty(t, plan["promotion"].said())

	w.apply(with(map[string]any{"junit": goodReport})...)
	require.NoError(t, s.runs("production", "1.0.0"))
	for name, o := range w.refreshAndPlan(with(map[string]any{"junit": goodReport})...) {
		require.Empty(t, o.action, name)
		require.Empty(t, o.diagnostics, name)
	}
	// Destroying keeps it, unless the resource says otherwise. That alone is an update in place.
	id, report := w.attribute(w.state["report"], "id"), 4
	_, diagnostics := w.change(with(map[string]any{"junit": goodReport})[report], w.state["report"], w.null("cd_test_report"))
	require.Empty(t, diagnostics)
	_, err := s.Client(acctest.Actor).TestReport(t.Context(), id)
	require.NoError(t, err)
	withdraws := with(map[string]any{"junit": goodReport, "withdraw_on_destroy": true})
	require.Equal(t, "update", w.refreshAndPlan(withdraws...)["report"].action)
	w.apply(withdraws...)
	_, diagnostics = w.change(withdraws[report], w.state["report"], w.null("cd_test_report"))
	require.Empty(t, diagnostics)
	_, err = s.Client(acctest.Actor).TestReport(t.Context(), id)
	require.True(t, delivery.IsNotFound(err), "%v", err)
}

// Evidence about one release is none about another.
func TestTestReportIsAboutOneRelease(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0", gates: askUnit, report: map[string]any{"junit": goodReport}, promotion: map[string]any{"when_blocked": "pend"}})...)
	require.NoError(t, s.runs("production", "1.0.0"))
	plan := w.refreshAndPlan(s.declare(order{version: "1.1.0", gates: askUnit, promotion: map[string]any{"when_blocked": "pend"}})...)
	require.Contains(t, plan["promotion"].said(), "no report of suite unit about 1.1.0")
}

func TestTestReportValidation(t *testing.T) {
	w := newWire(t, acctest.New(t))
	good := map[string]any{"pipeline": "shop", "version": "1.0.0", "suite": "unit", "junit": goodReport}
	require.Empty(t, w.validate("cd_test_report", good))
	for attribute, bad := range map[string]string{"pipeline": "a b", "version": "-", "suite": "", "stage": "a/b"} {
		config := map[string]any{"pipeline": "shop", "version": "1.0.0", "suite": "unit", "junit": goodReport, attribute: bad}
		got := said(w.validate("cd_test_report", config))
		require.Len(t, got, 1, attribute)
		require.Contains(t, got[0], fmt.Sprintf("AttributeName(%q): Invalid test report", attribute))
	}
}
