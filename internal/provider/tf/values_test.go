package tf

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"
)

// Null, empty and unknown prior values of each kind, for a control plane that returns nothing.
func TestAnUnknownPriorValueBecomesNull(t *testing.T) {
	require.Equal(t, types.StringNull(), StringOr("", types.StringUnknown()))
	require.Equal(t, types.StringNull(), StringOr("", types.StringValue("removed")))
	require.Equal(t, types.StringValue(""), StringOr("", types.StringValue("")))
	require.Equal(t, types.StringValue("new"), StringOr("new", types.StringUnknown()))

	require.Equal(t, types.Int64Null(), IntOr(0, types.Int64Unknown()))
	require.Equal(t, types.Int64Null(), IntOr(0, types.Int64Value(3)))
	require.Equal(t, types.Int64Value(0), IntOr(0, types.Int64Value(0)))
	require.Equal(t, types.Int64Value(2), IntOr(2, types.Int64Unknown()))

	require.Equal(t, types.BoolNull(), BoolOr(false, types.BoolUnknown()))
	require.Equal(t, types.BoolNull(), BoolOr(false, types.BoolValue(true)))
	require.Equal(t, types.BoolValue(false), BoolOr(false, types.BoolValue(false)))
	require.Equal(t, types.BoolValue(true), BoolOr(true, types.BoolUnknown()))

	half := 0.5
	require.Equal(t, types.Float64Null(), FloatOr(nil, types.Float64Unknown()))
	require.Equal(t, types.Float64Null(), FloatOr(nil, types.Float64Value(1)))
	require.Equal(t, types.Float64Value(half), FloatOr(&half, types.Float64Unknown()))
	require.Equal(t, types.Float64Value(half), FloatOr(&half, types.Float64Value(1)))
}

func TestMapsAndListsAreNullOrEmptyAsBefore(t *testing.T) {
	require.Nil(t, MapOr(map[string]string{}, nil))
	require.Equal(t, map[string]string{}, MapOr(nil, map[string]string{"A": "1"}))
	require.Equal(t, map[string]string{"B": "2"}, MapOr(map[string]string{"B": "2"}, nil))
	require.Nil(t, ListOr([]string{}, nil))
	require.Equal(t, []string{}, ListOr(nil, []string{"a"}))
	require.Equal(t, []string{"b"}, ListOr([]string{"b"}, nil))
}
