package delivery

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Foresight is what applying one promotion would do, as far as it can be known: every deployment is taken to succeed.
type Simulation struct {
	// Decision is where the release would stand afterwards.
	Decision Decision
	// Expected is how the promotion will read afterwards; nil when that is not certain.
	Expected *PromotionState
	// Steps is all that would be done, in order.
	Steps     []Step
	Questions Questions
}

// Changes reports whether applying would do anything: deploy, or report a failure that holds.
func (f Simulation) Changes() bool { return len(f.Steps) > 0 || f.Decision.Held() }

// maxForesight bounds looking ahead: more steps than any pipeline has environments mean a defect, not a plan.
const maxSimulation = MaxStages * MaxEnvironments

// Foresee plays the promotions into the entries before, which the same plan brings about, and then the wanted one forward on
// a copy of the world.
func Simulate(w World, before []string, wanted Promotion) Simulation {
	f := Simulation{}
	w = w.copied()
	f.playBefore(&w, before)
	refusal, asks := Admit(w, wanted)
	f.note(asks)
	w = w.With(wanted)
	if refusal != nil {
		f.Decision = Decide(w, wanted.Spec.Stage)
		f.Decision.Steps = nil
		return f
	}
	f.Decision = f.play(&w, wanted.Spec.Stage)
	if f.Questions.Empty() {
		f.Expected = w.expected(wanted, f.Decision)
	}
	return f
}

// ForeseeVerification plays the promotions into the entries before, which the same plan brings about, and then a verification: its
// checks are taken to pass. The error is why it would be refused.
func SimulateVerification(w World, before []string, r VerificationRequest) (Simulation, error) {
	f := Simulation{}
	w = w.copied()
	f.playBefore(&w, before)
	settled, err := w.Verifiable(r.Spec, r.Again)
	if err != nil || len(settled) == 0 {
		return f, err
	}
	f.verify(&w, settled)
	if wanted := w.Promotions[r.Spec.Stage]; wanted.Spec.Version == r.Spec.Version && !wanted.Unmanaged {
		f.Decision = f.playAs(&w, r.Spec.Stage, DecideOnward)
	}
	return f, nil
}

// playBefore plays what comes before in the same plan: promotions, and the verifications of what they hand out.
func (f *Simulation) playBefore(w *World, entries []string) {
	for _, entry := range entries {
		f.play(w, entry)
		for _, planned := range w.Verifications {
			if planned.Stage != entry {
				continue
			}
			if settled, err := w.Verifiable(planned, false); err == nil && len(settled) > 0 { // a refused one settles nothing
				f.verify(w, settled)
				f.playAs(w, entry, DecideOnward)
			}
		}
	}
	f.Steps = nil
}

// verify settles deployments that are handed out, as verified.
func (f *Simulation) verify(w *World, settled []Deployment) {
	for _, d := range settled {
		step := Step{Kind: StepVerify, Stage: d.Stage, Environment: d.Environment, Version: d.Content.Version, Deployment: d.ID, Rollout: d.Rollout,
			Attempt: d.Attempt, Purpose: d.Kind, Content: d.Content, Reason: "Terraform deploys it"}
		f.Steps = append(f.Steps, step)
		w.play(step)
	}
}

// play carries out the steps of an entry until none is left, and returns the last decision.
func (f *Simulation) play(w *World, entry string) Decision { return f.playAs(w, entry, Decide) }

func (f *Simulation) playAs(w *World, entry string, decide func(World, string) Decision) Decision {
	for {
		d := decide(*w, entry)
		f.note(d.Questions)
		if len(d.Steps) == 0 || len(f.Steps) >= maxSimulation {
			return d
		}
		begun := fmt.Sprintf("simulated-%d", len(f.Steps)) // what is begun together is one rollout
		for _, step := range d.Steps {
			if step.Rollout == "" {
				step.Rollout = begun + "-" + step.Version
			}
			w.play(step)
		}
		f.Steps = append(f.Steps, d.Steps...)
	}
}

func (f *Simulation) note(asks Questions) {
	for _, o := range asks.Observations {
		f.Questions.observe(o)
	}
	for _, c := range asks.Checks {
		f.Questions.check(c)
	}
}

// copied returns a world whose deployments, promotions and observations can be changed without the original noticing.
func (w World) copied() World {
	w.History = w.History.clone()
	w.Promotions = maps.Clone(w.Promotions)
	w.Releases = maps.Clone(w.Releases)
	w.Rollouts = slices.Clone(w.Rollouts)
	w.Observations = maps.Clone(w.Observations)
	if w.Observations == nil {
		w.Observations = map[string]Observation{}
	}
	return w
}

// With returns the world as it would be with the promotion and its release recorded.
func (w World) With(p Promotion) World {
	w = w.copied()
	if w.Promotions == nil {
		w.Promotions = map[string]Promotion{}
	}
	w.Promotions[p.Spec.Stage] = p
	return w
}

