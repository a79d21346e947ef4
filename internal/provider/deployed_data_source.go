package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// deployedDataSource is cd_deployed: what a pipeline runs in one environment.
type deployedDataSource struct{ dataSourceBase }

var _ datasource.DataSourceWithConfigure = (*deployedDataSource)(nil)

func newDeployedDataSource() datasource.DataSource {
	return &deployedDataSource{dataSourceBase{noun: "deployed"}}
}

type deployedModel struct {
	Pipeline       types.String `tfsdk:"pipeline"`
	Environment    types.String `tfsdk:"environment"`
	Version        types.String `tfsdk:"version"`
	Artifacts      types.Map    `tfsdk:"artifacts"`
	Status         types.String `tfsdk:"status"`
	DeployedAt     types.String `tfsdk:"deployed_at"`
	ConfigRevision types.String `tfsdk:"config_revision"`
	Drifted        types.Bool   `tfsdk:"drifted"`
	Differences    types.List   `tfsdk:"differences"`
}

// deployedModelFrom makes the model of what runs.
func deployedModelFrom(ctx context.Context, d delivery.Deployed) (deployedModel, diag.Diagnostics) {
	var diags diag.Diagnostics
	return deployedModel{
		Pipeline:       types.StringValue(d.Pipeline),
		Environment:    types.StringValue(d.Environment),
		Version:        types.StringValue(d.Version),
		Artifacts:      artifactsFrom(ctx, d.Artifacts, &diags),
		Status:         types.StringValue(d.Status),
		DeployedAt:     tf.Time(d.DeployedAt),
		ConfigRevision: types.StringValue(d.ConfigRevision),
		Drifted:        types.BoolValue(d.Drifted),
		Differences:    tf.Strings(ctx, d.Differences, &diags),
	}, diags
}

// Schema describes cd_deployed.
func (d *deployedDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "What a pipeline runs in one environment, as observed if it can be observed.",
		Attributes: map[string]schema.Attribute{
			"pipeline": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the pipeline.",
			},
			"environment": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the environment.",
			},
			"version": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Version that runs there. Empty if nothing runs.",
			},
			"artifacts": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "Artifacts of the release that runs there, by name.",
				NestedObject:        schema.NestedAttributeObject{Attributes: readArtifactAttributes()},
			},
			"status": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Status of the deployment there: `deploying`, `verifying`, `verified`, `failed`, `rolled_back`, `drifted`, or `waiting` if there was none.",
			},
			"deployed_at": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Time at which the running release was deployed, in RFC 3339 format. Null if nothing was deployed.",
			},
			"config_revision": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Revision of the deployed configuration.",
			},
			"drifted": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "Whether what runs differs from what was deployed.",
			},
			"differences": schema.ListAttribute{
				Computed:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Differences between what runs and what was deployed.",
			},
		},
	}
}

func readArtifactAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"uri": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Address of the artifact.",
		},
		"digest": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Digest of the artifact.",
		},
	}
}

// Read asks what runs. That the pipeline does not deploy there is an error.
func (d *deployedDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config deployedModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || d.session == nil {
		return
	}
	pipeline, environment := config.Pipeline.ValueString(), config.Environment.ValueString()
	var found delivery.Deployed
	api, err := d.session.observing(ctx, pipeline)
	if err == nil {
		found, err = api.Deployed(ctx, pipeline, environment)
	}
	if err != nil {
		tf.AddReadErrors(&resp.Diagnostics, path.Root("environment"), fmt.Sprintf("Unable to read what %q runs in %q", pipeline, environment), err)
		return
	}
	model, diags := deployedModelFrom(ctx, found)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}
