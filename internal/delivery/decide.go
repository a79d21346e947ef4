package delivery

import (
	"fmt"
	"slices"
	"strings"
)

// StepKind says what the engine is to do.
type StepKind string

// The kinds of steps.
const (
	StepDeploy   StepKind = "deploy"   // make a new deployment
	StepResume   StepKind = "resume"   // finish a deployment that is in flight
	StepRollback StepKind = "rollback" // bring the last verified content back after a failure
	// StepAuthorize makes a new deployment that Terraform carries out, and StepVerify completes one.
	StepAuthorize StepKind = "authorize"
	StepVerify    StepKind = "verify"
)

// Step is one thing to do in one environment. All steps of a decision may be done at the same time.
type Step struct {
	Kind        StepKind       `json:"kind"`
	Stage       string         `json:"stage"`
	Environment string         `json:"environment"`
	Version     string         `json:"version"`
	Reason      string         `json:"reason"`
	Deployment  string         `json:"deployment,omitempty"` // resume: the one to finish; rollback: the one that failed
	Rollout     string         `json:"rollout,omitempty"`    // the rollout to join; empty starts a new one
	Attempt     int            `json:"attempt,omitempty"`
	Purpose     DeploymentKind `json:"purpose,omitempty"`
	MaxFailures int            `json:"-"` // in how many environments the rollout may fail
	Content     Content        `json:"-"`
	Terms       string         `json:"-"` // of the stage, in the environment
	Gates       []GateResult   `json:"-"`
}

// StageStatus is where a release stands in a stage.
type StageStatus string

// The statuses of a release in a stage.
const (
	StageWaiting    StageStatus = "waiting"
	StageDeploying  StageStatus = "deploying"
	StageVerifying  StageStatus = "verifying"
	StageDeployed   StageStatus = "deployed" // Terraform deploys it, and no cd_verification has verified it yet
	StageVerified   StageStatus = "verified"
	StageFailed     StageStatus = "failed"
	StageRolledBack StageStatus = "rolled_back"
	StageSuperseded StageStatus = "superseded"
	StageDrifted    StageStatus = "drifted"
)

// StageDecision is what was found and decided for one stage.
type StageDecision struct {
	Stage   string       `json:"stage"`
	Version string       `json:"version"` // the release that is wanted there
	Status  StageStatus  `json:"status"`
	Gates   []GateResult `json:"gates,omitempty"` // evaluated only when something is to be deployed
	// Held says why the release is not tried again; empty when it is not held.
	Held string `json:"held,omitempty"`
	// Needs says for each environment why it is to be deployed; empty when the stage is as it should be.
	Needs map[string]string `json:"needs,omitempty"`
	// Unknown says for each environment that could not be observed why not.
	Unknown map[string]string `json:"unknown,omitempty"`
	// Unfinished says for each environment in which something was begun and is not finished what that is, and what would finish it.
	Unfinished map[string]string `json:"unfinished,omitempty"`
	// Doubts says for each environment for which the release is authorized, and where it is not verified, why it would not be authorized now.
	Doubts map[string]string `json:"doubts,omitempty"`
	// Content is what a decision about the release names (ShortContent); empty unless approvals are missing.
	Content string `json:"content,omitempty"`
}

// Decision is what is to be done now to bring a promotion's release through its segment of the pipeline.
type Decision struct {
	Entry     string          `json:"entry"`
	Version   string          `json:"version"`
	Stages    []StageDecision `json:"stages"` // of the segment, in order, up to the first that is not done, and the waiting ones after it
	Steps     []Step          `json:"steps,omitempty"`
	Questions Questions       `json:"-"`
}

// Satisfied reports whether the stage is as it should be.
func (s StageDecision) Satisfied() bool { return s.Status == StageVerified }

// GatesClosed reports whether a gate keeps the release out of the stage.
func (s StageDecision) GatesClosed() bool { return s.Held == "" && !GatesPassed(s.Gates) }

// HasFailedGate reports whether a gate will not pass unless something changes.
func (s StageDecision) HasFailedGate() bool {
	return slices.ContainsFunc(s.Gates, func(g GateResult) bool { return g.Verdict == VerdictFailed })
}

