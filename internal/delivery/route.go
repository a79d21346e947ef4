package delivery

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// asks are gates that a route asks, and who says so: the stage or a policy that holds for it.
type asks struct {
	policy      string // empty for the stage's own
	gates       Gates
	overridable []string // what an override may skip; nothing of a policy
}

// asks lists the stage's own gates, then those of the policies that hold for it.
func (r route) asks() []asks {
	all := []asks{{gates: r.stage().Gates, overridable: r.stage().Overridable}}
	for _, p := range r.policies {
		all = append(all, asks{policy: p.Name, gates: p.Gates})
	}
	return all
}

// crossing compares two ways into one environment or place: what was asked there before, and what is asked now.
type crossing struct {
	old, now route
	after    Declarations
	than     string // the other pipeline when the ways belong to two pipelines that both go on, see easing
}

// eased lists what is easier on the way in than it was, one reason each; empty when everything that was asked still is.
func (c crossing) eased() []string {
	found := []string{}
	c.order(&found)
	c.gates(&found)
	c.freezes(&found)
	c.conditions(&found)
	c.afterwards(&found)
	if c.than == "" && c.old.environment.Name != c.now.environment.Name { // an edit of its own reports the rest
		found = append(found, ParityRelaxation(c.old.environment, c.now.environment)...)
	}
	return unique(found)
}

