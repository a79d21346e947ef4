package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// scopeFixture has two environments and two pipelines: shop deploys to both, blog to staging only.
func scopeFixture() Scope {
	stage := func(name string) Stage { return Stage{Name: name, Environments: []string{name}} }
	return NewScope([]EnvironmentSpec{{Name: "staging", Tier: TierStaging}, {Name: "production", Tier: TierProduction}},
		[]PipelineSpec{{Name: "shop", Stages: []Stage{stage("staging"), stage("production")}}, {Name: "blog", Stages: []Stage{stage("staging")}}}, ChangeSet{})
}

func problemsOf(found []Mismatch) (problems []string) {
	for _, m := range found {
		problems = append(problems, m.Field+": "+m.Problem)
	}
	return problems
}

func TestFiltersThatFindNothing(t *testing.T) {
	for name, c := range map[string]struct {
		environments []string
		tiers        []Tier
		pipelines    []string
		want         []string
	}{
		"an environment":               {[]string{"staging"}, nil, nil, nil},
		"a misspelt environment":       {[]string{"prodution", "staging"}, nil, nil, []string{`environments[0]: names environment "prodution", which does not exist`}},
		"a tier":                       {nil, []Tier{TierProduction}, nil, nil},
		"a tier that nothing has":      {nil, []Tier{TierProduction, TierTesting}, nil, []string{`tiers[1]: names tier testing, which no environment has`}},
		"a pipeline":                   {nil, nil, []string{"blog"}, nil},
		"a misspelt pipeline":          {nil, nil, []string{"blgo"}, []string{`pipelines[0]: names pipeline "blgo", which does not exist`}},
		"an environment of its tier":   {[]string{"production"}, []Tier{TierProduction}, nil, nil},
		"not of its tier":              {[]string{"staging"}, []Tier{TierProduction}, nil, []string{": stops nothing: its filters exclude each other"}},
		"a pipeline that deploys":      {[]string{"production"}, []Tier{TierProduction}, []string{"shop"}, nil},
		"a pipeline that does not":     {[]string{"production"}, nil, []string{"blog"}, []string{": stops nothing: its filters exclude each other"}},
		"one of two that deploys":      {[]string{"production"}, nil, []string{"blog", "shop"}, nil},
		"a pipeline and no such tier":  {nil, []Tier{TierProduction}, []string{"blog"}, []string{": stops nothing: its filters exclude each other"}},
		"unknown names, said once":     {[]string{"x"}, []Tier{TierOther}, []string{"y"}, []string{`environments[0]: names environment "x", which does not exist`, "tiers[0]: names tier other, which no environment has", `pipelines[0]: names pipeline "y", which does not exist`}},
		"one of two environments fits": {[]string{"staging", "production"}, []Tier{TierProduction}, nil, nil},
	} {
		freeze := FreezeSpec{Environments: c.environments, Tiers: c.tiers, Pipelines: c.pipelines}
		require.Equal(t, c.want, problemsOf(freeze.Mismatches(scopeFixture())), name)
	}
	m := FreezeSpec{Environments: []string{"prodution"}}.Mismatches(scopeFixture())[0]
	require.Equal(t, `Neither the ledger nor this plan has environment "prodution", so the freeze stops nothing there. Did you mean "production"? Correct the name, or declare the environment.`, m.Detail)
	m = FreezeSpec{Environments: []string{"staging"}, Tiers: []Tier{TierProduction}}.Mismatches(scopeFixture())[0]
	require.Equal(t, "Each filter narrows the freeze, and no deployment satisfies all of them: environments (staging) and tiers (production). Remove one of them, or correct it.", m.Detail)

	policy := PolicySpec{Tiers: []Tier{TierTesting}, Environments: []string{"eu"}}
	require.Equal(t, []string{`environments[0]: names environment "eu", which does not exist`, "tiers[0]: names tier testing, which no environment has"}, problemsOf(policy.Mismatches(scopeFixture())))
	require.Equal(t, "Neither the ledger nor this plan has an environment of tier testing, so the policy asks nothing there. Environments have the tiers: production, staging. Correct the tier, or declare such an environment.",
		policy.Mismatches(scopeFixture())[1].Detail)
	require.Empty(t, PolicySpec{Tiers: []Tier{TierStaging}, Environments: []string{"production"}}.Mismatches(scopeFixture()))
}