// WaitingOn says what the stage waits for, one line each, and what is not finished there.
func (s StageDecision) WaitingOn() []string { return append(s.waitsFor(), s.unfinished()...) }

func (s StageDecision) waitsFor() []string {
	lines := []string{}
	if s.Held != "" {
		return append(lines, s.Held)
	}
	if s.Status == StageDeployed {
		return append(lines, waitsForVerification)
	}
	for _, g := range s.Gates {
		if g.Verdict != VerdictPassed {
			lines = append(lines, g.String())
		}
	}
	return lines
}

// Held reports whether a stage holds its release after a failure.
func (d Decision) Held() bool {
	return slices.ContainsFunc(d.Stages, func(s StageDecision) bool { return s.Held != "" })
}

// unfinished lists what was begun in the stage and cannot be brought to an end, in the order of the environments' names.
func (s StageDecision) unfinished() []string {
	lines := []string{}
	for _, env := range sortedKeys(s.Unfinished) {
		lines = append(lines, s.Unfinished[env])
	}
	return lines
}

// unfinished lists what was begun in any stage and cannot be brought to an end.
func (d Decision) unfinished() []string {
	lines := []string{}
	for _, s := range d.Stages {
		lines = append(lines, s.unfinished()...)
	}
	return lines
}

// Changes reports whether applying would do anything: deploy, or report a failure that holds or something that cannot be finished.
func (d Decision) Changes() bool { return len(d.Steps) > 0 || d.Held() || len(d.unfinished()) > 0 }

// Stopped returns the stage at which the release stands still, or nil when it got through.
func (d Decision) Stopped() *StageDecision {
	for i := range d.Stages {
		if !d.Stages[i].Satisfied() {
			return &d.Stages[i]
		}
	}
	return nil
}

// Decide says what is to be done now for the promotion into the entry stage. It only looks; the same world gives the same
// decision. Steps come from the first stage that is not as it should be.
func Decide(w World, entry string) Decision {
	promotion, ok := w.Promotions[entry]
	at := w.Pipeline.StageIndex(entry)
	if !ok || at < 0 {
		return Decision{Entry: entry}
	}
	d := Decision{Entry: entry, Version: promotion.Spec.Version}
	release, ok := w.Releases[promotion.Spec.Version]
	if !ok {
		return d
	}
	stopped := false
	for _, i := range w.Pipeline.Segment(at) {
		stage := w.Pipeline.Stages[i]
		if stopped {
			waiting := StageDecision{Stage: stage.Name, Version: d.Version, Status: StageWaiting}
			waiting.Gates = []GateResult{candidate{World: w, stage: stage, release: release}.previousStage(w.Pipeline.Stages[i-1])}
			if unfinished := w.unfinished(stage, release, &waiting, &d.Questions); !d.delivers() { // else the stage before is on its way first
				d.Steps = append(d.Steps, unfinished...)
			}
			d.Stages = append(d.Stages, waiting)
			continue
		}
		one, steps := w.decideStage(stage, release, promotion.Spec.Attempt, &d.Questions)
		d.Stages = append(d.Stages, one)
		d.Steps = steps
		stopped = !one.Satisfied()
	}
	return d
}

// delivers reports whether a step begins to deploy a release, instead of finishing what was begun.
func (d Decision) delivers() bool {
	return slices.ContainsFunc(d.Steps, func(s Step) bool { return s.Kind == StepDeploy || s.Kind == StepAuthorize })
}

// DecideOnward is Decide after a verification of what was authorized in the entry stage: the release goes on from there.
func DecideOnward(w World, entry string) Decision { return Decide(w, entry).Onward() }

// Onward leaves out the steps that authorize the release again in the entry stage, as when its configuration has changed since. That is
// for the promotion, whose plan shows it: a verification that did so would leave something unverified.
func (d Decision) Onward() Decision {
	d.Steps = slices.DeleteFunc(slices.Clone(d.Steps), func(s Step) bool { return s.Kind == StepAuthorize && s.Stage == d.Entry })
	return d
}

