package provider

import (
	"encoding/json"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Generators of models as a configuration gives them: optional values are null, empty or set.

var nameText = rapid.StringMatching(`[a-z][a-z0-9-]{0,6}`)

func optionalText(texts ...string) *rapid.Generator[types.String] {
	return rapid.Custom(func(t *rapid.T) types.String {
		switch kind := rapid.IntRange(0, 3).Draw(t, "kind"); kind {
		case 0:
			return types.StringNull()
		case 1:
			return types.StringValue("")
		}
		return types.StringValue(rapid.SampledFrom(texts).Draw(t, "text"))
	})
}

func optionalCount() *rapid.Generator[types.Int64] {
	return rapid.Custom(func(t *rapid.T) types.Int64 {
		if rapid.Bool().Draw(t, "null") {
			return types.Int64Null()
		}
		return types.Int64Value(rapid.Int64Range(1, 900).Draw(t, "count"))
	})
}

func optionalNumber() *rapid.Generator[types.Float64] {
	return rapid.Custom(func(t *rapid.T) types.Float64 {
		if rapid.Bool().Draw(t, "null") {
			return types.Float64Null()
		}
		return types.Float64Value(float64(rapid.IntRange(-8, 8).Draw(t, "number")) / 4)
	})
}

func optionalMap[V any](value *rapid.Generator[V]) *rapid.Generator[map[string]V] {
	return rapid.Custom(func(t *rapid.T) map[string]V {
		if rapid.Bool().Draw(t, "null") {
			return nil
		}
		return rapid.MapOfN(nameText, value, 0, 3).Draw(t, "map")
	})
}

func optionalOf[M any](model *rapid.Generator[M]) *rapid.Generator[*M] {
	return rapid.Custom(func(t *rapid.T) *M {
		if rapid.Bool().Draw(t, "null") {
			return nil
		}
		m := model.Draw(t, "model")
		return &m
	})
}

var commandModels = rapid.Custom(func(t *rapid.T) commandModel {
	return commandModel{
		Argv:        rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "argv"),
		Directory:   optionalText("/srv").Draw(t, "directory"),
		Environment: optionalMap(rapid.String()).Draw(t, "environment"),
		Timeout:     optionalText("30s").Draw(t, "timeout"),
	}
})

var checkModels = rapid.Custom(func(t *rapid.T) checkModel {
	if rapid.Bool().Draw(t, "http") {
		return checkModel{HTTP: &httpCheckModel{
			URL:          types.StringValue("https://shop.example.com/healthz"),
			ExpectStatus: optionalCount().Draw(t, "status"),
			Attempts:     optionalCount().Draw(t, "attempts"),
			Interval:     optionalText("1s").Draw(t, "interval"),
			Timeout:      optionalText("1m").Draw(t, "timeout"),
		}}
	}
	return checkModel{Command: &commandCheckModel{
		commandModel: commandModels.Draw(t, "command"),
		JUnit:        optionalText("report.xml").Draw(t, "junit"),
		Attempts:     optionalCount().Draw(t, "attempts"),
		Interval:     optionalText("1s").Draw(t, "interval"),
	}}
})

// sets draws a set of strings: null, empty, or in the order in which Terraform keeps sets.
func sets(t *rapid.T) []string {
	if rapid.Bool().Draw(t, "null") {
		return nil
	}
	set := rapid.SliceOfNDistinct(nameText, 0, 3, rapid.ID).Draw(t, "set")
	slices.Sort(set)
	return set
}

// inState passes a model through Terraform's own values, as writing and reading the state does.
func inState[M any](t *rapid.T, r resource.Resource, model M) M {
	var schema resource.SchemaResponse
	r.Schema(t.Context(), resource.SchemaRequest{}, &schema)
	state := tfsdk.State{Schema: schema.Schema, Raw: tftypes.NewValue(schema.Schema.Type().TerraformType(t.Context()), nil)}
	require.Empty(t, state.Set(t.Context(), model))
	require.True(t, state.Raw.IsFullyKnown())
	var back M
	require.Empty(t, state.Get(t.Context(), &back))
	return back
}

// overTheWire passes a declaration through JSON, as the API and the ledger do.
func overTheWire[S any](t *rapid.T, spec S) S {
	text, err := json.Marshal(spec)
	require.NoError(t, err)
	var back S
	require.NoError(t, json.Unmarshal(text, &back))
	return back
}
