package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// TestQuickServerAsksNobody answers about an environment that nothing changes with no framework behind it: asking it would panic.
func TestQuickServerAsksNobody(t *testing.T) {
	t.Parallel()
	environment, identity := environmentTypes()
	object, ok := environment.(tftypes.Object)
	require.True(t, ok)
	q := &quickServer{provider: &cdProvider{}, environment: object, identity: identity}
	q.provider.session.Store(newSession(Host{}, "test", "", ""))

	found := delivery.EnvironmentOf(delivery.EnvironmentSpec{Name: "qa", Tier: delivery.TierTesting, Config: map[string]string{"A": "1"}})
	texts := tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{"A": tftypes.NewValue(tftypes.String, "1")})
	wire := func(set map[string]tftypes.Value) *tfprotov6.DynamicValue {
		values := map[string]tftypes.Value{}
		for name, kind := range object.AttributeTypes {
			values[name] = tftypes.NewValue(kind, nil)
		}
		for name, value := range set {
			values[name] = value
		}
		d, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, values))
		require.NoError(t, err)
		return &d
	}
	written := map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, "qa"), "tier": tftypes.NewValue(tftypes.String, "testing"), "config": texts}
	config := wire(written)
	written["id"], written["effective_config"] = written["name"], texts
	written["revision"], written["deletion_protection"] = tftypes.NewValue(tftypes.String, found.Status.Revision), tftypes.NewValue(tftypes.Bool, false)
	state := wire(written)

	valid, err := q.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: environmentTypeName, Config: config})
	require.NoError(t, err)
	require.Empty(t, valid.Diagnostics)
	planned, err := q.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: environmentTypeName, PriorState: state, ProposedNewState: state, Config: config})
	require.NoError(t, err)
	require.Same(t, state, planned.PlannedState)
	require.Contains(t, q.provider.session.Load().overlay.environments, "qa", "what is planned later is compared with it")

	null, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, nil))
	require.NoError(t, err)
	created, err := q.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: environmentTypeName, PriorState: &null, ProposedNewState: config, Config: config})
	require.NoError(t, err)
	require.Equal(t, state.MsgPack, created.PlannedState.MsgPack, "what is planned is what is read back")

	for name, relative := range map[string]delivery.EnvironmentSpec{
		"must equal":      {Name: "staging", Parity: &delivery.Parity{With: "qa"}},
		"is a replica of": {Name: "customer", ReplicaOf: "qa"},
	} {
		q.provider.session.Load().overlay = newOverlay()
		q.provider.session.Load().overlay.environment(relative, true)
		require.Panics(t, func() {
			_, err = q.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: environmentTypeName, PriorState: state, ProposedNewState: state, Config: config})
		}, "an unmoved environment that another one %s is for the framework", name)
		require.Panics(t, func() {
			_, err = q.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: environmentTypeName, PriorState: &null, ProposedNewState: config, Config: config})
		}, "a new environment that another one %s is for the framework", name)
	}
}
