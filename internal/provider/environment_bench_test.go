package provider_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// BenchmarkEnvironment measures what one of many environments costs the provider itself: planned and created, and then read and
// planned without a change, as the second of two plans does.
func BenchmarkEnvironment(b *testing.B) {
	b.Setenv("TF_LOG_SDK", "error") // as main sets it
	server := acctest.New(b).Server()
	schemas, err := server.GetProviderSchema(b.Context(), &tfprotov6.GetProviderSchemaRequest{})
	require.NoError(b, err)
	object := objectOf(b, schemas.ResourceSchemas["cd_environment"])
	configure(b, server, schemas.Provider)
	null := dynamic(b, object, tftypes.NewValue(object, nil))

	b.Run("create", func(b *testing.B) {
		for i := range b.N {
			config := dynamic(b, object, environment(object, fmt.Sprintf("created-%d-%d", b.N, i)))
			require.NotNil(b, create(b, server, null, config))
		}
	})
	b.Run("plan-unchanged", func(b *testing.B) {
		config := dynamic(b, object, environment(object, fmt.Sprintf("unchanged-%d", b.N)))
		state := create(b, server, null, config)
		b.ResetTimer()
		for range b.N {
			read, err := server.ReadResource(b.Context(), &tfprotov6.ReadResourceRequest{TypeName: "cd_environment", CurrentState: state})
			require.NoError(b, err)
			require.Empty(b, read.Diagnostics)
			plan(b, server, read.NewState, config, read.NewState)
		}
	})
}

func objectOf(b *testing.B, schema *tfprotov6.Schema) tftypes.Object {
	b.Helper()
	object, ok := schema.ValueType().(tftypes.Object)
	require.True(b, ok)
	return object
}

func configure(b *testing.B, server tfprotov6.ProviderServer, schema *tfprotov6.Schema) {
	b.Helper()
	object := objectOf(b, schema)
	values := map[string]tftypes.Value{}
	for name, kind := range object.AttributeTypes {
		values[name] = tftypes.NewValue(kind, nil)
	}
	configured, err := server.ConfigureProvider(b.Context(), &tfprotov6.ConfigureProviderRequest{Config: dynamic(b, object, tftypes.NewValue(object, values))})
	require.NoError(b, err)
	require.Empty(b, configured.Diagnostics)
}

func environment(object tftypes.Object, name string) tftypes.Value {
	values := map[string]tftypes.Value{}
	for attribute, kind := range object.AttributeTypes {
		values[attribute] = tftypes.NewValue(kind, nil)
	}
	values["name"] = tftypes.NewValue(tftypes.String, name)
	values["tier"] = tftypes.NewValue(tftypes.String, "testing")
	values["config"] = tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{
		"LOG_LEVEL": tftypes.NewValue(tftypes.String, "info"), "REPLICAS": tftypes.NewValue(tftypes.String, "2")})
	return tftypes.NewValue(object, values)
}

func dynamic(b *testing.B, object tftypes.Object, value tftypes.Value) *tfprotov6.DynamicValue {
	b.Helper()
	d, err := tfprotov6.NewDynamicValue(object, value)
	require.NoError(b, err)
	return &d
}

func plan(b *testing.B, server tfprotov6.ProviderServer, prior, config, proposed *tfprotov6.DynamicValue) *tfprotov6.PlanResourceChangeResponse {
	b.Helper()
	planned, err := server.PlanResourceChange(b.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: "cd_environment", PriorState: prior, Config: config, ProposedNewState: proposed})
	require.NoError(b, err)
	require.Empty(b, planned.Diagnostics)
	return planned
}

func create(b *testing.B, server tfprotov6.ProviderServer, null, config *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	b.Helper()
	planned := plan(b, server, null, config, config)
	applied, err := server.ApplyResourceChange(b.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: "cd_environment", PriorState: null, Config: config,
		PlannedState: planned.PlannedState, PlannedPrivate: planned.PlannedPrivate})
	require.NoError(b, err)
	require.Empty(b, applied.Diagnostics)
	return applied.NewState
}
