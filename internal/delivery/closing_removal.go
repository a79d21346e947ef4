package delivery

import (
	"maps"
	"slices"
	"strings"
)

// removals lists the objects that the plan removes and that may be why a gate passes: an approval that is revoked, an override that ends, a
// report that is withdrawn, a policy whose gates guard an automatic stage, an environment that another one is compared with.
func (c ChangeSet) removals(recorded func(noun, name string) bool) []Closing {
	all := []Closing{}
	record := func(noun, id string, closes func(gate string) bool) {
		about, version := releaseOfRecord(id)
		if version == "" {
			return
		}
		all = append(all, Closing{Noun: noun, Name: about + "/" + version, ID: id, Removed: true, version: version, closes: closes,
			covers: func(pipeline string, _ EnvironmentSpec) bool { return pipeline == about }})
	}
	for _, id := range removed(c.Approvals) {
		record("approval", id, isApprovalsGate)
	}
	for _, id := range removed(c.Overrides) {
		record("override", id, anyGate)
	}
	for _, id := range removed(c.Reports) {
		record("test report", id, func(gate string) bool { return isTestsGate(gate, "") })
	}
	for _, name := range removed(c.Policies) {
		if recorded("policy", name) {
			all = append(all, Closing{Noun: "policy", Name: name, ID: name, Removed: true, closes: func(gate string) bool { return gate == "guarded" }})
		}
	}
	for _, name := range removed(c.Environments) {
		if recorded("environment", name) {
			all = append(all, Closing{Noun: "environment", Name: name, ID: name, Removed: true, closes: anyGate})
		}
	}
	return all
}

// releaseOfRecord returns the release with which the id of a record begins; empty if it does not.
func releaseOfRecord(id string) (pipeline, version string) {
	parts := strings.SplitN(id, "/", 3)
	if len(parts) < 3 {
		return "", ""
	}
	return parts[0], parts[1]
}

// removed lists the ids of what the plan removes.
func removed[T any](c Changes[T]) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c)), func(id string) bool { return !c.removes(id) })
}

func isApprovalsGate(gate string) bool {
	return gate == "approvals" || strings.HasSuffix(gate, ".approvals")
}

// maxTogether is up to how many changes every combination is tried.
const maxTogether = 4

// Late lists which of some changes, whose order nothing fixes, the apply may make after a delivery: each alone, then combinations, and at the
// end all of them. One of them may open what another closes, so it is not enough to leave out all. Of more than a few changes, only
// the combinations without one are tried.
func Late(changes []Closing) [][]Closing {
	all := [][]Closing{}
	for size := 1; size <= len(changes); size++ {
		if len(changes) > maxTogether && size > 1 && size < len(changes)-1 {
			continue
		}
		all = append(all, combinations(changes, size)...)
	}
	return all
}

// combinations lists every choice of some of the changes, each in their order.
func combinations(changes []Closing, size int) [][]Closing {
	if size == 0 {
		return [][]Closing{nil}
	}
	all := [][]Closing{}
	for i := range changes {
		for _, rest := range combinations(changes[i+1:], size-1) {
			all = append(all, append([]Closing{changes[i]}, rest...))
		}
	}
	return all
}