// decideStage first finishes what is under way, then rolls back what failed, then deploys what is missing.
func (w World) decideStage(stage Stage, release Release, attempt int, questions *Questions) (StageDecision, []Step) {
	s := StageDecision{Stage: stage.Name, Version: release.Spec.Version}
	if steps := w.interrupted(stage, release, &s, questions); len(steps) > 0 {
		s.Status = w.History.statusInFlight(stage)
		return s, steps
	}
	if steps, _ := w.History.rollbacks(stage); len(steps) > 0 {
		s.Status = StageFailed
		return s, steps
	}
	s.Needs, s.Unknown = w.needs(stage, release, questions)
	if len(s.Needs) == 0 {
		s.Status = StageVerified
		if w.History.awaitsVerification(stage) {
			s.Status, s.Doubts = StageDeployed, w.doubts(stage, release, questions)
		}
		return s, nil
	}
	if s.Status = w.History.statusInFlight(stage); s.Status == "" {
		s.Status = w.statusOf(stage, release.Spec.Version)
	}
	todo, open := s.Needs, w.History.openRollout(stage, release, attempt)
	if failed := w.History.failedDeployments(stage.Name, release.Spec.Version, attempt); len(failed) > 0 {
		if todo = open.untried(s.Needs, failed); len(todo) == 0 {
			s.Held = retryHold(failed)
			s.Status = StageStatus(rootFailure(failed).Status)
			steps := w.keepRunning(stage, release, &s, questions) // which adds to s
			return s, steps
		}
	}
	entering := open.entering(candidate{World: w, stage: stage, release: release, questions: questions}, todo)
	s.Gates = entering.evaluate()
	if slices.ContainsFunc(s.Gates, GateResult.lacksApprovals) {
		s.Content = ShortContent(w.ApprovalDigest(stage, release))
	}
	if !GatesPassed(s.Gates) {
		steps := w.keepRunning(stage, release, &s, questions) // which adds to s
		return s, steps
	}
	return s, entering.deploys(attempt, todo, s.Gates)
}

// unfinished lists what is to be brought to its end whatever the wanted release may do: deployments in flight, then rollbacks.
func (w World) unfinished(stage Stage, wanted Release, s *StageDecision, questions *Questions) []Step {
	if steps := w.interrupted(stage, wanted, s, questions); len(steps) > 0 {
		return steps
	}
	if steps, _ := w.History.rollbacks(stage); len(steps) > 0 {
		return steps
	}
	return w.retries(stage, s, questions)
}

// statusInFlight tells how far the deployments are that have not ended; empty when there are none.
func (h *History) statusInFlight(stage Stage) (status StageStatus) {
	for _, env := range stage.Environments {
		d := h.Latest(env)
		switch {
		case d == nil || !d.InFlight() || d.Authorized():
		case d.Status == Deploying:
			return StageDeploying
		default:
			status = StageVerifying
		}
	}
	return status
}

// needs says for each environment of the stage why it is to be deployed, and for which it cannot be known.
func (w World) needs(stage Stage, release Release, questions *Questions) (needs, unknown map[string]string) {
	needs, unknown = map[string]string{}, map[string]string{}
	for _, env := range stage.Environments {
		wanted := ContentFor(stage, w.Environments[env], release)
		latest, current := w.History.Latest(env), w.History.Current(env)
		switch {
		case latest != nil && latest.Authorized():
			if why, other := latest.replacing(wanted); other {
				needs[env] = why
			}
		case latest != nil && latest.InFlight():
			needs[env] = fmt.Sprintf("the deployment of %s to %s was interrupted", latest.Content.Version, env)
		case current == nil:
			needs[env] = fmt.Sprintf("nothing verified runs in %s yet", env)
		case current.Content.ReleaseDigest != wanted.ReleaseDigest:
			needs[env] = fmt.Sprintf("%s runs %s", env, current.Content.Version)
		case current.Content.ConfigRevision != wanted.ConfigRevision:
			needs[env] = fmt.Sprintf("the configuration of %s changed: %s", env, changedKeys(current.Content, wanted))
		case latest.ID != current.ID:
			needs[env] = fmt.Sprintf("the last deployment to %s %s", env, latest.Status.words())
		default:
			if why, drifted := w.drift(env, unknown, questions); drifted {
				needs[env] = why
			}
		}
	}
	return needs, unknown
}

