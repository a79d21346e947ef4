package delivery

import (
	"fmt"
	"slices"
	"strings"
)

// Rollout says how a stage with several environments is walked.
type Rollout struct {
	MaxParallel int `json:"max_parallel,omitempty"` // deployments at the same time; default 1
	// MaxFailures is in how many environments a rollout may fail and still go on to the others; default 0, which stops at the first.
	MaxFailures int `json:"max_failures,omitempty"`
}

func (r *Rollout) validate(p problems) {
	if r.MaxParallel < 0 || r.MaxParallel > MaxEnvironments {
		p.at("max_parallel").add("%d is not a number of deployments at the same time; use 1 to %d", r.MaxParallel, MaxEnvironments)
	}
	if r.MaxFailures < 0 || r.MaxFailures > MaxEnvironments {
		p.at("max_failures").add("%d is not a number of environments; use 0 (stop at the first that fails) to %d", r.MaxFailures, MaxEnvironments)
	}
}

// MaxParallel returns how many of the stage's environments may be deployed at the same time.
func (s Stage) MaxParallel() int {
	if s.Rollout == nil || s.Rollout.MaxParallel == 0 {
		return 1
	}
	return s.Rollout.MaxParallel
}

// MaxFailures returns in how many of the stage's environments a rollout may fail before it stops.
func (s Stage) MaxFailures() int {
	if s.Rollout == nil {
		return 0
	}
	return s.Rollout.MaxFailures
}

// entering narrows a candidate to the environments that the release is to be brought to, and names the rollout that does it.
func (o openRollout) entering(c candidate, todo map[string]string) candidate {
	for _, env := range c.stage.Environments {
		if _, needed := todo[env]; !needed {
			continue
		}
		if len(c.environments) == 0 {
			c.joining = o.joinedBy(env)
		}
		c.environments = append(c.environments, env)
		// The gates are asked about one rollout: what would begin another one waits for its turn to be asked about. Where Terraform deploys,
		// all go together, and none without the others: the promotion's artifacts are one for the stage.
		if o.joinedBy(env) == c.joining && (c.External(env) || len(c.next) < c.stage.MaxParallel()) {
			c.next = append(c.next, env)
		}
	}
	return c
}

// deploys makes the steps for the next of the environments that are entered, as many as may go at the same time.
func (c candidate) deploys(attempt int, todo map[string]string, gates []GateResult) []Step {
	steps := []Step{}
	for _, env := range c.next {
		kind, maxFailures := StepDeploy, c.stage.MaxFailures()
		if c.External(env) {
			kind, maxFailures = StepAuthorize, 0
		}
		content := ContentFor(c.stage, c.Environments[env], c.release)
		purpose := KindDeliver
		if current := c.History.Current(env); current != nil && current.Content.sameAs(content) {
			purpose = KindHeal
		}
		steps = append(steps, Step{Kind: kind, Stage: c.stage.Name, Environment: env, Version: c.release.Spec.Version, Reason: todo[env],
			Rollout: c.joining, Attempt: attempt, Purpose: purpose, Content: content, Terms: c.stage.terms(c.Environments[env]), Gates: gates, MaxFailures: maxFailures})
	}
	return steps
}

// rootFailure picks of failed deployments the one that says why: of the newest rollout the last that failed, rather than one that was
// rolled back with it.
func rootFailure(failed []*Deployment) *Deployment {
	newest := failed[len(failed)-1]
	for _, d := range slices.Backward(failed) {
		if d.Failure != "" && d.Rollout == newest.Rollout {
			return d
		}
	}
	return newest
}

// retryHold words why a release is not tried again: where it failed and why, and who had brought it there.
func retryHold(failed []*Deployment) string {
	d := rootFailure(failed)
	text := fmt.Sprintf("%s %s in %s (%s, attempt %d)", d.Content.Version, d.Status.words(), d.Stage, d.Environment, d.Attempt)
	if d.Failure != "" {
		text += ": " + d.Failure
	}
	others := []string{}
	for _, o := range failed {
		if o.Rollout == d.Rollout && o.failedItself() && o.Environment != d.Environment && !slices.Contains(others, o.Environment) {
			others = append(others, o.Environment)
		}
	}
	if len(others) > 0 {
		text += "; it failed in " + enumerated(others, ", ", maxNamed) + " too"
	}
	if d.Actor != "" {
		text += "; delivered by " + d.Actor
	}
	return fmt.Sprintf("%s. It is not tried there again until attempt is raised to %d, or another version is delivered", text, d.Attempt+1)
}

// maxNamed is how many names an explanation lists.
const maxNamed = 10

// enumerated joins what an explanation lists, the first of it only when there is more than a person reads.
func enumerated(list []string, between string, most int) string {
	if more := len(list) - most; more > 0 {
		return strings.Join(list[:most], between) + strings.TrimRight(between, " ,") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(list, between)
}
