package delivery

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// guardedShop declares what edits in the tests below get around: production asks for approvals, a policy for tier production asks for tests, and a
// freeze covers environment eu.
func guardedShop() Declarations {
	w := shopFixture()
	w.Policies = []PolicySpec{{Name: "strict", Tiers: []Tier{TierProduction}, Gates: Gates{Tests: map[string]TestsGate{"unit": {}}}}}
	w.Freezes = []FreezeSpec{{Name: "inventory", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T12:00:00Z", Environments: []string{"eu"}}}
	w.Pipeline.Stages[1].Gates.Approvals = &ApprovalsGate{Required: 1, Approvers: []string{"bob"}}
	return declared(w, w.Pipeline)
}

// shopOf edits a copy of the pipeline.
func shopOf(d Declarations, edit func(*PipelineSpec)) PipelineSpec {
	p := d.Pipelines[0]
	p.Stages = slices.Clone(p.Stages)
	edit(&p)
	return p
}

func (d Declarations) edited(name string, edit func(*EnvironmentSpec)) Declarations {
	d.Environments = slices.Clone(d.Environments)
	for i := range d.Environments {
		if d.Environments[i].Name == name {
			edit(&d.Environments[i])
		}
	}
	return d
}

// TestWaysAround makes each edit that leads around gates, by whatever names.
func TestWaysAround(t *testing.T) {
	edit := func(change func(*PipelineSpec)) func(Declarations) Declarations {
		return func(d Declarations) Declarations {
			d.Pipelines = []PipelineSpec{shopOf(d, change)}
			return d
		}
	}
	second := func(stage Stage) func(Declarations) Declarations {
		return func(d Declarations) Declarations {
			d.Pipelines = append(slices.Clone(d.Pipelines), PipelineSpec{Name: "blog", Stages: []Stage{stage}})
			return d
		}
	}
	bob := Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{"bea"}}}
	for name, c := range map[string]struct {
		edit func(Declarations) Declarations
		want []string
	}{
		"nothing": {func(d Declarations) Declarations { return d }, []string{}},
		"an environment moves to an easier stage": {edit(func(p *PipelineSpec) {
			p.Stages[0].Environments, p.Stages[1].Environments = []string{"stg", "us"}, []string{"eu"}
		}), []string{`stage "staging": promotion changes from manual to automatic: releases enter without a promotion (in us)`,
			`stage "staging": it is now the first stage: releases need not be verified before (in us)`, `stage "staging": gate approvals removed (in us)`}},
		"an environment moves to a harder stage": {edit(func(p *PipelineSpec) {
			p.Stages = append([]Stage{{Name: "canary", Environments: []string{"us"}, Promotion: Manual}}, p.Stages...)
			p.Stages[2].Environments = []string{"eu", "stg"}
			p.Stages[1].Environments = []string{"us"}
			p.Stages[0].Environments = []string{"elsewhere"}
		}), []string{`stage "staging": promotion changes from manual to automatic: releases enter without a promotion`,
			`stage "staging": releases need not be verified in stg before`, `stage "staging": gate approvals removed`,
			`stage "production": releases need not be verified in stg before (in eu)`}},
		"the stage is renamed": {edit(func(p *PipelineSpec) { p.Stages[1].Name = "live" }), []string{}},
		"the stage before loses an environment": {func(d Declarations) Declarations {
			d.Pipelines = []PipelineSpec{shopOf(d, func(p *PipelineSpec) { p.Stages[0].Environments = []string{"other"} })}
			return d
		}, []string{`stage "production": releases need not be verified in stg before`}},
		"a stage without gates is declared so": {func(d Declarations) Declarations {
			d.Policies, d.Freezes = nil, nil
			return edit(func(p *PipelineSpec) {
				p.Stages[1].Promotion, p.Stages[1].Gates = Automatic, Gates{None: "a test shop"}
			})(d)
		}, []string{`stage "production": promotion changes from manual to automatic: releases enter without a promotion`,
			`stage "production": gate approvals removed`, `policy "strict": no longer holds for environment eu`, `freeze "inventory": no longer covers environment eu`,
			`policy "strict": no longer holds for environment us`}},
		"failing gets cheaper": {edit(func(p *PipelineSpec) {
			p.Stages[1].OnFailure, p.Stages[1].Rollout = Halt, &Rollout{MaxFailures: 2}
		}), []string{`stage "production": on_failure changes from rollback to halt: a release that fails keeps running`,
			`stage "production": a rollout goes on after 2 failed environments instead of 0`}},
		"the gate moves to a policy": {func(d Declarations) Declarations {
			d.Policies = append(slices.Clone(d.Policies), PolicySpec{Name: "people", Environments: []string{"eu"}, Gates: d.Pipelines[0].Stages[1].Gates})
			return edit(func(p *PipelineSpec) { p.Stages[1].Gates = Gates{} })(d)
		}, []string{}},
		"the tier leaves the policy": {func(d Declarations) Declarations {
			return d.edited("eu", func(e *EnvironmentSpec) { e.Tier = TierOther }).edited("us", func(e *EnvironmentSpec) { e.Tier = TierOther })
		}, []string{`policy "strict": no longer holds for environment eu`, `policy "strict": no longer holds for environment us`}},
		"the policy holds for the stage by another environment": {func(d Declarations) Declarations {
			return d.edited("us", func(e *EnvironmentSpec) { e.Tier = TierOther })
		}, []string{}},
		"the environment is renamed": {func(d Declarations) Declarations {
			d = d.edited("eu", func(e *EnvironmentSpec) { e.Name = "europe" })
			return edit(func(p *PipelineSpec) { p.Stages[1].Environments = []string{"europe", "us"} })(d)
		}, []string{`freeze "inventory": no longer covers environment europe`}},
		"the environment, of which no place is known, is renamed": {func(d Declarations) Declarations {
			d = d.edited("eu", func(e *EnvironmentSpec) { e.Name, e.Target = "europe", nil })
			return edit(func(p *PipelineSpec) { p.Stages[1].Environments = []string{"europe", "us"} })(d)
		}, []string{`freeze "inventory": no longer covers environment europe`}},
		"another environment moves to the place": {func(d Declarations) Declarations {
			return d.edited("stg", func(e *EnvironmentSpec) { e.Target = directoryTarget("us") })
		}, []string{`stage "staging": promotion changes from manual to automatic: releases enter without a promotion`,
			`stage "staging": it is now the first stage: releases need not be verified before`, `stage "staging": gate approvals removed`,
			`policy "strict": no longer holds for environment stg`}},
		"a second pipeline": {second(Stage{Name: "live", Environments: []string{"us"}, Promotion: Automatic}), []string{
			`pipeline "blog", stage "live": promotion is automatic: releases enter without a promotion (pipeline "shop" asks more in us)`,
			`pipeline "blog", stage "live": it is the first stage: releases need not be verified before (pipeline "shop" asks more in us)`,
			`pipeline "blog", stage "live": gate approvals missing (pipeline "shop" asks more in us)`}},
		"a second pipeline to the place": {func(d Declarations) Declarations {
			d.Environments = append(slices.Clone(d.Environments), EnvironmentSpec{Name: "mine", Tier: TierProduction, Target: directoryTarget("us")})
			return second(Stage{Name: "live", Environments: []string{"mine"}, Promotion: Manual, Gates: bob})(d)
		}, []string{`pipeline "blog", stage "live": it is the first stage: releases need not be verified before (pipeline "shop" asks more in mine)`}},
		"a second pipeline elsewhere": {func(d Declarations) Declarations {
			d.Environments = append(slices.Clone(d.Environments), EnvironmentSpec{Name: "mine", Tier: TierProduction, Target: directoryTarget("mine")})
			return second(Stage{Name: "live", Environments: []string{"mine"}, Promotion: Automatic})(d)
		}, []string{}},
		"the pipeline is made again under another name": {func(d Declarations) Declarations {
			d.Pipelines = []PipelineSpec{shopOf(d, func(p *PipelineSpec) { p.Name, p.Stages[1].Gates = "store", Gates{} })}
			return d
		}, []string{`pipeline "store", stage "production": gate approvals removed`}},
		"the pipeline is destroyed": {func(d Declarations) Declarations {
			d.Pipelines = nil
			return d
		}, []string{`stage "production": removed, and its gates and checks with it`}},
	} {
		t.Run(name, func(t *testing.T) {
			before := guardedShop()
			after := c.edit(guardedShop())
			require.Equal(t, c.want, after.RelaxationLines(Relaxations(before, after), "shop"))
		})
	}
}

