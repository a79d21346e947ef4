// Package tf connects values, diagnostics, identities and timeouts of the plugin framework with those of the domain. It knows no
// resource.
package tf

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Models hold optional values as Go's own: nil is null, and an empty map is an empty map. So they can only be read from a source
// that is fully known.

// Source is a configuration, a plan or a state.
type Source interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

// Decode reads a fully known configuration, plan or state into a model. No model can hold a null inside a list or map; such a null is
// reported in the user's terms instead of the framework's.
func Decode(ctx context.Context, from Source, model any, diags *diag.Diagnostics) bool {
	found := from.Get(ctx, model)
	if found.HasError() {
		var all types.Object
		if !from.Get(ctx, &all).HasError() {
			if nulls := nullElements(path.Empty(), all); len(nulls) > 0 {
				found = nulls
			}
		}
	}
	diags.Append(found...)
	return !found.HasError()
}

// nullElements finds each null inside a list, set or map.
func nullElements(at path.Path, v attr.Value) diag.Diagnostics {
	var found diag.Diagnostics
	visit := func(at path.Path, element attr.Value) {
		if element.IsNull() {
			found.AddAttributeError(at, "Null inside a collection", located(at, "an element must not be null. Remove the element, or give it a value."))
			return
		}
		found.Append(nullElements(at, element)...)
	}
	switch v := v.(type) {
	case types.Object:
		for name, attribute := range v.Attributes() {
			found.Append(nullElements(at.AtName(name), attribute)...)
		}
	case types.Map:
		for key, element := range v.Elements() {
			visit(at.AtMapKey(key), element)
		}
	case types.List:
		for i, element := range v.Elements() {
			visit(at.AtListIndex(i), element)
		}
	case types.Set:
		for _, element := range v.Elements() {
			visit(at.AtSetValue(element), element)
		}
	}
	return found
}

// The functions below turn what the control plane returned into what the state holds. The control plane drops empty and zero values, so
// an empty value of the configuration is taken from the prior state or plan: null and empty never make a difference.

// StringOr returns v, or prior if both are empty.
func StringOr[S ~string](v S, prior types.String) types.String {
	switch {
	case v != "":
		return types.StringValue(string(v))
	case prior.ValueString() == "" && !prior.IsUnknown():
		return prior
	}
	return types.StringNull()
}

// IntOr returns v, or prior if both are zero.
func IntOr(v int, prior types.Int64) types.Int64 {
	switch {
	case v != 0:
		return types.Int64Value(int64(v))
	case prior.ValueInt64() == 0 && !prior.IsUnknown():
		return prior
	}
	return types.Int64Null()
}

// BoolOr returns v, or prior if both are false.
func BoolOr(v bool, prior types.Bool) types.Bool {
	switch {
	case v:
		return types.BoolValue(true)
	case !prior.ValueBool() && !prior.IsUnknown():
		return prior
	}
	return types.BoolNull()
}

// FloatOr keeps the prior value if it is the same number: a configuration may write more digits than a float64 holds.
func FloatOr(v *float64, prior types.Float64) types.Float64 {
	if v != nil && !prior.IsNull() && !prior.IsUnknown() && prior.ValueFloat64() == *v {
		return prior
	}
	return types.Float64PointerValue(v)
}

// MapOr returns v; if v is empty, it is null or empty as prior is.
func MapOr[V any](v, prior map[string]V) map[string]V {
	switch {
	case len(v) > 0:
		return v
	case prior != nil:
		return map[string]V{}
	}
	return nil
}

// ListOr returns v; if v is empty, it is null or empty as prior is.
func ListOr[E any](v, prior []E) []E {
	switch {
	case len(v) > 0:
		return v
	case prior != nil:
		return []E{}
	}
	return nil
}

// Each converts every model to a declaration. It returns nil if there are none.
func Each[M, S any](models map[string]M, toSpec func(M) S) map[string]S {
	if len(models) == 0 {
		return nil
	}
	specs := make(map[string]S, len(models))
	for name, model := range models {
		specs[name] = toSpec(model)
	}
	return specs
}

// EachFrom converts every declaration to a model, with the prior model of the same name.
func EachFrom[M, S any](specs map[string]S, prior map[string]M, modelFrom func(S, M) M) map[string]M {
	models := make(map[string]M, len(specs))
	for name, spec := range specs {
		models[name] = modelFrom(spec, prior[name])
	}
	return MapOr(models, prior)
}

// Sorted returns a set in the order in which it is sent, so that the order of the configuration changes no digest.
func Sorted[S ~string](set []S) []S {
	if len(set) == 0 {
		return nil
	}
	return slices.Sorted(slices.Values(set))
}

// PriorOr returns the prior model, or an empty one.
func PriorOr[M any](prior *M) *M {
	if prior == nil {
		return new(M)
	}
	return prior
}

// StringMap returns a Terraform map that is never null.
func StringMap(values map[string]string) types.Map {
	elements := make(map[string]attr.Value, len(values))
	for key, value := range values {
		elements[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, elements)
}

// NilIfEmpty returns nil for an empty map, as the ledger does: a digest must not depend on which of the two it is.
func NilIfEmpty[V any](m map[string]V) map[string]V {
	if len(m) == 0 {
		return nil
	}
	return m
}

// Time formats a time in RFC 3339, UTC. It returns null for no time.
func Time(at *time.Time) types.String {
	if at == nil || at.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(at.UTC().Format(time.RFC3339Nano))
}

// Strings returns a list that is never null.
func Strings(ctx context.Context, lines []string, diags *diag.Diagnostics) types.List {
	if lines == nil {
		lines = []string{}
	}
	list, d := types.ListValueFrom(ctx, types.StringType, lines)
	diags.Append(d...)
	return list
}