// play records a step as done and gone well.
func (w *World) play(step Step) {
	if begins := step.Kind == StepDeploy || step.Kind == StepAuthorize; begins &&
		!slices.ContainsFunc(w.Rollouts, func(r RolloutRecord) bool { return r.ID == step.Rollout }) {
		w.Rollouts = append(w.Rollouts, RolloutRecord{ID: step.Rollout, Stage: step.Stage, StartedAt: w.Now})
	}
	d := w.deployment(step)
	for _, o := range w.History.in(step.Environment) {
		switch {
		case o.ID == d.ID:
		case o.ID == d.Replaces:
			w.History.record(o.simulated(w.Now, DeploymentRolledBack))
		case o.Authorized(), o.Status == Verified && step.Kind != StepAuthorize:
			w.History.record(o.simulated(w.Now, DeploymentSuperseded))
		}
	}
	w.History.record(d.simulated(w.Now, wayOf(step, d)...))
	if step.Kind == StepAuthorize || d.External() {
		return
	}
	w.Observations[step.Environment] = Observation{Running: true, Version: step.Version}
}

// deployment returns the one that a step goes on with, or a new one that is not recorded yet.
func (w *World) deployment(step Step) Deployment {
	if step.Kind == StepResume || step.Kind == StepVerify {
		if known := w.History.withID(step.Deployment); known != nil {
			return *known
		}
	}
	seq := w.History.nextSeq()
	d := Deployment{ID: fmt.Sprintf("simulated-%d", seq), Seq: seq, Pipeline: w.Pipeline.Name, Stage: step.Stage, Environment: step.Environment,
		Content: step.Content, Kind: step.Purpose, Attempt: step.Attempt, Rollout: step.Rollout, MaxFailures: step.MaxFailures, Gates: step.Gates}
	if step.Kind == StepRollback {
		d.Replaces = step.Deployment
	}
	return d
}

// wayOf lists what happens to a deployment when a step goes well.
func wayOf(step Step, d Deployment) []DeploymentEvent {
	switch {
	case step.Kind == StepAuthorize:
		return []DeploymentEvent{DeploymentAuthorized}
	case d.Status == unrecorded:
		return []DeploymentEvent{DeploymentStarted, DeploymentDeployed, DeploymentVerified}
	case d.Status == Deploying:
		return []DeploymentEvent{DeploymentResumed, DeploymentDeployed, DeploymentVerified}
	}
	return []DeploymentEvent{DeploymentResumed, DeploymentVerified}
}

// simulated returns the deployment as it is after the events.
func (d Deployment) simulated(at time.Time, events ...DeploymentEvent) Deployment {
	for _, event := range events {
		after, _, err := d.After(event, at)
		if err != nil {
			panic("delivery: a simulated step does what cannot happen: " + err.Error())
		}
		d = after
	}
	return d
}

// Admit says whether a promotion may be recorded as wanted. With when_blocked = "fail", a release that cannot enter now is
// refused and nothing is recorded, so that it does not enter later without anybody asking. The same promotion again is
// always admitted: it is wanted already.
func Admit(w World, p Promotion) (*Error, Questions) {
	if was, ok := w.Promotions[p.Spec.Stage]; ok && !was.Unmanaged && was.Spec.Version == p.Spec.Version && was.Spec.Attempt == p.Spec.Attempt {
		return nil, Questions{}
	}
	d := Decide(w.With(p), p.Spec.Stage)
	if p.Spec.WhenBlocked != WhenBlockedFail || len(d.Stages) == 0 {
		return nil, d.Questions
	}
	entry := d.Stages[0]
	if entry.Held == "" && !entry.GatesClosed() {
		return nil, d.Questions
	}
	return Refusal(p.Spec.Pipeline, entry), d.Questions
}

// Outcome says why work on a promotion that has come to rest counts as failed; nil when it got through or may wait.
func Outcome(wanted Promotion, d Decision) *Error {
	stopped := d.Stopped()
	switch {
	case stopped == nil:
		return nil
	case stopped.Held != "" || stopped.HasFailedGate():
		return Refusal(wanted.Spec.Pipeline, *stopped)
	case stopped.GatesClosed() && wanted.Spec.WhenBlocked == WhenBlockedFail && stopped.Stage == wanted.Spec.Stage:
		return Refusal(wanted.Spec.Pipeline, *stopped)
	}
	return nil
}

// Refusal words why a release does not enter a stage: every gate with its verdict, and what would make it pass.
func Refusal(pipeline string, s StageDecision) *Error {
	if s.Held != "" {
		return Errorf(CodeConflict, "release %s/%s is held: %s.", pipeline, s.Version, s.Held)
	}
	return Errorf(CodeConflict, "release %s/%s may not enter stage %q:\n%s", pipeline, s.Version, s.Stage, GateTable(s.Gates))
}

// GateTable prints gates one a line, aligned: name, verdict, reason.
func GateTable(gates []GateResult) string {
	width := 0
	for _, g := range gates {
		width = max(width, len(g.Name))
	}
	text := ""
	for _, g := range gates {
		text += fmt.Sprintf("  %-*s  %-7s  %s\n", width, g.Name, g.Verdict, g.Reason)
	}
	return text
}
