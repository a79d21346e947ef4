package tf

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// ValidateConfig validates what is known of a configuration: unknown parts are pruned, the model of the rest is validated, and problems that
// an unknown value can still solve are dropped. So terraform validate reports an error although references are unknown to it.
func ValidateConfig[M any](ctx context.Context, config tfsdk.Config, noun string, diags *diag.Diagnostics, validate func(M) delivery.Errors) {
	var model M
	pruned := unknownParts{}
	known := tfsdk.Config{Schema: config.Schema, Raw: config.Raw}
	if !config.Raw.IsFullyKnown() {
		known.Raw = pruned.prune("", config.Raw)
	}
	if Decode(ctx, known, &model, diags) {
		AddInvalid(diags, noun, pruned.withoutUndecided(validate(model)))
	}
}

// unknownParts are the fields that are not known, as the domain writes them. An unknown element of a set has the position "?".
type unknownParts []string

// prune returns the value without its unknown parts, and notes them. An unknown attribute becomes null. An unknown element of a list or map
// keeps its position or key and becomes empty. An unknown element of a set is removed.
func (u *unknownParts) prune(field string, value tftypes.Value) tftypes.Value {
	if !value.IsKnown() {
		*u = append(*u, field)
		return tftypes.NewValue(value.Type(), nil)
	}
	if value.IsNull() || value.IsFullyKnown() {
		return value
	}
	if value.Type().Is(tftypes.Object{}) || value.Type().Is(tftypes.Map{}) {
		return u.pruneByName(field, value)
	}
	var elements []tftypes.Value
	if value.As(&elements) != nil { // a known value without parts is fully known
		return value
	}
	kept := make([]tftypes.Value, 0, len(elements))
	for i, element := range elements {
		switch {
		case !value.Type().Is(tftypes.Set{}):
			kept = append(kept, u.pruneElement(fmt.Sprintf("%s[%d]", field, i), element))
		case element.IsFullyKnown():
			kept = append(kept, element)
		default:
			*u = append(*u, field+"[?]")
		}
	}
	return tftypes.NewValue(value.Type(), kept)
}

func (u *unknownParts) pruneByName(field string, value tftypes.Value) tftypes.Value {
	var parts map[string]tftypes.Value
	if value.As(&parts) != nil {
		return value
	}
	kept := make(map[string]tftypes.Value, len(parts))
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		switch {
		case value.Type().Is(tftypes.Map{}):
			kept[name] = u.pruneElement(fmt.Sprintf("%s[%q]", field, name), parts[name])
		case field == "":
			kept[name] = u.prune(name, parts[name])
		default:
			kept[name] = u.prune(field+"."+name, parts[name])
		}
	}
	return tftypes.NewValue(value.Type(), kept)
}

// pruneElement returns an empty value for an unknown element of a list or map, in which null is not allowed.
func (u *unknownParts) pruneElement(field string, element tftypes.Value) tftypes.Value {
	if element.IsKnown() {
		return u.prune(field, element)
	}
	*u = append(*u, field)
	switch kind := element.Type().(type) {
	case tftypes.Object:
		attributes := make(map[string]tftypes.Value, len(kind.AttributeTypes))
		for name, attribute := range kind.AttributeTypes {
			attributes[name] = tftypes.NewValue(attribute, nil)
		}
		return tftypes.NewValue(kind, attributes)
	default:
		return tftypes.NewValue(tftypes.String, "") // lists and maps of this provider have objects or strings
	}
}

// withoutUndecided drops the problems that an unknown part decides: at the part, below it, at an attribute that contains it, or where it is
// one of the fields that the problem depends on.
func (u unknownParts) withoutUndecided(problems delivery.Errors) delivery.Errors {
	return slices.DeleteFunc(slices.Clone(problems), func(problem *delivery.Error) bool {
		return u.decide(problem.Field) || slices.ContainsFunc(problem.DependsOn, u.decide)
	})
}

func (u unknownParts) decide(field string) bool {
	return field != "" && slices.ContainsFunc(u, func(unknown string) bool { return isWithin(field, unknown) || isWithin(unknown, field) })
}

// isWithin reports whether a field is the other one or below it.
func isWithin(field, other string) bool {
	rest, ok := strings.CutPrefix(field, other)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
