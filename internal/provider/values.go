package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Models hold optional values as Go's own: nil is null, and an empty map is an empty map. So they can only be read from what
// is wholly known; whoever reads a configuration or a plan asks Raw.IsFullyKnown first.

// source is a configuration, a plan or a state.
type source interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

// decode reads a wholly known configuration, plan or state into a model. A null inside a list or map, for which no model has a
// place, is refused in the user's words instead of the framework's.
func decode(ctx context.Context, from source, model any, diags *diag.Diagnostics) bool {
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

// nullElements finds each null that stands inside a list, set or map.
func nullElements(at path.Path, v attr.Value) diag.Diagnostics {
	var found diag.Diagnostics
	visit := func(at path.Path, element attr.Value) {
		if element.IsNull() {
			found.AddAttributeError(at, "Null inside a collection", located(at, &delivery.Error{Field: at.String(),
				Message: "null is no value here. Leave the element out, or give it a value."}))
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

// The functions below turn what the control plane returned into what state holds. It drops what is empty or zero, so a value
// that the configuration wrote as empty is taken from the prior state or plan: null and empty never make a difference.

func stringOr[S ~string](v S, prior types.String) types.String {
	switch {
	case v != "":
		return types.StringValue(string(v))
	case prior.ValueString() == "" && !prior.IsUnknown():
		return prior
	}
	return types.StringNull()
}

func intOr(v int, prior types.Int64) types.Int64 {
	switch {
	case v != 0:
		return types.Int64Value(int64(v))
	case prior.ValueInt64() == 0 && !prior.IsUnknown():
		return prior
	}
	return types.Int64Null()
}

func boolOr(v bool, prior types.Bool) types.Bool {
	switch {
	case v:
		return types.BoolValue(true)
	case !prior.ValueBool() && !prior.IsUnknown():
		return prior
	}
	return types.BoolNull()
}

// floatOr keeps the prior value when it is the same number: a configuration may write more digits than a float64 holds.
func floatOr(v *float64, prior types.Float64) types.Float64 {
	if v != nil && !prior.IsNull() && !prior.IsUnknown() && prior.ValueFloat64() == *v {
		return prior
	}
	return types.Float64PointerValue(v)
}

func mapOr[V any](v, prior map[string]V) map[string]V {
	switch {
	case len(v) > 0:
		return v
	case prior != nil:
		return map[string]V{}
	}
	return nil
}

func listOr[E any](v, prior []E) []E {
	switch {
	case len(v) > 0:
		return v
	case prior != nil:
		return []E{}
	}
	return nil
}

// each makes a declaration of every model; nil when there are none.
func each[M, S any](models map[string]M, toSpec func(M) S) map[string]S {
	if len(models) == 0 {
		return nil
	}
	specs := make(map[string]S, len(models))
	for name, model := range models {
		specs[name] = toSpec(model)
	}
	return specs
}

// eachFrom makes a model of every declaration; each is given its own prior model.
func eachFrom[M, S any](specs map[string]S, prior map[string]M, modelFrom func(S, M) M) map[string]M {
	models := make(map[string]M, len(specs))
	for name, spec := range specs {
		models[name] = modelFrom(spec, prior[name])
	}
	return mapOr(models, prior)
}

// sorted puts a set into the one order that is sent, so that the order in which it was written changes no digest.
func sorted[S ~string](set []S) []S {
	if len(set) == 0 {
		return nil
	}
	return slices.Sorted(slices.Values(set))
}

// priorOr returns the model that stood at a place before, or an empty one.
func priorOr[M any](prior *M) *M {
	if prior == nil {
		return new(M)
	}
	return prior
}

// stringMap makes a Terraform map that is never null.
func stringMap(values map[string]string) types.Map {
	elements := make(map[string]attr.Value, len(values))
	for key, value := range values {
		elements[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, elements)
}

// unset returns nil for an empty map, as the ledger does: a hash must not tell the two apart.
func unset[V any](m map[string]V) map[string]V {
	if len(m) == 0 {
		return nil
	}
	return m
}

// importName is the error for an import by something that cannot be a name.
func importName(diags *diag.Diagnostics, noun, id, why string) {
	diags.AddError(fmt.Sprintf("Unable to import %s %q", noun, id), fmt.Sprintf("%s. Import it by its name, as in: terraform import cd_%s.x NAME", why, noun))
}
