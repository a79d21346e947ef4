package delivery

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// relaxation collects what an edit makes easier to pass.
type relaxation struct {
	where string
	found *[]string
}

func (w relaxation) add(format string, args ...any) {
	*w.found = append(*w.found, w.where+": "+fmt.Sprintf(format, args...))
}

// PipelineRelaxation lists what an edit of a pipeline makes easier to pass, stage by stage; empty if nothing. Stages are matched by
// name. The edit also applies to releases that already wait.
func PipelineRelaxation(before, after PipelineSpec) []string {
	found := []string{}
	for i, old := range before.Stages {
		w := relaxation{fmt.Sprintf("stage %q", old.Name), &found}
		at := after.StageIndex(old.Name)
		if at < 0 {
			if i < len(before.Stages)-1 || !old.Gates.empty() {
				w.add("removed, and its gates and checks with it")
			}
			continue
		}
		now := after.Stages[at]
		if old.Promotion == Manual && now.Promotion == Automatic {
			w.add("promotion changes from manual to automatic: releases enter without a promotion")
		}
		w.gates(old.Gates, now.Gates)
		w.overridable(old.Overridable, now.Overridable)
		w.verify(old.Verify, now.Verify)
		if i > 0 && at == 0 {
			w.add("it is now the first stage: releases need not be verified before")
		}
	}
	return found
}

// PolicyRelaxation lists what an edit of a policy makes easier to pass; after is nil if the policy is removed.
func PolicyRelaxation(before PolicySpec, after *PolicySpec) []string {
	found := []string{}
	w := relaxation{fmt.Sprintf("policy %q", before.Name), &found}
	if after == nil {
		w.add("removed, and its gates with it")
		return found
	}
	for _, tier := range before.Tiers {
		if !slices.Contains(after.Tiers, tier) {
			w.add("no longer holds for tier %s", tier)
		}
	}
	for _, env := range before.Environments {
		if !slices.Contains(after.Environments, env) {
			w.add("no longer holds for environment %s", env)
		}
	}
	w.gates(before.Gates, after.Gates)
	return found
}

// ParityRelaxation lists what an edit of an environment allows to differ that had to be equal before.
func ParityRelaxation(before, after EnvironmentSpec) []string {
	found := []string{}
	w := relaxation{fmt.Sprintf("environment %q", before.Name), &found}
	if before.ReplicaOf != "" && after.ReplicaOf != before.ReplicaOf {
		w.add("no longer a replica of %s", before.ReplicaOf)
	}
	switch {
	case before.Parity == nil:
		return found
	case after.Parity == nil:
		w.add("parity with %s removed", before.Parity.With)
		return found
	case before.Parity.With != after.Parity.With:
		w.add("parity is with %s instead of %s", after.Parity.With, before.Parity.With)
	}
	for _, glob := range sortedKeys(after.Parity.Allow) {
		now := after.Parity.Allow[glob]
		old, had := before.Parity.Allow[glob]
		switch {
		case !had:
			w.add("%s may now differ: %s", glob, now.Reason)
		case wider(old.Min, now.Min, true) || wider(old.Max, now.Max, false):
			w.add("%s may differ more: its min or max is wider", glob)
		case old.Until != "" && (now.Until == "" || now.Until.Value().After(old.Until.Value())):
			w.add("%s may differ for longer", glob)
		}
	}
	return found
}

// FreezeRelaxation lists what an edit of an active freeze unblocks early; after is nil if the freeze is lifted. A freeze that has
// ended or not yet begun blocks nothing, so editing it relaxes nothing.
func FreezeRelaxation(before FreezeSpec, after *FreezeSpec, now time.Time) []string {
	found := []string{}
	w := relaxation{fmt.Sprintf("freeze %q", before.Name), &found}
	switch {
	case !before.active(now):
		return found
	case after == nil:
		w.add("lifted before its end at %s", before.EndsAt)
		return found
	case now.Before(after.StartsAt.Value()):
		w.add("starts only at %s", after.StartsAt)
	}
	if after.EndsAt.Value().Before(before.EndsAt.Value()) {
		w.add("ends at %s instead of %s", after.EndsAt, before.EndsAt)
	}
	narrower(w, "environment", before.Environments, after.Environments)
	narrower(w, "tier", before.Tiers, after.Tiers)
	narrower(w, "pipeline", before.Pipelines, after.Pipelines)
	return found
}

