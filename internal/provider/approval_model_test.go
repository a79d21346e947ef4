package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestApprovalModelRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := approvalModel{
			Pipeline: types.StringValue("shop"),
			Version:  types.StringValue("1.4.2"),
			Stage:    types.StringValue("production"),
			Decision: types.StringValue(rapid.SampledFrom([]string{"approve", "reject"}).Draw(t, "decision")),
			Comment:  drawOptional(t, "comment"),
			Approver: rapid.SampledFrom([]types.String{types.StringUnknown(), types.StringValue("bob@example.com")}).Draw(t, "approver"),
		}
		spec := written.toSpec()
		if spec.Approver == "" {
			spec.Approver = "alice@example.com" // the control plane fills in the actor
		}
		read := approvalModelFrom(delivery.Approval{ID: "a1", Spec: spec, DecidedAt: morning, Status: delivery.ApprovalValid}, written)
		require.Equal(t, written.Comment, read.Comment)
		require.Equal(t, spec, read.toSpec())
		require.Equal(t, "2027-03-01T09:00:00Z", read.DecidedAt.ValueString())
	})
}

func TestWarnIfSpent(t *testing.T) {
	cases := map[string]struct {
		status  delivery.ApprovalStatus
		planned delivery.ApprovalStatus
		want    string
	}{
		"valid":                   {delivery.ApprovalValid, delivery.ApprovalValid, ""},
		"nothing known":           {delivery.ApprovalValid, "", ""},
		"used":                    {delivery.ApprovalUsed, delivery.ApprovalUsed, ""},
		"void":                    {delivery.ApprovalVoid, delivery.ApprovalVoid, "is void"},
		"void, nothing known":     {delivery.ApprovalVoid, "", "is void"},
		"expired":                 {delivery.ApprovalExpired, delivery.ApprovalExpired, "is expired"},
		"about to become void":    {delivery.ApprovalValid, delivery.ApprovalVoid, "becomes void by this plan"},
		"expired and out of date": {delivery.ApprovalExpired, delivery.ApprovalVoid, "is expired"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			state := approvalModelFrom(delivery.Approval{ID: "a1", ContentDigest: "sha256:a", Status: c.status, DecidedAt: morning, Spec: delivery.ApprovalSpec{
				Pipeline: "shop", Version: "1.4.2", Stage: "production", Decision: delivery.Approve, Approver: "alice@example.com"}}, approvalModel{})
			var diags diag.Diagnostics
			warnIfInvalid(&diags, state, delivery.ApprovalPreview{Status: c.planned, ContentDigest: "sha256:a"})
			require.False(t, diags.HasError())
			if c.want == "" {
				require.Empty(t, diags)
				return
			}
			require.Len(t, diags, 1)
			require.Equal(t, "The approval of shop 1.4.2 for production is no longer valid", diags[0].Summary())
			require.Contains(t, diags[0].Detail(), "The decision of alice@example.com at 2027-03-01T09:00:00Z "+c.want)
			require.Contains(t, diags[0].Detail(), "terraform apply -replace=")

			diags = nil
			warnIfInvalid(&diags, state, delivery.ApprovalPreview{Status: c.planned, ContentDigest: "sha256:b"})
			require.Contains(t, diags[0].Detail(), `write: content = "b"`)
		})
	}
}
