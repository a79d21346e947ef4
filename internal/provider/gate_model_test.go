package provider

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var gatesModels = rapid.Custom(func(t *rapid.T) gatesModel {
	return gatesModel{
		Approvals:   optionalOf(approvalsGateModels).Draw(t, "approvals"),
		Tests:       optionalMap(testsGateModels).Draw(t, "tests"),
		Soak:        optionalOf(rapid.Just(soakGateModel{Stage: types.StringValue("stage-0"), Duration: types.StringValue("1h")})).Draw(t, "soak"),
		Windows:     optionalMap(windowModels).Draw(t, "windows"),
		Cooldown:    optionalOf(rapid.Just(cooldownGateModel{Duration: types.StringValue("4h")})).Draw(t, "cooldown"),
		MaxDeploys:  optionalOf(rapid.Just(maxDeploysGateModel{Count: types.Int64Value(3), Per: types.StringValue("24h")})).Draw(t, "max_deploys"),
		Parity:      types.BoolValue(rapid.Bool().Draw(t, "parity")),
		Checks:      optionalMap(checkModels).Draw(t, "checks"),
		Expressions: optionalMap(rapid.Just(expressionModel{Condition: types.StringValue("true"), Message: types.StringValue("always")})).Draw(t, "expressions"),
	}
})

var approvalsGateModels = rapid.Custom(func(t *rapid.T) approvalsGateModel {
	m := approvalsGateModel{
		Required:     types.Int64Value(rapid.Int64Range(1, 9).Draw(t, "required")),
		Approvers:    sets(t),
		AllowAuthor:  types.BoolValue(rapid.Bool().Draw(t, "author")),
		ExpiresAfter: optionalText("72h").Draw(t, "expiry"),
	}
	if rapid.Bool().Draw(t, "signed") {
		m.SignedBy = rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "signers")
	}
	return m
})

var testsGateModels = rapid.Custom(func(t *rapid.T) testsGateModel {
	m := testsGateModel{MaxFailures: optionalCount().Draw(t, "failures"), MaxAge: optionalText("24h").Draw(t, "age")}
	if rapid.Bool().Draw(t, "least") {
		m.MinTests = types.Int64Value(rapid.Int64Range(0, 2).Draw(t, "tests"))
	}
	return m
})

var windowModels = rapid.Custom(func(t *rapid.T) windowModel {
	m := windowModel{
		Start:    optionalText("09:00").Draw(t, "start"),
		End:      optionalText("16:00").Draw(t, "end"),
		TimeZone: optionalText("Europe/Berlin").Draw(t, "zone"),
	}
	if rapid.Bool().Draw(t, "some days") {
		m.Days = slices.DeleteFunc(slices.Clone(week), func(day string) bool { return rapid.Bool().Draw(t, day) })
	}
	return m
})

func TestWhatHasNoOrderIsSentInOne(t *testing.T) {
	with := func(approvers, days []string) delivery.Gates {
		return (&gatesModel{Approvals: &approvalsGateModel{Approvers: approvers}, Windows: map[string]windowModel{"office": {Days: days}}}).toSpec()
	}
	gates := with([]string{"carol", "alice", "bob"}, []string{"wed", "sun", "mon"})
	require.Equal(t, with([]string{"alice", "bob", "carol"}, []string{"mon", "wed", "sun"}), gates)
	require.Equal(t, []string{"mon", "wed", "sun"}, gates.Windows["office"].Days)
}

func TestNoTestsAreNotTheDefaultNumberOfTests(t *testing.T) {
	none := 0
	require.Equal(t, delivery.TestsGate{MinTests: &none}, testsGateModel{MinTests: types.Int64Value(0)}.toSpec())
	require.Equal(t, delivery.TestsGate{}, testsGateModel{}.toSpec())
}
