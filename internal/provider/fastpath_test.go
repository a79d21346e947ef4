package provider_test

import (
	"bytes"
	"fmt"
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

// TestQuickAnswersAreTheFrameworks asks the provider and the framework's own server the same about random environments: as they
// are, edited, changed behind Terraform's back, and with a state that somebody wrote by hand. The answers are the same.
func TestQuickAnswersAreTheFrameworks(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	quick, slow := newWire(t, h), newWire(t, h)
	slow.server = provider.FrameworkServer(h.Host())
	outside := h.Client("mallory@example.com")
	count, untouched := 0, 0
	_, err := outside.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: "elsewhere", Tier: delivery.TierOther, Config: map[string]string{"A": "1"}})
	require.NoError(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		count++
		quick.configure()
		slow.configure()
		name := fmt.Sprintf("environment-%d", count)
		config := drawPlain(rt, name)
		require.Empty(t, quick.validate("cd_environment", config))
		requireSameCreation(rt, quick, slow, config)
		state := slow.apply("cd_environment", quick.null("cd_environment"), config)
		if rapid.Bool().Draw(rt, "changed outside") {
			_, err := outside.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther, Config: map[string]string{"OUTSIDE": "1"}})
			require.NoError(t, err)
		}
		if rapid.Bool().Draw(rt, "edited") {
			maps.Copy(config, drawPlain(rt, name))
		}
		if rapid.Bool().Draw(rt, "tampered") {
			state = tampered(rt, quick, state)
		}
		quick.configure()
		slow.configure()
		require.Equal(t, said(slow.validate("cd_environment", config)), said(quick.validate("cd_environment", config)))
		requireSameIdentities(rt, quick, slow, name, state, config)
		read, other := quick.read("cd_environment", state), slow.read("cd_environment", state)
		require.True(t, other.Equal(read), "read: %s, not %s", read, other)
		if read.IsNull() {
			return
		}
		planned, diagnostics := quick.plan("cd_environment", read, config)
		otherwise, problems := slow.plan("cd_environment", read, config)
		require.Equal(t, said(problems), said(diagnostics))
		require.True(t, otherwise.Equal(planned), "planned: %s, not %s", planned, otherwise)
		if planned.Equal(read) {
			untouched++
		}
	})
	require.NotZero(t, untouched, "no environment was left alone, so nothing was answered quickly")
	require.Less(t, untouched, count, "every environment was left alone, so nothing was passed on")
}

// requireSameCreation asks both to plan an environment that is new.
func requireSameCreation(rt *rapid.T, quick, slow *wire, config map[string]any) {
	s := quick.schema("cd_environment")
	null := quick.null("cd_environment")
	plan := func(w *wire) *tfprotov6.PlanResourceChangeResponse {
		value := w.value(s, config)
		resp, err := w.server.PlanResourceChange(w.t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: "cd_environment", PriorState: w.dynamic(s, null),
			Config: w.dynamic(s, value), ProposedNewState: w.dynamic(s, w.proposed(s, value, null))})
		require.NoError(rt, err)
		return resp
	}
	one, other := plan(quick), plan(slow)
	require.Equal(rt, said(other.Diagnostics), said(one.Diagnostics))
	require.Equal(rt, other.PlannedIdentity, one.PlannedIdentity)
	require.Equal(rt, other.PlannedPrivate, one.PlannedPrivate)
	require.Equal(rt, other.RequiresReplace, one.RequiresReplace)
	planned, otherwise := quick.static(s, one.PlannedState), slow.static(s, other.PlannedState)
	require.True(rt, otherwise.Equal(planned), "planned: %s, not %s", planned, otherwise)
	if len(one.Diagnostics) == 0 {
		requireSameApply(rt, quick, slow, config, one)
	}
	quick.configure()
	slow.configure()
}

// requireSameApply asks both to create an environment as it was planned.
func requireSameApply(rt *rapid.T, quick, slow *wire, config map[string]any, plan *tfprotov6.PlanResourceChangeResponse) {
	s := quick.schema("cd_environment")
	apply := func(w *wire) *tfprotov6.ApplyResourceChangeResponse {
		resp, err := w.server.ApplyResourceChange(w.t.Context(), &tfprotov6.ApplyResourceChangeRequest{TypeName: "cd_environment", PriorState: w.dynamic(s, quick.null("cd_environment")),
			Config: w.dynamic(s, w.value(s, config)), PlannedState: plan.PlannedState, PlannedPrivate: plan.PlannedPrivate, PlannedIdentity: plan.PlannedIdentity})
		require.NoError(rt, err)
		return resp
	}
	one, other := apply(quick), apply(slow)
	require.Equal(rt, said(other.Diagnostics), said(one.Diagnostics))
	require.Equal(rt, other.NewIdentity, one.NewIdentity)
	require.Equal(rt, hasPosition(other.Private), hasPosition(one.Private)) // two processes know different ends of the same ledger
	require.True(rt, len(one.Diagnostics) > 0 || hasPosition(one.Private))
	created, otherwise := quick.static(s, one.NewState), slow.static(s, other.NewState)
	require.True(rt, otherwise.Equal(created), "created: %s, not %s", created, otherwise)
}

