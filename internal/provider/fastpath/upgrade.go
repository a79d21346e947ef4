package fastpath

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// UpgradeResourceState returns a state that needs no upgrade as Terraform sent it. Terraform asks for every object of every plan, and reads
// JSON as well as the MessagePack that the framework would write. A state that an older version of the schema wrote goes to the framework.
func (s *fastPathServer) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if t, ok := s.typeOf(req.TypeName); ok && req.Version == 0 && req.RawState != nil && conforms(req.RawState.JSON, t) {
		return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &tfprotov6.DynamicValue{JSON: req.RawState.JSON}}, nil
	}
	return s.ProviderServer.UpgradeResourceState(ctx, req)
}

func (s *fastPathServer) typeOf(typeName string) (tftypes.Type, bool) {
	if typeName == environmentTypeName {
		return s.types.Environment, true
	}
	r, ok := s.resources(typeName)
	return r.Type, ok
}

// conforms reports whether a JSON text is a value of a type. An object must have exactly the attributes of its type, which Terraform insists
// on, except that it takes one that is missing for null.
func conforms(text []byte, t tftypes.Type) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return false
	}
	_, err := decoder.Token()
	return err == io.EOF && is(value, t)
}

func is(value any, t tftypes.Type) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return t.Is(tftypes.String)
	case bool:
		return t.Is(tftypes.Bool)
	case json.Number:
		return t.Is(tftypes.Number)
	case []any:
		element := elementOf(t)
		return element != nil && !slices.ContainsFunc(value, func(v any) bool { return !is(v, element) })
	case map[string]any:
		return isKeyed(value, t)
	}
	return false
}

// elementOf returns the type of the elements of a list or set, nil if it is neither.
func elementOf(t tftypes.Type) tftypes.Type {
	switch t := t.(type) {
	case tftypes.List:
		return t.ElementType
	case tftypes.Set:
		return t.ElementType
	}
	return nil
}

func isKeyed(value map[string]any, t tftypes.Type) bool {
	for key, element := range value {
		var of tftypes.Type
		switch t := t.(type) {
		case tftypes.Map:
			of = t.ElementType
		case tftypes.Object:
			of = t.AttributeTypes[key]
		}
		if of == nil || !is(element, of) {
			return false
		}
	}
	return t.Is(tftypes.Map{}) || t.Is(tftypes.Object{})
}
