package delivery

import (
	"maps"
	"slices"
	"strings"
)

// Closing is a change of a plan that may keep a release out of a stage. A plan counts what it declares itself, but the apply does so only if
// Terraform records the change before it delivers. What opens a gate needs no such care: without it, the release waits.
type Closing struct {
	Noun string // freeze, policy, pipeline, environment, approval, test report or override
	Name string // of the object; of a decision or a report, pipeline/version
	// Values are attributes of the object that tell it from others, as its resource states them.
	Values map[string]string
	// Unknown is true while the plan does not know yet how the object will be.
	Unknown bool
	// Elsewhere is true if another provider configuration declares it. Name is then the address of its block.
	Elsewhere bool
	// Removed is true if the object keeps the release in, and the plan removes it. ID is then the id of the record.
	Removed bool
	ID      string

	version string // of the only release that the change is about; empty if there may be others

	closes func(gate string) bool
	covers func(pipeline string, env EnvironmentSpec) bool
}

// Key tells the change from others of its plan.
func (c Closing) Key() string { return c.Noun + "\n" + c.ID }

// Closes reports whether the change can be why a gate does not pass.
func (c Closing) Closes(gate string) bool { return c.closes(gate) }

// Covers reports whether the change can matter to a pipeline's deployments to an environment.
func (c Closing) Covers(pipeline string, env EnvironmentSpec) bool {
	return c.covers == nil || c.covers(pipeline, env)
}

// IsAbout reports whether the change can matter to a release. An empty version is one that is not known.
func (c Closing) IsAbout(version string) bool {
	return c.version == "" || version == "" || c.version == version
}

// Closings lists the changes of the plan that may keep a release out of a stage. A pipeline or an environment that the ledger does not have
// yet closes nothing: nothing can be delivered before it is there. recorded reports whether the ledger has an object of a noun; without a name,
// whether it has any that may be meant.
func (c ChangeSet) Closings(recorded func(noun, name string) bool) []Closing {
	all := []Closing{}
	for name, change := range restricting(c.Freezes) {
		closing := Closing{Noun: "freeze", Name: name, Values: named(name), ID: name, Unknown: change.Unknown, closes: func(gate string) bool { return gate == "freeze" }}
		if change.After != nil {
			closing.covers = change.After.applies
		}
		all = append(all, closing)
	}
	for name, change := range restricting(c.Policies) {
		closing := Closing{Noun: "policy", Name: name, Values: named(name), ID: name, Unknown: change.Unknown,
			closes: func(gate string) bool { return strings.HasPrefix(gate, "policy."+name+".") }}
		if policy := change.After; policy != nil {
			closing.covers = func(_ string, env EnvironmentSpec) bool {
				return slices.Contains(policy.Environments, env.Name) || slices.Contains(policy.Tiers, env.Tier)
			}
		}
		all = append(all, closing)
	}
	for name, change := range restricting(c.Pipelines) {
		if recorded("pipeline", name) {
			all = append(all, Closing{Noun: "pipeline", Name: name, Values: named(name), ID: name, Unknown: change.Unknown, closes: anyGate,
				covers: func(pipeline string, _ EnvironmentSpec) bool { return name == "" || pipeline == name }})
		}
	}
	for name, change := range restricting(c.Environments) {
		if recorded("environment", name) {
			all = append(all, Closing{Noun: "environment", Name: name, Values: named(name), ID: name, Unknown: change.Unknown, closes: anyGate})
		}
	}
	for id, change := range restricting(c.Approvals) {
		if a := change.After; a != nil && a.Decision == Reject {
			all = append(all, Closing{Noun: "approval", Name: ReleaseSpec{Pipeline: a.Pipeline, Version: a.Version}.ID(), ID: id, version: a.Version,
				Values: map[string]string{"pipeline": a.Pipeline, "version": a.Version, "stage": a.Stage, "decision": string(a.Decision)},
				closes: isApprovalsGate,
				covers: func(pipeline string, _ EnvironmentSpec) bool { return pipeline == a.Pipeline }})
		}
	}
	for id, change := range restricting(c.Reports) {
		// Whether it fails its suite, the thresholds of the gate decide: too few tests are a failure too.
		if r := change.After; r != nil {
			all = append(all, Closing{Noun: "test report", Name: ReleaseSpec{Pipeline: r.Spec.Pipeline, Version: r.Spec.Version}.ID(), ID: id, version: r.Spec.Version,
				Values: map[string]string{"pipeline": r.Spec.Pipeline, "version": r.Spec.Version, "suite": r.Spec.Suite},
				closes: func(gate string) bool { return isTestsGate(gate, r.Spec.Suite) },
				covers: func(pipeline string, _ EnvironmentSpec) bool { return pipeline == r.Spec.Pipeline }})
		}
	}
	all = append(append(all, c.unknownClosings()...), c.UnknownElsewhere...)
	all = append(all, c.removals(recorded)...)
	slices.SortFunc(all, func(a, b Closing) int { return strings.Compare(a.Noun+"\n"+a.ID, b.Noun+"\n"+b.ID) })
	return all
}

func anyGate(string) bool { return true }

// named returns nothing for a name that is not known yet.
func named(name string) map[string]string {
	if name == "" {
		return nil
	}
	return map[string]string{"name": name}
}

// restricting returns the changes that leave an object, or may leave one.
func restricting[T any](c Changes[T]) Changes[T] {
	part := maps.Clone(c)
	maps.DeleteFunc(part, func(_ string, change Change[T]) bool {
		return !change.Changed || change.After == nil && !change.Unknown
	})
	return part
}

// Before returns the change set as it is before some of its changes are made.
func (c ChangeSet) Before(closings []Closing) ChangeSet {
	for _, one := range closings {
		if one.Elsewhere {
			c.UnknownElsewhere = slices.DeleteFunc(slices.Clone(c.UnknownElsewhere), func(other Closing) bool { return other.ID == one.ID })
			continue
		}
		c.UnknownRecords = slices.DeleteFunc(slices.Clone(c.UnknownRecords), func(r UnknownRecord) bool { return one.Unknown && r.key() == one.ID })
		switch one.Noun {
		case "freeze":
			c.Freezes = c.Freezes.except(one.ID)
		case "policy":
			c.Policies = c.Policies.except(one.ID)
		case "pipeline":
			c.Pipelines = c.Pipelines.except(one.ID)
		case "environment":
			c.Environments = c.Environments.except(one.ID)
		case "approval":
			c.Approvals = c.Approvals.except(one.ID)
		case "test report":
			c.Reports = c.Reports.except(one.ID)
		case "override":
			c.Overrides = c.Overrides.except(one.ID)
		}
	}
	return c
}

// HingesOn reports whether a delivery would get further without some changes of its plan: with is what the plan says, without what it would
// say if the changes were made later.
func HingesOn(with, without DeliveryPreview) bool {
	return slices.ContainsFunc(without.Steps, func(step Step) bool {
		return !slices.ContainsFunc(with.Steps, func(s Step) bool {
			return s.Kind == step.Kind && s.Stage == step.Stage && s.Environment == step.Environment && s.Version == step.Version
		})
	})
}

// ClosedGates lists the gates that keep the release out of a stage.
func (p DeliveryPreview) ClosedGates() []string {
	var closed []string
	for _, stage := range p.Stages {
		for _, gate := range stage.Gates {
			if gate.Verdict != VerdictPassed {
				closed = append(closed, gate.Name)
			}
		}
	}
	return closed
}