// requireSameIdentities asks both with what Terraform may keep as identity: nothing yet, as older ones do, the environment's, or
// that of another. Answered quickly or not, the identities and what is said of them are the same, and so is the private state.
func requireSameIdentities(rt *rapid.T, quick, slow *wire, name string, state tftypes.Value, config map[string]any) {
	s := quick.schema("cd_environment")
	null, err := tfprotov6.NewDynamicValue(quick.identitySchema("cd_environment").ValueType(), tftypes.NewValue(quick.identitySchema("cd_environment").ValueType(), nil))
	require.NoError(rt, err)
	kept := rapid.SampledFrom([]*tfprotov6.ResourceIdentityData{nil, {IdentityData: &null}, quick.identity("cd_environment", map[string]string{"name": name}),
		quick.identity("cd_environment", map[string]string{"name": "another"})}).Draw(rt, "kept")
	read := func(w *wire) *tfprotov6.ReadResourceResponse {
		resp, err := w.server.ReadResource(w.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: "cd_environment", CurrentState: w.dynamic(s, state), CurrentIdentity: kept})
		require.NoError(rt, err)
		return resp
	}
	one, other := read(quick), read(slow)
	require.Equal(rt, said(other.Diagnostics), said(one.Diagnostics))
	require.Equal(rt, other.NewIdentity, one.NewIdentity)
	require.Equal(rt, other.Private, one.Private)
	if quick.static(s, one.NewState).IsNull() || len(one.Diagnostics) > 0 {
		return
	}
	plan := func(w *wire) *tfprotov6.PlanResourceChangeResponse {
		value := w.value(s, config)
		proposed := w.proposed(s, value, w.static(s, one.NewState))
		resp, err := w.server.PlanResourceChange(w.t.Context(), &tfprotov6.PlanResourceChangeRequest{TypeName: "cd_environment", PriorState: one.NewState,
			Config: w.dynamic(s, value), ProposedNewState: w.dynamic(s, proposed), PriorIdentity: kept})
		require.NoError(rt, err)
		return resp
	}
	require.Equal(rt, plan(slow).PlannedIdentity, plan(quick).PlannedIdentity)
	quick.configure()
	slow.configure()
}

// drawPlain draws a valid configuration, mostly of the kind that is answered quickly.
func drawPlain(rt *rapid.T, name string) map[string]any {
	variables := rapid.MapOfN(rapid.SampledFrom([]string{"A", "B", "C"}), rapid.SampledFrom([]string{"", "1", "2"}), 0, 3)
	config := map[string]any{"name": name, "tier": rapid.SampledFrom([]string{"testing", "production"}).Draw(rt, "tier")}
	for _, attribute := range []string{"config", "platform"} {
		if rapid.Bool().Draw(rt, attribute) {
			config[attribute] = variables.Draw(rt, attribute)
		}
	}
	if rapid.Bool().Draw(rt, "secrets") {
		config["secrets"] = map[string]string{"TOKEN": "env:TOKEN"}
	}
	if rapid.Bool().Draw(rt, "protection") {
		config["deletion_protection"] = rapid.Bool().Draw(rt, "protected")
	}
	if rapid.IntRange(0, 4).Draw(rt, "target") == 0 {
		config["target"] = map[string]any{"directory": map[string]any{"path": "/srv/" + name}}
	}
	if rapid.IntRange(0, 4).Draw(rt, "replica") == 0 {
		config["replica_of"] = "elsewhere"
		delete(config, "config") // which would need parity.allow
		delete(config, "platform")
	}
	return config
}

// tampered is the state with one attribute as somebody wrote it by hand.
func tampered(rt *rapid.T, w *wire, state tftypes.Value) tftypes.Value {
	attributes := w.attributes(state)
	name := rapid.SampledFrom([]string{"tier", "revision", "id", "config", "effective_config", "deletion_protection"}).Draw(rt, "tampered")
	attributes[name] = map[string]tftypes.Value{
		"tier": tftypes.NewValue(tftypes.String, "staging"), "revision": tftypes.NewValue(tftypes.String, "sha256:0"),
		"id": tftypes.NewValue(tftypes.String, nil), "config": tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, nil),
		"effective_config":    tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, nil),
		"deletion_protection": tftypes.NewValue(tftypes.Bool, nil),
	}[name]
	return tftypes.NewValue(state.Type(), attributes)
}

// hasPosition reports whether private state has a position in a ledger, and nothing else.
func hasPosition(private []byte) bool {
	return bytes.HasPrefix(private, []byte(`{"ledger":"`)) && !bytes.Contains(private, []byte(`,`))
}
