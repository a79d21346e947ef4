package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// unrestored lists, by environment, the rollbacks that failed and that nothing has taken the place of since, in the segment of an operation.
func (u *simulation) unrestored(w operation) map[string]delivery.Deployment {
	newest, found := map[string]delivery.Deployment{}, map[string]delivery.Deployment{}
	for _, d := range u.all() {
		if d.Pipeline == w.pipeline {
			newest[d.Environment] = d
		}
	}
	for env, d := range newest {
		stage, exists := u.layout[w.pipeline].Stage(d.Stage)
		if d.Kind == delivery.KindRollback && d.Status == delivery.Failed && exists && stage.OnFailure != delivery.Halt &&
			slices.Contains(stage.Environments, env) && u.inSegment(w, d.Stage) {
			found[env] = d
		}
	}
	return found
}

// restores checks that rollbacks end: each work tries again those that failed before it, its error names those that failed, and the next plan
// shows that they are tried again. It returns what else the plan shows that the work should have done.
func (u *simulation) restores(w operation, before map[string]delivery.Deployment, out outcome, after delivery.DeliveryPreview) []delivery.Step {
	left := u.unrestored(w)
	for id, times := range out.back {
		if times > 1 {
			u.oracle.complain(fmt.Sprintf("[5] %s rolled %s back %d times", w.words, id, times))
		}
	}
	for env, d := range before {
		if left[env].ID == d.ID {
			u.oracle.complain(fmt.Sprintf("[8] %s did not try the rollback of %s again (%s)", w.words, env, d.ID))
		} else if _, failed := left[env]; !failed {
			u.counters.add("failed rollback ended")
		}
	}
	rest := slices.DeleteFunc(slices.Clone(after.Steps), func(s delivery.Step) bool {
		_, failed := left[s.Environment]
		return failed && s.Kind == delivery.StepRollback
	})
	if len(left) != len(after.Steps)-len(rest) && after.Refused == nil {
		u.oracle.complain(fmt.Sprintf("[8] after %s a plan shows %v, and %d rollbacks failed", w.words, stepsOf(after), len(left)))
	}
	for env, d := range left {
		u.counters.add("failed rollback told")
		if out.work.Failure == nil || !strings.Contains(out.work.Failure.Message, "rollback of "+env+" to "+d.Content.Version+" failed") {
			u.oracle.complain(fmt.Sprintf("[8] the rollback of %s failed (%s), and %s says %v", env, d.ID, w.words, out.work.Failure))
		}
	}
	if len(left) > 0 {
		return nil // what a rollback that succeeds would let through
	}
	return rest
}

// stays reports whether the error of an operation says that a deployment was interrupted and stays as it is, and there is nothing that it could
// be taken back to.
func (u *simulation) stays(w operation, d delivery.Deployment, out outcome) bool {
	if out.work.Failure == nil || !strings.Contains(out.work.Failure.Message, fmt.Sprintf("the deployment of %s to %s was interrupted", d.Content.Version, d.Environment)) &&
		!strings.Contains(out.work.Failure.Message, fmt.Sprintf("The deployment of %s to %s was interrupted", d.Content.Version, d.Environment)) {
		return false
	}
	u.counters.add("interrupted, stayed")
	return true
}

// interruptedUpgrade delivers one version, and then interrupts the deployment of another.
func (u *simulation) interruptedUpgrade() {
	pipeline := u.anyPipeline()
	u.apply(u.deliveryOf(pipeline, versions[0]), false)
	u.dieDeploying = true
	u.apply(u.deliveryOf(pipeline, versions[1+u.pick(2)]), true)
	u.dieDeploying = false
}

// meanwhile is what people do between an interruption and the next apply.
func (u *simulation) meanwhile() {
	ctx := context.Background()
	for _, d := range u.all() {
		if !d.InFlight() || d.Content.Target == nil {
			continue
		}
		switch u.pick(7) {
		case 0, 1:
			now := u.clock.now()
			_, err := u.self.PutFreeze(ctx, people[0], delivery.FreezeSpec{Name: "meanwhile", Reason: "something broke", Environments: []string{d.Environment},
				StartsAt: delivery.Timestamp(now.Format(time.RFC3339)), EndsAt: delivery.Timestamp(now.Add(time.Hour).Format(time.RFC3339))})
			u.note("a freeze of %s begins meanwhile: %v", d.Environment, err)
		case 2:
			u.word(u.anyone(), delivery.ApprovalSpec{Pipeline: d.Pipeline, Version: d.Content.Version, Stage: d.Stage, Decision: delivery.Reject})
		case 3:
			u.revoke()
		case 4:
			u.editEnvironment()
		case 5:
			u.editPipeline()
		default:
			u.legislate()
		}
	}
}
