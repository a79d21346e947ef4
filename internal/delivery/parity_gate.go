package delivery

import (
	"fmt"
	"slices"
)

// comparison is what the parity gate found so far.
type comparison struct {
	candidate

	compared int
	broken   []string // what differs and is not declared: the gate will not pass
	missing  []string // what is not known: the gate does not pass yet
	said     map[difference]bool
}

// difference is what one environment has and another has not.
type difference struct{ key, value, in, other, there string }

// parity passes when the stage's environments, and those of earlier stages that claim to equal them, differ only as declared. They
// are compared twice: as they are declared now, and, where the release was tested in one of them on its way here, as it ran there
// then. Who changed a tested environment or the one that it stands for since then has tested something else.
func (c candidate) parity() GateResult {
	found := comparison{candidate: c, said: map[difference]bool{}}
	at := c.Pipeline.StageIndex(c.stage.Name)
	for i, s := range c.Pipeline.Stages[:at+1] {
		for _, name := range s.Environments {
			env := c.Environments[name]
			switch {
			case env.Parity == nil:
			case i == at:
				found.declared(env, s)
				if tested, ok := c.stageOf(env.Parity.With); ok && c.Pipeline.StageIndex(tested.Name) < at {
					found.tested(env, env.Parity.With, name)
				}
			case slices.Contains(c.stage.Environments, env.Parity.With):
				found.declared(env, s)
				found.tested(env, name, env.Parity.With)
			}
		}
	}
	return found.result()
}

func (c comparison) result() GateResult {
	result := GateResult{Name: "parity", Verdict: VerdictPassed, Reason: "equal, except for declared differences"}
	switch {
	case c.compared == 0:
		result.Verdict = VerdictFailed
		result.Reason = fmt.Sprintf("nothing is compared: no environment of %s declares parity, and none of an earlier stage declares it with one of them; set parity.with on the environment that stands for production", c.stage.Name)
	case len(c.broken) > 0:
		result.Verdict, result.Reason = VerdictFailed, enumerated(c.broken, "; ", maxRefusals)
	case len(c.missing) > 0:
		result.Verdict, result.Reason = VerdictPending, enumerated(c.missing, "; ", maxRefusals)
	}
	return result
}

// declared compares an environment with its reference, as both are declared now, each with its stage's own configuration.
func (c *comparison) declared(env EnvironmentSpec, stage Stage) {
	c.compared++
	reference, ok := c.Environments[env.Parity.With]
	if !ok {
		c.broken = append(c.broken, fmt.Sprintf("%s declares parity with %q, which does not exist", env.Name, env.Parity.With))
		return
	}
	other, _ := c.stageOf(reference.Name)
	for _, d := range NotAllowed(Differences(env.Facts(stage.Config), reference.Facts(other.Config), env.Parity.Allow, c.Now)) {
		c.said[difference{d.Key, shown(d.This), env.Name, shown(d.Other), reference.Name}] = true
		c.said[difference{d.Key, shown(d.Other), reference.Name, shown(d.This), env.Name}] = true
		c.broken = append(c.broken, fmt.Sprintf("%s is %s in %s and %s in %s (%s)", d.Key, shown(d.This), env.Name, shown(d.Other), reference.Name, d.Reason))
	}
}

// tested compares what the release ran with where it was tested, and what it would run with in an environment of the stage that it
// enters. claim is the one of the two that declares parity.
func (c *comparison) tested(claim EnvironmentSpec, tested, entered string) {
	version := c.release.Spec.Version
	test := c.History.ofVersion(tested, version)
	if test == nil || !test.brought(c.release) {
		c.missing = append(c.missing, fmt.Sprintf("%s is not verified in %s yet, so nothing says what it was tested with", version, tested))
		return
	}
	env, ok := c.Environments[entered]
	if !ok {
		return // said already
	}
	c.observed(test)
	ran, would := test.Content.facts(c.Environments[tested]), ContentFor(c.stage, env, c.release).facts(env)
	this, other := ran, would
	if claim.Name == entered {
		this, other = would, ran
	}
	for _, d := range NotAllowed(Differences(this, other, claim.Parity.Allow, c.Now)) {
		was, will := d.This, d.Other
		if claim.Name == entered {
			was, will = d.Other, d.This
		}
		if !c.said[difference{d.Key, shown(was), tested, shown(will), entered}] { // as declared, it is the same
			c.broken = append(c.broken, fmt.Sprintf("%s was %s in %s when %s was tested there, and would be %s in %s (%s); deliver it to %s again",
				d.Key, shown(was), tested, version, shown(will), entered, d.Reason, tested))
		}
	}
}

// observed asks what runs where a release was tested, as long as that is what should run there. An environment without a target
// cannot be looked at: what was recorded has to do.
func (c *comparison) observed(test *Deployment) {
	if latest := c.History.Latest(test.Environment); latest.ID != test.ID || test.Content.Target == nil {
		return
	}
	unknown := map[string]string{}
	why, drifted := c.drift(test.Environment, unknown, c.questions)
	switch _, seen := c.Observations[test.Environment]; {
	case drifted:
		c.broken = append(c.broken, fmt.Sprintf("%s, so it is not what %s was tested with", why, test.Content.Version))
	case unknown[test.Environment] != "":
		c.missing = append(c.missing, fmt.Sprintf("whether %s drifted cannot be told: %s", test.Environment, unknown[test.Environment]))
	case !seen:
		c.missing = append(c.missing, fmt.Sprintf("%s was not looked at yet", test.Environment))
	}
}

// facts gives what parity compares of what was deployed in an environment.
func (c Content) facts(env EnvironmentSpec) Facts {
	return Facts{Config: c.Config, Secrets: c.Secrets, Platform: env.Platform}
}
