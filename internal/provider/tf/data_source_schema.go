package tf

import (
	"fmt"
	"maps"

	data "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

// LookupAttributes describes a data source that has the attributes of a resource. All are computed and keep their descriptions, except
// the keys by which the object is found.
func LookupAttributes(keys map[string]data.Attribute, attributes map[string]schema.Attribute) map[string]data.Attribute {
	all := computed(attributes)
	maps.Copy(all, keys)
	return all
}

func computed(attributes map[string]schema.Attribute) map[string]data.Attribute {
	all := make(map[string]data.Attribute, len(attributes))
	for name, attribute := range attributes {
		all[name] = computedOf(attribute)
	}
	return all
}

// computedOf panics for a kind of attribute that no resource here uses yet; schemas are built by every test.
func computedOf(attribute schema.Attribute) data.Attribute {
	text := attribute.GetMarkdownDescription()
	switch a := attribute.(type) {
	case schema.StringAttribute:
		return data.StringAttribute{Computed: true, MarkdownDescription: text}
	case schema.BoolAttribute:
		return data.BoolAttribute{Computed: true, MarkdownDescription: text}
	case schema.Int64Attribute:
		return data.Int64Attribute{Computed: true, MarkdownDescription: text}
	case schema.Float64Attribute:
		return data.Float64Attribute{Computed: true, MarkdownDescription: text}
	case schema.MapAttribute:
		return data.MapAttribute{Computed: true, MarkdownDescription: text, ElementType: a.ElementType}
	case schema.ListAttribute:
		return data.ListAttribute{Computed: true, MarkdownDescription: text, ElementType: a.ElementType}
	case schema.SetAttribute:
		return data.SetAttribute{Computed: true, MarkdownDescription: text, ElementType: a.ElementType}
	case schema.SingleNestedAttribute:
		return data.SingleNestedAttribute{Computed: true, MarkdownDescription: text, Attributes: computed(a.Attributes)}
	case schema.MapNestedAttribute:
		return data.MapNestedAttribute{Computed: true, MarkdownDescription: text, NestedObject: computedObject(a.NestedObject)}
	case schema.ListNestedAttribute:
		return data.ListNestedAttribute{Computed: true, MarkdownDescription: text, NestedObject: computedObject(a.NestedObject)}
	}
	panic(fmt.Sprintf("provider: no data source attribute for %T", attribute))
}

func computedObject(object schema.NestedAttributeObject) data.NestedAttributeObject {
	return data.NestedAttributeObject{Attributes: computed(object.Attributes)}
}
