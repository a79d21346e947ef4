package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// An automatic stage that deploys to production needs a gate, of its own or of a policy, or a reason for having none.
func TestUnguardedProduction(t *testing.T) {
	guarded := func(change func(*World, *Stage)) []GateResult {
		w := shopFixture()
		stage := Stage{Name: "live", Environments: []string{"stg", "eu"}, Promotion: Automatic}
		change(&w, &stage)
		w.Pipeline.Stages = []Stage{stage}
		return candidate{World: w, stage: stage, release: w.Releases["1.0"], environments: []string{"stg"}, questions: &Questions{}}.evaluate()
	}
	refused := guarded(func(*World, *Stage) {})
	require.Len(t, refused, 1)
	requireGate(t, refused[0], VerdictFailed, "deploys to production (eu) without any gate", nil)
	require.Equal(t, "guarded", refused[0].Name)
	require.Len(t, guarded(func(_ *World, s *Stage) { s.Overridable = []string{"freeze"} }), 1, "nothing overrides it")
	for name, change := range map[string]func(*World, *Stage){
		"a person decides":         func(_ *World, s *Stage) { s.Promotion = Manual },
		"no production":            func(_ *World, s *Stage) { s.Environments = []string{"stg"} },
		"a reason":                 func(_ *World, s *Stage) { s.Gates.None = "nobody uses it yet" },
		"a gate":                   func(_ *World, s *Stage) { s.Gates.Expressions = map[string]Expression{"any": {Condition: "true"}} },
		"a policy for the tier":    func(w *World, _ *Stage) { w.Policies = []PolicySpec{harmless(TierProduction)} },
		"a policy for another one": func(w *World, _ *Stage) { w.Policies = []PolicySpec{harmless(TierStaging)} },
	} {
		require.True(t, GatesPassed(guarded(change)), name)
	}
	require.Len(t, guarded(func(w *World, _ *Stage) { w.Policies = []PolicySpec{harmless(TierTesting)} }), 1, "it holds elsewhere")
}

func harmless(tier Tier) PolicySpec {
	return PolicySpec{Name: "harmless", Tiers: []Tier{tier}, Gates: Gates{Expressions: map[string]Expression{"any": {Condition: "true"}}}}
}

func TestValidateNone(t *testing.T) {
	for name, c := range map[string]struct {
		gates Gates
		want  string
	}{
		"a reason":   {Gates{None: "nobody uses it yet"}, ""},
		"no words":   {Gates{None: " "}, "none: a reason is needed"},
		"with gates": {Gates{None: "why", Parity: &ParityGate{}}, "none: the stage has gates; remove them, or remove none"},
	} {
		p := newProblems()
		c.gates.validate(p)
		if c.want == "" {
			require.Empty(t, p.errors(), name)
			continue
		}
		require.ErrorContains(t, p.errors().Err(), c.want, name)
	}
	require.ErrorContains(t, PolicySpec{Name: "lax", Tiers: []Tier{TierProduction}, Gates: Gates{None: "why"}}.Validate().Err(), "a policy needs at least one gate")
}