// unique drops what is said twice.
func unique(lines []string) []string {
	said := []string{}
	for _, line := range lines {
		if !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	return said
}

func (c crossing) easing(where string, found *[]string) easing {
	return easing{where: where, found: found, than: c.than, was: &c.old.pipeline, is: &c.now.pipeline}
}

func (c crossing) stage(found *[]string) easing {
	return c.easing(fmt.Sprintf("stage %q", c.now.stage().Name), found)
}

// order compares who decides that a release enters, and where it must be verified before.
func (c crossing) order(found *[]string) {
	e, old, now := c.stage(found), c.old.stage(), c.now.stage()
	switch {
	case old.Promotion != Manual || now.Promotion != Automatic:
	case c.than != "":
		e.add("promotion is automatic: releases enter without a promotion")
	default:
		e.add("promotion changes from manual to automatic: releases enter without a promotion")
	}
	lost := missing(c.old.earlier(), c.now.earlier())
	switch {
	case len(lost) == 0:
	case c.now.at == 0 && c.than != "":
		e.add("it is the first stage: releases need not be verified before")
	case c.now.at == 0:
		e.add("it is now the first stage: releases need not be verified before")
	case c.than == "":
		e.add("releases need not be verified in %s before", strings.Join(lost, ", "))
	}
	switch {
	case !c.old.unguarded() || !c.now.asksNothing():
	case now.Gates.None != "":
		e.add("it is declared to have no gates: %s", now.Gates.None)
	case c.now.environment.Tier != TierProduction:
		e.add("the gate guarded no longer refuses: tier %s needs no gates", c.now.environment.Tier)
	}
	if c.than == "" && old.Name != now.Name && len(now.Overridable) > 0 && c.old.pipeline.StageIndex(now.Name) >= 0 {
		e.add("overrides for stage %s hold here too", now.Name)
	}
}

// unguarded reports whether the gate guarded keeps everything out: nobody is asked, and there is no gate.
func (r route) unguarded() bool {
	return r.stage().Promotion == Automatic && r.environment.Tier == TierProduction && r.stage().Gates.None == "" && r.asksNothing()
}

// asksNothing reports whether neither the stage nor a policy has a gate.
func (r route) asksNothing() bool {
	return !slices.ContainsFunc(r.asks(), func(a asks) bool { return !a.gates.empty() })
}

// gates compares the gates of the stages and of the policies. A gate that moved, from the stage to a policy or from one policy to another,
// is still asked.
func (c crossing) gates(found *[]string) {
	now := c.now.asks()
	for _, old := range c.old.asks() {
		i := slices.IndexFunc(now, func(a asks) bool { return a.policy == old.policy })
		if i < 0 {
			if !c.covered(old, old.gates, now) {
				c.easing(fmt.Sprintf("policy %q", old.policy), found).add("no longer holds for environment %s", c.now.environment.Name)
			}
			continue
		}
		e := c.stage(found)
		if old.policy != "" {
			e.where = fmt.Sprintf("policy %q", old.policy)
		}
		for _, one := range old.gates.each() {
			if !c.covered(old, one.gates, slices.Delete(slices.Clone(now), i, i+1)) {
				e.gates(one.gates, now[i].gates)
			}
		}
		e.overridable(c.overridable(old), now[i].overridable)
	}
}

// overridable lists what overrides may skip already. What another pipeline does not ask is not compared.
func (c crossing) overridable(old asks) []string {
	if c.than == "" {
		return old.overridable
	}
	asked := append(old.gates.names(), "previous_stage", "freeze")
	return append(slices.Clone(old.overridable), slices.DeleteFunc(slices.Clone(overridableGates), func(group string) bool {
		return slices.ContainsFunc(asked, func(name string) bool { return covered([]string{group}, name) })
	})...)
}

// covered reports whether others ask each of the gates at least as strictly, and no more of them can be overridden.
func (c crossing) covered(old asks, gates Gates, others []asks) bool {
	for _, one := range gates.each() {
		if !slices.ContainsFunc(others, func(other asks) bool {
			lines := []string{}
			c.easing("", &lines).gates(one.gates, other.gates)
			return len(lines) == 0 && (covered(old.overridable, one.name) || !covered(other.overridable, one.name))
		}) {
			return false
		}
	}
	return true
}

// freezes compares when nothing may enter. A freeze that was edited or lifted before it begins eases nothing yet.
func (c crossing) freezes(found *[]string) {
	for _, old := range c.old.freezes {
		if slices.ContainsFunc(c.now.freezes, func(f FreezeSpec) bool { return f.lastsAsLong(old, c.after) }) {
			continue
		}
		kept := slices.ContainsFunc(c.after.Freezes, func(f FreezeSpec) bool { return reflect.DeepEqual(f, old) })
		if c.than != "" && len(old.Pipelines) > 0 || !kept && !old.active(c.after.Now) {
			continue
		}
		c.easing(fmt.Sprintf("freeze %q", old.Name), found).add("no longer covers environment %s", c.now.environment.Name)
	}
}

// lastsAsLong reports whether the freeze lasts whenever the other one does from now on.
func (f FreezeSpec) lastsAsLong(other FreezeSpec, at Declarations) bool {
	starts, ends := other.StartsAt.Value(), other.EndsAt.Value()
	if starts.Before(at.Now) {
		starts = at.Now
	}
	return !f.StartsAt.Value().After(starts) && (f.EndsAt.Value().IsZero() || !ends.IsZero() && !f.EndsAt.Value().Before(ends))
}

// afterwards compares what happens once a release is in: how it is verified, and what becomes of one that fails.
func (c crossing) afterwards(found *[]string) {
	e, old, now := c.stage(found), c.old.stage(), c.now.stage()
	e.verify(old.Verify, now.Verify)
	if c.than != "" {
		return
	}
	if old.Failure() == Rollback && now.Failure() == Halt {
		e.add("on_failure changes from rollback to halt: a release that fails keeps running")
	}
	if now.MaxFailures() > old.MaxFailures() {
		e.add("a rollout goes on after %d failed environments instead of %d", now.MaxFailures(), old.MaxFailures())
	}
	if old.Name == now.Name {
		return
	}
	for _, one := range c.old.asks() {
		if one.gates.Cooldown != nil || one.gates.MaxDeploys != nil {
			e.add("cooldown and max_deploys do not count what was delivered to stage %s", old.Name)
			return
		}
	}
}

// gate is one gate of several, with the name that verdicts have.
type gate struct {
	name  string
	gates Gates // with this one only
}

// each takes gates apart, in the order in which they are asked.
func (g Gates) each() []gate {
	all := []gate{}
	if g.Approvals != nil {
		all = append(all, gate{"approvals", Gates{Approvals: g.Approvals}})
	}
	for _, suite := range sortedKeys(g.Tests) {
		all = append(all, gate{"tests." + suite, Gates{Tests: map[string]TestsGate{suite: g.Tests[suite]}}})
	}
	if g.Soak != nil {
		all = append(all, gate{"soak", Gates{Soak: g.Soak}})
	}
	if len(g.Windows) > 0 {
		all = append(all, gate{"windows", Gates{Windows: g.Windows}})
	}
	if g.Cooldown != nil {
		all = append(all, gate{"cooldown", Gates{Cooldown: g.Cooldown}})
	}
	if g.MaxDeploys != nil {
		all = append(all, gate{"max_deploys", Gates{MaxDeploys: g.MaxDeploys}})
	}
	if g.Parity != nil {
		all = append(all, gate{"parity", Gates{Parity: g.Parity}})
	}
	for _, name := range sortedKeys(g.Checks) {
		all = append(all, gate{"checks." + name, Gates{Checks: map[string]Check{name: g.Checks[name]}}})
	}
	for _, name := range sortedKeys(g.Expressions) {
		all = append(all, gate{"expressions." + name, Gates{Expressions: map[string]Expression{name: g.Expressions[name]}}})
	}
	return all
}

// names lists the names of the gates.
func (g Gates) names() []string {
	names := []string{}
	for _, one := range g.each() {
		names = append(names, one.name)
	}
	return names
}
