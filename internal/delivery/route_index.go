package delivery

import "slices"

// routeIndex finds ways without looking at all of them. Each list is in the order of all.
type routeIndex struct {
	all           []*route
	byEnvironment map[string][]*route
	byPlace       map[Place][]*route // of those whose place is known
	byStage       map[string][]*route
}

func indexed(routes []route) routeIndex {
	x := routeIndex{byEnvironment: map[string][]*route{}, byPlace: map[Place][]*route{}, byStage: map[string][]*route{}}
	for i := range routes {
		r := &routes[i]
		x.all = append(x.all, r)
		x.byEnvironment[r.environment.Name] = append(x.byEnvironment[r.environment.Name], r)
		x.byStage[r.stageKey()] = append(x.byStage[r.stageKey()], r)
		if r.place != "" {
			x.byPlace[r.place] = append(x.byPlace[r.place], r)
		}
	}
	return x
}

// sharing lists the ways into the environment of a way, and then those into its place under other names.
func (x routeIndex) sharing(r *route) []*route {
	found := slices.Clone(x.byEnvironment[r.environment.Name])
	if r.place == "" {
		return found
	}
	return append(found, routesTo(x.byPlace[r.place], func(other *route) bool { return other.environment.Name != r.environment.Name })...)
}

// near returns the part of declarations that a report about one pipeline or environment has to look at: what shares an environment or a place
// with it, directly or through others, in any of the declarations. The rest stays as it is whatever becomes of the subject. Policies and freezes
// may hold anywhere, so they and reports about them keep everything.
func (s Subject) near(all ...Declarations) []Declarations {
	if s.Pipeline == "" && s.Environment == "" {
		return all
	}
	n := neighborhood{pipelines: map[string]bool{s.Pipeline: true}, environments: map[string]bool{s.Environment: true}, places: map[Place]bool{}}
	known := make([][]Place, len(all))
	for i, d := range all {
		for _, env := range d.Environments {
			known[i] = append(known[i], env.Target.Place(d.Resolve))
		}
	}
	for n.grew = true; n.grew; {
		n.grew = false
		for i, d := range all {
			n.grow(d, known[i])
		}
	}
	part := slices.Clone(all)
	for i := range part {
		part[i].Pipelines = slices.DeleteFunc(slices.Clone(part[i].Pipelines), func(p PipelineSpec) bool { return !n.pipelines[p.Name] })
		part[i].Environments = slices.DeleteFunc(slices.Clone(part[i].Environments), func(e EnvironmentSpec) bool { return !n.environments[e.Name] })
	}
	return part
}

// neighborhood is what belongs together, by names.
type neighborhood struct {
	pipelines, environments map[string]bool
	places                  map[Place]bool
	grew                    bool
}

// grow adds what has something in common with what is there already. Places are those of the environments.
func (n *neighborhood) grow(d Declarations, places []Place) {
	for i := range d.Pipelines {
		p := &d.Pipelines[i]
		if n.pipelines[p.Name] || p.usesAny(n.environments) {
			add(n, n.pipelines, p.Name)
			for _, stage := range p.Stages {
				for _, env := range stage.Environments {
					add(n, n.environments, env)
				}
			}
		}
	}
	for i := range d.Environments {
		env, place := &d.Environments[i], places[i]
		if n.environments[env.Name] || place != "" && n.places[place] || env.ReplicaOf != "" && n.environments[env.ReplicaOf] {
			add(n, n.environments, env.Name)
			if place != "" {
				add(n, n.places, place)
			}
			if env.ReplicaOf != "" {
				add(n, n.environments, env.ReplicaOf)
			}
		}
	}
}

func add[K comparable](n *neighborhood, names map[K]bool, name K) {
	if !names[name] {
		names[name], n.grew = true, true
	}
}

func (p *PipelineSpec) usesAny(environments map[string]bool) bool {
	return slices.ContainsFunc(p.Stages, func(stage Stage) bool {
		return slices.ContainsFunc(stage.Environments, func(name string) bool { return environments[name] })
	})
}
