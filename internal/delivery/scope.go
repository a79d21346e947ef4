package delivery

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Scope is what the filters of a freeze or a policy can name: the environments and pipelines that there are, or will be once a plan is applied.
type Scope struct {
	Environments map[string]*EnvironmentSpec // nil: only its name is known
	Pipelines    map[string]*PipelineSpec    // likewise
	// MoreEnvironments and MorePipelines say that there may be others.
	MoreEnvironments, MorePipelines bool
}

// NewScope returns what there is once a plan is applied, as far as the plan knows it.
func NewScope(environments []EnvironmentSpec, pipelines []PipelineSpec, changes ChangeSet) Scope {
	s := Scope{Environments: map[string]*EnvironmentSpec{}, Pipelines: map[string]*PipelineSpec{}}
	for _, env := range environments {
		s.Environments[env.Name] = &env
	}
	for _, p := range pipelines {
		s.Pipelines[p.Name] = &p
	}
	changes.Environments.into(s.Environments)
	changes.Pipelines.into(s.Pipelines)
	return s
}

// into changes objects by name. One whose result is not known stays as nil.
func (c Changes[T]) into(objects map[string]*T) {
	for name, change := range c {
		if change.After == nil && !change.Unknown {
			delete(objects, name)
		} else {
			objects[name] = change.After
		}
	}
}

// Mismatch is a filter that finds nothing. It is no error: what it names may be declared later.
type Mismatch struct {
	Field   string // of the attribute; empty if several together find nothing
	Problem string // after the name of the freeze or policy
	Detail  string
}

// Mismatches lists the filters that name what there is not. If all names exist and no deployment satisfies all filters together, it says that.
func (f FreezeSpec) Mismatches(s Scope) []Mismatch {
	const effect = "so the freeze stops nothing there"
	found := slices.Concat(s.unknownEnvironments(f.Environments, effect), s.unknownTiers(f.Tiers, effect), s.unknownPipelines(f.Pipelines, effect))
	if len(found) > 0 || s.MoreEnvironments || s.MorePipelines || s.matches(f) {
		return found
	}
	filters := []string{}
	for _, filter := range []struct {
		name   string
		values []string
	}{{"environments", f.Environments}, {"tiers", text(f.Tiers)}, {"pipelines", f.Pipelines}} {
		if len(filter.values) > 0 {
			filters = append(filters, fmt.Sprintf("%s (%s)", filter.name, strings.Join(filter.values, ", ")))
		}
	}
	return []Mismatch{{Problem: "stops nothing: its filters exclude each other", Detail: fmt.Sprintf(
		"Each filter narrows the freeze, and no deployment satisfies all of them: %s. Remove one of them, or correct it.", strings.Join(filters, " and "))}}
}

// Mismatches lists the filters that name what there is not.
func (s PolicySpec) Mismatches(scope Scope) []Mismatch {
	const effect = "so the policy asks nothing there"
	return append(scope.unknownEnvironments(s.Environments, effect), scope.unknownTiers(s.Tiers, effect)...)
}

// matches reports whether a freeze can stop any deployment, at any time.
func (s Scope) matches(f FreezeSpec) bool {
	covered := func(name string) bool {
		env, ok := s.Environments[name]
		return (len(f.Environments) == 0 || slices.Contains(f.Environments, name)) &&
			(len(f.Tiers) == 0 || !ok || env == nil || slices.Contains(f.Tiers, env.Tier))
	}
	if len(f.Pipelines) == 0 {
		return slices.ContainsFunc(slices.Collect(maps.Keys(s.Environments)), covered)
	}
	return slices.ContainsFunc(f.Pipelines, func(name string) bool {
		pipeline := s.Pipelines[name]
		return pipeline == nil || slices.ContainsFunc(pipeline.Stages, func(stage Stage) bool { return slices.ContainsFunc(stage.Environments, covered) })
	})
}

func (s Scope) unknownEnvironments(names []string, effect string) []Mismatch {
	return unknownNames("environments", "environment", names, s.Environments, s.MoreEnvironments, effect)
}

func (s Scope) unknownPipelines(names []string, effect string) []Mismatch {
	return unknownNames("pipelines", "pipeline", names, s.Pipelines, s.MorePipelines, effect)
}

func unknownNames[T any](field, noun string, names []string, known map[string]*T, more bool, effect string) []Mismatch {
	found := []Mismatch{}
	for i, name := range names {
		if _, ok := known[name]; ok || more {
			continue
		}
		found = append(found, Mismatch{Field: fmt.Sprintf("%s[%d]", field, i), Problem: fmt.Sprintf("names %s %q, which does not exist", noun, name),
			Detail: fmt.Sprintf("Neither the ledger nor this plan has %s %q, %s. %sCorrect the name, or declare the %s.", noun, name, effect, Suggestion(name, sortedKeys(known)), noun)})
	}
	return found
}

func (s Scope) unknownTiers(tiers []Tier, effect string) []Mismatch {
	used, others := map[Tier]bool{}, []string{}
	for _, name := range sortedKeys(s.Environments) {
		env := s.Environments[name]
		if env == nil || s.MoreEnvironments {
			return nil
		}
		if !used[env.Tier] {
			used[env.Tier], others = true, append(others, string(env.Tier))
		}
	}
	if s.MoreEnvironments {
		return nil
	}
	found := []Mismatch{}
	for i, tier := range tiers {
		if !used[tier] {
			slices.Sort(others)
			found = append(found, Mismatch{Field: fmt.Sprintf("tiers[%d]", i), Problem: fmt.Sprintf("names tier %s, which no environment has", tier),
				Detail: fmt.Sprintf("Neither the ledger nor this plan has an environment of tier %s, %s. Environments have the tiers: %s. Correct the tier, or declare such an environment.", tier, effect, listed(others))})
		}
	}
	return found
}

func text[S ~string](list []S) []string {
	all := make([]string, len(list))
	for i, one := range list {
		all[i] = string(one)
	}
	return all
}

// Suggestion asks whether the most similar name was meant; empty if none is similar.
func Suggestion(name string, known []string) string {
	best, least := "", len(name)/3+1
	for _, other := range known {
		if d := editDistance(strings.ToLower(name), strings.ToLower(other)); d <= least && other != name {
			if d < least || best == "" {
				best, least = other, d
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("Did you mean %q? ", best)
}

// editDistance counts the bytes to insert, remove or replace to get from one text to the other.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
