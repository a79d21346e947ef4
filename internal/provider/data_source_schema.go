package provider

import (
	"fmt"
	"maps"

	data "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// lookup describes a data source that finds an object of a resource's shape: all of the resource's attributes are computed,
// with the descriptions they have there, but for the keys by which it is found.
func lookup(keys map[string]data.Attribute, attributes map[string]schema.Attribute) map[string]data.Attribute {
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

// refuseLookup adds the error of a data source: that there is no such object is a mistake at the key.
func addLookupErrors(diags *diag.Diagnostics, key, noun, name string, err error) {
	if delivery.IsNotFound(err) {
		err = delivery.Errors{{Code: delivery.CodeNotFound, Field: path.Root(key).String(), Message: delivery.ErrorsOf(err)[0].Message}}
	}
	addErrors(diags, "read", noun, name, err)
}
