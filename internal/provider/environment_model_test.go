package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

var environmentModels = rapid.Custom(func(t *rapid.T) environmentModel {
	name := nameText.Draw(t, "name")
	m := environmentModel{
		ID:                 types.StringValue(name),
		Name:               types.StringValue(name),
		Tier:               types.StringValue(string(rapid.SampledFrom(delivery.Tiers()).Draw(t, "tier"))),
		Config:             optionalMap(rapid.String()).Draw(t, "config"),
		Secrets:            optionalMap(rapid.Just("env:SECRET")).Draw(t, "secrets"),
		Platform:           optionalMap(rapid.String()).Draw(t, "platform"),
		Parity:             optionalOf(parityModels).Draw(t, "parity"),
		Target:             optionalOf(targetModels).Draw(t, "target"),
		DeletionProtection: types.BoolValue(rapid.Bool().Draw(t, "protection")),
		EffectiveConfig:    types.MapNull(types.StringType),
	}
	of := delivery.EnvironmentOf(m.toSpec())
	m.EffectiveConfig, m.Revision = tf.StringMap(of.Status.EffectiveConfig), types.StringValue(of.Status.Revision)
	return m
})

func TestEnvironmentModelKeepsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := environmentModels.Draw(t, "model")
		spec := written.toSpec()
		stored := overTheWire(t, spec)
		require.Equal(t, spec, stored, "what is planned is what is stored, so that the revision is the same")

		back := environmentModelFrom(delivery.EnvironmentOf(stored), written)
		require.Equal(t, written, back, "null stays null, and empty stays empty")
		require.Equal(t, written, inState(t, newEnvironmentResource(), back))

		imported := environmentModelFrom(delivery.EnvironmentOf(stored), environmentModel{})
		require.Equal(t, spec, inState(t, newEnvironmentResource(), imported).toSpec())
	})
}

func TestEnvironmentProtectionFollowsTheTierUnlessItIsWritten(t *testing.T) {
	for _, tier := range delivery.Tiers() {
		declared := delivery.EnvironmentSpec{Name: "a", Tier: tier}
		m := environmentModelFrom(delivery.EnvironmentOf(declared), environmentModel{})
		require.Equal(t, tier == delivery.TierProduction, m.DeletionProtection.ValueBool())
		require.NotNil(t, m.toSpec().DeletionProtection, "once known, it is sent")

		m.DeletionProtection = types.BoolUnknown()
		require.Nil(t, m.toSpec().DeletionProtection)
	}
}
