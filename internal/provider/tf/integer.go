package tf

import (
	"context"
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// integerType is the type of a whole number. For a number that is not whole, or too large, the framework reports a bug in the provider;
// this type reports an error at the attribute.
type integerType struct{ basetypes.Int64Type }

var _ basetypes.Int64Typable = integerType{}

// Equal treats this type and the framework's as equal: values of both are types.Int64.
func (t integerType) Equal(other attr.Type) bool {
	_, ok := other.(integerType)
	return ok || t.Int64Type.Equal(other)
}

// ValueFromTerraform returns a types.Int64, or a value that is invalid.
func (t integerType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	var number big.Float
	if in.IsKnown() && !in.IsNull() {
		if err := in.As(&number); err != nil {
			return nil, err
		}
	}
	if _, accuracy := number.Int64(); accuracy != big.Exact {
		return notInteger{types.Int64Unknown(), &number}, nil
	}
	return t.Int64Type.ValueFromTerraform(ctx, in)
}

// notInteger is a number where an integer has to be. For validators of integers it is unknown.
type notInteger struct {
	basetypes.Int64Value
	number *big.Float
}

var (
	_ basetypes.Int64Valuable     = notInteger{}
	_ xattr.ValidateableAttribute = notInteger{}
)

// Type implements attr.Value.
func (notInteger) Type(context.Context) attr.Type { return integerType{} }

// Equal implements attr.Value.
func (v notInteger) Equal(other attr.Value) bool {
	o, ok := other.(notInteger)
	return ok && v.number.Cmp(o.number) == 0
}

// ToTerraformValue implements attr.Value.
func (v notInteger) ToTerraformValue(context.Context) (tftypes.Value, error) {
	return tftypes.NewValue(tftypes.Number, v.number), nil
}

// ValidateAttribute implements xattr.ValidateableAttribute.
func (v notInteger) ValidateAttribute(_ context.Context, req xattr.ValidateAttributeRequest, resp *xattr.ValidateAttributeResponse) {
	problem := fmt.Sprintf("%s is not a whole number. Write an integer, such as 2, or round the number with floor() or ceil().", v.number.Text('g', 10))
	if v.number.IsInt() {
		problem = fmt.Sprintf("%s is too large. Write an integer of at most 18 digits.", v.number.Text('g', 10))
	}
	resp.Diagnostics.AddAttributeError(req.Path, "Invalid number", located(req.Path, problem))
}
