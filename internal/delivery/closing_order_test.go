package delivery

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// plannedChange is one change of a random plan.
type plannedChange struct {
	name string
	make func(*ChangeSet)
}

// drawnPlan is a plan that delivers a release and changes other things, with the order that its files declare.
type drawnPlan struct {
	before   Declarations
	facts    facts
	recorded []Approval
	changes  []plannedChange
	wanted   PromotionSpec
	after    map[[2]int]bool // whether one comes after another by its declaration; the delivery is the last index
	planned  []int           // the order in which Terraform plans them
}

const (
	drawnPlans    = 1500
	soonEnoughFor = 20000 // plans may pass before a broken rule must be found out
)

func drawPlan(t *rapid.T) drawnPlan {
	f := drawFocus(t)
	p := drawnPlan{before: f.drawDeclarations(t), after: map[[2]int]bool{}}
	shop := p.before.Pipelines[0]
	p.facts = drawFacts(t, shop)
	at := rapid.IntRange(0, len(shop.Stages)-1).Draw(t, "entered")
	kinds := p.drawTheme(t, &shop.Stages[at])
	stage := shop.Stages[at]
	p.wanted = PromotionSpec{Pipeline: shop.Name, Stage: stage.Name, Version: pick(t, "version", drawnVersions...), WhenBlocked: WhenBlockedPend, Attempt: 1}
	p.record(t, stage)
	for i, kind := range kinds {
		p.changes = append(p.changes, p.drawChange(t, f, kind, i, stage))
	}
	p.drawOrder(t)
	return p
}

