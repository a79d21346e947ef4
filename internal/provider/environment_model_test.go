package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
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
	m.EffectiveConfig, m.Revision = stringMap(of.Status.EffectiveConfig), types.StringValue(of.Status.Revision)
	return m
})

var parityModels = rapid.Custom(func(t *rapid.T) parityModel {
	return parityModel{
		With: types.StringValue("reference"),
		Allow: optionalMap(rapid.Custom(func(t *rapid.T) allowanceModel {
			return allowanceModel{
				Reason: types.StringValue("on purpose"),
				Min:    optionalNumber().Draw(t, "min"),
				Max:    optionalNumber().Draw(t, "max"),
				Until:  optionalText("2027-06-30T00:00:00Z").Draw(t, "until"),
			}
		})).Draw(t, "allow"),
	}
})

var targetModels = rapid.Custom(func(t *rapid.T) targetModel {
	switch rapid.SampledFrom([]string{"directory", "command", "webhook"}).Draw(t, "kind") {
	case "directory":
		return targetModel{Directory: &directoryModel{
			Path:        types.StringValue("/srv"),
			AfterDeploy: optionalOf(commandModels).Draw(t, "hook"),
			Keep:        optionalCount().Draw(t, "keep"),
		}}
	case "webhook":
		return targetModel{Webhook: &webhookModel{
			URL:          types.StringValue("https://deploy.example.com/shop"),
			StatusURL:    optionalText("https://deploy.example.com/shop/{id}").Draw(t, "status"),
			ObserveURL:   optionalText("https://deploy.example.com/running").Draw(t, "observe"),
			Headers:      optionalMap(rapid.String()).Draw(t, "headers"),
			Secret:       types.StringValue("env:KEY"),
			Token:        optionalText("env:TOKEN").Draw(t, "token"),
			SendSecrets:  rapid.SampledFrom([]types.Bool{types.BoolNull(), types.BoolValue(false), types.BoolValue(true)}).Draw(t, "secrets"),
			Timeout:      optionalText("30m").Draw(t, "timeout"),
			PollInterval: optionalText("5s").Draw(t, "interval"),
		}}
	}
	deploy, observe := commandModels.Draw(t, "deploy"), commandModels.Draw(t, "observe")
	return targetModel{Command: &commandTargetModel{Deploy: &deploy, Observe: &observe}}
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
