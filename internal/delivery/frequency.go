package delivery

import (
	"fmt"
	"slices"
	"time"
)

// CooldownGate asks for a pause between two deliveries to the stage.
type CooldownGate struct {
	Duration Duration `json:"duration"`
}

// MaxDeploysGate bounds how many deliveries the stage gets within a while.
type MaxDeploysGate struct {
	Count int      `json:"count"`
	Per   Duration `json:"per"`
}

// RolloutRecord is one delivery to a stage, as cooldown and max_deploys count it: everything that was brought to its environments
// together. Taking a failed one back does not count.
type RolloutRecord struct {
	ID        string    `json:"id"`
	Stage     string    `json:"stage"`
	StartedAt time.Time `json:"started_at"`
}

// MaxRollouts is how many of a stage's newest rollouts a decision looks at, and so the most that max_deploys can count.
const MaxRollouts = 1000

func (c CooldownGate) validate(p problems) { c.Duration.validate(p.at("duration"), time.Second) }

func (m MaxDeploysGate) validate(p problems) {
	if m.Count < 1 || m.Count >= MaxRollouts {
		p.at("count").add("%d is not a number of deliveries; use 1 to %d", m.Count, MaxRollouts-1)
	}
	m.Per.validate(p.at("per"), time.Second)
}

// FrequencySpan is how far back a frequency gate of the pipeline's stages, or of a policy, looks; 0 without such a gate.
func (w World) FrequencySpan() (span time.Duration) {
	for _, g := range w.allGates() {
		if g.Cooldown != nil {
			span = max(span, g.Cooldown.Duration.Value())
		}
		if g.MaxDeploys != nil {
			span = max(span, g.MaxDeploys.Per.Value())
		}
	}
	return span
}

// ComparesRunning reports whether any gate of the pipeline's stages, or of a policy, looks at what runs.
func (w World) ComparesRunning() bool {
	return slices.ContainsFunc(w.allGates(), func(g Gates) bool { return g.Parity != nil })
}

// allGates lists those of each of the pipeline's stages, and of every policy.
func (w World) allGates() []Gates {
	all := make([]Gates, 0, len(w.Pipeline.Stages)+len(w.Policies))
	for _, s := range w.Pipeline.Stages {
		all = append(all, s.Gates)
	}
	for _, p := range w.Policies {
		all = append(all, p.Gates)
	}
	return all
}

// deliveries lists when the stage's rollouts began, newest first, except the one that is under way and would be joined.
func (c candidate) deliveries() []time.Time {
	starts := []time.Time{}
	for _, r := range slices.Backward(c.Rollouts) {
		if r.Stage == c.stage.Name && (c.joining == "" || r.ID != c.joining) {
			starts = append(starts, r.StartedAt)
		}
	}
	return starts
}

func (c candidate) cooldown(gate CooldownGate) GateResult {
	result := GateResult{Name: "cooldown", Verdict: VerdictPassed, Reason: fmt.Sprintf("nothing was delivered to %s for %s", c.stage.Name, gate.Duration)}
	starts := c.deliveries()
	if len(starts) == 0 {
		return result
	}
	if ready := starts[0].Add(gate.Duration.Value()); c.Now.Before(ready) {
		result.Verdict, result.ReadyAt = VerdictPending, &ready
		result.Reason = fmt.Sprintf("the last delivery to %s began at %s; passes at %s", c.stage.Name, clock(starts[0]), clock(ready))
	}
	return result
}

func (c candidate) maxDeploys(gate MaxDeploysGate) GateResult {
	since, within := c.Now.Add(-gate.Per.Value()), []time.Time{}
	for _, start := range c.deliveries() {
		if start.After(since) {
			within = append(within, start)
		}
	}
	result := GateResult{Name: "max_deploys", Verdict: VerdictPassed, Reason: fmt.Sprintf("%d of %d deliveries within %s", len(within), gate.Count, gate.Per)}
	if len(within) >= gate.Count {
		ready := within[gate.Count-1].Add(gate.Per.Value())
		result.Verdict, result.ReadyAt = VerdictPending, &ready
		result.Reason += "; passes at " + clock(ready)
	}
	return result
}
