package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/stretchr/testify/require"
)

func TestSchemasAreValid(t *testing.T) {
	p := New("test", Host{})()
	var schema provider.SchemaResponse
	p.Schema(t.Context(), provider.SchemaRequest{}, &schema)
	require.Empty(t, schema.Schema.ValidateImplementation(t.Context()))

	for _, build := range p.Resources(t.Context()) {
		var resp resource.SchemaResponse
		build().Schema(t.Context(), resource.SchemaRequest{}, &resp)
		require.Empty(t, resp.Diagnostics)
		require.Empty(t, resp.Schema.ValidateImplementation(t.Context()))
	}
	for _, build := range p.DataSources(t.Context()) {
		var resp datasource.SchemaResponse
		build().Schema(t.Context(), datasource.SchemaRequest{}, &resp)
		require.Empty(t, resp.Diagnostics)
		require.Empty(t, resp.Schema.ValidateImplementation(t.Context()))
	}
	functions, ok := p.(provider.ProviderWithFunctions)
	require.True(t, ok)
	for _, build := range functions.Functions(t.Context()) {
		var name function.MetadataResponse
		build().Metadata(t.Context(), function.MetadataRequest{}, &name)
		var resp function.DefinitionResponse
		build().Definition(t.Context(), function.DefinitionRequest{}, &resp)
		require.Empty(t, resp.Diagnostics)
		validation := function.DefinitionValidateResponse{}
		resp.Definition.ValidateImplementation(t.Context(), function.DefinitionValidateRequest{FuncName: name.Name}, &validation)
		require.Empty(t, validation.Diagnostics)
	}
}

func TestEverythingIsDescribed(t *testing.T) {
	served, err := providerserver.NewProtocol6(New("test", Host{})())().GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	require.NoError(t, err)
	require.Empty(t, served.Diagnostics)
	require.NotEmpty(t, served.ResourceSchemas)
	require.NotEmpty(t, served.DataSourceSchemas)
	require.NotEmpty(t, served.Functions)

	requireDescribed(t, "provider", served.Provider)
	for name, s := range served.ResourceSchemas {
		requireDescribed(t, "resource "+name, s)
	}
	for name, s := range served.DataSourceSchemas {
		requireDescribed(t, "data source "+name, s)
	}
	for name, f := range served.Functions {
		requireSentence(t, "function "+name, f.Description)
		for _, p := range f.Parameters {
			requireSentence(t, "function "+name+"."+p.Name, p.Description)
		}
	}
}

func requireDescribed(t *testing.T, where string, s *tfprotov6.Schema) {
	t.Helper()
	requireSentence(t, where, s.Block.Description)
	require.Empty(t, s.Block.BlockTypes, "%s: nested attributes, not blocks", where)
	requireAttributesDescribed(t, where, s.Block.Attributes)
}

func requireAttributesDescribed(t *testing.T, where string, attributes []*tfprotov6.SchemaAttribute) {
	t.Helper()
	for _, a := range attributes {
		here := where + "." + a.Name
		requireSentence(t, here, a.Description)
		if a.NestedType != nil {
			requireAttributesDescribed(t, here, a.NestedType.Attributes)
		}
	}
}

func requireSentence(t *testing.T, where, text string) {
	t.Helper()
	require.True(t, strings.HasSuffix(text, "."), "%s: needs a description, in whole sentences; has %q", where, text)
}

// Secrets are references, so nothing of a configuration has to be hidden; what has to be would need more than this provider's
// state to be safe.
func TestNothingIsWriteOnlyOrSensitive(t *testing.T) {
	served, err := providerserver.NewProtocol6(New("test", Host{})())().GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	require.NoError(t, err)
	for name, s := range served.ResourceSchemas {
		for _, a := range s.Block.Attributes {
			require.False(t, a.Sensitive || a.WriteOnly, "%s.%s", name, a.Name)
		}
	}
}
