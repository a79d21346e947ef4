package delivery

import (
	"fmt"
	"slices"
)

// comparison is what the parity gate found so far.
type comparison struct {
	compared int
	broken   []string // what differs without leave: the gate will not pass
	missing  []string // what is not known: the gate does not pass yet
	said     map[difference]bool
}

// difference is what one environment has and another has not.
type difference struct{ key, value, in, other, there string }

// parity passes when the stage's environments, and those of earlier stages that claim to equal them, differ only as declared. They
// are compared twice: as they are declared now, and, where the release was tested in one of them on its way here, as it ran there
// then. Who changed a tested environment or the one that it stands for since then has tested something else.
func (w World) parity(in entering, asks *Questions) GateResult {
	c := comparison{said: map[difference]bool{}}
	at := w.Pipeline.StageIndex(in.stage.Name)
	for i, s := range w.Pipeline.Stages[:at+1] {
		for _, name := range s.Environments {
			env := w.Environments[name]
			switch {
			case env.Parity == nil:
			case i == at:
				c.declared(w, env, s)
				if tested, ok := w.stageOf(env.Parity.With); ok && w.Pipeline.StageIndex(tested.Name) < at {
					c.tested(w, in, env, env.Parity.With, name, asks)
				}
			case slices.Contains(in.stage.Environments, env.Parity.With):
				c.declared(w, env, s)
				c.tested(w, in, env, name, env.Parity.With, asks)
			}
		}
	}
	return c.result(in.stage.Name)
}

func (c comparison) result(stage string) GateResult {
	result := GateResult{Name: "parity", Verdict: VerdictPassed, Reason: "equal but for declared differences"}
	switch {
	case c.compared == 0:
		result.Verdict = VerdictFailed
		result.Reason = fmt.Sprintf("nothing is compared: no environment of %s declares parity, and none of an earlier stage declares it with one of them; set parity.with on the environment that stands for production", stage)
	case len(c.broken) > 0:
		result.Verdict, result.Reason = VerdictFailed, enumerated(c.broken, "; ", maxRefusals)
	case len(c.missing) > 0:
		result.Verdict, result.Reason = VerdictPending, enumerated(c.missing, "; ", maxRefusals)
	}
	return result
}

// declared compares an environment with its reference, as both are declared now, each with its stage's own configuration.
func (c *comparison) declared(w World, env EnvironmentSpec, stage Stage) {
	c.compared++
	reference, ok := w.Environments[env.Parity.With]
	if !ok {
		c.broken = append(c.broken, fmt.Sprintf("%s declares parity with %q, which does not exist", env.Name, env.Parity.With))
		return
	}
	other, _ := w.stageOf(reference.Name)
	for _, d := range NotAllowed(Differences(env.Facts(stage.Config), reference.Facts(other.Config), env.Parity.Allow, w.Now)) {
		c.said[difference{d.Key, shown(d.This), env.Name, shown(d.Other), reference.Name}] = true
		c.said[difference{d.Key, shown(d.Other), reference.Name, shown(d.This), env.Name}] = true
		c.broken = append(c.broken, fmt.Sprintf("%s is %s in %s and %s in %s (%s)", d.Key, shown(d.This), env.Name, shown(d.Other), reference.Name, d.Reason))
	}
}

// tested compares what the release ran with where it was tested, and what it would run with in an environment of the stage that it
// enters. claim is the one of the two that declares parity.
func (c *comparison) tested(w World, in entering, claim EnvironmentSpec, tested, entered string, asks *Questions) {
	version := in.release.Spec.Version
	test := w.History.ofVersion(tested, version)
	if test == nil || !test.brought(in.release) {
		c.missing = append(c.missing, fmt.Sprintf("%s is not verified in %s yet, so nothing says what it was tested with", version, tested))
		return
	}
	place, ok := w.Environments[entered]
	if !ok {
		return // said already
	}
	c.observed(w, *test, asks)
	ran, would := test.Content.facts(w.Environments[tested]), ContentFor(in.stage, place, in.release).facts(place)
	this, other := ran, would
	if claim.Name == entered {
		this, other = would, ran
	}
	for _, d := range NotAllowed(Differences(this, other, claim.Parity.Allow, w.Now)) {
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
func (c *comparison) observed(w World, test Deployment, asks *Questions) {
	if latest := w.History.Latest(test.Environment); latest.ID != test.ID || test.Content.Target == nil {
		return
	}
	unknown := map[string]string{}
	why, drifted := w.drift(test.Environment, unknown, asks)
	switch _, seen := w.Observations[test.Environment]; {
	case drifted:
		c.broken = append(c.broken, fmt.Sprintf("%s, so it is not what %s was tested with", why, test.Content.Version))
	case unknown[test.Environment] != "":
		c.missing = append(c.missing, fmt.Sprintf("whether %s drifted cannot be told: %s", test.Environment, unknown[test.Environment]))
	case !seen:
		c.missing = append(c.missing, fmt.Sprintf("%s was not looked at yet", test.Environment))
	}
}

// facts gives what parity compares of what was deployed, in the place where it was.
func (c Content) facts(place EnvironmentSpec) Facts {
	return Facts{Config: c.Config, Secrets: c.Secrets, Platform: place.Platform}
}