// drawTheme draws the kinds of changes. Some plans are about what seldom comes up otherwise: a release that only an override lets in, or one that
// waits for the end of a freeze.
func (p *drawnPlan) drawTheme(t *rapid.T, stage *Stage) []string {
	kinds := rapid.Permutation(kindsOfChanges).Draw(t, "changes")[:rapid.IntRange(1, 4).Draw(t, "count")]
	switch pick(t, "theme", "any", "any", "any", "overridden", "frozen", "reported", "later") {
	case "overridden":
		stage.Gates, stage.Overridable = Gates{Tests: map[string]TestsGate{"unit": {}, "load": {}}}, overriddenGates
		kinds = []string{"end override", kinds[0]}
	case "reported":
		stage.Gates = Gates{Tests: map[string]TestsGate{"unit": {}}}
		kinds = []string{"report", kinds[0]}
	case "later":
		kinds = []string{"freeze", "policy", "rejection"}
	case "frozen":
		p.before.Freezes = []FreezeSpec{{Name: "f", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T12:00:00Z", Tiers: []Tier{TierProduction, TierOther}}}
		kinds = []string{"lift", pick(t, "closes", "freeze", "rejection", "policy"), pick(t, "beside", "pipeline", "override", "environment")}
	}
	return slices.Compact(slices.Sorted(slices.Values(kinds)))
}

// record draws who approved the release before, and what the overrides cover.
func (p *drawnPlan) record(t *rapid.T, stage Stage) {
	w := p.world(ChangeSet{})
	for i := range p.facts.overrides {
		s, _ := w.Pipeline.Stage(p.facts.overrides[i].Spec.Stage)
		p.facts.overrides[i].ID = fmt.Sprintf("shop/%s/%s/%d", p.facts.overrides[i].Spec.Version, s.Name, i)
		p.facts.overrides[i].Contents = w.ApprovalContents(s, w.Releases[p.facts.overrides[i].Spec.Version])
	}
	for i, who := range []string{"alice@example.com", "bob@example.com"} {
		if rapid.Bool().Draw(t, "approved") {
			spec := ApprovalSpec{Pipeline: "shop", Version: p.wanted.Version, Stage: stage.Name, Decision: Approve, Approver: who}
			p.recorded = append(p.recorded, w.Decision(spec, who, fmt.Sprintf("shop/%s/%s/%d", p.wanted.Version, stage.Name, i), 1))
		}
	}
}

var kindsOfChanges = []string{"freeze", "lift", "policy", "drop policy", "pipeline", "environment", "another environment", "rejection", "approval", "revoke", "report", "withdraw", "override", "end override"}

// drawChange draws a change of a kind. Where there is nothing to remove, it changes nothing.
func (p *drawnPlan) drawChange(t *rapid.T, f focus, kind string, i int, stage Stage) plannedChange {
	c := plannedChange{name: kind, make: func(*ChangeSet) {}}
	w := p.world(ChangeSet{})
	content := digits(w.ApprovalDigest(stage, w.Releases[p.wanted.Version]))[:MinContentDigits]
	decide := func(who string, decision ApprovalDecision) func(*ChangeSet) {
		spec := ApprovalSpec{Pipeline: "shop", Version: p.wanted.Version, Stage: stage.Name, Decision: decision, Approver: who, Content: content}
		return func(set *ChangeSet) { set.Approvals.Put(spec.PlanKey(), spec, true) }
	}
	switch kind {
	case "freeze":
		freeze := FreezeSpec{Name: "h", StartsAt: "2027-03-01T08:00:00Z", EndsAt: "2027-03-01T12:00:00Z", Environments: some(t, "frozen", drawnNames)}
		c.make = func(set *ChangeSet) { set.Freezes.Put("h", freeze, true) }
	case "lift":
		if len(p.before.Freezes) > 0 {
			c.make = func(set *ChangeSet) { set.Freezes.Remove(p.before.Freezes[0].Name) }
		}
	case "policy":
		policy := PolicySpec{Name: "r", Tiers: []Tier{pick(t, "tier", TierProduction, TierOther)}, Gates: f.drawGates(t, nil)}
		c.make = func(set *ChangeSet) { set.Policies.Put("r", policy, true) }
	case "drop policy":
		if len(p.before.Policies) > 0 {
			c.make = func(set *ChangeSet) { set.Policies.Remove(p.before.Policies[0].Name) }
		}
	case "pipeline":
		edited := p.before.Pipelines[0]
		edited.Stages = slices.Clone(edited.Stages)
		at := edited.StageIndex(stage.Name)
		edited.Stages[at].Gates = f.drawGates(t, nil)
		edited.Stages[at].Overridable = half(t, "overridable", overriddenGates)
		c.make = func(set *ChangeSet) { set.Pipelines.Put("shop", edited, true) }
	case "environment", "another environment":
		env := drawEnvironment(t, drawnNames[i])
		c.make = func(set *ChangeSet) { set.Environments.Put(env.Name, env, true) }
	case "rejection":
		c.make = decide("carol@example.com", Reject)
	case "approval":
		c.make = decide("dora@example.com", Approve)
	case "revoke":
		if len(p.recorded) > 0 {
			c.make = func(set *ChangeSet) { set.Approvals.Remove(p.recorded[0].ID) }
		}
	case "report":
		report := TestReport{Spec: TestReportSpec{Pipeline: "shop", Version: p.wanted.Version, Suite: pick(t, "suite", "unit", "load")}, Counts: TestCounts{Tests: 3, Failures: pick(t, "failures", 0, 1)}}
		c.make = func(set *ChangeSet) { set.Reports.Put(report.Spec.PlanKey(), report, true) }
	case "withdraw":
		if len(p.facts.reports) > 0 {
			p.facts.reports = slices.Clone(p.facts.reports)
			for i := range p.facts.reports {
				p.facts.reports[i].ID = fmt.Sprintf("shop/%s/%s/%d", p.facts.reports[i].Spec.Version, p.facts.reports[i].Spec.Suite, i)
			}
			id := pick(t, "withdrawn", p.facts.reports...).ID
			c.make = func(set *ChangeSet) { set.Reports.Remove(id) }
		}
	case "override":
		spec := OverrideSpec{Pipeline: "shop", Version: p.wanted.Version, Stage: stage.Name, Gates: overriddenGates, ExpiresAt: "2027-03-02T00:00:00Z", Content: content}
		c.make = func(set *ChangeSet) { set.Overrides.Put(spec.PlanKey(), spec, true) }
	case "end override":
		if len(p.facts.overrides) > 0 {
			id := pick(t, "ended", p.facts.overrides...).ID
			c.make = func(set *ChangeSet) { set.Overrides.Remove(id) }
		}
	}
	return c
}

// drawOrder draws which depends on which, and the order of the plan, which agrees with that.
func (p *drawnPlan) drawOrder(t *rapid.T) {
	all := make([]int, len(p.changes)+1)
	for i := range all {
		all[i] = i
	}
	line := rapid.Permutation(all).Draw(t, "line")
	for i, later := range line {
		for _, earlier := range line[:i] {
			if maybe(t, "depends") {
				p.after[[2]int{later, earlier}] = true
			}
		}
	}
	for range all { // what depends on something depends on what that depends on
		for _, a := range all {
			for _, b := range all {
				for _, c := range all {
					if p.after[[2]int{a, b}] && p.after[[2]int{b, c}] {
						p.after[[2]int{a, c}] = true
					}
				}
			}
		}
	}
	for len(p.planned) < len(all) {
		p.planned = append(p.planned, pick(t, "next", p.possible(p.planned)...))
	}
}

// possible lists what Terraform may take next.
func (p *drawnPlan) possible(done []int) []int {
	next := []int{}
	for i := range len(p.changes) + 1 {
		waits := slices.ContainsFunc(slices.Collect(maps.Keys(p.after)), func(pair [2]int) bool { return pair[0] == i && !slices.Contains(done, pair[1]) })
		if !waits && !slices.Contains(done, i) {
			next = append(next, i)
		}
	}
	return next
}

func (p *drawnPlan) delivery() int { return len(p.changes) }

// set is what some of the changes come to.
func (p *drawnPlan) set(made []int) ChangeSet {
	set := ChangeSet{Actor: "ci"}
	for _, i := range made {
		if i != p.delivery() {
			p.changes[i].make(&set)
		}
	}
	return set
}

// world is the world after some changes.
func (p *drawnPlan) world(set ChangeSet) World {
	w := World{Now: p.before.Now, Pipeline: p.before.Pipelines[0], Environments: map[string]EnvironmentSpec{}, Releases: p.facts.releases, Reports: p.facts.reports,
		Overrides: p.facts.overrides, Rollouts: p.facts.rollouts, History: p.facts.history, Policies: p.before.Policies, Freezes: p.before.Freezes, Approvals: p.recorded, Promotions: map[string]Promotion{}}
	if planned, ok := set.Pipelines.After("shop"); ok {
		w.Pipeline = planned
	}
	for _, env := range set.Environments.Over(p.before.Environments, EnvironmentSpec.ID) {
		w.Environments[env.Name] = env
	}
	return set.Apply(w)
}

// deliver says what the delivery does after some changes.
func (p *drawnPlan) deliver(set ChangeSet) (DeliveryPreview, error) {
	w := p.world(set)
	found := Simulate(w, nil, Promotion{Spec: p.wanted, RequestedBy: "ci", RequestedAt: w.Now})
	return DeliveryPreview{Steps: found.Steps, Stages: found.Decision.Stages}, nil
}

// isAfter reports whether the files order the change of a plan after the delivery, and isOrdered whether they order it at all.
func (p *drawnPlan) isAfter(c Closing) bool {
	return p.ordered(c, func(i int) [2]int { return [2]int{i, p.delivery()} })
}
func (p *drawnPlan) isOrdered(c Closing) bool {
	return p.isAfter(c) || p.ordered(c, func(i int) [2]int { return [2]int{p.delivery(), i} })
}

func (p *drawnPlan) ordered(c Closing, pair func(int) [2]int) bool {
	for i := range p.changes {
		alone := p.set([]int{i})
		if slices.ContainsFunc(append(alone.Closings(recordedAll), alone.Openings()...), func(other Closing) bool { return other.Key() == c.Key() }) {
			return p.after[pair(i)]
		}
	}
	return false
}

// rule is how a plan judges the order. Each part can be broken on purpose.
type rule struct {
	closings func([]Closing) []Closing // that it looks at
	deciding func(o Ordering, set ChangeSet, unordered []Closing) ([]Closing, error)
	again    func(turn Closing) bool // whether it judges the delivery again after a later change
	keeps    bool                    // whether it counts what is ordered after the delivery
}

func theRule() rule {
	return rule{closings: func(all []Closing) []Closing { return all }, deciding: Ordering.Deciding, again: func(Closing) bool { return true }}
}

// refuses walks through the plan, and reports whether the plan is an error.
func (r rule) refuses(t require.TestingT, p drawnPlan) bool {
	isPlanned := false
	for n, i := range p.planned {
		isPlanned = isPlanned || i == p.delivery()
		if !isPlanned || i != p.delivery() && !slices.ContainsFunc(r.turn(p, i), r.again) {
			continue
		}
		set := p.set(p.planned[:n+1])
		all := set.Closings(recordedAll)
		unordered := slices.DeleteFunc(r.closings(slices.Clone(all)), func(c Closing) bool { return p.isOrdered(c) || !c.IsAbout(p.wanted.Version) })
		if !r.keeps {
			set = set.Before(slices.DeleteFunc(append(all, set.Openings()...), func(c Closing) bool { return !p.isAfter(c) }))
		}
		deciding, err := r.deciding(Ordering{Known: func(ChangeSet) bool { return true }, Ask: p.deliver}, set, unordered)
		require.NoError(t, err)
		if len(deciding) > 0 {
			return true
		}
	}
	return false
}

// turn describes a change that is planned after the delivery. What only opens without being a closing has no description.
func (r rule) turn(p drawnPlan, i int) []Closing {
	set := p.set([]int{i})
	if found := append(set.Closings(recordedAll), set.Openings()...); len(found) > 0 {
		return found
	}
	return []Closing{{}}
}

// passed goes through every order in which the apply may make the changes, and names one in which the delivery does what it does not do once
// the plan is made; empty if there is none. What the files order after the delivery does not count for it.
func (p *drawnPlan) passed() string {
	earlier := slices.DeleteFunc(slices.Clone(p.planned), func(i int) bool { return p.after[[2]int{i, p.delivery()}] })
	said, _ := p.deliver(p.set(earlier))
	found := ""
	var walk func(done []int)
	walk = func(done []int) {
		if found != "" {
			return
		}
		for _, i := range p.possible(done) {
			if i != p.delivery() {
				walk(append(slices.Clone(done), i))
				continue
			}
			if does, _ := p.deliver(p.set(done)); HingesOn(said, does) {
				found = p.describe(done)
			}
		}
	}
	walk(nil)
	return found
}

func (p *drawnPlan) describe(done []int) string {
	words := "delivered after"
	for _, i := range done {
		words += " " + p.changes[i].name
	}
	words += "; of"
	for _, c := range p.changes {
		words += " " + c.name
	}
	return words
}

// TestNoOrderOfTheApplyDeliversWhatThePlanKeepsOut makes random plans with random declared orders. Where a plan is no error, every order of the apply
// delivers at most what the whole plan lets in.
func TestNoOrderOfTheApplyDeliversWhatThePlanKeepsOut(t *testing.T) {
	drawn := rapid.Custom(drawPlan)
	refused, dangerous := 0, 0
	for seed := range drawnPlans {
		p := drawn.Example(seed + 1)
		passed := p.passed()
		if passed != "" {
			dangerous++
		}
		if theRule().refuses(t, p) {
			refused++
			continue
		}
		require.Empty(t, passed, "plan %d", seed+1)
	}
	t.Logf("of %d plans, %d are dangerous and %d are refused", drawnPlans, dangerous, refused)
	require.Greater(t, dangerous, drawnPlans/50, "a rule that is seldom put to the test proves nothing")
	require.Less(t, refused, 2*dangerous, "a rule that refuses everything helps nobody")
}

// brokenRules are rules that are broken on purpose.
func brokenRules() map[string]rule {
	without := func(which func(Closing) bool) rule {
		r := theRule()
		r.closings = func(all []Closing) []Closing { return slices.DeleteFunc(all, which) }
		return r
	}
	broken := map[string]rule{"removals close nothing": without(func(c Closing) bool { return c.Removed })}
	for _, noun := range []string{"freeze", "policy", "pipeline", "environment", "approval", "test report", "override"} {
		broken[noun+" closes nothing"] = without(func(c Closing) bool { return c.Noun == noun })
	}
	alone := theRule()
	alone.deciding = func(o Ordering, set ChangeSet, unordered []Closing) ([]Closing, error) {
		for _, c := range unordered {
			if found, err := o.Deciding(set, []Closing{c}); err != nil || len(found) > 0 {
				return found, err
			}
		}
		return nil, nil
	}
	broken["each change is tried alone"] = alone
	together := theRule()
	together.deciding = func(o Ordering, set ChangeSet, unordered []Closing) ([]Closing, error) {
		with, _ := o.Ask(set)
		if free, _ := o.Ask(set.Before(unordered)); HingesOn(with, free) {
			return unordered, nil
		}
		return nil, nil
	}
	broken["all changes are tried together"] = together
	once := theRule()
	once.again = func(Closing) bool { return false }
	broken["later changes are not judged"] = once
	closingOnly := theRule()
	closingOnly.again = func(c Closing) bool { return c.Noun != "" && (c.Noun != "override" || c.Removed) }
	broken["what opens later is not judged"] = closingOnly
	kept := theRule()
	kept.keeps = true
	broken["what comes later counts"] = kept
	return broken
}

// TestEveryBrokenOrderRuleIsFound proves that the plans and the judge can find what a rule leaves out.
func TestEveryBrokenOrderRuleIsFound(t *testing.T) {
	drawn := rapid.Custom(drawPlan)
	left := brokenRules()
	for seed := 0; seed < soonEnoughFor && len(left) > 0; seed++ {
		p := drawn.Example(seed + 1)
		passed := p.passed()
		if passed == "" {
			continue
		}
		for name, r := range left {
			if !r.refuses(t, p) {
				t.Logf("%s: found in plan %d: %s", name, seed+1, passed)
				delete(left, name)
			}
		}
	}
	require.Empty(t, slices.Sorted(maps.Keys(left)), "these ways to break the rule were not found")
}
