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

// releaseDataSource is the data source cd_release: a registered release and where it stands.
type releaseDataSource struct{ dataSourceBase }

var _ datasource.DataSourceWithConfigure = (*releaseDataSource)(nil)

func newReleaseDataSource() datasource.DataSource {
	return &releaseDataSource{dataSourceBase{noun: "release"}}
}

type releaseDataSourceModel struct {
	ID           types.String             `tfsdk:"id"`
	Pipeline     types.String             `tfsdk:"pipeline"`
	Version      types.String             `tfsdk:"version"`
	Artifacts    map[string]artifactModel `tfsdk:"artifacts"`
	Source       *sourceModel             `tfsdk:"source"`
	Labels       map[string]string        `tfsdk:"labels"`
	Attempt      types.Int64              `tfsdk:"attempt"`
	Digest       types.String             `tfsdk:"digest"`
	Stages       types.Map                `tfsdk:"stages"`
	RegisteredBy types.String             `tfsdk:"registered_by"`
	RegisteredAt types.String             `tfsdk:"registered_at"`
}

// releaseDataSourceModelFrom makes the model of a release that is only read.
func releaseDataSourceModelFrom(ctx context.Context, state delivery.ReleaseState) (releaseDataSourceModel, diag.Diagnostics) {
	m, diags := releaseModelFrom(ctx, state, releaseModel{Labels: map[string]string{}})
	return releaseDataSourceModel{
		ID:           m.ID,
		Pipeline:     m.Pipeline,
		Version:      m.Version,
		Artifacts:    m.Artifacts,
		Source:       m.Source,
		Labels:       m.Labels,
		Attempt:      m.Attempt,
		Digest:       m.Digest,
		Stages:       m.Stages,
		RegisteredBy: types.StringValue(state.RegisteredBy),
		RegisteredAt: tf.Time(&state.RegisteredAt),
	}, diags
}

// Schema describes the data source cd_release.
func (d *releaseDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A registered release: its content, and its state in each stage of its pipeline.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "`pipeline/version`.",
			},
			"pipeline": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the pipeline.",
			},
			"version": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "The release's version.",
			},
			"artifacts": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "What is deployed, by name.",
				NestedObject:        schema.NestedAttributeObject{Attributes: readArtifactAttributes()},
			},
			"source": schema.SingleNestedAttribute{
				Computed:            true,
				MarkdownDescription: "Source revision from which the release was built. Null if none is set.",
				Attributes: map[string]schema.Attribute{
					"repository": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "URL of the repository.",
					},
					"revision": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Revision, such as a commit hash.",
					},
					"author": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Author of the revision.",
					},
					"committed_at": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Time of the commit, in RFC 3339 format.",
					},
				},
			},
			"labels": schema.MapAttribute{
				Computed:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Facts about the release, such as a ticket.",
			},
			"attempt": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Number of the newest attempt, starting with 1.",
			},
			"digest": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Digest of the release's whole content: artifacts, source and labels.",
			},
			"stages": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "State of the release in each stage, by stage name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"status": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Status of this release in the stage: `waiting`, `deploying`, `verifying`, `deployed` (authorized for Terraform to deploy, not verified yet), `verified`, `failed`, `rolled_back`, `superseded` or `drifted`.",
					},
					"version": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Version that runs in the stage now, of any release.",
					},
					"waiting_on": schema.ListAttribute{
						Computed:            true,
						ElementType:         types.StringType,
						MarkdownDescription: "Reasons why the release waits.",
					},
				}},
			},
			"registered_by": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Actor who registered the release.",
			},
			"registered_at": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Time of the registration, in RFC 3339 format.",
			},
		},
	}
}

// Read asks for the release. That it does not exist is an error.
func (d *releaseDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config releaseDataSourceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || d.session == nil {
		return
	}
	pipeline, version := config.Pipeline.ValueString(), config.Version.ValueString()
	var found delivery.ReleaseState
	api, err := d.session.observing(ctx, pipeline)
	if err == nil {
		found, err = api.Release(ctx, pipeline, version)
	}
	if err != nil {
		tf.AddReadErrors(&resp.Diagnostics, path.Root("version"), fmt.Sprintf("Unable to read release \"%s/%s\"", pipeline, version), err)
		return
	}
	model, diags := releaseDataSourceModelFrom(ctx, found)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}
