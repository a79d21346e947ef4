package tf

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestPruneKeepsWhatIsKnown(t *testing.T) {
	texts, set := tftypes.List{ElementType: tftypes.String}, tftypes.Set{ElementType: tftypes.String}
	variables := tftypes.Map{ElementType: tftypes.String}
	stage := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String, "environments": texts, "days": set, "config": variables}}
	pipeline := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String, "stages": tftypes.List{ElementType: stage}}}
	text := func(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }
	unknown := func(kind tftypes.Type) tftypes.Value { return tftypes.NewValue(kind, tftypes.UnknownValue) }
	pipelineOf := func(name tftypes.Value, stages ...tftypes.Value) tftypes.Value {
		return tftypes.NewValue(pipeline, map[string]tftypes.Value{"name": name, "stages": tftypes.NewValue(tftypes.List{ElementType: stage}, stages)})
	}
	stageOf := func(name, environments, days, config tftypes.Value) tftypes.Value {
		return tftypes.NewValue(stage, map[string]tftypes.Value{"name": name, "environments": environments, "days": days, "config": config})
	}
	null := func(kind tftypes.Type) tftypes.Value { return tftypes.NewValue(kind, nil) }

	var pruned unknownParts
	got := pruned.prune("", pipelineOf(unknown(tftypes.String),
		stageOf(text("one"), tftypes.NewValue(texts, []tftypes.Value{unknown(tftypes.String), text("qa")}),
			tftypes.NewValue(set, []tftypes.Value{text("mon"), unknown(tftypes.String)}),
			tftypes.NewValue(variables, map[string]tftypes.Value{"A": text("1"), `B["`: unknown(tftypes.String)})),
		unknown(stage),
		stageOf(text("three"), unknown(texts), unknown(set), unknown(variables))))

	require.Equal(t, unknownParts{"name", `stages[0].config["B[\""]`, "stages[0].days[?]", "stages[0].environments[0]", "stages[1]",
		"stages[2].config", "stages[2].days", "stages[2].environments"}, pruned)
	require.True(t, got.IsFullyKnown())
	require.True(t, got.Equal(pipelineOf(null(tftypes.String),
		stageOf(text("one"), tftypes.NewValue(texts, []tftypes.Value{text(""), text("qa")}), tftypes.NewValue(set, []tftypes.Value{text("mon")}),
			tftypes.NewValue(variables, map[string]tftypes.Value{"A": text("1"), `B["`: text("")})),
		stageOf(null(tftypes.String), null(texts), null(set), null(variables)),
		stageOf(text("three"), null(texts), null(set), null(variables)))), got.String())
}

func TestProblemsThatAnUnknownValueDecidesAreDropped(t *testing.T) {
	unknown := unknownParts{"stages[1].gates.approvals.approvers[?]", "stages[0].name", `config["A"]`}
	for field, dropped := range map[string]bool{
		"stages[1].gates.approvals.approvers":    true,  // it may have enough elements
		"stages[1].gates.approvals.approvers[0]": false, // a known element
		"stages[1].gates.approvals":              true,
		"stages[1].gates.windows":                false,
		"stages[0].name":                         true,
		"stages[0].name.first":                   true,
		"stages[0].names":                        false,
		"stages[10]":                             false,
		`config["A"]`:                            true,
		`config["AB"]`:                           false,
		"config":                                 true,
		"":                                       false,
	} {
		require.Equal(t, dropped, len(unknown.withoutUndecided(delivery.Errors{{Field: field}})) == 0, field)
	}
	for _, field := range []string{"stages[1].gates.soak.stage", ""} {
		require.Empty(t, unknown.withoutUndecided(delivery.Errors{{Field: field, DependsOn: []string{"tiers", "stages[0].name"}}}))
		require.Len(t, unknown.withoutUndecided(delivery.Errors{{Field: field, DependsOn: []string{"tiers"}}}), 1)
	}
}
