package delivery

import (
	"fmt"
	"slices"
	"time"
)

// PolicyRelaxation lists what an edit of a policy makes easier to pass; after is nil if the policy is removed.
func PolicyRelaxation(before PolicySpec, after *PolicySpec) []string {
	found := []string{}
	c := easing{where: fmt.Sprintf("policy %q", before.Name), found: &found}
	if after == nil {
		c.add("removed, and its gates with it")
		return found
	}
	for _, tier := range before.Tiers {
		if !slices.Contains(after.Tiers, tier) {
			c.add("no longer holds for tier %s", tier)
		}
	}
	for _, env := range before.Environments {
		if !slices.Contains(after.Environments, env) {
			c.add("no longer holds for environment %s", env)
		}
	}
	c.gates(before.Gates, after.Gates)
	return found
}

// ParityRelaxation lists what an edit of an environment allows to differ that had to be equal before.
func ParityRelaxation(before, after EnvironmentSpec) []string {
	found := []string{}
	c := easing{where: fmt.Sprintf("environment %q", before.Name), found: &found}
	if before.ReplicaOf != "" && after.ReplicaOf != before.ReplicaOf {
		c.add("no longer a replica of %s", before.ReplicaOf)
	}
	switch {
	case before.Parity == nil:
		return found
	case after.Parity == nil:
		c.add("parity with %s removed", before.Parity.With)
		return found
	case before.Parity.With != after.Parity.With:
		c.add("parity is with %s instead of %s", after.Parity.With, before.Parity.With)
	}
	for _, glob := range sortedKeys(after.Parity.Allow) {
		now := after.Parity.Allow[glob]
		old, had := before.Parity.Allow[glob]
		switch {
		case !had:
			c.add("%s may now differ: %s", glob, now.Reason)
		case wider(old.Min, now.Min, true) || wider(old.Max, now.Max, false):
			c.add("%s may differ more: its min or max is wider", glob)
		case old.Until != "" && (now.Until == "" || now.Until.Value().After(old.Until.Value())):
			c.add("%s may differ for longer", glob)
		}
	}
	return found
}

// FreezeRelaxation lists what an edit of an active freeze unblocks early; after is nil if the freeze is lifted. A freeze that has
// ended or not yet begun blocks nothing, so editing it relaxes nothing.
func FreezeRelaxation(before FreezeSpec, after *FreezeSpec, now time.Time) []string {
	found := []string{}
	c := easing{where: fmt.Sprintf("freeze %q", before.Name), found: &found}
	switch {
	case !before.active(now):
		return found
	case after == nil:
		c.add("lifted before its end at %s", before.EndsAt)
		return found
	case now.Before(after.StartsAt.Value()):
		c.add("starts only at %s", after.StartsAt)
	}
	if after.EndsAt.Value().Before(before.EndsAt.Value()) {
		c.add("ends at %s instead of %s", after.EndsAt, before.EndsAt)
	}
	narrower(c, "environment", before.Environments, after.Environments)
	narrower(c, "tier", before.Tiers, after.Tiers)
	narrower(c, "pipeline", before.Pipelines, after.Pipelines)
	return found
}

// narrower compares what a freeze covers. An empty list covers everything.
func narrower[S ~string](c easing, noun string, old, now []S) {
	if len(now) == 0 {
		return
	}
	if len(old) == 0 {
		c.add("now covers only some %ss", noun)
	}
	for _, name := range old {
		if !slices.Contains(now, name) {
			c.add("no longer covers %s %s", noun, name)
		}
	}
}

// wider reports whether a bound was moved outwards or removed.
func wider(old, now *float64, least bool) bool {
	switch {
	case old == nil:
		return false
	case now == nil:
		return true
	case least:
		return *now < *old
	}
	return *now > *old
}
