package delivery

import (
	"fmt"
	"slices"
	"time"
)

// FreezeSpec stops the line: while it lasts, nothing is deployed where it applies. Taking back a failed deployment is still
// allowed. Each list that is given narrows the freeze: tiers = ["production"] with pipelines = ["shop"] freezes shop in
// production, and nothing else.
type FreezeSpec struct {
	Name         string    `json:"name"`
	Reason       string    `json:"reason"`
	StartsAt     Timestamp `json:"starts_at"`
	EndsAt       Timestamp `json:"ends_at"` // exclusive
	Environments []string  `json:"environments,omitempty"`
	Tiers        []Tier    `json:"tiers,omitempty"`
	Pipelines    []string  `json:"pipelines,omitempty"`
}

// Validate checks the declaration.
func (f FreezeSpec) Validate() Errors {
	p := newProblems()
	validateName(p.at("name"), f.Name)
	validateReason(p.at("reason"), f.Reason)
	f.StartsAt.validate(p.at("starts_at"))
	f.EndsAt.validate(p.at("ends_at"))
	if s, e := f.StartsAt.Value(), f.EndsAt.Value(); !s.IsZero() && !e.IsZero() && !s.Before(e) {
		p.at("ends_at").add("the freeze ends at %s, which is not after its start at %s", f.EndsAt, f.StartsAt)
	}
	if len(f.Environments)+len(f.Tiers)+len(f.Pipelines) == 0 {
		p.dependsOn("environments", "tiers", "pipelines").add("say what is frozen: environments, tiers or pipelines")
	}
	validateTiers(p.at("tiers"), f.Tiers)
	validateNames(p.at("environments"), f.Environments)
	validateNames(p.at("pipelines"), f.Pipelines)
	return p.errors()
}

func validateTiers(p problems, tiers []Tier) {
	for i, tier := range tiers {
		if !slices.Contains(Tiers(), tier) {
			p.index(i).add("%q is not a tier; use one of development, testing, staging, production, other", tier)
		}
	}
}

// validateNotEmpty refuses a list that is written and has no elements: it may stand for nothing or for everything. without names what
// leaving the list out gives.
func validateNotEmpty[E any](p problems, list []E, without string) {
	if list != nil && len(list) == 0 {
		p.add("the list is empty; remove it for %s, or list what is meant", without)
	}
}

func validateNames(p problems, names []string) {
	for i, name := range names {
		validateName(p.index(i), name)
	}
}

// applies reports whether the freeze covers a pipeline's deployments to an environment, at any time.
func (f FreezeSpec) applies(pipeline string, env EnvironmentSpec) bool {
	return (len(f.Environments) == 0 || slices.Contains(f.Environments, env.Name)) &&
		(len(f.Tiers) == 0 || slices.Contains(f.Tiers, env.Tier)) &&
		(len(f.Pipelines) == 0 || slices.Contains(f.Pipelines, pipeline))
}

// active reports whether the freeze lasts at a moment. Malformed times freeze.
func (f FreezeSpec) active(now time.Time) bool {
	end := f.EndsAt.Value()
	return !now.Before(f.StartsAt.Value()) && (end.IsZero() || now.Before(end))
}

// frozen asks whether any environment to be deployed to is frozen; ok is false when none is.
func (c candidate) frozen() (result GateResult, ok bool) {
	result = GateResult{Name: "freeze", Verdict: VerdictPending}
	problem := c.clockProblem()
	for _, name := range c.environments {
		for _, f := range c.Freezes {
			if !f.applies(c.Pipeline.Name, c.Environments[name]) || problem == "" && !f.active(c.Now) {
				continue
			}
			if problem != "" {
				result.Reason = fmt.Sprintf("%s may be frozen by %q (%s): %s", name, f.Name, f.Reason, problem)
				return result, true
			}
			end := f.EndsAt.Value()
			if result.ReadyAt != nil && !end.After(*result.ReadyAt) {
				continue
			}
			result.ReadyAt, ok = &end, true
			result.Reason = fmt.Sprintf("%s is frozen until %s by %q: %s", name, clock(end), f.Name, f.Reason)
		}
	}
	return result, ok
}
