package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

var (
	morning = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

	stagingStep = delivery.Step{Kind: delivery.StepDeploy, Stage: "staging", Environment: "staging", Version: "1.4.2", Reason: "staging runs 1.4.1"}
	stagingDone = delivery.StageDecision{Stage: "staging", Version: "1.4.2", Status: delivery.StageVerified}
	blocked     = delivery.StageDecision{Stage: "production", Version: "1.4.2", Status: delivery.StageWaiting, Gates: []delivery.GateResult{
		{Name: "previous_stage", Verdict: delivery.VerdictPassed, Reason: "verified in staging"},
		{Name: "approvals", Verdict: delivery.VerdictPending, Reason: "0 of 1 approvals; eligible approvers: alice@example.com"},
		{Name: "soak", Verdict: delivery.VerdictPending, Reason: "verified in staging since 08:30", ReadyAt: &morning},
	}}
	heldBack = delivery.StageDecision{Stage: "staging", Version: "1.4.2", Status: delivery.StageRolledBack,
		Held: "1.4.2 was rolled back in staging (staging, attempt 1): smoke failed. It is not tried there again until attempt is raised to 2, or another version is delivered"}
)

const gateLines = "" +
	"  previous_stage  passed   verified in staging\n" +
	"  approvals       pending  0 of 1 approvals; eligible approvers: alice@example.com\n" +
	"  soak            pending  verified in staging since 08:30 (earliest 2027-03-01T09:00:00Z)"

func TestWarnPreview(t *testing.T) {
	type warning struct{ summary, detail string }
	cases := map[string]struct {
		preview delivery.DeliveryPreview
		when    delivery.WhenBlocked
		want    []warning
	}{
		"nothing to do": {preview: delivery.DeliveryPreview{Stages: []delivery.StageDecision{stagingDone}}},
		"nothing known": {preview: delivery.DeliveryPreview{Changes: true}},
		"delivers": {
			preview: delivery.DeliveryPreview{Changes: true, Steps: []delivery.Step{stagingStep}, Stages: []delivery.StageDecision{stagingDone}},
			want:    []warning{{"Title", "staging: deploy 1.4.2 to staging (staging runs 1.4.1)"}},
		},
		"delivers and stops": {
			preview: delivery.DeliveryPreview{Changes: true, Steps: []delivery.Step{stagingStep}, Stages: []delivery.StageDecision{stagingDone, blocked}},
			when:    delivery.WhenBlockedFail,
			want:    []warning{{"Title", "staging: deploy 1.4.2 to staging (staging runs 1.4.1)\nstops before production:\n" + gateLines}},
		},
		"waits on the way": {
			preview: delivery.DeliveryPreview{Stages: []delivery.StageDecision{stagingDone, blocked}},
			want:    []warning{{"Title waits", "waits before production:\n" + gateLines}},
		},
		"refused at the entry": {
			preview: delivery.DeliveryPreview{Stages: []delivery.StageDecision{blocked}}, when: delivery.WhenBlockedFail,
			want: []warning{{"Title waits", "waits before production:\n" + gateLines + "\nApplying fails and deploys nothing, because when_blocked is \"fail\"."}},
		},
		"stays at the entry": {
			preview: delivery.DeliveryPreview{Stages: []delivery.StageDecision{blocked}}, when: delivery.WhenBlockedWait,
			want: []warning{{"Title waits", "waits before production:\n" + gateLines + "\nApplying waits until the gates pass, one fails, or the timeout is reached."}},
		},
		"waits at the entry": {
			preview: delivery.DeliveryPreview{Stages: []delivery.StageDecision{blocked}}, when: delivery.WhenBlockedPend,
			want: []warning{{"Title waits", "waits before production:\n" + gateLines + "\nApplying succeeds and leaves the promotion waiting."}},
		},
		"held": {
			preview: delivery.DeliveryPreview{Changes: true, Stages: []delivery.StageDecision{heldBack}},
			want:    []warning{{"Title is held", "held in staging: " + heldBack.Held + ".\nApplying fails."}},
		},
		"heals what stands while another is held": {
			preview: delivery.DeliveryPreview{Changes: true, Stages: []delivery.StageDecision{heldBack}, Steps: []delivery.Step{
				{Kind: delivery.StepDeploy, Stage: "staging", Environment: "staging", Version: "1.4.1", Reason: "staging drifted: index.html was edited"}}},
			want: []warning{{"Title", "staging: deploy 1.4.1 to staging (staging drifted: index.html was edited)\nheld in staging: " + heldBack.Held + ".\nApplying fails."}},
		},
		"goes on after a loss": {
			preview: delivery.DeliveryPreview{Changes: true, Stages: []delivery.StageDecision{stagingDone}, Steps: []delivery.Step{
				{Kind: delivery.StepResume, Stage: "staging", Environment: "eu", Version: "1.4.2", Reason: "1.4.2 is still verifying"},
				{Kind: delivery.StepRollback, Stage: "staging", Environment: "us", Version: "1.4.1", Reason: "1.4.2 failed in staging; going back to 1.4.1"}}},
			want: []warning{{"Title", "staging: finish the deployment of 1.4.2 to eu (1.4.2 is still verifying)\nstaging: roll us back to 1.4.1 (1.4.2 failed in staging; going back to 1.4.1)"}},
		},
		"glass is broken, and nothing to do": {
			preview: delivery.DeliveryPreview{Stages: []delivery.StageDecision{stagingDone}, Overrides: []delivery.Override{{ID: "o1", Actor: "alice@example.com", Spec: delivery.OverrideSpec{
				Pipeline: "shop", Version: "1.4.2", Stage: "staging", Gates: []string{"soak", "windows"}, Reason: "checkout is down", Ticket: "INC-7", ExpiresAt: "2027-03-01T18:00:00Z"}}}},
			want: []warning{{"Override of shop 1.4.2 in staging", "Until 2027-03-01T18:00:00Z it skips these gates: soak, windows.\ncheckout is down (INC-7)\nMade by alice@example.com."}},
		},
		"cannot see": {
			preview: delivery.DeliveryPreview{Stages: []delivery.StageDecision{{Stage: "staging", Status: delivery.StageVerified, Unknown: map[string]string{"us": "permission denied", "eu": "no answer."}}}},
			want: []warning{
				{`Unable to see what runs in "eu"`, "no answer. It is not known whether it drifted, so this plan leaves it unchanged."},
				{`Unable to see what runs in "us"`, "permission denied. It is not known whether it drifted, so this plan leaves it unchanged."},
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var diags diag.Diagnostics
			warnPreview(&diags, "Title", c.preview, c.when)
			require.Empty(t, diags.Errors())
			var got []warning
			for _, d := range diags {
				got = append(got, warning{d.Summary(), d.Detail()})
			}
			require.Equal(t, c.want, got)
		})
	}
}

