package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	dschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	eschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	tffunction "github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	pschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	rschema "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// sampleProvider uses every construct a schema may have, also those our own provider has no use for yet. Only its
// schemas are ever asked for: whatever else the framework wants is nil inside the embedded interfaces.
type sampleProvider struct{ provider.Provider }

func (sampleProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "cd"
}

func (sampleProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = pschema.Schema{
		MarkdownDescription: "A provider with `everything`.",
		Attributes: map[string]pschema.Attribute{
			"token": pschema.StringAttribute{Optional: true, Sensitive: true, Description: "plain <text>"},
		},
	}
}

func (sampleProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return sampleResource{} }}
}

func (sampleProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return sampleDataSource{} }}
}

func (sampleProvider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{func() ephemeral.EphemeralResource { return sampleEphemeral{} }}
}

func (sampleProvider) Functions(context.Context) []func() tffunction.Function {
	return []func() tffunction.Function{
		func() tffunction.Function { return sampleFunction{name: "fixed"} },
		func() tffunction.Function { return sampleFunction{name: "variadic", variadic: true} },
	}
}

type sampleResource struct{ resource.Resource }

func (sampleResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "cd_sample"
}

func (sampleResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	leaf := map[string]rschema.Attribute{
		"reason": rschema.StringAttribute{Required: true, MarkdownDescription: "why"},
		"limits": rschema.SingleNestedAttribute{Optional: true, Attributes: map[string]rschema.Attribute{
			"max": rschema.NumberAttribute{Computed: true},
		}},
	}
	nested := rschema.NestedAttributeObject{Attributes: leaf}
	resp.Schema = rschema.Schema{
		Version:            3,
		DeprecationMessage: "use another",
		Attributes: map[string]rschema.Attribute{
			"name":     rschema.StringAttribute{Required: true},
			"old":      rschema.StringAttribute{Optional: true, DeprecationMessage: "use name"},
			"password": rschema.StringAttribute{Optional: true, WriteOnly: true},
			"shape": rschema.ObjectAttribute{Computed: true, AttributeTypes: map[string]attr.Type{
				"tags": types.SetType{ElemType: types.StringType}, "any": types.BoolType,
			}},
			"dynamic": rschema.DynamicAttribute{Optional: true, Computed: true},
			"one":     rschema.SingleNestedAttribute{Optional: true, Attributes: leaf},
			"list":    rschema.ListNestedAttribute{Optional: true, NestedObject: nested},
			"set":     rschema.SetNestedAttribute{Optional: true, NestedObject: nested},
			"map":     rschema.MapNestedAttribute{Optional: true, Computed: true, NestedObject: nested},
		},
		Blocks: map[string]rschema.Block{
			"timeouts": rschema.SingleNestedBlock{Attributes: map[string]rschema.Attribute{
				"create": rschema.StringAttribute{Optional: true},
			}},
			"rule": rschema.ListNestedBlock{Description: "in order", NestedObject: rschema.NestedBlockObject{
				Attributes: map[string]rschema.Attribute{"port": rschema.Int64Attribute{Required: true}},
				Blocks: map[string]rschema.Block{"inner": rschema.SetNestedBlock{NestedObject: rschema.NestedBlockObject{
					Attributes: map[string]rschema.Attribute{"key": rschema.BoolAttribute{Optional: true}},
				}}},
			}},
		},
	}
}

type sampleDataSource struct{ datasource.DataSource }

func (sampleDataSource) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "cd_sample"
}

func (sampleDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = dschema.Schema{Attributes: map[string]dschema.Attribute{
		"filter": dschema.MapAttribute{Optional: true, ElementType: types.StringType},
	}}
}

type sampleEphemeral struct{ ephemeral.EphemeralResource }

func (sampleEphemeral) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = "cd_secret"
}

func (sampleEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = eschema.Schema{Attributes: map[string]eschema.Attribute{
		"value": eschema.StringAttribute{Computed: true, Sensitive: true},
	}}
}

type sampleFunction struct {
	tffunction.Function
	name     string
	variadic bool
}

func (f sampleFunction) Metadata(_ context.Context, _ tffunction.MetadataRequest, resp *tffunction.MetadataResponse) {
	resp.Name = f.name
}

func (f sampleFunction) Definition(_ context.Context, _ tffunction.DefinitionRequest, resp *tffunction.DefinitionResponse) {
	resp.Definition = tffunction.Definition{
		Summary:             "one line",
		MarkdownDescription: "more *lines*",
		Parameters: []tffunction.Parameter{
			tffunction.MapParameter{Name: "config", ElementType: types.StringType, AllowNullValue: true, Description: "what to compare"},
			tffunction.StringParameter{Name: "time"},
		},
		Return: tffunction.ListReturn{ElementType: types.StringType},
	}
	if f.variadic {
		resp.Definition.DeprecationMessage = "use fixed"
		resp.Definition.VariadicParameter = tffunction.StringParameter{Name: "globs", MarkdownDescription: "any number of them"}
	}
}
