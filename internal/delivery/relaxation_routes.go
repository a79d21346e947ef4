package delivery

import (
	"fmt"
	"slices"
	"strings"
)

// Relaxation is what a plan makes easier on one way into one environment.
type Relaxation struct {
	Environment string `json:"environment"`
	Pipeline    string `json:"pipeline"` // whose releases enter more easily
	Stage       string `json:"stage"`    // by which they enter after the plan
	// Than is the pipeline that asks more, when two pipelines are compared: this one did not deploy there before.
	Than    string   `json:"than,omitempty"`
	Reasons []string `json:"reasons"` // what is easier, each with the declaration that says so
}

// Relaxations compares every way into every environment and place after a plan with the ways that there were before it, and lists those
// that are easier. A pipeline is compared with itself; one that did not deploy there before is compared with the pipelines that did, and in
// an environment of tier production also with those that the same plan declares. Names decide nothing: an environment that was renamed, or
// that a pipeline enters by another stage, is recognized by its name or its place.
func Relaxations(before, after Declarations) []Relaxation {
	a := newAnalysis(before, after)
	found := []Relaxation{}
	for _, now := range a.news.all {
		for _, olds := range a.compared(now) {
			if r := a.easiest(now, olds); len(r.Reasons) > 0 {
				found = append(found, r)
			}
		}
	}
	return append(found, a.removed()...)
}

// analysis holds every way in before and after a plan.
type analysis struct {
	after            Declarations
	olds, news       routeIndex
	existed, remains map[string]*PipelineSpec // the pipelines before and after, by name
}

func newAnalysis(before, after Declarations) analysis {
	return analysis{after: after, olds: indexed(before.routes()), news: indexed(after.routes()), existed: byID(before.Pipelines), remains: byID(after.Pipelines)}
}

func byID(pipelines []PipelineSpec) map[string]*PipelineSpec {
	found := make(map[string]*PipelineSpec, len(pipelines))
	for i := range pipelines {
		found[pipelines[i].Name] = &pipelines[i]
	}
	return found
}

// compared lists the groups of earlier ways with which a way has to be compared: those into its environment, and those into its place
// under other names: if the environment moved there, or if its pipeline entered there by another one.
func (a analysis) compared(now *route) [][]*route {
	groups := [][]*route{}
	add := func(olds []*route) {
		if len(olds) > 0 {
			groups = append(groups, olds)
		}
	}
	into := a.olds.byEnvironment[now.environment.Name]
	add(into)
	if now.place != "" {
		there := a.olds.byPlace[now.place]
		moved := !slices.ContainsFunc(into, func(r *route) bool { return r.place == now.place })
		if moved || slices.ContainsFunc(there, func(r *route) bool {
			return r.environment.Name != now.environment.Name && r.pipeline.Name == now.pipeline.Name
		}) {
			add(there)
		}
	}
	if len(groups) == 0 {
		add(a.replacedBy(now))
	}
	if len(groups) == 0 && now.environment.Tier == TierProduction && a.existed[now.pipeline.Name] == nil {
		add(routesTo(a.news.sharing(now), func(r *route) bool { return r.pipeline.Name != now.pipeline.Name }))
	}
	return groups
}

func routesTo(routes []*route, which func(*route) bool) []*route {
	return slices.DeleteFunc(slices.Clone(routes), func(r *route) bool { return !which(r) })
}

// replacedBy lists the ways into environments that the stage had and that nothing enters any longer: an environment whose place nobody knows
// was renamed, or gave way to this one.
func (a analysis) replacedBy(now *route) []*route {
	return routesTo(a.olds.byStage[now.stageKey()], func(r *route) bool { return !a.entered(r) })
}

// entered reports whether something still enters the environment, or its place, of an earlier way.
func (a analysis) entered(old *route) bool {
	return len(a.news.byEnvironment[old.environment.Name]) > 0 || old.place != "" && len(a.news.byPlace[old.place]) > 0
}

func declares(pipelines []PipelineSpec, name string) bool {
	return slices.ContainsFunc(pipelines, func(p PipelineSpec) bool { return p.Name == name })
}