// What a plan declares counts, what it removes does not, and what it does not know yet may be anything.
func TestAScopeIsWhatAPlanLeaves(t *testing.T) {
	scope := func(change func(*ChangeSet)) Scope {
		c := ChangeSet{}
		change(&c)
		return NewScope([]EnvironmentSpec{{Name: "staging", Tier: TierStaging}}, nil, c)
	}
	freeze := FreezeSpec{Environments: []string{"eu"}, Tiers: []Tier{TierProduction}, Pipelines: []string{"shop"}}
	require.Len(t, freeze.Mismatches(scope(func(*ChangeSet) {})), 3)
	require.Empty(t, freeze.Mismatches(scope(func(c *ChangeSet) {
		c.Environments.Put("eu", EnvironmentSpec{Name: "eu", Tier: TierProduction}, true)
		c.Pipelines.Put("shop", PipelineSpec{Name: "shop", Stages: []Stage{{Environments: []string{"eu"}}}}, true)
	})))
	require.Empty(t, freeze.Mismatches(scope(func(c *ChangeSet) {
		c.Environments.PutUnknown("eu")
		c.Pipelines.PutUnknown("shop")
	})))
	require.Len(t, FreezeSpec{Environments: []string{"staging"}}.Mismatches(scope(func(c *ChangeSet) { c.Environments.Remove("staging") })), 1)
	open := scope(func(*ChangeSet) {})
	open.MoreEnvironments, open.MorePipelines = true, true
	require.Empty(t, freeze.Mismatches(open))
	require.Empty(t, FreezeSpec{Tiers: []Tier{TierProduction}}.Mismatches(Scope{Environments: map[string]*EnvironmentSpec{"eu": nil}}), "its tier is not known")
	require.Empty(t, FreezeSpec{Tiers: []Tier{TierProduction}}.Mismatches(Scope{MoreEnvironments: true}))
	require.Len(t, FreezeSpec{Tiers: []Tier{TierProduction}}.Mismatches(Scope{}), 1)
}

// A freeze that is said to stop nothing stops nothing, and one that stops something is not said to.
func TestMismatchesAgreeWithWhatIsFrozen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := scopeFixture()
		f := FreezeSpec{
			Environments: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"staging", "production"}), 0, 2, rapid.ID[string]).Draw(t, "environments"),
			Tiers:        rapid.SliceOfNDistinct(rapid.SampledFrom([]Tier{TierStaging, TierProduction}), 0, 2, rapid.ID[Tier]).Draw(t, "tiers"),
			Pipelines:    rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"shop", "blog"}), 0, 2, rapid.ID[string]).Draw(t, "pipelines"),
		}
		stops := false
		for _, p := range s.Pipelines {
			for _, stage := range p.Stages {
				for _, env := range stage.Environments {
					stops = stops || f.applies(p.Name, *s.Environments[env])
				}
			}
		}
		if len(f.Mismatches(s)) == 0 != stops {
			t.Fatalf("stops something: %t, and the plan says: %v", stops, problemsOf(f.Mismatches(s)))
		}
	})
}

func TestTheMostSimilarNameIsSuggested(t *testing.T) {
	known := []string{"development", "production", "production-eu", "staging"}
	for name, want := range map[string]string{"prodution": "production", "Production": "production", "prodction-eu": "production-eu", "stagging": "staging", "qa": "", "x": "", "": ""} {
		if want != "" {
			want = `Did you mean "` + want + `"? `
		}
		require.Equal(t, want, Suggestion(name, known), name)
	}
	require.Equal(t, 3, editDistance("kitten", "sitting"))
	require.Equal(t, 2, editDistance("", "ab"))
	require.Equal(t, 2, editDistance("ab", ""))
}

func TestAllowancesThatMatchNoKey(t *testing.T) {
	known := map[string]EnvironmentSpec{
		"production": {Name: "production", Config: map[string]string{"LEVEL": "info", "DB_HOST": "db"}, Platform: map[string]string{"os": "debian"}, Secrets: map[string]string{"KEY": "env:KEY"}},
		"source":     {Name: "source", Config: map[string]string{"COLOR": "red"}},
	}
	pipelines := []PipelineSpec{{Name: "shop", Stages: []Stage{{Name: "a", Environments: []string{"staging"}, Config: map[string]string{"FEATURE": "on"}},
		{Name: "b", Environments: []string{"elsewhere"}, Config: map[string]string{"OTHER": "on"}}}}}
	env := EnvironmentSpec{Name: "staging", ReplicaOf: "source", Config: map[string]string{"OWN": "1"}, Parity: &Parity{With: "production", Allow: map[string]Allowance{}}}
	for glob, matches := range map[string]bool{
		"LEVEL": true, "OWN": true, "COLOR": true, "DB_*": true, "D?_HOST": true, "FEATURE": true, "platform.os": true, "platform.*": true, "secrets.KEY": true, "*": true,
		"LEVELS": false, "level": false, "DBHOST_*": false, "OTHER": false, "os": false, "KEY": false, "platform.arch": false, "secrets.NO": false, "running.LEVEL": false,
	} {
		env.Parity.Allow = map[string]Allowance{glob: {Reason: "r"}}
		require.Equal(t, matches, len(env.UnmatchedAllowances(known, pipelines)) == 0, glob)
	}
	env.Parity.Allow = map[string]Allowance{"Z": {}, "A": {}, "LEVEL": {}}
	require.Equal(t, []string{"A", "Z"}, env.UnmatchedAllowances(known, pipelines))
	env.Parity = nil
	require.Empty(t, env.UnmatchedAllowances(known, pipelines))
}