// TestANewPipelineAsksAsMuchAsOthers compares pipelines that one plan declares only where users are.
func TestANewPipelineAsksAsMuchAsOthers(t *testing.T) {
	after := guardedShop()
	after.Pipelines = append(after.Pipelines, PipelineSpec{Name: "blog", Stages: []Stage{{Name: "live", Environments: []string{"us"}, Promotion: Manual}}})
	before := after
	before.Pipelines = nil
	require.Equal(t, []string{`stage "live": it is the first stage: releases need not be verified before (pipeline "shop" asks more in us)`,
		`stage "live": gate approvals missing (pipeline "shop" asks more in us)`}, after.RelaxationLines(Relaxations(before, after), "blog"))
	after = after.edited("us", func(e *EnvironmentSpec) { e.Tier = TierStaging })
	require.Empty(t, Relaxations(before, after), "it has to ask more than nobody before, and users are not there")
}

// TestEachGateIsCompared takes apart gates of every kind: one that each does not know would never be compared.
func TestEachGateIsCompared(t *testing.T) {
	g := Gates{Approvals: &ApprovalsGate{}, Tests: map[string]TestsGate{"a": {}}, Soak: &SoakGate{}, Windows: map[string]schedule.Window{"a": {}}, Cooldown: &CooldownGate{},
		MaxDeploys: &MaxDeploysGate{}, Parity: &ParityGate{}, Checks: map[string]Check{"a": {}}, Expressions: map[string]Expression{"a": {}}}
	g.None = "a reason, which is no gate"
	value, kinds := reflect.ValueOf(g), map[string]bool{"None": true}
	for _, one := range g.each() {
		for i := range value.NumField() {
			if !reflect.ValueOf(one.gates).Field(i).IsZero() {
				kinds[value.Type().Field(i).Name] = true
			}
		}
	}
	for i := range value.NumField() {
		require.True(t, kinds[value.Type().Field(i).Name], "%s is not taken apart, and so never compared", value.Type().Field(i).Name)
		require.False(t, value.Field(i).IsZero(), "give the test a %s", value.Type().Field(i).Name)
	}
	require.Len(t, kinds, value.NumField())
	require.Len(t, g.each(), value.NumField()-1)
}

