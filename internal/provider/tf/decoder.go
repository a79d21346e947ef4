package tf

import (
	"context"
	"math/big"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Decoder reads values of one type into models of type M, as Decode does. It looks at the model's fields once, where the framework looks at
// them again for each value, and compiles a regular expression for each field. It gives up where Decode would report a problem.
type Decoder[M any] struct {
	object tftypes.Type
	decode decodeFunc
	fields []attributeField
}

// attributeField is a field of a model and the attribute that it holds.
type attributeField struct {
	attribute string
	index     []int
}

// decodeFunc reads a value into a settable place. It returns false for a value that it does not expect.
type decodeFunc func(ctx context.Context, from tftypes.Value, into reflect.Value) bool

// NewDecoder returns a decoder of objects with these attributes. It panics if the model does not fit them.
func NewDecoder[M any](attributes map[string]attr.Type) *Decoder[M] {
	object := types.ObjectType{AttrTypes: attributes}
	d := &Decoder[M]{object: object.TerraformType(context.Background()), decode: decoderOf(object, reflect.TypeFor[M]())}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[M]()) {
		if !f.Anonymous {
			d.fields = append(d.fields, attributeField{f.Tag.Get("tfsdk"), f.Index})
		}
	}
	return d
}

// Type is the type of the values that it reads.
func (d *Decoder[M]) Type() tftypes.Type { return d.object }

// Decode reads a value. ok is false if any of it is unknown, or a null where the model cannot hold one.
func (d *Decoder[M]) Decode(ctx context.Context, from tftypes.Value) (model M, ok bool) {
	ok = d.decode(ctx, from, reflect.ValueOf(&model).Elem())
	return model, ok
}

// Changed returns the attributes in which a model differs from another, as values. ok is false if one of them is held in Go's own types, which
// the framework writes.
func (d *Decoder[M]) Changed(ctx context.Context, from, to M) (changed map[string]tftypes.Value, ok bool) {
	before, after := reflect.ValueOf(from), reflect.ValueOf(to)
	for _, f := range d.fields {
		was, is := before.FieldByIndex(f.index).Interface(), after.FieldByIndex(f.index).Interface()
		if reflect.DeepEqual(was, is) {
			continue
		}
		value, ok := is.(attr.Value)
		if !ok {
			return nil, false
		}
		written, err := value.ToTerraformValue(ctx)
		if err != nil {
			return nil, false
		}
		if changed == nil {
			changed = map[string]tftypes.Value{}
		}
		changed[f.attribute] = written
	}
	return changed, true
}

func decoderOf(t attr.Type, into reflect.Type) decodeFunc {
	switch reflect.Zero(into).Interface().(type) {
	case types.String:
		return decodeString
	case types.Int64:
		return decodeInt64
	case attr.Value:
		return decodeAny(t)
	}
	switch into.Kind() {
	case reflect.String:
		return decodeText
	case reflect.Pointer:
		return decodePointer(decoderOf(t, into.Elem()))
	case reflect.Struct:
		if object, ok := t.(attr.TypeWithAttributeTypes); ok {
			return decodeStruct(object.AttributeTypes(), into)
		}
	case reflect.Map:
		if collection, ok := t.(attr.TypeWithElementType); ok {
			return decodeMap(decoderOf(collection.ElementType(), into.Elem()))
		}
	case reflect.Slice:
		if collection, ok := t.(attr.TypeWithElementType); ok {
			return decodeSlice(decoderOf(collection.ElementType(), into.Elem()))
		}
	}
	panic("tf: no model holds a " + into.String())
}

func decodeString(_ context.Context, from tftypes.Value, into reflect.Value) bool {
	var text *string
	if !from.IsKnown() || from.As(&text) != nil {
		return false
	}
	into.Set(reflect.ValueOf(types.StringPointerValue(text)))
	return true
}

func decodeInt64(_ context.Context, from tftypes.Value, into reflect.Value) bool {
	var number *big.Float
	if !from.IsKnown() || from.As(&number) != nil {
		return false
	}
	if number == nil {
		into.Set(reflect.ValueOf(types.Int64Null()))
		return true
	}
	n, accuracy := number.Int64()
	into.Set(reflect.ValueOf(types.Int64Value(n)))
	return accuracy == big.Exact
}

// decodeAny reads what the framework itself makes of a value.
func decodeAny(t attr.Type) decodeFunc {
	return func(ctx context.Context, from tftypes.Value, into reflect.Value) bool {
		if !from.IsFullyKnown() {
			return false
		}
		value, err := t.ValueFromTerraform(ctx, from)
		if err != nil || !reflect.TypeOf(value).AssignableTo(into.Type()) {
			return false
		}
		into.Set(reflect.ValueOf(value))
		return true
	}
}

func decodeText(_ context.Context, from tftypes.Value, into reflect.Value) bool {
	var text string
	if from.IsNull() || !from.IsKnown() || from.As(&text) != nil {
		return false
	}
	into.SetString(text)
	return true
}

// decodePointer leaves nil for null.
func decodePointer(element decodeFunc) decodeFunc {
	return func(ctx context.Context, from tftypes.Value, into reflect.Value) bool {
		if from.IsNull() {
			return true
		}
		into.Set(reflect.New(into.Type().Elem()))
		return element(ctx, from, into.Elem())
	}
}

func decodeStruct(attributes map[string]attr.Type, into reflect.Type) decodeFunc {
	type field struct {
		attribute string
		index     []int
		decode    decodeFunc
	}
	fields := []field{}
	for _, f := range reflect.VisibleFields(into) {
		if f.Anonymous {
			continue // its fields are among the others
		}
		name := f.Tag.Get("tfsdk")
		t, ok := attributes[name]
		if !ok {
			panic("tf: " + into.String() + " has a field for an attribute that does not exist: " + f.Name)
		}
		fields = append(fields, field{name, f.Index, decoderOf(t, f.Type)})
	}
	return func(ctx context.Context, from tftypes.Value, into reflect.Value) bool {
		var values map[string]tftypes.Value
		if from.IsNull() || !from.IsKnown() || from.As(&values) != nil {
			return false
		}
		for _, f := range fields {
			if !f.decode(ctx, values[f.attribute], into.FieldByIndex(f.index)) {
				return false
			}
		}
		return true
	}
}

// decodeMap leaves nil for null.
func decodeMap(element decodeFunc) decodeFunc {
	return func(ctx context.Context, from tftypes.Value, into reflect.Value) bool {
		var values map[string]tftypes.Value
		if !from.IsKnown() || from.As(&values) != nil {
			return false
		}
		if from.IsNull() {
			return true
		}
		into.Set(reflect.MakeMapWithSize(into.Type(), len(values)))
		for key, value := range values {
			one := reflect.New(into.Type().Elem()).Elem()
			if value.IsNull() || !element(ctx, value, one) {
				return false
			}
			into.SetMapIndex(reflect.ValueOf(key), one)
		}
		return true
	}
}

// decodeSlice leaves nil for null.
func decodeSlice(element decodeFunc) decodeFunc {
	return func(ctx context.Context, from tftypes.Value, into reflect.Value) bool {
		var values []tftypes.Value
		if !from.IsKnown() || from.As(&values) != nil {
			return false
		}
		if from.IsNull() {
			return true
		}
		into.Set(reflect.MakeSlice(into.Type(), len(values), len(values)))
		for i, value := range values {
			if value.IsNull() || !element(ctx, value, into.Index(i)) {
				return false
			}
		}
		return true
	}
}
