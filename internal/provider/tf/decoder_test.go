package tf_test

import (
	"math/big"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

type embedded struct {
	Text types.String `tfsdk:"text"`
}

type nested struct {
	embedded
	Flag types.Bool `tfsdk:"flag"`
}

type everyKind struct {
	Count   types.Int64       `tfsdk:"count"`
	Labels  map[string]string `tfsdk:"labels"`
	Names   []string          `tfsdk:"names"`
	One     *nested           `tfsdk:"one"`
	Several map[string]nested `tfsdk:"several"`
	Raw     types.Map         `tfsdk:"raw"`
}

var everySchema = schema.Schema{Attributes: map[string]schema.Attribute{
	"count":   schema.Int64Attribute{Optional: true},
	"labels":  schema.MapAttribute{Optional: true, ElementType: types.StringType},
	"names":   schema.ListAttribute{Optional: true, ElementType: types.StringType},
	"one":     schema.SingleNestedAttribute{Optional: true, Attributes: nestedAttributes},
	"several": schema.MapNestedAttribute{Optional: true, NestedObject: schema.NestedAttributeObject{Attributes: nestedAttributes}},
	"raw":     schema.MapAttribute{Optional: true, ElementType: types.StringType},
}}

var nestedAttributes = map[string]schema.Attribute{
	"text": schema.StringAttribute{Optional: true},
	"flag": schema.BoolAttribute{Optional: true},
}

// The decoder reads what the framework reads, and gives up where the framework reports a problem.
func TestDecoderReadsWhatTheFrameworkReads(t *testing.T) {
	t.Parallel()
	object, ok := everySchema.Type().TerraformType(t.Context()).(tftypes.Object)
	require.True(t, ok)
	inner := object.AttributeTypes["one"].(tftypes.Object) //nolint:errcheck // a wrong type fails the test
	texts := func(values map[string]tftypes.Value) tftypes.Value {
		return tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, values)
	}
	text := func(value any) tftypes.Value { return tftypes.NewValue(tftypes.String, value) }
	one := func(value, flag any) tftypes.Value {
		return tftypes.NewValue(inner, map[string]tftypes.Value{"text": text(value), "flag": tftypes.NewValue(tftypes.Bool, flag)})
	}
	several := func(values map[string]tftypes.Value) tftypes.Value {
		return tftypes.NewValue(tftypes.Map{ElementType: inner}, values)
	}
	decoder := tf.NewDecoder[everyKind](everySchema.Type().(attr.TypeWithAttributeTypes).AttributeTypes()) //nolint:errcheck // a wrong type fails the test
	for name, set := range map[string]map[string]tftypes.Value{
		"nothing":             {},
		"a number":            {"count": tftypes.NewValue(tftypes.Number, 7)},
		"a fraction":          {"count": tftypes.NewValue(tftypes.Number, big.NewFloat(1.5))},
		"empty collections":   {"labels": texts(map[string]tftypes.Value{}), "names": tftypes.NewValue(object.AttributeTypes["names"], []tftypes.Value{})},
		"collections":         {"labels": texts(map[string]tftypes.Value{"a": text("b")}), "names": tftypes.NewValue(object.AttributeTypes["names"], []tftypes.Value{text("a"), text("b")})},
		"a null in a map":     {"labels": texts(map[string]tftypes.Value{"a": text(nil)})},
		"a null in a list":    {"names": tftypes.NewValue(object.AttributeTypes["names"], []tftypes.Value{text(nil)})},
		"objects":             {"one": one("a", true), "several": several(map[string]tftypes.Value{"x": one(nil, nil), "y": one("", false)})},
		"a null among models": {"several": several(map[string]tftypes.Value{"x": tftypes.NewValue(inner, nil)})},
		"as it is":            {"raw": texts(map[string]tftypes.Value{"a": text("b")})},
		"an unknown text":     {"one": one(tftypes.UnknownValue, true)},
		"an unknown map":      {"labels": tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, tftypes.UnknownValue)},
		"an unknown number":   {"count": tftypes.NewValue(tftypes.Number, tftypes.UnknownValue)},
	} {
		values := map[string]tftypes.Value{}
		for attribute, typ := range object.AttributeTypes {
			values[attribute] = tftypes.NewValue(typ, nil)
			if value, ok := set[attribute]; ok {
				values[attribute] = value
			}
		}
		value := tftypes.NewValue(object, values)
		var want everyKind
		var diags diag.Diagnostics
		expected := value.IsFullyKnown() && tf.Decode(t.Context(), tfsdk.Config{Raw: value, Schema: everySchema}, &want, &diags)
		got, ok := decoder.Decode(t.Context(), value)
		require.Equal(t, expected, ok, name)
		if ok {
			require.Equal(t, want, got, name)
		}
	}
}

func TestDecoderRefusesAModelThatDoesNotFit(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { tf.NewDecoder[nested](map[string]attr.Type{"text": types.StringType}) })
	require.Panics(t, func() { tf.NewDecoder[struct{ C chan int }](map[string]attr.Type{}) })
}
