package delivery

import (
	"fmt"
	"strings"
)

// Resuming is entering. A deployment that has not ended goes on only if its content is still what the stage asks for, and if the gates that can
// stop it agree at that moment. Otherwise the environment goes back to what ran before. When there is nothing to go back to, or nobody can
// judge, the deployment stays as it is, and the decision says what would finish it.

// interrupted decides about the deployments that have not ended: the process that made them may be gone. One that Terraform deploys waits for
// its verification, and nobody else finishes it.
func (w World) interrupted(stage Stage, wanted Release, s *StageDecision, questions *Questions) []Step {
	steps := []Step{}
	for _, env := range stage.Environments {
		d := w.History.Latest(env)
		if d == nil || !d.InFlight() || d.Authorized() {
			continue
		}
		why, judged := w.stops(stage, wanted, *d, questions)
		target := w.History.rollbackTarget(d)
		switch {
		case why == "":
			steps = append(steps, Step{Kind: StepResume, Stage: stage.Name, Environment: env, Version: d.Content.Version,
				Deployment: d.ID, Rollout: d.Rollout, Attempt: d.Attempt, Purpose: d.Kind, Content: d.Content,
				Reason: fmt.Sprintf("%s is still %s", d.Content.Version, d.Status)})
		case !judged:
			s.leave(env, fmt.Sprintf("the deployment of %s to %s was interrupted, and whether it may go on cannot be told: %s. Apply again then", d.Content.Version, env, why))
		case target != nil && stage.Failure() == Rollback:
			steps = append(steps, rollbackStep(*d, *target, fmt.Sprintf("the deployment of %s was interrupted and may not go on: %s; going back to %s",
				d.Content.Version, why, target.Content.Version)))
		default:
			rest := "nothing else ran verified there before, so it stays as it is"
			if target != nil {
				rest = "the stage halts on failure, so it stays as it is"
			}
			s.leave(env, fmt.Sprintf("the deployment of %s to %s was interrupted and may not go on: %s; %s. It goes on once nothing of that stops it; or deliver a version that may enter",
				d.Content.Version, env, why, rest))
		}
	}
	return steps
}

// stops says why a deployment that has not ended may not go on; empty when it may. A rollback always may. judged is false when that is only
// because time cannot be judged.
func (w World) stops(stage Stage, wanted Release, d Deployment, questions *Questions) (why string, judged bool) {
	if d.Kind == KindRollback {
		return "", true
	}
	env := w.Environments[d.Environment]
	release := w.meant(wanted, d)
	content := ContentFor(stage, env, release)
	switch {
	case d.Content.ReleaseDigest != content.ReleaseDigest:
		return fmt.Sprintf("%s is wanted there now", release.Spec.Version), true
	case d.Content.ConfigRevision != content.ConfigRevision:
		return fmt.Sprintf("the configuration of %s changed: %s", d.Environment, changedKeys(d.Content, content)), true
	case d.Terms != "" && d.Terms != stage.terms(env):
		return "the stage asks for something else now (gates, verify, on_failure, rollout or platform)", true
	}
	if failed := w.History.failedDeployments(stage.Name, d.Content.Version, d.Attempt); len(failed) > 0 && w.History.holds(d, failed) {
		return retryHold(failed), true
	}
	closed := []string{}
	for _, g := range (candidate{World: w, stage: stage, release: release, environments: []string{d.Environment}, joining: d.Rollout, underWay: true, questions: questions}).evaluate() {
		if g.Verdict != VerdictPassed && !w.passedAtTheStart(stage, g, d) {
			closed = append(closed, g.String())
		}
	}
	return strings.Join(closed, "; "), w.clockProblem() == ""
}

// meant returns the release that a deployment is judged by: the wanted one, or the one that runs there and that the deployment heals.
func (w World) meant(wanted Release, d Deployment) Release {
	current := w.History.Current(d.Environment)
	healed, known := w.Releases[d.Content.Version]
	if d.Kind == KindHeal && known && current != nil && current.Content.Version == d.Content.Version {
		return healed
	}
	return wanted
}

// holds reports whether failures keep a deployment that is under way from going on: those of its own rollout only when they are more than it
// tolerates.
func (h *History) holds(d Deployment, failed []*Deployment) bool {
	for _, f := range failed {
		if f.Rollout != d.Rollout {
			return true
		}
	}
	return h.stopped(d.Rollout)
}

// pacing are the gates that say when a delivery may begin. They do not stop what has begun.
var pacing = []string{"soak", "windows", "cooldown", "max_deploys"}

// passedAtTheStart reports whether a gate says when a delivery may begin, and let this one begin.
func (w World) passedAtTheStart(stage Stage, g GateResult, d Deployment) bool {
	began := false
	for _, known := range d.Gates {
		began = began || known.Name == g.Name && known.Verdict == VerdictPassed
	}
	for _, kind := range pacing {
		if g.Name == kind {
			return began
		}
		for _, policy := range w.policies(stage) {
			if g.Name == "policy."+policy.Name+"."+kind {
				return began
			}
		}
	}
	return false
}

// terms hashes what a stage asks for in an environment, beside the content: a deployment that is under way was begun under these terms.
func (s Stage) terms(env EnvironmentSpec) string {
	return digestOf(struct {
		Gates                    Gates
		Verify                   map[string]Check
		OnFailure                OnFailure
		MaxParallel, MaxFailures int
		Platform                 map[string]string
	}{s.Gates, s.Verify, s.Failure(), s.MaxParallel(), s.MaxFailures(), env.Platform})
}

// abandoned reports whether the deployment was interrupted, and another one took its place before it was verified.
func (d Deployment) abandoned() bool {
	return d.Status == Superseded && d.VerifiedAt == nil && !d.External()
}