// easiest compares a way with those of a group that are like it: of the same pipeline, else of a pipeline that it takes the place of, else of
// any. It is not easier if it asks as much as one of them.
func (a analysis) easiest(now *route, olds []*route) Relaxation {
	like := func(r *route) bool { return r.pipeline.Name == now.pipeline.Name }
	if a.existed[now.pipeline.Name] == nil { // so that no way of its own is among them
		like = func(r *route) bool { return a.remains[r.pipeline.Name] == nil }
	}
	others := !slices.ContainsFunc(olds, like)
	least, compared := Relaxation{Environment: now.environment.Name, Pipeline: now.pipeline.Name, Stage: now.stage().Name}, false
	for _, old := range olds {
		if !others && !like(old) {
			continue
		}
		c := crossing{old: *old, now: *now, after: a.after}
		if others {
			c.than = old.pipeline.Name
		}
		if reasons := c.eased(); !compared || len(reasons) < len(least.Reasons) {
			least.Reasons, least.Than, compared = reasons, c.than, true
		}
		if len(least.Reasons) == 0 {
			break // nothing is less
		}
	}
	return least
}

// removed lists the stages that are gone with their gates, while nothing enters their environments any longer: what a pipeline asks that
// enters there later is compared with nothing.
func (a analysis) removed() []Relaxation {
	found := []Relaxation{}
	for _, old := range a.olds.all {
		stage, now := old.stage(), a.remains[old.pipeline.Name]
		if stage.Gates.empty() || a.entered(old) || now != nil && now.StageIndex(stage.Name) >= 0 {
			continue
		}
		found = append(found, Relaxation{Environment: old.environment.Name, Pipeline: old.pipeline.Name, Stage: stage.Name,
			Reasons: []string{fmt.Sprintf("stage %q: removed, and its gates and checks with it", stage.Name)}})
	}
	return found
}

// Further returns what is among the relaxations and not among others: what one more change of a plan adds.
func Further(relaxations, others []Relaxation) []Relaxation {
	said := map[string]bool{}
	for _, r := range others {
		for _, reason := range r.Reasons {
			said[r.key(reason)] = true
		}
	}
	further := []Relaxation{}
	for _, r := range relaxations {
		r.Reasons = slices.DeleteFunc(slices.Clone(r.Reasons), func(reason string) bool { return said[r.key(reason)] })
		if len(r.Reasons) > 0 {
			further = append(further, r)
		}
	}
	return further
}

func (r Relaxation) key(reason string) string {
	return strings.Join([]string{r.Pipeline, r.Stage, r.Environment, reason}, "\n")
}

// RelaxationLines words relaxations, a line for each reason. A reason is said once for the environments of a stage, which are named if it does
// not hold for all of them. Lines about another pipeline than the given one name theirs.
func (d Declarations) RelaxationLines(relaxations []Relaxation, pipeline string) []string {
	type said struct {
		Relaxation
		reason       string
		environments []string
	}
	all, at := []said{}, map[[4]string]int{}
	for _, r := range relaxations {
		for _, reason := range r.Reasons {
			key := [4]string{r.Pipeline, r.Stage, r.Than, reason}
			i, ok := at[key]
			if !ok {
				i, all = len(all), append(all, said{Relaxation: r, reason: reason})
				at[key] = i
			}
			all[i].environments = append(all[i].environments, r.Environment)
		}
	}
	lines, declared := make([]string, len(all)), byID(d.Pipelines)
	for i, s := range all {
		slices.Sort(s.environments)
		in := strings.Join(slices.Compact(s.environments), ", ")
		lines[i] = s.reason
		switch {
		case s.Than != "":
			lines[i] += fmt.Sprintf(" (pipeline %q asks more in %s)", s.Than, in)
		case strings.HasPrefix(s.reason, "stage ") && len(missing(stageOf(declared[s.Pipeline], s.Stage).Environments, s.environments)) > 0:
			lines[i] += fmt.Sprintf(" (in %s)", in)
		}
		if s.Pipeline != pipeline && strings.HasPrefix(s.reason, "stage ") {
			lines[i] = fmt.Sprintf("pipeline %q, %s", s.Pipeline, lines[i])
		}
	}
	return lines
}

// stageOf returns a stage; empty if it is gone.
func stageOf(p *PipelineSpec, name string) Stage {
	if p == nil {
		return Stage{}
	}
	stage, _ := p.Stage(name)
	return stage
}