// TestChangedGates lists what stages ask after a plan, only where it changes.
func TestChangedGates(t *testing.T) {
	before, after := guardedShop(), guardedShop()
	require.Empty(t, ChangedGates(before, after))
	after.Policies = nil
	require.Equal(t, []string{`pipeline "shop", stage "production": previous_stage (staging), approvals (1 of bob)`}, ChangedGates(before, after))
	require.Equal(t, []string{`pipeline "shop", stage "production": previous_stage (staging), approvals (1 of bob), policy.strict.tests.unit`}, ChangedGates(after, before))
	after.Pipelines = []PipelineSpec{shopOf(after, func(p *PipelineSpec) { p.Stages = p.Stages[1:]; p.Stages[0].Gates = Gates{} })}
	require.Equal(t, []string{`pipeline "shop", stage "production": nothing`}, ChangedGates(before, after))
	after.Pipelines = append(before.Pipelines, PipelineSpec{Name: "blog", Stages: before.Pipelines[0].Stages})
	after.Policies = before.Policies
	require.Empty(t, ChangedGates(before, after), "nothing changes for a pipeline that did not exist")
}

// TestAnUnguardedStageThatOpens has the gate guarded before, and two ways to be rid of it.
func TestAnUnguardedStageThatOpens(t *testing.T) {
	before := guardedShop()
	before.Policies, before.Freezes = nil, nil
	before.Pipelines = []PipelineSpec{shopOf(before, func(p *PipelineSpec) { p.Stages[1].Promotion, p.Stages[1].Gates = Automatic, Gates{} })}
	none := before
	none.Pipelines = []PipelineSpec{shopOf(before, func(p *PipelineSpec) { p.Stages[1].Gates.None = "a test shop" })}
	require.Equal(t, []string{`stage "production": it is declared to have no gates: a test shop`}, none.RelaxationLines(Relaxations(before, none), "shop"))
	other := before.edited("eu", func(e *EnvironmentSpec) { e.Tier = TierOther })
	require.Equal(t, []string{`stage "production": the gate guarded no longer refuses: tier other needs no gates (in eu)`}, other.RelaxationLines(Relaxations(before, other), "shop"))
	gates := before
	gates.Pipelines = []PipelineSpec{shopOf(before, func(p *PipelineSpec) { p.Stages[1].Gates.Approvals = &ApprovalsGate{Required: 1} })}
	require.Empty(t, Relaxations(before, gates), "a gate is no weakening")
}
