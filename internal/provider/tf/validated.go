package tf

import (
	"context"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// IsValid reports whether ValidateConfig would find no problem in a configuration.
func (d *Decoder[M]) IsValid(ctx context.Context, config tftypes.Value, validate func(M) delivery.Errors) bool {
	pruned := unknownParts{}
	if !config.IsFullyKnown() {
		config = pruned.prune("", config)
	}
	model, ok := d.Decode(ctx, config)
	return ok && len(pruned.withoutUndecided(validate(model))) == 0
}

// Validated are the names of a schema's attributes that have validators, at any depth. Only the framework runs those.
type Validated map[string]bool

// NewValidated returns those of a schema.
func NewValidated(attributes map[string]schema.Attribute) Validated {
	v := Validated{}
	v.add(attributes)
	return v
}

func (v Validated) add(attributes map[string]schema.Attribute) {
	for name, attribute := range attributes {
		// Each kind of attribute has a field for validators of a different type.
		if reflect.ValueOf(attribute).FieldByName("Validators").Len() > 0 {
			v[name] = true
		}
		switch attribute := attribute.(type) {
		case schema.SingleNestedAttribute:
			v.add(attribute.Attributes)
		case schema.ListNestedAttribute:
			v.add(attribute.NestedObject.Attributes)
		case schema.SetNestedAttribute:
			v.add(attribute.NestedObject.Attributes)
		case schema.MapNestedAttribute:
			v.add(attribute.NestedObject.Attributes)
		}
	}
}

// In reports whether a value has an attribute or key of such a name, at any depth, that is not null.
func (v Validated) In(value tftypes.Value) bool {
	if len(v) == 0 || value.IsNull() || !value.IsKnown() {
		return false
	}
	switch value.Type().(type) {
	case tftypes.Object:
		var attributes map[string]tftypes.Value
		if value.As(&attributes) != nil {
			return true
		}
		for name, attribute := range attributes {
			if !attribute.IsNull() && (v[name] || v.In(attribute)) {
				return true
			}
		}
	case tftypes.Map:
		var elements map[string]tftypes.Value
		if value.As(&elements) != nil {
			return true
		}
		for _, element := range elements {
			if v.In(element) {
				return true
			}
		}
	case tftypes.List, tftypes.Set:
		var elements []tftypes.Value
		if value.As(&elements) != nil {
			return true
		}
		for _, element := range elements {
			if v.In(element) {
				return true
			}
		}
	}
	return false
}
