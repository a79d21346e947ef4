package provider

import (
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/stretchr/testify/require"
)

// What the framework would derive for each request is what each nested object was given once.
func TestNestedObjectsHaveTheirTypes(t *testing.T) {
	t.Parallel()
	nested := 0
	for _, make := range (&cdProvider{}).Resources(t.Context()) {
		var resp resource.SchemaResponse
		r := make()
		r.Schema(t.Context(), resource.SchemaRequest{}, &resp)
		requireFixed(t, resp.Schema.Attributes, &nested)
	}
	require.Greater(t, nested, 20)
}

func requireFixed(t *testing.T, attributes map[string]schema.Attribute, nested *int) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		var (
			below  map[string]schema.Attribute
			object basetypes.ObjectTypable
		)
		switch a := attributes[name].(type) {
		case schema.SingleNestedAttribute:
			below, object = a.Attributes, a.CustomType
		case schema.MapNestedAttribute:
			below, object = a.NestedObject.Attributes, a.NestedObject.CustomType
		case schema.ListNestedAttribute:
			below, object = a.NestedObject.Attributes, a.NestedObject.CustomType
		case schema.SetNestedAttribute:
			below, object = a.NestedObject.Attributes, a.NestedObject.CustomType
		default:
			_, isNested := attributes[name].(schema.NestedAttribute)
			require.False(t, isNested, "%s: FixTypes does not know a %T", name, attributes[name])
			continue
		}
		*nested++
		require.NotNil(t, object, "%s: its schema is not given to FixTypes", name)
		derived := map[string]attr.Type{}
		for part, attribute := range below {
			derived[part] = attribute.GetType()
		}
		if plain, ok := object.(types.ObjectType); ok {
			require.True(t, plain.Equal(types.ObjectType{AttrTypes: derived}), name)
		}
		requireFixed(t, below, nested)
	}
}
