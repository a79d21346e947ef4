package tf

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
)

// FixTypes gives each nested object of a schema its type once, and integers a type with an error message of ours. Without it the framework
// derives the type of an attribute from all attributes below it, several times for each value of each request: a quarter of the CPU time of
// a plan in the provider.
func FixTypes(s *schema.Schema) {
	fixTypes(s.Attributes)
}

// fixTypes gives the attributes their types, and returns the types of all.
func fixTypes(attributes map[string]schema.Attribute) map[string]attr.Type {
	types := make(map[string]attr.Type, len(attributes))
	for name, attribute := range attributes {
		attribute = fixed(attribute)
		attributes[name], types[name] = attribute, attribute.GetType()
	}
	return types
}

func fixed(attribute schema.Attribute) schema.Attribute {
	switch a := attribute.(type) {
	case schema.Int64Attribute:
		a.CustomType = integerType{}
		return a
	case schema.SingleNestedAttribute:
		a.CustomType = objectType(a.Attributes, a.CustomType)
		return a
	case schema.MapNestedAttribute:
		a.NestedObject.CustomType = objectType(a.NestedObject.Attributes, a.NestedObject.CustomType)
		return a
	case schema.ListNestedAttribute:
		a.NestedObject.CustomType = objectType(a.NestedObject.Attributes, a.NestedObject.CustomType)
		return a
	case schema.SetNestedAttribute:
		a.NestedObject.CustomType = objectType(a.NestedObject.Attributes, a.NestedObject.CustomType)
		return a
	}
	return attribute
}

// objectType is the type of an object with these attributes, unless the schema gives it one.
func objectType(attributes map[string]schema.Attribute, own basetypes.ObjectTypable) basetypes.ObjectTypable {
	if own != nil {
		return own
	}
	return types.ObjectType{AttrTypes: fixTypes(attributes)}
}
