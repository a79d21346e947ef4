package provider

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var pipelineModels = rapid.Custom(func(t *rapid.T) pipelineModel {
	name := nameText.Draw(t, "name")
	m := pipelineModel{ID: types.StringValue(name), Name: types.StringValue(name)}
	for i := range rapid.IntRange(1, 3).Draw(t, "stages") {
		stage := stageModels.Draw(t, "stage")
		stage.Name = types.StringValue(fmt.Sprintf("stage-%d", i))
		m.Stages = append(m.Stages, stage)
	}
	m.Revision = types.StringValue(delivery.PipelineOf(m.toSpec()).Revision)
	return m
})

var stageModels = rapid.Custom(func(t *rapid.T) stageModel {
	return stageModel{
		Environments: rapid.SliceOfN(nameText, 1, 3).Draw(t, "environments"),
		Promotion:    types.StringValue(rapid.SampledFrom([]string{"manual", "automatic"}).Draw(t, "promotion")),
		Config:       optionalMap(rapid.String()).Draw(t, "config"),
		Gates:        optionalOf(gatesModels).Draw(t, "gates"),
		Overridable:  sets(t),
		Verify:       optionalMap(checkModels).Draw(t, "verify"),
		Rollout: optionalOf(rapid.Custom(func(t *rapid.T) rolloutModel {
			return rolloutModel{MaxParallel: optionalCount().Draw(t, "parallel"), MaxFailures: types.Int64Value(rapid.Int64Range(0, 9).Draw(t, "failures"))}
		})).Draw(t, "rollout"),
		OnFailure: types.StringValue(rapid.SampledFrom([]string{"rollback", "halt"}).Draw(t, "failure")),
	}
})

func TestPipelineModelKeepsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := pipelineModels.Draw(t, "model")
		spec := written.toSpec()
		stored := overTheWire(t, spec)
		require.Equal(t, spec, stored, "what is planned is what is stored, so that the revision is the same")

		back := pipelineModelFrom(delivery.PipelineOf(stored), written)
		require.Equal(t, written, back, "null stays null, and empty stays empty")
		require.Equal(t, written, inState(t, newPipelineResource(), back))

		imported := pipelineModelFrom(delivery.PipelineOf(stored), pipelineModel{})
		require.Equal(t, spec, inState(t, newPipelineResource(), imported).toSpec())
	})
}

func TestPipelineModelFindsStagesByName(t *testing.T) {
	empty := pipelineModel{Stages: []stageModel{
		{Name: types.StringValue("first"), Config: map[string]string{}},
		{Name: types.StringValue("second")},
	}}
	spec := empty.toSpec()
	slices.Reverse(spec.Stages)
	moved := pipelineModelFrom(delivery.PipelineOf(spec), empty)
	require.Nil(t, moved.Stages[0].Config)
	require.NotNil(t, moved.Stages[1].Config)
}
