package worker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

func TestParityOfWhatIsDeclaredAndOfWhatRuns(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.environment("eu", func(s *delivery.EnvironmentSpec) { s.Config["SIZE"] = "9" })
	h.environment("stg", func(s *delivery.EnvironmentSpec) {
		s.Config["SIZE"] = "1"
		s.Parity = &delivery.Parity{With: "eu", Allow: map[string]delivery.Allowance{"SIZE": {Reason: "smaller"}}}
	})
	testing, live := stage("testing", delivery.Automatic, "stg"), stage("live", delivery.Automatic, "eu")
	live.Config = map[string]string{"FEATURE": "on"}
	_, err := h.PutPipeline(t.Context(), ann, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{testing, live}})
	require.NoError(t, err)

	keys := func(q delivery.ParityQuery) (bool, []string) {
		t.Helper()
		r, err := h.Parity(t.Context(), q)
		require.NoError(t, err)
		found := []string{}
		for _, d := range r.Differences {
			found = append(found, d.Key)
		}
		return r.InParity, found
	}
	like, found := keys(delivery.ParityQuery{Environment: "stg", With: "eu"})
	require.True(t, like)
	require.Equal(t, []string{"SIZE"}, found)
	like, found = keys(delivery.ParityQuery{Environment: "stg", With: "eu", Pipeline: "shop"})
	require.False(t, like)
	require.Equal(t, []string{"FEATURE", "SIZE"}, found, "the stage's own configuration takes part")
	like, _ = keys(delivery.ParityQuery{Environment: "eu", With: "stg"})
	require.False(t, like, "the allowances are those of the first, and it declares none")

	running := delivery.ParityQuery{Environment: "stg", With: "eu", Pipeline: "shop", Source: delivery.ParityRunning}
	like, found = keys(running)
	require.False(t, like)
	require.Equal(t, []string{"running.unknown"}, found, "nothing runs yet, and that is not equal")

	require.Nil(t, h.delivers("1.0", 1).Failure)
	_, found = keys(running)
	require.Equal(t, []string{"FEATURE", "SIZE"}, found)
	h.environment("eu", func(s *delivery.EnvironmentSpec) { s.Config["LEVEL"] = "warn" })
	_, found = keys(running)
	require.Equal(t, []string{"FEATURE", "SIZE"}, found, "what is declared since does not run")
	h.driver.change("stg", "shop", func(p *fakeTarget) { p.drift = "edited" })
	_, found = keys(running)
	require.Equal(t, []string{"FEATURE", "SIZE"}, found, "reading looks at nothing")
	h.observes()
	r, err := h.Parity(t.Context(), running)
	require.NoError(t, err)
	require.Equal(t, "running.drift", r.Differences[2].Key)
	require.Contains(t, r.Report, "stg (1.0) does not equal eu (1.0): 2 differences not declared, 1 declared.\n\nrunning")
	h.driver.change("eu", "shop", func(p *fakeTarget) { p.unknown = true })
	h.observes()
	_, found = keys(running)
	require.Equal(t, []string{"running.drift", "running.unknown"}, found)
}

func TestParityOfWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	h.declares(stage("one", delivery.Automatic, "dev"))
	h.environment("alone", func(*delivery.EnvironmentSpec) {})
	for _, c := range []struct {
		query delivery.ParityQuery
		code  delivery.Code
		says  string
	}{
		{delivery.ParityQuery{Environment: "nowhere", With: "dev"}, delivery.CodeNotFound, `environment: environment "nowhere" does not exist`},
		{delivery.ParityQuery{Environment: "dev", With: "nowhere"}, delivery.CodeNotFound, `with: environment "nowhere" does not exist`},
		{delivery.ParityQuery{Environment: "dev", With: "dev"}, delivery.CodeInvalid, "compared with itself"},
		{delivery.ParityQuery{Environment: "dev", With: "alone", Pipeline: "none"}, delivery.CodeNotFound, `pipeline: `},
		{delivery.ParityQuery{Environment: "alone", With: "dev", Pipeline: "shop"}, delivery.CodeNotFound, `has no stage that deploys to environment "alone"`},
		{delivery.ParityQuery{Environment: "dev", With: "alone", Source: "running"}, delivery.CodeInvalid, "pipeline: what runs is what a pipeline brought there"},
		{delivery.ParityQuery{Environment: "dev", With: "alone", Source: "dreamt"}, delivery.CodeInvalid, `source: "dreamt" is not a source`},
	} {
		_, err := h.Parity(t.Context(), c.query)
		requireRefusal(t, err, c.code, c.says)
	}
}

// Somebody changes what runs where a release was tested while it is being brought to the first of two environments. The gate is asked
// again for the second, and does not go by what was seen before.
func TestTheParityGateLooksAgainForEachWave(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	production := stage("production", delivery.Manual, "eu", "us")
	production.Gates.Parity = &delivery.ParityGate{}
	h.declares(stage("staging", delivery.Automatic, "stg"), production)
	h.environment("stg", func(s *delivery.EnvironmentSpec) { s.Parity = &delivery.Parity{With: "eu"} })
	require.Nil(t, h.delivers("1.0", 1).Failure)
	h.driver.onCall = func(driver.Request) {
		h.driver.change("stg", "shop", func(p *fakeTarget) { p.drift = "somebody was here" })
	}
	state, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedPend))
	require.NoError(t, err)
	require.Equal(t, []string{"1.0 to stg: deliver verified", "1.0 to eu: deliver verified"}, h.deployments())
	require.ErrorContains(t, state.Work.Failure, "stg drifted")
}