// drift says how what runs in an environment differs from what was deployed there last.
func (w World) drift(env string, unknown map[string]string, questions *Questions) (string, bool) {
	seen, ok := w.Observations[env]
	current := w.History.Current(env)
	switch {
	case current != nil && current.External(): // nobody looks there
	case !ok:
		questions.observe(env)
	case seen.Unknown != "":
		unknown[env] = seen.Unknown
	case seen.Drifted():
		return fmt.Sprintf("%s drifted: %s", env, seen.describe()), true
	}
	return "", false
}

func (o Observation) describe() string {
	if len(o.Differences) == 0 {
		return "nothing runs there now"
	}
	return strings.Join(o.Differences, "; ")
}

// statusOf tells where a release stands in a stage in which something is to be done.
func (w World) statusOf(stage Stage, version string) StageStatus {
	verified, drifted, superseded := 0, false, false
	for _, env := range stage.Environments {
		d := w.History.ofVersion(env, version)
		if d == nil {
			continue
		}
		current := w.History.Current(env)
		switch {
		case current != nil && current.Content.Version == version:
			verified++
			drifted = drifted || w.Observations[env].Drifted() && w.observed(env)
		case d.Status == Superseded && !d.abandoned():
			superseded = true
		}
	}
	switch {
	case drifted:
		return StageDrifted
	case superseded && verified == 0:
		return StageSuperseded
	}
	return StageWaiting
}

func (w World) observed(env string) bool {
	_, ok := w.Observations[env]
	return ok
}

// keepRunning is what is done in a stage that the wanted release cannot enter now: rollbacks that failed are tried again, and what drifted is
// healed.
func (w World) keepRunning(stage Stage, wanted Release, s *StageDecision, questions *Questions) []Step {
	return append(w.retries(stage, s, questions), w.heal(stage, wanted, questions)...)
}

// heal keeps the current releases running while the wanted one cannot enter: a drifted environment is healed if the gates pass for the
// release that runs there.
func (w World) heal(stage Stage, wanted Release, questions *Questions) []Step {
	steps := []Step{}
	for _, env := range stage.Environments {
		current := w.History.Current(env)
		if current == nil || current.Content.Version == wanted.Spec.Version || w.History.Latest(env).ID != current.ID || len(steps) == stage.MaxParallel() {
			continue
		}
		why, drifted := w.drift(env, map[string]string{}, questions)
		release, known := w.Releases[current.Content.Version]
		if !drifted || !known || len(w.History.failedDeployments(stage.Name, release.Spec.Version, current.Attempt)) > 0 {
			continue
		}
		gates := candidate{World: w, stage: stage, release: release, environments: []string{env}, questions: questions}.evaluate()
		if !GatesPassed(gates) {
			continue
		}
		steps = append(steps, Step{Kind: StepDeploy, Stage: stage.Name, Environment: env, Version: release.Spec.Version, Reason: why,
			Attempt: current.Attempt, Purpose: KindHeal, Content: ContentFor(stage, w.Environments[env], release), Terms: stage.terms(w.Environments[env]), Gates: gates, MaxFailures: stage.MaxFailures()})
	}
	return steps
}

// changedKeys names the configuration keys that differ, without values: secrets may be among them.
func changedKeys(from, to Content) string {
	names := []string{}
	for _, pair := range [][2]map[string]string{{from.Config, to.Config}, {from.Secrets, to.Secrets}} {
		for _, key := range sortedKeys(overlaid(pair[0], pair[1])) {
			before, had := pair[0][key]
			after, has := pair[1][key]
			if had != has || before != after {
				names = append(names, key)
			}
		}
	}
	if len(names) == 0 {
		return "its target"
	}
	return strings.Join(names, ", ")
}
