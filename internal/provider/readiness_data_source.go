package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// readinessDataSource is cd_readiness: whether a release could enter a stage at a moment.
type readinessDataSource struct{ dataSourceBase }

var (
	_ datasource.DataSourceWithConfigure      = (*readinessDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*readinessDataSource)(nil)
)

func newReadinessDataSource() datasource.DataSource {
	return &readinessDataSource{dataSourceBase{noun: "readiness"}}
}

type readinessModel struct {
	Pipeline types.String `tfsdk:"pipeline"`
	Version  types.String `tfsdk:"version"`
	Stage    types.String `tfsdk:"stage"`
	At       types.String `tfsdk:"at"`
	Ready    types.Bool   `tfsdk:"ready"`
	ReadyAt  types.String `tfsdk:"ready_at"`
	LastGate types.String `tfsdk:"last_gate"`
	Content  types.String `tfsdk:"content"`
	Gates    types.List   `tfsdk:"gates"`
}

type gateResultModel struct {
	Name     types.String `tfsdk:"name"`
	Verdict  types.String `tfsdk:"verdict"`
	Reason   types.String `tfsdk:"reason"`
	ReadyAt  types.String `tfsdk:"ready_at"`
	Override types.String `tfsdk:"override"`
}

var gateResultType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"name":     types.StringType,
	"verdict":  types.StringType,
	"reason":   types.StringType,
	"ready_at": types.StringType,
	"override": types.StringType,
}}

// readinessModelFrom returns the model of an answer. A release that is ready has no ready_at: it would be different in each plan.
func readinessModelFrom(ctx context.Context, r delivery.Readiness, config readinessModel) (readinessModel, diag.Diagnostics) {
	m := config
	m.Ready = types.BoolValue(r.Ready)
	m.ReadyAt = types.StringNull()
	if !r.Ready {
		m.ReadyAt = tf.Time(r.ReadyAt)
	}
	m.LastGate = tf.StringOr(r.LastGate, types.StringNull())
	m.Content = types.StringValue(delivery.ShortContent(r.ContentDigest))
	gates := make([]gateResultModel, len(r.Gates))
	for i, g := range r.Gates {
		gates[i] = gateResultModel{
			Name:     types.StringValue(g.Name),
			Verdict:  types.StringValue(string(g.Verdict)),
			Reason:   types.StringValue(g.Reason),
			ReadyAt:  tf.Time(g.ReadyAt),
			Override: tf.StringOr(g.Override, types.StringNull()),
		}
	}
	var diags diag.Diagnostics
	m.Gates, diags = types.ListValueFrom(ctx, gateResultType, gates)
	return m, diags
}

// Schema describes cd_readiness.
func (d *readinessDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Whether a release could enter a stage, with the verdict of every gate. With `at`, it answers for another time, as far as that is known now.",
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
				MarkdownDescription: "Name of the stage.",
			},
			"at": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Time to ask about, in RFC 3339 format. Defaults to now.",
			},
			"ready": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "Whether every gate passes at that time.",
			},
			"ready_at": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Earliest time at which every gate passes without any action, in RFC 3339 format. Null if the release is ready, or if a person or a change is needed.",
			},
			"last_gate": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The gate that passes last, at `ready_at`. Null if `ready_at` is null.",
			},
			"content": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "First 12 hex digits of the digest of what would be delivered, to copy into the `content` of a `cd_approval` or `cd_override`.",
			},
			"gates": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "Every gate of the stage, in the order of evaluation.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Name of the gate, such as `approvals`, `soak` or `checks.error_rate`.",
					},
					"verdict": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "`passed`, `pending` (time or a person can still satisfy it), or `failed` (it will not pass unless something changes).",
					},
					"reason": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Reason for the verdict.",
					},
					"ready_at": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Earliest time at which the gate passes without any action, in RFC 3339 format. Null if it has passed, or if time alone is not enough.",
					},
					"override": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Id of the `cd_override` that skips the gate. Null if no override skips it.",
					},
				}},
			},
		},
	}
}

// ValidateConfig refuses a text that is not a time.
func (d *readinessDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var config readinessModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if _, err := config.moment(); err != nil && !config.At.IsUnknown() {
		resp.Diagnostics.AddAttributeError(path.Root("at"), "Invalid readiness", err.Error())
	}
}

// moment returns the requested time. The zero time means now.
func (m readinessModel) moment() (time.Time, error) {
	if m.At.IsNull() {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, m.At.ValueString())
	if err != nil {
		return at, fmt.Errorf("%q is not a time; write it as RFC 3339, such as \"2027-06-30T00:00:00Z\"", m.At.ValueString())
	}
	return at, nil
}

// Read evaluates the gates of the stage. A release or stage that does not exist is an error.
func (d *readinessDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config readinessModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || d.session == nil {
		return
	}
	at, err := config.moment()
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("at"), "Invalid readiness", err.Error())
		return
	}
	pipeline, version, stage := config.Pipeline.ValueString(), config.Version.ValueString(), config.Stage.ValueString()
	var found delivery.Readiness
	api, err := d.session.client(ctx)
	if err == nil {
		found, err = api.Readiness(ctx, pipeline, version, stage, at)
	}
	if err != nil {
		tf.AddReadErrors(&resp.Diagnostics, path.Root("version"), fmt.Sprintf("Unable to read the readiness of \"%s/%s\" for %q", pipeline, version, stage), err)
		return
	}
	model, diags := readinessModelFrom(ctx, found, config)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}
