package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// approvalModel is a cd_approval as Terraform holds it.
type approvalModel struct {
	ID            types.String `tfsdk:"id"`
	Pipeline      types.String `tfsdk:"pipeline"`
	Version       types.String `tfsdk:"version"`
	Stage         types.String `tfsdk:"stage"`
	Decision      types.String `tfsdk:"decision"`
	Content       types.String `tfsdk:"content"`
	Comment       types.String `tfsdk:"comment"`
	Approver      types.String `tfsdk:"approver"`
	Signature     types.String `tfsdk:"signature"`
	ContentDigest types.String `tfsdk:"content_digest"`
	Status        types.String `tfsdk:"status"`
	DecidedAt     types.String `tfsdk:"decided_at"`
}

// toSpec returns what the user declares. An approver that is not written is left to the control plane: it is the actor.
func (m approvalModel) toSpec() delivery.ApprovalSpec {
	return delivery.ApprovalSpec{
		Pipeline:  m.Pipeline.ValueString(),
		Version:   m.Version.ValueString(),
		Stage:     m.Stage.ValueString(),
		Decision:  delivery.ApprovalDecision(m.Decision.ValueString()),
		Content:   m.Content.ValueString(),
		Comment:   m.Comment.ValueString(),
		Approver:  m.Approver.ValueString(),
		Signature: m.Signature.ValueString(),
	}
}

// approvalModelFrom makes the model of an approval as it is read back. One that is undecided covers nothing yet.
func approvalModelFrom(a delivery.Approval, prior approvalModel) approvalModel {
	if a.Status == delivery.ApprovalUndecided {
		prior.ID, prior.Approver, prior.Status = types.StringValue(a.ID), types.StringValue(a.Spec.Approver), types.StringValue(string(a.Status))
		prior.ContentDigest, prior.DecidedAt = types.StringNull(), types.StringNull()
		return prior
	}
	return approvalModel{
		ID:            types.StringValue(a.ID),
		Pipeline:      types.StringValue(a.Spec.Pipeline),
		Version:       types.StringValue(a.Spec.Version),
		Stage:         types.StringValue(a.Spec.Stage),
		Decision:      types.StringValue(string(a.Spec.Decision)),
		Content:       contentFrom(a.Spec.Content, a.ContentDigest, prior.Content),
		Comment:       tf.StringOr(a.Spec.Comment, prior.Comment),
		Approver:      types.StringValue(a.Spec.Approver),
		Signature:     tf.StringOr(a.Spec.Signature, prior.Signature),
		ContentDigest: types.StringValue(a.ContentDigest),
		Status:        types.StringValue(string(a.Status)),
		DecidedAt:     tf.Time(&a.DecidedAt),
	}
}