// What stands still after applying is worded as in the plan, without saying what applying would do.
func TestWaits(t *testing.T) {
	var diags diag.Diagnostics
	warnIfWaiting(&diags, "Delivery of shop 1.4.2", blocked)
	warnIfWaiting(&diags, "Delivery of shop 1.4.2", delivery.StageDecision{Stage: "production", Status: delivery.StageDeploying})
	require.Len(t, diags, 1)
	require.Equal(t, "Delivery of shop 1.4.2 waits", diags[0].Summary())
	require.Equal(t, "waits before production:\n"+gateLines, diags[0].Detail())
}

// An error in a plan also stops terraform destroy, so it is one only when the plan really changes the object.
func TestRefuseInPlan(t *testing.T) {
	refused := delivery.Errors{
		{Code: delivery.CodeConflict, Field: `artifacts["app"].digest`, Message: "1.4.2 is registered with another digest"},
		{Code: delivery.CodeConflict, Message: "no place to deploy to"},
	}
	for _, changes := range []bool{true, false} {
		var diags diag.Diagnostics
		tf.AddErrorsInPlan(&diags, changes, "deliver", "release", "shop/1.4.2", refused)
		require.Equal(t, changes, diags.HasError())
		require.Len(t, diags, 2)
		require.Equal(t, `Unable to deliver release "shop/1.4.2"`, diags[0].Summary())
		at, ok := diags[0].(diag.DiagnosticWithPath)
		require.True(t, ok)
		require.Equal(t, path.Root("artifacts").AtMapKey("app").AtName("digest"), at.Path())
		require.Equal(t, "no place to deploy to", diags[1].Detail())
	}
	var diags diag.Diagnostics
	tf.AddErrorsInPlan(&diags, true, "deliver", "release", "shop/1.4.2", nil)
	require.Empty(t, diags)
}
