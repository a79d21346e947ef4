package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

type pipelineDataSource struct{ dataSourceBase }

var _ datasource.DataSourceWithConfigure = (*pipelineDataSource)(nil)

func newPipelineDataSource() datasource.DataSource {
	return &pipelineDataSource{dataSourceBase{noun: "pipeline"}}
}

// Schema describes the data source: the resource's attributes, found by name.
func (d *pipelineDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads a pipeline from the ledger, wherever it is declared.",
		Attributes: tf.LookupAttributes(map[string]schema.Attribute{
			"name": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the pipeline."},
		}, pipelineAttributes()),
	}
}

// Read looks the pipeline up; that there is none is an error.
func (d *pipelineDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config pipelineModel
	if !tf.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	name := config.Name.ValueString()
	pipeline, err := d.session.pipeline(ctx, name)
	if err != nil {
		tf.AddLookupErrors(&resp.Diagnostics, "name", "pipeline", name, err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, pipelineModelFrom(pipeline, pipelineModel{}))...)
}
