package tf_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

type positive struct{ validator.Int64 }

// An attribute that has validators is found wherever it is in a value. Only one that is null needs none of them.
func TestValidatedAttributesAreFound(t *testing.T) {
	inner := map[string]schema.Attribute{
		"attempts": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{positive{}}},
		"other":    schema.StringAttribute{Optional: true},
	}
	kinds := map[string]schema.Attribute{
		"single": schema.SingleNestedAttribute{Attributes: inner},
		"list":   schema.ListNestedAttribute{NestedObject: schema.NestedAttributeObject{Attributes: inner}},
		"set":    schema.SetNestedAttribute{NestedObject: schema.NestedAttributeObject{Attributes: inner}},
		"map":    schema.MapNestedAttribute{NestedObject: schema.NestedAttributeObject{Attributes: inner}},
	}
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"attempts": tftypes.Number, "other": tftypes.String}}
	entry := func(attempts any) tftypes.Value {
		return tftypes.NewValue(object, map[string]tftypes.Value{"attempts": tftypes.NewValue(tftypes.Number, attempts), "other": tftypes.NewValue(tftypes.String, "x")})
	}
	in := map[string]func(tftypes.Value) tftypes.Value{
		"single": func(v tftypes.Value) tftypes.Value { return v },
		"list": func(v tftypes.Value) tftypes.Value {
			return tftypes.NewValue(tftypes.List{ElementType: object}, []tftypes.Value{v})
		},
		"set": func(v tftypes.Value) tftypes.Value {
			return tftypes.NewValue(tftypes.Set{ElementType: object}, []tftypes.Value{v})
		},
		"map": func(v tftypes.Value) tftypes.Value {
			return tftypes.NewValue(tftypes.Map{ElementType: object}, map[string]tftypes.Value{"a": v})
		},
	}
	for kind, attribute := range kinds {
		validated := tf.NewValidated(map[string]schema.Attribute{kind: attribute})
		require.Equal(t, tf.Validated{"attempts": true}, validated, kind)
		for attempts, found := range map[any]bool{nil: false, int64(0): true, tftypes.UnknownValue: true} {
			value := in[kind](entry(attempts))
			whole := tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{kind: value.Type()}}, map[string]tftypes.Value{kind: value})
			require.Equal(t, found, validated.In(whole), "%s: %v", kind, attempts)
		}
	}
	require.False(t, tf.NewValidated(map[string]schema.Attribute{"name": schema.StringAttribute{}}).In(entry(int64(0))))
}
