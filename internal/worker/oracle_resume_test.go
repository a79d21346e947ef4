package worker

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// beginning is what a stage asked for when a deployment was begun there.
type beginning struct {
	terms  string   // as text
	pacing []string // how complaints begin that are about a gate that only says when a delivery may begin
}

// begins notes what a stage asks for.
func (s setup) begins(d delivery.Deployment) beginning {
	stage, _ := s.pipeline(d.Pipeline).Stage(d.Stage)
	atOnce, failures := 1, 0
	if stage.Rollout != nil {
		atOnce, failures = max(1, stage.Rollout.MaxParallel), stage.Rollout.MaxFailures
	}
	b := beginning{terms: text([]any{stage.Gates, stage.Verify, stage.OnFailure == delivery.Halt, atOnce, failures, s.environment(d.Environment).Platform})}
	prefixes := map[string]delivery.Gates{"": stage.Gates}
	for _, p := range s.guardrails(stage) {
		prefixes["policy "+p.Name+": "] = p.Gates
	}
	for prefix, g := range prefixes {
		for name, asked := range map[string]bool{"soak": g.Soak != nil, "windows": len(g.Windows) > 0, "cooldown": g.Cooldown != nil, "max_deploys": g.MaxDeploys != nil} {
			if asked {
				b.pacing = append(b.pacing, prefix+name+": ")
			}
		}
	}
	return b
}

// mayNotGoOn says everything that keeps a deployment that was interrupted from going on: to resume is to enter. A rollback always may.
func (s setup) mayNotGoOn(d delivery.Deployment) (wrong []string) {
	if d.Kind == delivery.KindRollback {
		return nil
	}
	pipeline := s.pipeline(d.Pipeline)
	at := slices.IndexFunc(pipeline.Stages, func(stage delivery.Stage) bool { return stage.Name == d.Stage })
	if at < 0 || !slices.Contains(pipeline.Stages[at].Environments, d.Environment) {
		return []string{"there is no such stage"}
	}
	s.oracle.mu.Lock()
	began, letIn := s.oracle.began[d.ID], slices.Clone(s.oracle.letIn[d.ID])
	s.oracle.mu.Unlock()
	defer func() { // it is still what let it in
		s.oracle.mu.Lock()
		s.oracle.letIn[d.ID] = letIn
		s.oracle.mu.Unlock()
	}()
	if s.begins(d).terms != began.terms {
		wrong = append(wrong, "the stage asks for something else")
	}
	wrong = append(wrong, s.judgeContent(d, pipeline.Stages[at])...)
	if !s.wanted(d, pipeline, at) {
		wrong = append(wrong, "it is not wanted")
	}
	wrong = append(wrong, s.heldElsewhere(d)...)
	for _, closed := range s.closedGates(pipeline, at, d) {
		if !slices.ContainsFunc(began.pacing, func(prefix string) bool { return strings.HasPrefix(closed, prefix) }) {
			wrong = append(wrong, closed)
		}
	}
	return wrong
}

// wanted reports whether the stage is to have the deployment's version: as promised to the entry of its segment, or as what is healed.
func (s setup) wanted(d delivery.Deployment, pipeline delivery.PipelineSpec, at int) bool {
	for at > 0 && pipeline.Stages[at].Promotion != delivery.Manual {
		at--
	}
	promised, err := s.ledger.Promotion(s.ctx, d.Pipeline, pipeline.Stages[at].Name)
	if err == nil && promised.Spec.Version == d.Content.Version {
		return true
	}
	stands, ok := last(s.history(d.Pipeline, d.Environment), func(o delivery.Deployment) bool { return o.Status == delivery.Verified })
	return d.Kind == delivery.KindHeal && ok && stands.Content.Version == d.Content.Version
}

// heldElsewhere says that the release broke in the stage, other than in a rollout that may fail that often.
func (s setup) heldElsewhere(d delivery.Deployment) []string {
	failed := 0
	for _, o := range s.inStage(d) {
		if o.Kind == delivery.KindRollback || !broke(o) || o.Content.Version != d.Content.Version || o.Attempt < d.Attempt {
			continue
		}
		if o.Rollout != d.Rollout {
			return []string{"it broke in " + o.Environment}
		}
		if o.Failure != "" {
			failed++
		}
	}
	if failed > d.MaxFailures {
		return []string{"its rollout was stopped"}
	}
	return nil
}

// judgeResumed looks at a deployment that is gone on with.
func (s setup) judgeResumed(e delivery.Event) []string {
	var d delivery.Deployment
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return []string{"[6] an event cannot be read: " + err.Error()}
	}
	if d.Content.Target == nil { // a verification of what Terraform deploys
		return nil
	}
	why := s.mayNotGoOn(d)
	if len(why) > 0 {
		return []string{"[1] " + d.ID + " goes on, and may not: " + strings.Join(why, "; ")}
	}
	s.oracle.happened("went on after an interruption")
	return nil
}

// judgeBack looks at a rollback of a deployment that was interrupted: it may only be taken back if it may not go on.
func (s setup) judgeBack(taken delivery.Deployment, before []delivery.Deployment) []string {
	if slices.ContainsFunc(before, func(o delivery.Deployment) bool { return o.Replaces == taken.ID }) {
		return nil // it was judged the first time
	}
	why := s.mayNotGoOn(taken)
	if len(why) == 0 {
		return []string{"[8] " + taken.ID + " is rolled back, and may go on"}
	}
	s.oracle.happened("interrupted, rolled back")
	for _, line := range why {
		if reason, _, ok := strings.Cut(line, ":"); ok {
			s.oracle.happened("interrupted, rolled back for " + reason)
		}
	}
	return nil
}

// beganAs returns what is known of how deployments were begun.
func (o *oracle) beganAs(all map[string]beginning) {
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.Copy(o.began, all)
}
