package delivery

import (
	"fmt"
	"reflect"
	"strings"
)

// ChangedGates says for each stage whose gates differ from what they were what it asks after the plan, a line each: the stage before it, its
// own gates, and those of every policy that holds there. A pipeline that did not exist before is not listed: nothing changed.
func ChangedGates(before, after Declarations) []string {
	was := map[string][]Gates{}
	for _, r := range before.routes() {
		was[r.pipeline.Name] = nil
	}
	for _, r := range before.routes() {
		was[r.stageKey()] = r.asked()
	}
	lines := []string{}
	for _, r := range after.routes() {
		if _, existed := was[r.pipeline.Name]; existed && !reflect.DeepEqual(was[r.stageKey()], r.asked()) {
			lines = append(lines, fmt.Sprintf("pipeline %q, stage %q: %s", r.pipeline.Name, r.stage().Name, strings.Join(r.askedGates(), ", ")))
		}
	}
	return unique(lines)
}

// asked lists the gates without what overrides may skip.
func (r route) asked() []Gates {
	list := []Gates{}
	for _, one := range r.asks() {
		list = append(list, one.gates)
	}
	return list
}

func (r route) stageKey() string { return r.pipeline.Name + "/" + r.stage().Name }

// askedGates lists what the stage asks, by the names of verdicts.
func (r route) askedGates() []string {
	list := []string{}
	if r.at > 0 {
		list = append(list, fmt.Sprintf("previous_stage (%s)", r.pipeline.Stages[r.at-1].Name))
	}
	for _, asked := range r.asks() {
		for _, one := range asked.gates.each() {
			name := one.name
			if asked.policy != "" {
				name = "policy." + asked.policy + "." + name
			}
			list = append(list, name+one.gates.detail())
		}
	}
	if len(list) == 0 {
		return []string{"nothing"}
	}
	return list
}

// detail says in brackets what a single gate asks for, as far as its name does not.
func (g Gates) detail() string {
	switch {
	case g.Approvals != nil:
		return fmt.Sprintf(" (%d of %s)", g.Approvals.Required, g.Approvals.approvers())
	case g.Soak != nil:
		return fmt.Sprintf(" (%s in %s)", g.Soak.Duration, g.Soak.Stage)
	case len(g.Windows) > 0:
		return fmt.Sprintf(" (%s)", strings.Join(sortedKeys(g.Windows), ", "))
	case g.Cooldown != nil:
		return fmt.Sprintf(" (%s)", g.Cooldown.Duration)
	case g.MaxDeploys != nil:
		return fmt.Sprintf(" (%d within %s)", g.MaxDeploys.Count, g.MaxDeploys.Per)
	}
	return ""
}

// approvers words who may approve.
func (a ApprovalsGate) approvers() string {
	if a.anyone() {
		return "anyone"
	}
	return listed(a.Approvers)
}
