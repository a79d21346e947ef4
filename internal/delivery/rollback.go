package delivery

import "fmt"

// Rollbacks end. A rollback that fails is tried again by each work on its stage, once, until it succeeds or another delivery takes its
// place. It says nothing about the release that it was to bring back: only deliveries hold a release.

// rollbacks lists what is to be rolled back: where a deployment failed, the environment goes back to the last verified content, and
// once more of them failed than its rollout tolerates, so does everything that the rollout changed in the stage. Nothing is rolled back
// when the stage halts on failure, or when there is nothing to go back to. again lists what was tried before and failed.
func (h *History) rollbacks(stage Stage) (first, again []Step) {
	if stage.Failure() == Halt {
		return nil, nil
	}
	for _, env := range stage.Environments { // what was to bring back the place of an interrupted deployment
		if d, failed := h.rolledBackBy(h.Latest(env)); failed != nil && d != nil && d.abandoned() {
			if target := h.rollbackTarget(d); target != nil {
				again = append(again, rollbackStep(*d, *target, fmt.Sprintf("the deployment of %s was interrupted; going back to %s again, because the last rollback failed: %s",
					d.Content.Version, target.Content.Version, failed.Failure)))
			}
		}
	}
	for _, rollout := range h.failedRollouts(stage) {
		stopped := h.stopped(rollout)
		for _, env := range stage.Environments {
			d, failed := h.rolledBackBy(h.Latest(env))
			if d == nil || d.Rollout != rollout || d.Status != Failed && (d.Status != Verified || !stopped) || d.External() {
				continue // not of this rollout, not to be rolled back, rolled back already, replaced since, or Terraform's to roll back
			}
			target := h.rollbackTarget(d)
			if target == nil {
				continue
			}
			reason := fmt.Sprintf("%s failed in %s; going back to %s", d.Content.Version, stage.Name, target.Content.Version)
			if failed == nil {
				first = append(first, rollbackStep(*d, *target, reason))
			} else {
				again = append(again, rollbackStep(*d, *target, reason+" again, because the last rollback failed: "+failed.Failure))
			}
		}
	}
	return first, again
}

// rollbackStep takes a deployment back to what ran before it.
func rollbackStep(d, target Deployment, reason string) Step {
	return Step{Kind: StepRollback, Stage: d.Stage, Environment: d.Environment, Version: target.Content.Version, Deployment: d.ID,
		Rollout: d.Rollout, Attempt: target.Attempt, Purpose: KindRollback, Content: target.Content, Reason: reason}
}

// rolledBackBy returns the delivery that is to be judged in an environment whose newest deployment is given: that one or, when it is a
// rollback that failed, the delivery that it was to roll back, with the rollback. Nil when there is none.
func (h *History) rolledBackBy(latest *Deployment) (delivered, failed *Deployment) {
	switch {
	case latest == nil, latest.Kind == KindRollback && latest.Status != Failed:
		return nil, nil
	case latest.Kind != KindRollback:
		return latest, nil
	}
	return h.withID(latest.Replaces), latest
}

// failedRollback reports whether the deployment was to bring back what ran before, and did not.
func (d Deployment) failedRollback() bool { return d.Kind == KindRollback && d.Status == Failed }

// retries lists the rollbacks that failed before and are to be tried again, except for those that this very work has tried, and tells of
// them all.
func (w World) retries(stage Stage, s *StageDecision, questions *Questions) (steps []Step) {
	_, again := w.History.rollbacks(stage)
	for _, step := range again {
		failed := w.History.Latest(step.Environment)
		if !w.Tried[failed.ID] {
			steps = append(steps, step)
		}
		s.leave(step.Environment, fmt.Sprintf("the rollback of %s to %s failed: %s; %s. Apply again to try the rollback again, or deliver another version",
			step.Environment, step.Version, failed.Failure, w.runsNow(step.Environment, questions)))
	}
	return steps
}

// leave notes what was begun in an environment and is not finished.
func (s *StageDecision) leave(env, words string) {
	if s.Unfinished == nil {
		s.Unfinished = map[string]string{}
	}
	s.Unfinished[env] = words
}

// runsNow says what runs in an environment, as it was seen.
func (w World) runsNow(env string, questions *Questions) string {
	seen, ok := w.Observations[env]
	switch {
	case !ok:
		questions.observe(env)
		return "what runs there now was not looked at"
	case seen.Unknown != "":
		return fmt.Sprintf("what runs there now is not known (%s)", seen.Unknown)
	case !seen.Running:
		return "nothing runs there now"
	}
	return seen.Version + " runs there now"
}
