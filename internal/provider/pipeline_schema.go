package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/blocks"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// Schema describes cd_pipeline.
func (r *pipelineResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	defer tf.FixTypes(&resp.Schema)
	resp.Schema = schema.Schema{
		MarkdownDescription: "A pipeline: the path of one deployable thing, such as a service, through ordered stages. " +
			"Destroying it stops managing it: what runs keeps running, and its history stays.",
		Attributes: pipelineAttributes(),
	}
}

func pipelineAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name: letters, digits, hyphens and underscores, at most 63 characters. Changing it replaces the pipeline.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"stages": schema.ListNestedAttribute{
			Required:            true,
			MarkdownDescription: "Stages, in the order in which a release enters them.",
			NestedObject:        schema.NestedAttributeObject{Attributes: stageAttributes()},
		},
		"id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The name.",
		},
		"revision": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Digest that changes exactly when the pipeline changes.",
		},
	}
}

func stageAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Stage name, unique within the pipeline.",
		},
		"environments": schema.ListAttribute{
			Required: true, ElementType: types.StringType,
			MarkdownDescription: "Names of the environments to which the stage deploys, in this order. Either all of them have a target, or none has.",
		},
		"promotion": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Promotion policy: `manual` (a person decides, with a `cd_promotion`) or `automatic` (each release enters whose gates pass).",
		},
		"config": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Configuration for this pipeline in this stage. It overrides the configuration of the environment.",
		},
		"gates": blocks.GatesAttribute("Gates that must pass before a release enters the stage.", false),
		"overridable": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Gates that a `cd_override` may skip: `previous_stage`, `approvals`, `tests`, `soak`, `windows`, `cooldown`, `max_deploys`, `parity`, `checks`, `expressions` or `freeze`, " +
				"or a single one, such as `checks.error_rate`. Defaults to none. Gates of a policy can never be skipped.",
		},
		"verify": blocks.ChecksAttribute("Checks after deploying, by name. The release can enter the next stage only when all have passed."),
		"rollout": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "How the stage deploys to several environments.",
			Attributes: map[string]schema.Attribute{
				"max_parallel": schema.Int64Attribute{
					Optional:            true,
					MarkdownDescription: "Maximum number of environments that are deployed to at the same time, 1 to 1000. Defaults to 1.",
					Validators:          []validator.Int64{int64validator.AtLeast(1)},
				},
				"max_failures": schema.Int64Attribute{
					Optional: true, Computed: true, Default: int64default.StaticInt64(0),
					MarkdownDescription: "Number of environments in which a rollout may fail and still continue, 0 to 1000. Defaults to 0: it stops at the first failure. Up to this number, " +
						"only the failed environments are rolled back. If one more fails, the rollout stops, and everything that it changed in the stage is rolled back. " +
						"In both cases the apply fails. The release counts as verified in the stage only when it is verified in each environment.",
				},
			},
		},
		"on_failure": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(delivery.Rollback)),
			MarkdownDescription: "What happens when a deployment fails: `rollback` deploys the last verified release again, `halt` leaves everything as it is. Defaults to `rollback`.",
		},
	}
}
