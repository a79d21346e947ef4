package delivery_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// story is a world, and how the places and the checks in it behave.
type story struct {
	t     *testing.T
	w     delivery.World
	fails map[string]bool   // by environment, or environment and version: verification there fails
	says  map[string]string // by check
	gone  map[string]bool   // by version: its artifacts are gone

	interrupts map[string]bool // by environment: the process that deploys there next dies
	dead       bool            // it did
}

func newStory() *story {
	return &story{fails: map[string]bool{}, says: map[string]string{}, gone: map[string]bool{}, interrupts: map[string]bool{}, w: delivery.World{
		Now:          time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC),
		Environments: map[string]delivery.EnvironmentSpec{}, Releases: map[string]delivery.Release{}, Promotions: map[string]delivery.Promotion{},
		Observations: map[string]delivery.Observation{}, Checks: map[delivery.CheckKey]delivery.CheckResult{}}}
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (s *story) release(version, author string) {
	spec := delivery.ReleaseSpec{Pipeline: "shop", Version: version, Source: &delivery.Source{Revision: "r" + version, Author: author},
		Artifacts: map[string]delivery.Artifact{"app": {URI: "dist/" + version, Digest: "sha256:" + strings.Repeat("0", 64)}}}
	require.NoError(s.t, spec.Validate().Err())
	s.w.Releases[version] = delivery.Release{Spec: spec, Digest: spec.Digest(), Attempt: 1, RegisteredBy: author, RegisteredAt: s.w.Now}
}

func (s *story) delivery(version, attempt string) delivery.Promotion {
	require.NotEmpty(s.t, s.w.Pipeline.Stages, "declare the pipeline first")
	return s.wish(version, s.w.Pipeline.Stages[0].Name, "pend", attempt)
}

func (s *story) promotion(version, stage, blocked, attempt string) delivery.Promotion {
	p := s.wish(version, stage, blocked, attempt)
	require.NoError(s.t, p.Spec.ValidateStage(s.w.Pipeline).Err())
	return p
}

func (s *story) wish(version, stage, blocked, attempt string) delivery.Promotion {
	require.Contains(s.t, s.w.Releases, version, "register the release first")
	n, err := strconv.Atoi(attempt)
	require.NoError(s.t, err)
	return delivery.Promotion{RequestedAt: s.w.Now, Spec: delivery.PromotionSpec{Pipeline: "shop", Stage: stage, Version: version,
		WhenBlocked: delivery.WhenBlocked(blocked), Attempt: n}}
}

// answered asks until nothing is left to be asked, as the engine does.
func answered[V any](s *story, question func(delivery.World) (V, delivery.Questions)) V {
	w := s.w
	w.Observations, w.Checks, w.Rollbacks = maps.Clone(s.w.Observations), map[delivery.CheckKey]delivery.CheckResult{}, map[delivery.RollbackKey]string{}
	for {
		answer, questions := question(w)
		if questions.Empty() {
			return answer
		}
		for _, env := range questions.Observations {
			w.Observations[env] = s.w.Observations[env]
		}
		for _, key := range questions.Checks {
			w.Checks[key] = s.answer(key.Name)
		}
		for _, q := range questions.Rollbacks {
			w.Rollbacks[q.RollbackKey] = ""
			if s.gone[q.Deployment.Content.Version] {
				w.Rollbacks[q.RollbackKey] = "its artifacts are gone"
			}
		}
	}
}

func (s *story) answer(check string) delivery.CheckResult {
	switch s.says[check] {
	case "", "yes":
		return delivery.CheckResult{Passed: true, Detail: "it said yes"}
	case "no":
		return delivery.CheckResult{Detail: "it said no"}
	}
	return delivery.CheckResult{Broken: true, Detail: "it cannot be asked"}
}

