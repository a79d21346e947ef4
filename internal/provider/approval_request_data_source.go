package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// approvalRequestDataSource is cd_approval_request: the text that an approver signs.
type approvalRequestDataSource struct{ dataSourceBase }

var (
	_ datasource.DataSourceWithConfigure      = (*approvalRequestDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*approvalRequestDataSource)(nil)
)

func newApprovalRequestDataSource() datasource.DataSource {
	return &approvalRequestDataSource{dataSourceBase{noun: "approval_request"}}
}

type approvalRequestModel struct {
	Pipeline      types.String `tfsdk:"pipeline"`
	Version       types.String `tfsdk:"version"`
	Stage         types.String `tfsdk:"stage"`
	Decision      types.String `tfsdk:"decision"`
	Payload       types.String `tfsdk:"payload"`
	Content       types.String `tfsdk:"content"`
	ContentDigest types.String `tfsdk:"content_digest"`
	Namespace     types.String `tfsdk:"namespace"`
}

// approvalRequestModelFrom makes the model of what there is to sign.
func approvalRequestModelFrom(r delivery.ApprovalRequest) approvalRequestModel {
	return approvalRequestModel{
		Pipeline:      types.StringValue(r.Pipeline),
		Version:       types.StringValue(r.Version),
		Stage:         types.StringValue(r.Stage),
		Decision:      types.StringValue(string(r.Decision)),
		Payload:       types.StringValue(r.Payload()),
		Content:       types.StringValue(delivery.ShortContent(r.ContentDigest)),
		ContentDigest: types.StringValue(r.ContentDigest),
		Namespace:     types.StringValue(delivery.SignatureNamespace),
	}
}

// Schema describes cd_approval_request.
func (d *approvalRequestDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The text that an approver signs, so that the decision can be verified offline and nobody else can make it. Write `payload` to a file unchanged, including the line break at its end, and sign the file with `ssh-keygen -Y sign -n cd-approval -f KEY FILE`. Use the result as the `signature` of a `cd_approval`. The text changes when the content changes, or when a decision is revoked or expires.",
		Attributes: map[string]schema.Attribute{
			"pipeline": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the pipeline.",
			},
			"version": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Version of the release.",
			},
			"stage": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the stage that the release would enter.",
			},
			"decision": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "`approve` or `reject`.",
			},
			"payload": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Text to sign. It names the ledger, the content and the release's artifacts, author and environments. It ends with a line break.",
			},
			"content": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "First 12 hex digits of `content_digest`, to copy into the `content` of a `cd_approval` or `cd_override`.",
			},
			"content_digest": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Digest of the content that the decision covers: the release, the effective configuration and gates of the stage, and its environments.",
			},
			"namespace": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Namespace of the signature, always `cd-approval`. A signature with another namespace never counts.",
			},
		},
	}
}

// ValidateConfig validates what is known of the configuration.
func (d *approvalRequestDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, "approval request", &resp.Diagnostics, func(m approvalRequestModel) delivery.Errors {
		return delivery.ApprovalSpec{
			Pipeline: m.Pipeline.ValueString(),
			Version:  m.Version.ValueString(),
			Stage:    m.Stage.ValueString(),
			Decision: delivery.ApprovalDecision(m.Decision.ValueString()),
		}.Validate()
	})
}

// Read asks what there is to sign. That the release or the stage does not exist is an error.
func (d *approvalRequestDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config approvalRequestModel
	if !tf.Decode(ctx, req.Config, &config, &resp.Diagnostics) || d.session == nil {
		return
	}
	pipeline, version, stage := config.Pipeline.ValueString(), config.Version.ValueString(), config.Stage.ValueString()
	var found delivery.ApprovalRequest
	api, err := d.session.client(ctx)
	if err == nil {
		found, err = api.ApprovalRequest(ctx, pipeline, version, stage, config.Decision.ValueString())
	}
	if err != nil {
		tf.AddReadErrors(&resp.Diagnostics, path.Root("version"), fmt.Sprintf("Unable to read the approval request of \"%s/%s\" for %q", pipeline, version, stage), err)
		return
	}
	model := approvalRequestModelFrom(found)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}
