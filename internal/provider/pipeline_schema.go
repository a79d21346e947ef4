package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
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
		MarkdownDescription: "A pipeline: the path of one deployable thing through ordered stages. " +
			"Destroying it stops managing it: what runs keeps running, and its history stays.",
		Attributes: pipelineAttributes(),
	}
}

func pipelineAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name: letters, digits, hyphens and underscores, at most 63 characters. Changing it makes another pipeline.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"stages": schema.ListNestedAttribute{
			Required:            true,
			MarkdownDescription: "The stages, in the order in which a release passes through them.",
			NestedObject:        schema.NestedAttributeObject{Attributes: stageAttributes()},
		},
		"id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The name.",
		},
		"revision": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "A digest that changes exactly when the pipeline does.",
		},
	}
}

func stageAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name of the stage, of its own within the pipeline.",
		},
		"environments": schema.ListAttribute{
			Required: true, ElementType: types.StringType,
			MarkdownDescription: "Names of the environments it deploys to, in this order. Each has to have a target.",
		},
		"promotion": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Who decides that a release enters: `manual` (a person, by a `cd_promotion`) or `automatic` (nobody is asked).",
		},
		"config": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Configuration for this pipeline in this stage, laid over the environment's own.",
		},
		"gates": blocks.GatesAttribute("What has to hold before a release enters the stage. A gate that is not written here is not asked.", false),
		"overridable": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Gates that a `cd_override` may skip: `previous_stage`, `approvals`, `tests`, `soak`, `windows`, `cooldown`, `max_deploys`, `parity`, `checks`, `expressions` or `freeze`, " +
				"or one by its name, such as `checks.error_rate`. Defaults to none. Gates of a policy can never be skipped.",
		},
		"verify": blocks.ChecksAttribute("Checks after deploying, by name. A deployment counts for the next stage only once all have passed."),
		"rollout": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "How several environments are walked.",
			Attributes: map[string]schema.Attribute{
				"max_parallel": schema.Int64Attribute{
					Optional:            true,
					MarkdownDescription: "How many environments are deployed to at the same time, 1 to 1000. Defaults to 1.",
					Validators:          []validator.Int64{int64validator.AtLeast(1)},
				},
				"max_failures": schema.Int64Attribute{
					Optional: true,
					MarkdownDescription: "In how many environments a rollout may fail and still go on to the others, 0 to 1000. Defaults to 0: it stops at the first. " +
						"An environment in which it failed is rolled back by itself; when one more fails, the rollout stops, and everything it changed in the stage is rolled back. " +
						"Either way the apply fails, and the release counts as verified in the stage only once it is in each environment.",
				},
			},
		},
		"on_failure": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(delivery.Rollback)),
			MarkdownDescription: "When a deployment fails: `rollback` goes back to the last verified release, `halt` stops where it is. Defaults to `rollback`.",
		},
	}
}