// apply does what the engine does with a wish, on this world.
func (s *story) apply(wanted delivery.Promotion) string {
	refused := answered(s, func(w delivery.World) (string, delivery.Questions) {
		refusal, questions := delivery.Admit(w, wanted)
		if refusal == nil {
			return "", questions
		}
		return "refused: " + refusal.Error(), questions
	})
	if refused != "" {
		return refused
	}
	s.w.Promotions[wanted.Spec.Stage] = wanted
	text := ""
	s.w.Tried, s.dead = map[string]bool{}, false
	defer func() { s.w.Tried = nil }()
	for range 100 {
		d := answered(s, func(w delivery.World) (delivery.Decision, delivery.Questions) {
			d := delivery.Decide(w, wanted.Spec.Stage)
			return d, d.Questions
		})
		if len(d.Steps) == 0 {
			return text + s.end(wanted, d)
		}
		rollout := fmt.Sprintf("rollout-%d", len(s.w.History.Deployments())+1)
		for _, step := range d.Steps {
			if step.Rollout == "" {
				step.Rollout = rollout
			}
			text += s.do(step)
			if s.dead {
				return text
			}
		}
	}
	require.Fail(s.t, "the story never comes to rest", text)
	return ""
}

// do carries out one step and tells how it ended.
func (s *story) do(step delivery.Step) string {
	n := len(s.w.History.Deployments()) + 1
	d := delivery.Deployment{ID: fmt.Sprintf("d%d", n), Seq: int64(n), Pipeline: "shop", Stage: step.Stage, Environment: step.Environment,
		Content: step.Content, Kind: step.Purpose, Attempt: step.Attempt, Rollout: step.Rollout, MaxFailures: step.MaxFailures, Terms: step.Terms}
	if latest := s.w.History.Latest(step.Environment); latest != nil && latest.InFlight() && !latest.Authorized() {
		if step.Kind == delivery.StepResume {
			d = s.after(*latest, delivery.DeploymentResumed)
		} else {
			s.record(s.after(*latest, delivery.DeploymentSuperseded))
		}
	}
	if step.Kind == delivery.StepRollback {
		d.Replaces = step.Deployment
	}
	if step.Kind == delivery.StepAuthorize {
		return s.authorize(step, d)
	}
	s.w.Observations[step.Environment] = delivery.Observation{Running: true, Version: step.Version}
	if step.Kind != delivery.StepResume {
		d = s.after(d, delivery.DeploymentStarted)
	}
	if s.dead = s.interrupts[step.Environment]; s.dead {
		delete(s.interrupts, step.Environment)
		s.record(d)
		return fmt.Sprintf("%s %s to %s (%s): the process dies\n", step.Purpose, step.Version, step.Environment, step.Reason)
	}
	d = s.after(d, delivery.DeploymentDeployed)
	if s.fails[step.Environment] || s.fails[step.Environment+" "+step.Version] {
		d.Failure = "the smoke test did not pass"
		d = s.after(d, delivery.DeploymentFailed)
	} else {
		d = s.after(d, delivery.DeploymentVerified)
		s.replace(d, step.Deployment)
	}
	s.record(d)
	s.w.Tried[d.ID] = true
	return fmt.Sprintf("%s %s to %s (%s): %s\n", step.Purpose, step.Version, step.Environment, step.Reason, d.Status)
}

// after is what becomes of a deployment.
func (s *story) after(d delivery.Deployment, event delivery.DeploymentEvent) delivery.Deployment {
	d, _, err := d.After(event, s.w.Now)
	require.NoError(s.t, err)
	return d
}

// record records deployments, new or changed.
func (s *story) record(changed ...delivery.Deployment) {
	all := s.w.History.Deployments()
	for _, d := range changed {
		if i := slices.IndexFunc(all, func(o delivery.Deployment) bool { return o.ID == d.ID }); i >= 0 {
			all[i] = d
			continue
		}
		all = append(all, d)
	}
	s.w.History = delivery.NewHistory(all)
}

// replace records what a verified deployment replaces: the one that it rolls back, and the one that ran there.
func (s *story) replace(d delivery.Deployment, rolledBack string) {
	for _, before := range s.w.History.Deployments() {
		switch {
		case before.Environment != d.Environment || before.ID == d.ID || before.Status == delivery.Superseded:
		case before.ID == rolledBack:
			s.record(s.after(before, delivery.DeploymentRolledBack))
		case before.Status == delivery.Verified:
			s.record(s.after(before, delivery.DeploymentSuperseded))
		}
	}
}

