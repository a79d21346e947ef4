package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/blocks"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/changeset"
)

// newPolicyResource makes cd_policy: gates that apply to pipelines whether the pipelines declare them or not.
func newPolicyResource() resource.Resource {
	return newNamedResource("policy", namedKind[policyModel, delivery.PolicySpec]{
		description: "A policy: gates that are added to every stage of every pipeline that deploys to its tiers or environments. " +
			"All gates of the stage and of every policy must pass. So a stage can be stricter than a policy, but never less strict. No override skips a gate of a policy. A plan warns of an environment or a tier that nothing has. " +
			"It applies at once, also to releases that are already waiting. Releases and promotions in the same configuration depend on it: `depends_on = [cd_policy.NAME]`. If one would be delivered without it, and nothing orders them, the plan is an error, because the apply could deliver first.",
		attributes: policyAttributes,
		model:      policyModelFrom,
		name:       func(p delivery.PolicySpec) string { return p.Name },
		withName:   func(name string) delivery.PolicySpec { return delivery.PolicySpec{Name: name} },
		subject:    func(name string) delivery.Subject { return delivery.Subject{Policy: name} },
		closes:     true,
		relaxed:    "This edit weakens policy %q",
		removed:    "Removing policy %q weakens the stages that it applies to",

		put:        (*client.Client).PutPolicy,
		get:        (*client.Client).Policy,
		delete:     (*client.Client).DeletePolicy,
		add:        (*changeset.Collector).AddPolicy,
		addUnknown: (*changeset.Collector).AddUnknownPolicy,
		noteGone:   (*changeset.Collector).RemovePolicy,
	})
}

func policyAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"tiers": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Tiers to which the policy applies: `development`, `testing`, `staging`, `production` or `other`. Set tiers, environments, or both. The policy applies to a stage that deploys to any of them.",
		},
		"environments": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Names of environments to which the policy applies, in addition to those of its tiers.",
		},
		"gates": blocks.GatesAttribute("Gates that must pass before a release enters a stage, as in a stage of a `cd_pipeline`. At least one gate.", true),
	}
}
