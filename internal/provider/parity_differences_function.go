package provider

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// parityDifferencesFunction is parity_differences: the comparison that parity makes, of any two maps.
type parityDifferencesFunction struct{}

func newParityDifferencesFunction() function.Function { return parityDifferencesFunction{} }

type differenceModel struct {
	Key     types.String `tfsdk:"key"`
	This    types.String `tfsdk:"this"`
	Other   types.String `tfsdk:"other"`
	Allowed types.Bool   `tfsdk:"allowed"`
}

var differenceType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"key":     types.StringType,
	"this":    types.StringType,
	"other":   types.StringType,
	"allowed": types.BoolType,
}}

// Metadata names the function.
func (parityDifferencesFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "parity_differences"
}

// Definition describes parity_differences.
func (parityDifferencesFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary:             "Differences between two environments",
		MarkdownDescription: "Compares two maps key by key, as parity compares environments. Returns one object for each key that differs, sorted by key. Each object has `key`; the values `this` and `other` (null if the key is absent); and `allowed` (whether one of the globs matches the key).",
		Parameters: []function.Parameter{
			function.MapParameter{
				Name:                "this",
				ElementType:         types.StringType,
				MarkdownDescription: "Values of one environment by key, such as its `effective_config`.",
			},
			function.MapParameter{
				Name:                "other",
				ElementType:         types.StringType,
				MarkdownDescription: "Values of the other environment by key.",
			},
			function.ListParameter{
				Name:                "allowed_globs",
				ElementType:         types.StringType,
				MarkdownDescription: "Glob patterns of the keys that may differ, such as `DB_*`. An empty list allows nothing.",
			},
		},
		Return: function.ListReturn{ElementType: differenceType},
	}
}

// Run compares.
func (parityDifferencesFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var this, other map[string]types.String
	var globs []types.String
	if resp.Error = req.Arguments.Get(ctx, &this, &other, &globs); resp.Error != nil {
		return
	}
	facts := [2]delivery.Facts{}
	for i, values := range []map[string]types.String{this, other} {
		if facts[i].Config, resp.Error = withoutNulls(int64(i), values); resp.Error != nil {
			return
		}
	}
	allow := map[string]delivery.Allowance{}
	for _, glob := range globs {
		if _, err := path.Match(glob.ValueString(), ""); err != nil || glob.IsNull() {
			resp.Error = function.NewArgumentFuncError(2, fmt.Sprintf("%s is not a glob; use * for any characters, ? for one and [a-z] for one of several", glob))
			return
		}
		allow[glob.ValueString()] = delivery.Allowance{}
	}
	found := []differenceModel{}
	for _, d := range delivery.Differences(facts[0], facts[1], allow, time.Time{}) { // no allowance here expires, so any time will do
		found = append(found, differenceModel{
			Key:     types.StringValue(d.Key),
			This:    types.StringPointerValue(d.This),
			Other:   types.StringPointerValue(d.Other),
			Allowed: types.BoolValue(d.Allowed),
		})
	}
	resp.Error = resp.Result.Set(ctx, found)
}

// withoutNulls refuses a map that holds a null: it would be ambiguous whether the key is present.
func withoutNulls(argument int64, values map[string]types.String) (map[string]string, *function.FuncError) {
	known := make(map[string]string, len(values))
	for key, value := range values {
		if value.IsNull() {
			return nil, function.NewArgumentFuncError(argument, fmt.Sprintf("%q is null; leave the key out, or give it a value", key))
		}
		known[key] = value.ValueString()
	}
	return known, nil
}