// narrower compares what a freeze covers. An empty list covers everything.
func narrower[S ~string](w relaxation, noun string, old, now []S) {
	if len(now) == 0 {
		return
	}
	if len(old) == 0 {
		w.add("now covers only some %ss", noun)
	}
	for _, name := range old {
		if !slices.Contains(now, name) {
			w.add("no longer covers %s %s", noun, name)
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

func (w relaxation) overridable(old, now []string) {
	for _, gate := range now {
		if !covered(old, gate) {
			w.add("%s can now be overridden", gate)
		}
	}
}

func (w relaxation) verify(old, now map[string]Check) {
	for _, name := range sortedKeys(old) {
		if check, kept := now[name]; !kept {
			w.add("verification %q removed", name)
		} else if !reflect.DeepEqual(old[name], check) {
			w.add("verification %q changed", name)
		}
	}
}

func (w relaxation) gates(old, now Gates) {
	w.approvals(old.Approvals, now.Approvals)
	w.tests(old.Tests, now.Tests)
	w.soak(old.Soak, now.Soak)
	w.windows(old.Windows, now.Windows)
	w.frequency(old, now)
	if old.None == "" && now.None != "" && old.empty() {
		w.add("it is declared to have no gates: %s", now.None)
	}
	if old.Parity != nil && now.Parity == nil {
		w.add("gate parity removed")
	}
	for _, name := range sortedKeys(old.Checks) {
		if check, kept := now.Checks[name]; !kept {
			w.add("gate checks.%s removed", name)
		} else if !reflect.DeepEqual(old.Checks[name], check) {
			w.add("gate checks.%s changed", name)
		}
	}
	for _, name := range sortedKeys(old.Expressions) {
		if expression, kept := now.Expressions[name]; !kept {
			w.add("gate expressions.%s removed", name)
		} else if old.Expressions[name].Condition != expression.Condition {
			w.add("gate expressions.%s changed", name)
		}
	}
}

func (w relaxation) approvals(old, now *ApprovalsGate) {
	switch {
	case old == nil:
		return
	case now == nil:
		w.add("gate approvals removed")
		return
	}
	if now.Required < old.Required {
		w.add("%d approvals instead of %d", now.Required, old.Required)
	}
	if now.anyone() && !old.anyone() {
		w.add("anyone may now approve")
	}
	for _, who := range now.Approvers {
		if !now.anyone() && !old.anyone() && !person.In(old.Approvers, who) {
			w.add("%s may now approve", who)
		}
	}
	if now.AllowAuthor && !old.AllowAuthor {
		w.add("authors may now approve their own releases")
	}
	if old.ExpiresAfter != "" && (now.ExpiresAfter == "" || now.ExpiresAfter.Value() > old.ExpiresAfter.Value()) {
		w.add("approvals are valid for longer")
	}
	if old.demandsSignature() && !now.demandsSignature() {
		w.add("approvals no longer need a signature")
	}
	for _, line := range now.SignedBy {
		if len(old.SignedBy) > 0 && !slices.Contains(old.SignedBy, line) {
			w.add("another key may now sign approvals")
		}
	}
}

func (w relaxation) tests(old, now map[string]TestsGate) {
	for _, suite := range sortedKeys(old) {
		gate, kept := now[suite]
		before := old[suite]
		switch {
		case !kept:
			w.add("gate tests.%s removed", suite)
		case gate.Least() < before.Least():
			w.add("gate tests.%s: %d tests must run instead of %d", suite, gate.Least(), before.Least())
		case gate.MaxFailures > before.MaxFailures:
			w.add("gate tests.%s: %d failures are allowed instead of %d", suite, gate.MaxFailures, before.MaxFailures)
		case before.MaxAge != "" && (gate.MaxAge == "" || gate.MaxAge.Value() > before.MaxAge.Value()):
			w.add("gate tests.%s: older reports are accepted", suite)
		}
	}
}

func (w relaxation) soak(old, now *SoakGate) {
	switch {
	case old == nil:
	case now == nil:
		w.add("gate soak removed")
	case now.Stage != old.Stage:
		w.add("gate soak uses stage %s instead of %s", now.Stage, old.Stage)
	case now.Duration.Value() < old.Duration.Value():
		w.add("gate soak requires %s instead of %s", now.Duration, old.Duration)
	}
}

// windows compares each window by name with what it was: the gate passes when any of them is open, so an added one opens more.
func (w relaxation) windows(old, now map[string]schedule.Window) {
	switch {
	case len(old) == 0:
		return
	case len(now) == 0:
		w.add("gate windows removed")
		return
	}
	for _, name := range sortedKeys(now) {
		if was, had := old[name]; !had {
			w.add("window %q is added", name)
		} else if now[name].Exceeds(was) {
			w.add("window %q is wider", name)
		}
	}
}

func (w relaxation) frequency(old, now Gates) {
	switch {
	case old.Cooldown == nil:
	case now.Cooldown == nil:
		w.add("gate cooldown removed")
	case now.Cooldown.Duration.Value() < old.Cooldown.Duration.Value():
		w.add("gate cooldown requires %s instead of %s", now.Cooldown.Duration, old.Cooldown.Duration)
	}
	switch before, after := old.MaxDeploys, now.MaxDeploys; {
	case before == nil:
	case after == nil:
		w.add("gate max_deploys removed")
	case after.Count > before.Count || after.Per.Value() < before.Per.Value():
		w.add("gate max_deploys allows %d within %s instead of %d within %s", after.Count, after.Per, before.Count, before.Per)
	}
}

// Unblocked names the releases that wait at a gate in one world and would not in another: pipeline/version into stage.
func Unblocked(before, after World) ([]string, Questions) {
	through, questions := []string{}, Questions{}
	for _, entry := range sortedKeys(before.Promotions) {
		was, now := Decide(before, entry), Decide(after, entry)
		questions.add(was.Questions)
		questions.add(now.Questions)
		stopped := was.Stopped()
		if stopped == nil || !stopped.GatesClosed() {
			continue
		}
		i := slices.IndexFunc(now.Stages, func(s StageDecision) bool { return s.Stage == stopped.Stage })
		if i >= 0 && !now.Stages[i].GatesClosed() && now.Stages[i].Held == "" {
			through = append(through, fmt.Sprintf("%s/%s into %s", before.Pipeline.Name, was.Version, stopped.Stage))
		}
	}
	return through, questions
}
