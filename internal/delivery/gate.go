package delivery

import (
	"fmt"
	"slices"
	"time"
)

// Verdict is a gate's answer.
type Verdict string

// The verdicts.
const (
	VerdictPassed  Verdict = "passed"
	VerdictPending Verdict = "pending" // time or a person can still satisfy it
	VerdictFailed  Verdict = "failed"  // it will not pass unless something changes
)

// GateResult is one gate's verdict with its reason.
type GateResult struct {
	Name    string  `json:"name"` // "approvals", "soak", "parity", "checks.NAME", "previous_stage"
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`
	// ReadyAt is the earliest moment at which the gate can pass by time alone; nil when time alone will not do it.
	ReadyAt *time.Time `json:"ready_at,omitempty"`
	// Approvals are the ids of the decisions that made the gate pass, sorted by who decided.
	Approvals []string `json:"approvals,omitempty"`
	// Override is the id of the override that skipped the gate; empty when it passed without one.
	Override string `json:"override,omitempty"`
}

// String gives the verdict as one line, as plans and waiting_on print it.
func (g GateResult) String() string {
	return fmt.Sprintf("%s: %s", g.Name, g.Reason)
}

// GatesPassed reports whether every gate passed.
func GatesPassed(gates []GateResult) bool {
	return !slices.ContainsFunc(gates, func(g GateResult) bool { return g.Verdict != VerdictPassed })
}

// candidate is a release that is to enter environments of a stage: what gates are evaluated for.
type candidate struct {
	World

	stage        Stage
	release      Release
	environments []string   // those to be deployed to
	next         []string   // those of them that are deployed to first
	joining      string     // the rollout that is under way and would be joined; empty when a new one begins
	underWay     bool       // it was begun already, and would go on
	policy       string     // whose gates are evaluated; empty for the stage's own
	questions    *Questions // takes what the gates need to know
}

// evaluate asks every gate of a stage about a release: the stage's own, which an override may skip, then those of every policy
// that holds there, then the freezes. A check without an answer is added to the questions.
func (c candidate) evaluate() []GateResult {
	gates := []GateResult{}
	if changed := c.release.Spec.Digest(); changed != c.release.Digest {
		gates = append(gates, GateResult{Name: "release", Verdict: VerdictFailed, Reason: fmt.Sprintf(
			"what the ledger holds of %s was changed after it was registered: its digest is %s now, and was %s; deliver another version", c.release.Spec.ID(), changed, c.release.Digest)})
	}
	if i := c.Pipeline.StageIndex(c.stage.Name); i > 0 {
		gates = append(gates, c.previousStage(c.Pipeline.Stages[i-1]))
	}
	gates = append(gates, c.evaluateGates(c.stage.Gates)...)
	if refused, ok := c.nobodyAuthorizes(); ok {
		gates = append(gates, refused)
	}
	if refused, ok := c.moving(); ok {
		gates = append(gates, refused)
	}
	if refused, ok := c.cannotGoBack(); ok {
		gates = append(gates, refused)
	}
	if refused, ok := c.unguarded(); ok {
		gates = append(gates, refused)
	}
	if frozen, ok := c.frozen(); ok {
		gates = append(gates, frozen)
	}
	gates = c.overridden(gates)
	for _, policy := range c.policies(c.stage) {
		c.policy = policy.Name
		for _, g := range c.evaluateGates(policy.Gates) {
			g.Name = "policy." + policy.Name + "." + g.Name
			gates = append(gates, g)
		}
	}
	return gates
}

// ask asks gates in a fixed order: decisions, evidence, time, likeness, the outside world, and expressions.
func (c candidate) evaluateGates(g Gates) []GateResult {
	gates := []GateResult{}
	if g.Approvals != nil {
		gates = append(gates, c.timedIf(g.Approvals.ExpiresAfter != "" || g.Approvals.demandsSignature(), c.approvals(*g.Approvals)))
	}
	for _, suite := range sortedKeys(g.Tests) {
		gates = append(gates, c.timedIf(g.Tests[suite].MaxAge != "", c.tests(suite, g.Tests[suite])))
	}
	if g.Soak != nil {
		gates = append(gates, c.timed(c.soak(*g.Soak)))
	}
	if len(g.Windows) > 0 {
		gates = append(gates, c.timed(windowsGate(g.Windows, c.Now)))
	}
	if g.Cooldown != nil {
		gates = append(gates, c.timed(c.cooldown(*g.Cooldown)))
	}
	if g.MaxDeploys != nil {
		gates = append(gates, c.timed(c.maxDeploys(*g.MaxDeploys)))
	}
	if g.Parity != nil {
		gates = append(gates, c.timedIf(c.parityEnds(), c.parity()))
	}
	for _, name := range sortedKeys(g.Checks) {
		gates = append(gates, c.check(name))
	}
	for _, name := range sortedKeys(g.Expressions) {
		gates = append(gates, c.expression(name, g.Expressions[name]))
	}
	return gates
}

// previousStage passes once the release's newest deployment in each environment of the stage before was verified.
func (c candidate) previousStage(before Stage) GateResult {
	result := GateResult{Name: "previous_stage", Verdict: VerdictPassed, Reason: fmt.Sprintf("verified in %s", before.Name)}
	for _, env := range before.Environments {
		d := c.History.ofVersion(env, c.release.Spec.Version)
		switch {
		case d != nil && d.brought(c.release):
			continue
		case d != nil && d.broke():
			result.Verdict = VerdictFailed
			result.Reason = fmt.Sprintf("%s %s in %s (%s); deliver a release that passes there", c.release.Spec.Version, d.Status.words(), before.Name, env)
			return result
		case d != nil && d.Authorized():
			result.Verdict = VerdictPending
			result.Reason = fmt.Sprintf("Terraform deploys %s to %s (%s), and no cd_verification has verified it there yet", c.release.Spec.Version, before.Name, env)
		default:
			result.Verdict = VerdictPending
			result.Reason = fmt.Sprintf("%s is not verified in %s (%s) yet", c.release.Spec.Version, before.Name, env)
		}
	}
	return result
}

// soak passes once the release has run verified in each environment of the stage for the whole duration, without a break.
func (c candidate) soak(gate SoakGate) GateResult {
	result := GateResult{Name: "soak", Verdict: VerdictPassed, Reason: fmt.Sprintf("ran verified in %s for %s", gate.Stage, gate.Duration)}
	stage, _ := c.Pipeline.Stage(gate.Stage)
	if len(stage.Environments) == 0 {
		return GateResult{Name: "soak", Verdict: VerdictFailed, Reason: fmt.Sprintf("stage %q does not exist", gate.Stage)}
	}
	var ready time.Time
	for _, env := range stage.Environments {
		one := c.soakIn(env, gate)
		if one.Verdict == VerdictPassed {
			continue
		}
		if one.ReadyAt == nil {
			return one
		}
		if one.ReadyAt.After(ready) {
			ready, result = *one.ReadyAt, one
		}
	}
	return result
}

func (c candidate) soakIn(env string, gate SoakGate) GateResult {
	version := c.release.Spec.Version
	d := c.History.ofVersion(env, version)
	if d == nil || !d.brought(c.release) {
		return GateResult{Name: "soak", Verdict: VerdictPending, Reason: fmt.Sprintf("%s does not run verified in %s (%s); %s of it are needed there", version, gate.Stage, env, gate.Duration)}
	}
	if latest := c.History.Latest(env); latest.failedRollback() && latest.Content.Version == version {
		return GateResult{Name: "soak", Verdict: VerdictPending, Reason: fmt.Sprintf("a rollback to %s failed in %s (%s), so it does not run verified there; %s of it are needed", version, gate.Stage, env, gate.Duration)}
	}
	ready := d.VerifiedAt.Add(gate.Duration.Value())
	switch {
	case d.Status == Superseded && d.SettledAt != nil && d.SettledAt.Before(ready):
		return GateResult{Name: "soak", Verdict: VerdictFailed, Reason: fmt.Sprintf("%s was replaced in %s (%s) before it had run there for %s; deliver it there again", version, gate.Stage, env, gate.Duration)}
	case c.Now.Before(ready):
		return GateResult{Name: "soak", Verdict: VerdictPending, ReadyAt: &ready, Reason: fmt.Sprintf("verified in %s since %s; passes at %s", gate.Stage, clock(*d.VerifiedAt), clock(ready))}
	}
	return GateResult{Name: "soak", Verdict: VerdictPassed}
}

// check turns a checker's answer into a verdict. The outside world can change at any time, so a "no" is pending; a check that
// cannot be asked will not pass until somebody mends it.
func (c candidate) check(name string) GateResult {
	key := CheckKey{Stage: c.stage.Name, Version: c.release.Spec.Version, Name: name, Policy: c.policy}
	result := GateResult{Name: "checks." + key.Name}
	answer, asked := c.Checks[key]
	switch {
	case !asked:
		c.questions.check(key)
		result.Verdict, result.Reason = VerdictPending, "not asked yet"
	case answer.Broken:
		result.Verdict, result.Reason = VerdictFailed, answer.Detail
	case answer.Passed:
		result.Verdict, result.Reason = VerdictPassed, answer.Detail
	default:
		result.Verdict, result.Reason = VerdictPending, answer.Detail
	}
	return result
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }
