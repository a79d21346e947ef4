package delivery

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Simulation is what applying one promotion would do, as far as it can be known: every deployment is expected to succeed.
type Simulation struct {
	// Decision is where the release would stand afterwards.
	Decision Decision
	// Expected is how the promotion will read afterwards; nil when that is not certain.
	Expected *PromotionState
	// Steps is all that would be done, in order.
	Steps     []Step
	Questions Questions
}

// Changes reports whether applying would do anything: deploy, or report a failure that holds the release or something that cannot be
// finished.
func (s Simulation) Changes() bool { return len(s.Steps) > 0 || s.Decision.Changes() }

// maxSimulation bounds a simulation: more steps than any pipeline has environments mean a defect, not a plan.
const maxSimulation = MaxStages * MaxEnvironments

// Simulate plays the promotions into the entries before, which the same plan brings about, and then the wanted one on a copy of the
// world.
func Simulate(w World, before []string, wanted Promotion) Simulation {
	s := simulator{world: w.copied()}
	s.playBefore(before)
	refusal, questions := Admit(s.world, wanted)
	s.result.Questions.add(questions)
	s.world = s.world.With(wanted)
	if refusal != nil {
		s.result.Decision = Decide(s.world, wanted.Spec.Stage)
		s.result.Decision.Steps = nil
		return s.result
	}
	s.result.Decision = s.play(wanted.Spec.Stage, Decide)
	if s.result.Questions.Empty() {
		s.result.Expected = s.world.expected(wanted, s.result.Decision)
	}
	return s.result
}

// SimulateVerification plays the promotions into the entries before, which the same plan brings about, and then a verification: its
// checks are expected to pass. The error is why it would be refused.
func SimulateVerification(w World, before []string, r VerificationRequest) (Simulation, error) {
	s := simulator{world: w.copied()}
	s.playBefore(before)
	found, err := s.world.Verifiable(r.Spec, r.Again)
	if err != nil || len(found) == 0 {
		return s.result, err
	}
	s.verify(found)
	if wanted := s.world.Promotions[r.Spec.Stage]; wanted.Spec.Version == r.Spec.Version && !wanted.Unmanaged {
		s.result.Decision = s.play(r.Spec.Stage, DecideOnward)
	}
	return s.result, nil
}

// simulator decides, does what was decided to its copy of a world, and decides again.
type simulator struct {
	world  World
	result Simulation
}

// playBefore plays what comes before in the same plan: promotions, and the verifications of what they authorize. Its steps belong
// to those.
func (s *simulator) playBefore(entries []string) {
	for _, entry := range entries {
		s.play(entry, Decide)
		for _, planned := range s.world.Verifications {
			if planned.Stage != entry {
				continue
			}
			if found, err := s.world.Verifiable(planned, false); err == nil && len(found) > 0 { // one that is refused verifies nothing
				s.verify(found)
				s.play(entry, DecideOnward)
			}
		}
	}
	s.result.Steps = nil
}

// verify completes deployments that were authorized, as verified.
func (s *simulator) verify(found []Deployment) {
	for _, d := range found {
		s.do(Step{Kind: StepVerify, Stage: d.Stage, Environment: d.Environment, Version: d.Content.Version, Deployment: d.ID, Rollout: d.Rollout,
			Attempt: d.Attempt, Purpose: d.Kind, Content: d.Content, Reason: "Terraform deploys it"})
	}
}

// play does the steps of an entry until none is left, and returns the last decision.
func (s *simulator) play(entry string, decide func(World, string) Decision) Decision {
	for {
		d := decide(s.world, entry)
		s.result.Questions.add(d.Questions)
		if len(d.Steps) == 0 || len(s.result.Steps) >= maxSimulation {
			return d
		}
		begun := s.world.History.nextSeq() // what begins together is one rollout
		for _, step := range d.Steps {
			if step.Rollout == "" {
				step.Rollout = fmt.Sprintf("simulated-%d-%s", begun, step.Version)
			}
			s.do(step)
		}
	}
}

// do records a step as done and gone well.
func (s *simulator) do(step Step) {
	w := &s.world
	s.result.Steps = append(s.result.Steps, step)
	if begins := step.Kind == StepDeploy || step.Kind == StepAuthorize; begins &&
		!slices.ContainsFunc(w.Rollouts, func(r RolloutRecord) bool { return r.ID == step.Rollout }) {
		w.Rollouts = append(w.Rollouts, RolloutRecord{ID: step.Rollout, Stage: step.Stage, StartedAt: w.Now})
	}
	d := s.deployment(step)
	for _, o := range w.History.in(step.Environment) {
		switch {
		case o.ID == d.ID, o.Status == Superseded:
		case o.InFlight() && !o.Authorized(): // it was interrupted
			w.History.record(o.simulated(w.Now, DeploymentSuperseded))
		case o.ID == d.Replaces:
			w.History.record(o.simulated(w.Now, DeploymentRolledBack))
		case o.Authorized(), o.Status == Verified && step.Kind != StepAuthorize:
			w.History.record(o.simulated(w.Now, DeploymentSuperseded))
		}
	}
	w.History.record(d.simulated(w.Now, eventsOf(step, d)...))
	if !d.External() {
		w.Observations[step.Environment] = Observation{Running: true, Version: step.Version}
	}
}

// deployment returns the one that a step goes on with, or a new one that is not recorded yet.
func (s *simulator) deployment(step Step) Deployment {
	if step.Kind == StepResume || step.Kind == StepVerify {
		if known := s.world.History.withID(step.Deployment); known != nil {
			return *known
		}
	}
	seq := s.world.History.nextSeq()
	d := Deployment{ID: fmt.Sprintf("simulated-%d", seq), Seq: seq, Pipeline: s.world.Pipeline.Name, Stage: step.Stage, Environment: step.Environment,
		Content: step.Content, Kind: step.Purpose, Attempt: step.Attempt, Rollout: step.Rollout, MaxFailures: step.MaxFailures, Gates: step.Gates}
	if step.Kind == StepRollback {
		d.Replaces = step.Deployment
	}
	return d
}

// eventsOf lists what happens to a deployment when a step goes well.
func eventsOf(step Step, d Deployment) []DeploymentEvent {
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

// copied returns a world whose history, promotions and observations can be changed without the original noticing.
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

// With returns the world as it would be with the promotion recorded.
func (w World) With(p Promotion) World {
	w.Promotions = maps.Clone(w.Promotions)
	if w.Promotions == nil {
		w.Promotions = map[string]Promotion{}
	}
	w.Promotions[p.Spec.Stage] = p
	return w
}
