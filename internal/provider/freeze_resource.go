package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/changeset"
)

// newFreezeResource makes cd_freeze: a time in which nothing is deployed.
func newFreezeResource() resource.Resource {
	return newNamedResource("freeze", namedKind[freezeModel, delivery.FreezeSpec]{
		description: "A freeze: while it lasts, nothing is deployed where it applies. Rolling back a failed deployment is still allowed. " +
			"Each of `environments`, `tiers` and `pipelines` narrows it: `tiers = [\"production\"]` with `pipelines = [\"shop\"]` freezes shop in production and nothing else. A plan warns of a name or a tier that nothing has, and of filters that exclude each other. " +
			"It applies at once, also to releases that are already waiting. Releases and promotions in the same configuration depend on it: `depends_on = [cd_freeze.NAME]`. If one would be delivered without it, and nothing orders them, the plan is an error, because the apply could deliver first.",
		attributes: freezeAttributes,
		model:      freezeModelFrom,
		name:       func(f delivery.FreezeSpec) string { return f.Name },
		withName:   func(name string) delivery.FreezeSpec { return delivery.FreezeSpec{Name: name} },
		subject:    func(name string) delivery.Subject { return delivery.Subject{Freeze: name} },
		relaxed:    "This edit weakens freeze %q, which is active now",
		removed:    "Removing freeze %q, which is active now",

		put:        (*client.Client).PutFreeze,
		get:        (*client.Client).Freeze,
		delete:     (*client.Client).DeleteFreeze,
		add:        (*changeset.Collector).AddFreeze,
		addUnknown: (*changeset.Collector).AddUnknownFreeze,
		noteGone:   (*changeset.Collector).RemoveFreeze,
	})
}

func freezeAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"reason": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Reason, for people whose release is blocked.",
		},
		"starts_at": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Start of the freeze, in RFC 3339 format.",
		},
		"ends_at": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "End of the freeze, in RFC 3339 format.",
		},
		"environments": scopeAttribute("Names of the frozen environments. Defaults to all."),
		"tiers":        scopeAttribute("Frozen tiers: `development`, `testing`, `staging`, `production` or `other`. Defaults to all."),
		"pipelines":    scopeAttribute("Names of the frozen pipelines. Defaults to all."),
	}
}

// scopeAttribute describes one of the sets that narrow a freeze.
func scopeAttribute(description string) schema.Attribute {
	return schema.SetAttribute{
		Optional: true, ElementType: types.StringType,
		MarkdownDescription: description + " At least one of `environments`, `tiers` and `pipelines` is required.",
	}
}
