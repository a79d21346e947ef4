package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

type environmentDataSource struct{ dataSourceBase }

var _ datasource.DataSourceWithConfigure = (*environmentDataSource)(nil)

func newEnvironmentDataSource() datasource.DataSource {
	return &environmentDataSource{dataSourceBase{noun: "environment"}}
}

// Schema describes the data source: the resource's attributes, found by name.
func (d *environmentDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads an environment from the ledger, wherever it is declared.",
		Attributes: tf.LookupAttributes(map[string]schema.Attribute{
			"name": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the environment."},
		}, environmentAttributes()),
	}
}

// Read looks the environment up; that there is none is an error.
func (d *environmentDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config environmentModel
	if !tf.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	name := config.Name.ValueString()
	environment, err := d.session.Environment(ctx, name)
	if err != nil {
		tf.AddLookupErrors(&resp.Diagnostics, "name", "environment", name, err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, environmentModelFrom(environment, environmentModel{}))...)
}
