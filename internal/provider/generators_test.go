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

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/blocks"
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

var commandModels = rapid.Custom(func(t *rapid.T) blocks.Command {
	return blocks.Command{
		Argv:        rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "argv"),
		Directory:   optionalText("/srv").Draw(t, "directory"),
		Environment: optionalMap(rapid.String()).Draw(t, "environment"),
		Timeout:     optionalText("30s").Draw(t, "timeout"),
	}
})

var checkModels = rapid.Custom(func(t *rapid.T) blocks.Check {
	if rapid.Bool().Draw(t, "http") {
		return blocks.Check{HTTP: &blocks.HTTPCheck{
			URL:          types.StringValue("https://shop.example.com/healthz"),
			ExpectStatus: optionalCount().Draw(t, "status"),
			Attempts:     optionalCount().Draw(t, "attempts"),
			Interval:     optionalText("1s").Draw(t, "interval"),
			Timeout:      optionalText("1m").Draw(t, "timeout"),
		}}
	}
	return blocks.Check{Command: &blocks.CommandCheck{
		Command:  commandModels.Draw(t, "command"),
		JUnit:    optionalText("report.xml").Draw(t, "junit"),
		Attempts: optionalCount().Draw(t, "attempts"),
		Interval: optionalText("1s").Draw(t, "interval"),
	}}
})

var gatesModels = rapid.Custom(func(t *rapid.T) blocks.Gates {
	return blocks.Gates{
		Approvals:   optionalOf(approvalsGateModels).Draw(t, "approvals"),
		Tests:       optionalMap(testsGateModels).Draw(t, "tests"),
		Soak:        optionalOf(rapid.Just(blocks.SoakGate{Stage: types.StringValue("stage-0"), Duration: types.StringValue("1h")})).Draw(t, "soak"),
		Windows:     optionalMap(windowModels).Draw(t, "windows"),
		Cooldown:    optionalOf(rapid.Just(blocks.CooldownGate{Duration: types.StringValue("4h")})).Draw(t, "cooldown"),
		MaxDeploys:  optionalOf(rapid.Just(blocks.MaxDeploysGate{Count: types.Int64Value(3), Per: types.StringValue("24h")})).Draw(t, "max_deploys"),
		Parity:      optionalOf(rapid.Just(blocks.ParityGate{})).Draw(t, "parity"),
		Checks:      optionalMap(checkModels).Draw(t, "checks"),
		Expressions: optionalMap(rapid.Just(blocks.Expression{Condition: types.StringValue("true"), Message: types.StringValue("always")})).Draw(t, "expressions"),
		None:        optionalText("nobody uses it yet").Draw(t, "none"),
	}
})

var approvalsGateModels = rapid.Custom(func(t *rapid.T) blocks.ApprovalsGate {
	m := blocks.ApprovalsGate{
		Required:      types.Int64Value(rapid.Int64Range(1, 9).Draw(t, "required")),
		Approvers:     sets(t),
		AllowAuthor:   types.BoolValue(rapid.Bool().Draw(t, "author")),
		ExpiresAfter:  optionalText("72h").Draw(t, "expiry"),
		RequireSigned: types.BoolValue(rapid.Bool().Draw(t, "require signed")),
	}
	if rapid.Bool().Draw(t, "signed") {
		m.SignedBy = rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "signers")
	}
	return m
})

var testsGateModels = rapid.Custom(func(t *rapid.T) blocks.TestsGate {
	m := blocks.TestsGate{MaxFailures: types.Int64Value(rapid.Int64Range(0, 9).Draw(t, "failures")), MaxAge: optionalText("24h").Draw(t, "age")}
	if rapid.Bool().Draw(t, "least") {
		m.MinTests = types.Int64Value(rapid.Int64Range(0, 2).Draw(t, "tests"))
	}
	return m
})

var windowModels = rapid.Custom(func(t *rapid.T) blocks.Window {
	m := blocks.Window{
		Start:    optionalText("09:00").Draw(t, "start"),
		End:      optionalText("16:00").Draw(t, "end"),
		TimeZone: optionalText("Europe/Berlin").Draw(t, "zone"),
	}
	if rapid.Bool().Draw(t, "some days") { // an empty list is an error
		m.Days = append([]string{"mon"}, slices.DeleteFunc([]string{"tue", "wed", "thu", "fri", "sat", "sun"}, func(day string) bool { return rapid.Bool().Draw(t, day) })...)
	}
	return m
})

var parityModels = rapid.Custom(func(t *rapid.T) blocks.Parity {
	return blocks.Parity{
		With: types.StringValue("reference"),
		Allow: optionalMap(rapid.Custom(func(t *rapid.T) blocks.Allowance {
			return blocks.Allowance{
				Reason: types.StringValue("on purpose"),
				Min:    optionalNumber().Draw(t, "min"),
				Max:    optionalNumber().Draw(t, "max"),
				Until:  optionalText("2027-06-30T00:00:00Z").Draw(t, "until"),
			}
		})).Draw(t, "allow"),
	}
})

var targetModels = rapid.Custom(func(t *rapid.T) blocks.Target {
	switch rapid.SampledFrom([]string{"directory", "command", "webhook"}).Draw(t, "kind") {
	case "directory":
		return blocks.Target{Directory: &blocks.DirectoryTarget{
			Path:        types.StringValue("/srv"),
			AfterDeploy: optionalOf(commandModels).Draw(t, "hook"),
			Keep:        optionalCount().Draw(t, "keep"),
		}}
	case "webhook":
		return blocks.Target{Webhook: &blocks.WebhookTarget{
			URL:          types.StringValue("https://deploy.example.com/shop"),
			StatusURL:    optionalText("https://deploy.example.com/shop/{id}").Draw(t, "status"),
			ObserveURL:   optionalText("https://deploy.example.com/running").Draw(t, "observe"),
			Headers:      optionalMap(rapid.String()).Draw(t, "headers"),
			Secret:       types.StringValue("env:KEY"),
			Token:        optionalText("env:TOKEN").Draw(t, "token"),
			SendSecrets:  rapid.SampledFrom([]types.Bool{types.BoolNull(), types.BoolValue(false), types.BoolValue(true)}).Draw(t, "secrets"),
			Timeout:      optionalText("30m").Draw(t, "timeout"),
			PollInterval: optionalText("5s").Draw(t, "interval"),
			Place:        optionalText("cluster-1/shop").Draw(t, "place"),
		}}
	}
	deploy, observe := commandModels.Draw(t, "deploy"), commandModels.Draw(t, "observe")
	return blocks.Target{Command: &blocks.CommandTarget{Deploy: &deploy, Observe: &observe, Place: optionalText("cluster-1/shop").Draw(t, "place")}}
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
