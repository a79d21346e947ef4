package provider_test

import (
	"encoding/json"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// call runs a function as Terraform does: in a provider that is never configured. The arguments are plain Go values; a nil
// failure means that the result holds.
func call(t *testing.T, name string, arguments ...any) (tftypes.Value, *tfprotov6.FunctionError) {
	t.Helper()
	server := acctest.New(t).Server()
	served, err := server.GetFunctions(t.Context(), &tfprotov6.GetFunctionsRequest{})
	require.NoError(t, err)
	require.Empty(t, served.Diagnostics)
	require.Contains(t, served.Functions, name)
	definition := served.Functions[name]
	require.Len(t, arguments, len(definition.Parameters))
	request := &tfprotov6.CallFunctionRequest{Name: name}
	for i, argument := range arguments {
		text, err := json.Marshal(argument)
		require.NoError(t, err)
		typ := definition.Parameters[i].Type
		written := typ
		if typ.Is(tftypes.DynamicPseudoType) {
			written = typeOf(t, argument)
		}
		value, err := tfprotov6.DynamicValue{JSON: text}.Unmarshal(written)
		require.NoError(t, err)
		sent, err := tfprotov6.NewDynamicValue(typ, value)
		require.NoError(t, err)
		request.Arguments = append(request.Arguments, &sent)
	}
	response, err := server.CallFunction(t.Context(), request)
	require.NoError(t, err)
	if response.Error != nil {
		return tftypes.Value{}, response.Error
	}
	result, err := response.Result.Unmarshal(definition.Return.Type)
	require.NoError(t, err)
	return result, nil
}

// typeOf is the type that Terraform gives a literal.
func typeOf(t *testing.T, value any) tftypes.Type {
	t.Helper()
	switch v := value.(type) {
	case nil:
		return tftypes.DynamicPseudoType
	case string:
		return tftypes.String
	case int:
		return tftypes.Number
	case map[string]string:
		return tftypes.Map{ElementType: tftypes.String}
	case map[string]any:
		object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
		for name, one := range v {
			object.AttributeTypes[name] = typeOf(t, one)
		}
		return object
	case []string:
		return tftypes.Set{ElementType: tftypes.String}
	case []any:
		tuple := tftypes.Tuple{}
		for _, one := range v {
			tuple.ElementTypes = append(tuple.ElementTypes, typeOf(t, one))
		}
		return tuple
	}
	require.Failf(t, "no type", "%T", value)
	return nil
}

// requireRefused wants an error at an argument, counted from 0.
func requireRefused(t *testing.T, failure *tfprotov6.FunctionError, argument int64, want string) {
	t.Helper()
	require.NotNil(t, failure)
	require.NotNil(t, failure.FunctionArgument, failure.Text)
	require.Equal(t, argument, *failure.FunctionArgument, failure.Text)
	require.Contains(t, failure.Text, want)
}
