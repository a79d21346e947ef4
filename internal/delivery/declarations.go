package delivery

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Declarations are all that says who may enter where: what the ledger holds, or what it will hold after a plan. A World is about one
// pipeline and its releases; this is about every pipeline and no release.
type Declarations struct {
	Now          time.Time
	Pipelines    []PipelineSpec
	Environments []EnvironmentSpec
	Policies     []PolicySpec
	Freezes      []FreezeSpec
	Resolve      PathResolver
}

// Over returns the declarations as the plan leaves them. What the plan does not know yet stays as it is.
func (c ChangeSet) Over(d Declarations) Declarations {
	d.Pipelines = c.Pipelines.known().Over(d.Pipelines, PipelineSpec.ID)
	d.Environments = c.Environments.known().Over(d.Environments, EnvironmentSpec.ID)
	d.Policies = c.Policies.known().Over(d.Policies, PolicySpec.ID)
	d.Freezes = c.Freezes.known().Over(d.Freezes, FreezeSpec.ID)
	return d
}

// Changed returns the change set without the declarations that stay as they are: the ledger has those.
func (c ChangeSet) Changed() ChangeSet {
	c.Environments, c.Pipelines = c.Environments.changed(), c.Pipelines.changed()
	c.Policies, c.Freezes = c.Policies.changed(), c.Freezes.changed()
	c.Releases, c.Promotions = maps.Clone(c.Releases), maps.Clone(c.Promotions)
	c.Approvals, c.Reports, c.Overrides = maps.Clone(c.Approvals), maps.Clone(c.Reports), maps.Clone(c.Overrides)
	c.UnknownRecords = slices.Clone(c.UnknownRecords)
	c.Verifications, c.UnknownDeliveries = maps.Clone(c.Verifications), maps.Clone(c.UnknownDeliveries)
	return c
}

func (c Changes[T]) changed() Changes[T] {
	part := Changes[T]{}
	for id, change := range c {
		if change.Changed {
			part[id] = change
		}
	}
	return part
}

// known returns the changes without those whose result is not known yet.
func (c Changes[T]) known() Changes[T] {
	part := Changes[T]{}
	for id, change := range c {
		if !change.Unknown {
			part[id] = change
		}
	}
	return part
}

// Subject names one declaration. Exactly one field is set.
type Subject struct {
	Environment string `json:"environment,omitempty"`
	Pipeline    string `json:"pipeline,omitempty"`
	Policy      string `json:"policy,omitempty"`
	Freeze      string `json:"freeze,omitempty"`
}

// Without returns the change set as if the plan left one declaration alone.
func (c ChangeSet) Without(s Subject) ChangeSet {
	c.Environments = c.Environments.except(s.Environment)
	c.Pipelines = c.Pipelines.except(s.Pipeline)
	c.Policies = c.Policies.except(s.Policy)
	c.Freezes = c.Freezes.except(s.Freeze)
	return c
}

// except returns the changes to all other objects.
func (c Changes[T]) except(id string) Changes[T] {
	part := Changes[T]{}
	for other, change := range c {
		if other != id {
			part[other] = change
		}
	}
	return part
}

// route is one way into an environment: a stage of a pipeline that deploys there, with what holds for it.
type route struct {
	pipeline    PipelineSpec
	at          int // of the stage in the pipeline
	environment EnvironmentSpec
	place       Place
	policies    []PolicySpec // that hold for the stage, by name
	freezes     []FreezeSpec // that cover the pipeline in the environment and have not ended, by name
}

func (r route) stage() Stage { return r.pipeline.Stages[r.at] }

// earlier lists the environments in which a release must be verified before: those of the stage before.
func (r route) earlier() []string {
	if r.at == 0 {
		return nil
	}
	return r.pipeline.Stages[r.at-1].Environments
}

// routes lists every way into every environment: by pipeline, then in the order of the path.
func (d Declarations) routes() []route {
	environments, places := map[string]EnvironmentSpec{}, map[string]Place{}
	for _, env := range d.Environments {
		environments[env.Name], places[env.Name] = env, env.Target.Place(d.Resolve)
	}
	if effective, err := Effective(environments); err == nil { // else an environment is refused, which its own plan says
		environments = effective
	}
	policies := sortedBy(d.Policies, PolicySpec.ID)
	freezes := slices.DeleteFunc(sortedBy(d.Freezes, FreezeSpec.ID), func(f FreezeSpec) bool {
		end := f.EndsAt.Value()
		return !end.IsZero() && !d.Now.Before(end)
	})
	all := []route{}
	for _, p := range sortedBy(d.Pipelines, PipelineSpec.ID) {
		for at, stage := range p.Stages {
			holding := slices.DeleteFunc(slices.Clone(policies), func(s PolicySpec) bool { return !s.binds(stage, environments) })
			for _, name := range stage.Environments {
				env, known := environments[name]
				if !known {
					env.Name = name
				}
				all = append(all, route{pipeline: p, at: at, environment: env, place: places[name], policies: holding,
					freezes: slices.DeleteFunc(slices.Clone(freezes), func(f FreezeSpec) bool { return !f.applies(p.Name, env) })})
			}
		}
	}
	return all
}

// sortedBy returns a sorted copy.
func sortedBy[T any](list []T, name func(T) string) []T {
	return slices.SortedFunc(slices.Values(list), func(a, b T) int { return strings.Compare(name(a), name(b)) })
}
