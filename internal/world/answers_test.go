package world

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// worldWith has one stage, in whose environment a deployment is verified; none if id is empty.
func worldWith(id string, gates delivery.Gates) delivery.World {
	w := delivery.World{Now: time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC), Pipeline: delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		{Name: "production", Environments: []string{"eu"}, Gates: gates}}}}
	deployments := []delivery.Deployment{}
	if id != "" {
		deployments = append(deployments, delivery.Deployment{ID: id, Seq: 1, Pipeline: "shop", Stage: "production", Environment: "eu",
			Status: delivery.Verified, VerifiedAt: &w.Now, Content: delivery.Content{Version: "1.0"}})
	}
	w.History = delivery.NewHistory(deployments)
	return w
}

var (
	key  = delivery.CheckKey{Stage: "production", Version: "1.0", Name: "errors"}
	seen = delivery.Observation{Running: true, Version: "1.0"}
)

// answered has an answer to each kind of question about a world.
func answered(w delivery.World) Answers {
	a := NewAnswers("shop")
	a.AddObservation(w, "eu", "", seen)
	a.AddCheck(w, key, "", delivery.CheckResult{Passed: true})
	return a
}

// What was seen is about the deployment that was there, and says nothing about a later one or an earlier one.
func TestAnObservationIsAboutOneDeployment(t *testing.T) {
	a := answered(worldWith("d1", delivery.Gates{}))
	for id, applies := range map[string]bool{"d1": true, "d2": false, "": false} {
		_, ok := a.Apply(worldWith(id, delivery.Gates{})).Observations["eu"]
		require.Equal(t, applies, ok, id)
	}
	a = answered(worldWith("", delivery.Gates{}))
	_, ok := a.Apply(worldWith("d1", delivery.Gates{})).Observations["eu"]
	require.False(t, ok, "what was seen before the first deployment")
}

// What the ledger does not know stays to be recorded, through every look, until it is.
func TestWhatIsPendingStaysSo(t *testing.T) {
	w := worldWith("d1", delivery.Gates{})
	a := answered(w)
	require.Len(t, a.Pending(), 2)
	require.Equal(t, a.Pending(), a.Again().Pending())
	require.Equal(t, a.Pending(), a.ForNextWave(w).Pending())
	require.Empty(t, a.Again().Apply(w).Observations)
	require.Equal(t, Recorded("shop", a.Pending()).Apply(w), a.Apply(w), "the ledger remembers all of it")
	a.Keep()
	require.Empty(t, a.Pending())
	require.Empty(t, Recorded("shop", []delivery.Recording{{Check: &key}, {}}).Apply(w).Checks, "a recording without what was said")
}

// Between two waves of one stage the environments are not observed again, unless a gate compares what runs. Checks are asked again.
func TestWhatTheNextWaveKnows(t *testing.T) {
	for kept, gates := range map[int]delivery.Gates{1: {}, 0: {Parity: &delivery.ParityGate{}}} {
		w := worldWith("d1", gates)
		next := answered(w).ForNextWave(w).Apply(w)
		require.Len(t, next.Observations, kept)
		require.Empty(t, next.Checks)
	}
}