// end tells where a release came to rest.
func (s *story) end(wanted delivery.Promotion, d delivery.Decision) string {
	text := ""
	for _, stage := range d.Stages {
		text += fmt.Sprintf("%s: %s\n", stage.Stage, stage.Status)
		for _, line := range stage.WaitingOn() {
			text += "  " + line + "\n"
		}
		for _, env := range sortedNames(stage.Unknown) {
			text += fmt.Sprintf("  %s was not looked at: %s\n", env, stage.Unknown[env])
		}
	}
	if failure := delivery.Outcome(wanted, d); failure != nil {
		text += "the apply fails\n"
	}
	return text
}

// plan tells what a plan shows of a wish, and whether it would be empty. before is what the same plan delivers first; nil when it
// does not.
func (s *story) plan(wanted delivery.Promotion, before *delivery.Promotion) string {
	f := answered(s, func(w delivery.World) (delivery.Simulation, delivery.Questions) {
		entries := []string{}
		if before != nil {
			w, entries = w.With(*before), append(entries, before.Spec.Stage)
		}
		f := delivery.Simulate(w, entries, wanted)
		return f, f.Questions
	})
	text := would(f.Steps)
	for _, stage := range f.Decision.Stages {
		text += fmt.Sprintf("%s: %s\n", stage.Stage, stage.Status)
		for _, line := range stage.WaitingOn() {
			text += "  " + line + "\n"
		}
		for _, env := range sortedNames(stage.Doubts) {
			text += fmt.Sprintf("  it would not be authorized for %s now: %s\n", env, stage.Doubts[env])
		}
	}
	if !f.Changes() {
		text += "nothing would be deployed\n"
	}
	return text + s.foretold(f.Expected)
}

func (s *story) decide(decision delivery.ApprovalDecision, version, stage, who string) string {
	spec := delivery.ApprovalSpec{Pipeline: "shop", Version: version, Stage: stage, Decision: decision, Approver: who}
	if err := spec.ValidateGate(s.w, s.w.Releases[version], who, "").Err(); err != nil {
		return "refused: " + err.Error()
	}
	at, ok := s.w.Pipeline.Stage(stage)
	require.True(s.t, ok)
	n := len(s.w.Approvals) + 1
	s.w.Approvals = append(s.w.Approvals, delivery.Approval{ID: fmt.Sprintf("a%d", n), Spec: spec, Number: n, DecidedAt: s.w.Now,
		ContentDigest: s.w.ApprovalDigest(at, s.w.Releases[version]), Contents: s.w.ApprovalContents(at, s.w.Releases[version])})
	return ""
}

func (s *story) revoke(version, stage, who string) string {
	for i, a := range slices.Backward(s.w.Approvals) {
		if a.RevokedAt == nil && a.Spec.Version == version && a.Spec.Stage == stage && a.Spec.Approver == who {
			now := s.w.Now
			s.w.Approvals[i].RevokedAt = &now
			return ""
		}
	}
	return "there is nothing to revoke"
}

func (s *story) ready(version, stage string) string {
	at, ok := s.w.Pipeline.Stage(stage)
	require.True(s.t, ok)
	r := answered(s, func(w delivery.World) (delivery.Readiness, delivery.Questions) {
		return delivery.Ready(w, at, s.w.Releases[version])
	})
	text := delivery.GateTable(r.Gates)
	switch {
	case r.Ready:
		return text + "ready"
	case r.ReadyAt != nil:
		return text + "ready at " + r.ReadyAt.Format(time.RFC3339)
	}
	return text + "not ready"
}

func (s *story) where(version string) string {
	states := answered(s, func(w delivery.World) (map[string]delivery.StageState, delivery.Questions) {
		return delivery.StageStates(w, version)
	})
	text := ""
	for _, stage := range s.w.Pipeline.Stages {
		state := states[stage.Name]
		running := state.Version
		if running == "" {
			running = "nothing"
		}
		text += fmt.Sprintf("%s: %s (%s runs there)\n", stage.Name, state.Status, running)
		for _, line := range state.WaitingOn {
			text += "  " + line + "\n"
		}
	}
	return text
}
