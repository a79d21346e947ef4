package delivery

import (
	"fmt"
	"slices"
)

// PolicySpec is a guardrail: gates that are added to every stage of every pipeline that deploys to one of its tiers or
// environments. A stage's own gates and every policy's are all asked, so the strictest wins; a stage can be stricter than policy,
// never laxer, and no override skips a policy's gate.
type PolicySpec struct {
	Name         string   `json:"name"`
	Tiers        []Tier   `json:"tiers,omitempty"`
	Environments []string `json:"environments,omitempty"`
	Gates        Gates    `json:"gates"`
}

// Validate checks the declaration.
func (s PolicySpec) Validate() Errors {
	p := newProblems()
	validateName(p.at("name"), s.Name)
	if len(s.Tiers)+len(s.Environments) == 0 {
		p.dependsOn("tiers", "environments").add("say where the policy holds: tiers or environments")
	}
	validateTiers(p.at("tiers"), s.Tiers)
	validateNames(p.at("environments"), s.Environments)
	if s.Gates.empty() {
		p.at("gates").add("a policy needs at least one gate")
	}
	s.Gates.validate(p.at("gates"))
	return p.errors()
}

// binds reports whether the policy holds for a stage.
func (s PolicySpec) binds(stage Stage, environments map[string]EnvironmentSpec) bool {
	return slices.ContainsFunc(stage.Environments, func(name string) bool {
		return slices.Contains(s.Environments, name) || slices.Contains(s.Tiers, environments[name].Tier)
	})
}

// unguarded refuses what would go live without any gate: nobody is asked in an automatic stage, so one that deploys to production
// needs a gate of its own or of a policy, or has to say why it has none. ok is false where that is so.
func (c candidate) unguarded() (result GateResult, ok bool) {
	env, unguarded := c.Unguarded(c.stage)
	return GateResult{Name: "guarded", Verdict: VerdictFailed, Reason: fmt.Sprintf(
		"nobody is asked in this stage, and it deploys to production (%s) without any gate; give it gates, or write gates = { none = \"the reason\" }", env)}, unguarded
}

// Unguarded names the first environment of tier production that an automatic stage deploys to without any gate, of its own or of a
// policy, and without saying why.
func (w World) Unguarded(stage Stage) (environment string, ok bool) {
	if !stage.MayBeUnguarded() || len(w.policies(stage)) > 0 {
		return "", false
	}
	for _, name := range stage.Environments {
		if w.Environments[name].Tier == TierProduction {
			return name, true
		}
	}
	return "", false
}

// MayBeUnguarded reports whether the stage itself asks for nothing and does not say why.
func (s Stage) MayBeUnguarded() bool {
	return s.Promotion == Automatic && s.Gates.empty() && s.Gates.None == ""
}

// UnguardedStage is an automatic stage that deploys to production without any gate.
type UnguardedStage struct {
	Stage       string `json:"stage"`
	Environment string `json:"environment"`
}

// UnguardedStages lists the stages in which the gate "guarded" refuses every release, in the order of the path.
func (w World) UnguardedStages() []UnguardedStage {
	var found []UnguardedStage
	for _, stage := range w.Pipeline.Stages {
		if env, ok := w.Unguarded(stage); ok {
			found = append(found, UnguardedStage{stage.Name, env})
		}
	}
	return found
}

// policies lists the policies that hold for a stage, sorted by name.
func (w World) policies(stage Stage) []PolicySpec {
	bound := []PolicySpec{}
	for _, p := range w.Policies {
		if p.binds(stage, w.Environments) {
			bound = append(bound, p)
		}
	}
	slices.SortFunc(bound, func(a, b PolicySpec) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return bound
}
