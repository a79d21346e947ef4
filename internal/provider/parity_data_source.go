package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// parityDataSource is cd_parity: how an environment differs from another one.
type parityDataSource struct{ dataSourceBase }

var (
	_ datasource.DataSourceWithConfigure      = (*parityDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*parityDataSource)(nil)
)

func newParityDataSource() datasource.DataSource {
	return &parityDataSource{dataSourceBase{noun: "parity"}}
}

type parityResultModel struct {
	Environment types.String `tfsdk:"environment"`
	With        types.String `tfsdk:"with"`
	Pipeline    types.String `tfsdk:"pipeline"`
	Source      types.String `tfsdk:"source"`
	InParity    types.Bool   `tfsdk:"in_parity"`
	Differences types.List   `tfsdk:"differences"`
	Report      types.String `tfsdk:"report"`
}

type reasonedDifferenceModel struct {
	Key     types.String `tfsdk:"key"`
	This    types.String `tfsdk:"this"`
	Other   types.String `tfsdk:"other"`
	Allowed types.Bool   `tfsdk:"allowed"`
	Reason  types.String `tfsdk:"reason"`
}

var reasonedDifferenceType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"key":     types.StringType,
	"this":    types.StringType,
	"other":   types.StringType,
	"allowed": types.BoolType,
	"reason":  types.StringType,
}}

// parityResultModelFrom makes the model of an answer to the question that config asks.
func parityResultModelFrom(ctx context.Context, r delivery.ParityResult, config parityResultModel) (parityResultModel, diag.Diagnostics) {
	m := config
	if m.Source.IsNull() {
		m.Source = types.StringValue(string(delivery.ParityDeclared))
	}
	found := make([]reasonedDifferenceModel, len(r.Differences))
	for i, d := range r.Differences {
		found[i] = reasonedDifferenceModel{
			Key:     types.StringValue(d.Key),
			This:    types.StringPointerValue(d.This),
			Other:   types.StringPointerValue(d.Other),
			Allowed: types.BoolValue(d.Allowed),
			Reason:  types.StringValue(d.Reason),
		}
	}
	m.InParity, m.Report = types.BoolValue(r.InParity), types.StringValue(r.Report)
	var diags diag.Diagnostics
	m.Differences, diags = types.ListValueFrom(ctx, reasonedDifferenceType, found)
	return m, diags
}

func (m parityResultModel) query() delivery.ParityQuery {
	return delivery.ParityQuery{Environment: m.Environment.ValueString(), With: m.With.ValueString(), Pipeline: m.Pipeline.ValueString(),
		Source: delivery.ParitySource(m.Source.ValueString())}
}

// Schema describes cd_parity.
func (d *parityDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Differences between two environments, as declared or as they run. Secrets are compared by their references; their values are never read. " +
			"A difference is allowed if `parity.allow` of the first environment allows it and its `parity.with` names the second.",
		Attributes: map[string]schema.Attribute{
			"environment": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the environment.",
			},
			"with": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the environment to compare it with.",
			},
			"pipeline": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name of a pipeline that deploys to the environment. The configuration of its stages is included. Required with `source = \"running\"`.",
			},
			"source": schema.StringAttribute{
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "What is compared. `declared` (default): the declarations of the environments. `running`: the last verified deployments of the pipeline, and whether they still run unchanged.",
			},
			"in_parity": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "Whether there are only allowed differences. Also `false` if something is unknown.",
			},
			"differences": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The differences, sorted by key.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"key": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "A key of the configuration, `secrets.KEY` or `platform.KEY`. `running.drift` says how what runs differs from what was deployed. `running.unknown` says why it cannot be compared.",
					},
					"this": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Value in the environment. Null if the key is absent.",
					},
					"other": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Value in the other environment. Null if the key is absent.",
					},
					"allowed": schema.BoolAttribute{
						Computed:            true,
						MarkdownDescription: "Whether the difference is allowed.",
					},
					"reason": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "The declared reason if it is allowed; otherwise why it is not allowed.",
					},
				}},
			},
			"report": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The differences as readable text: one table each for configuration, secrets and platform, with differences that are not allowed first.",
			},
		},
	}
}

// ValidateConfig validates what is known of the configuration.
func (d *parityDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	tf.ValidateConfig(ctx, req.Config, "parity", &resp.Diagnostics, func(m parityResultModel) delivery.Errors { return m.query().Validate() })
}

// Read compares. That one of the environments, or the pipeline, does not exist is an error.
func (d *parityDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config parityResultModel
	if !tf.Decode(ctx, req.Config, &config, &resp.Diagnostics) || d.session == nil {
		return
	}
	var found delivery.ParityResult
	query := config.query()
	api, err := d.session.client(ctx)
	if err == nil && query.Source == delivery.ParityRunning {
		api, err = d.session.observing(ctx, query.Pipeline)
	}
	if err == nil {
		found, err = api.Parity(ctx, query)
	}
	if err != nil {
		tf.AddReadErrors(&resp.Diagnostics, path.Root("environment"), fmt.Sprintf("Unable to compare %q with %q", config.Environment.ValueString(), config.With.ValueString()), err)
		return
	}
	model, diags := parityResultModelFrom(ctx, found, config)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}
