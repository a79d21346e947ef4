package delivery

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// rollbackGate is the name of the verdict that refuses a deployment whose failure could not be rolled back.
const rollbackGate = "rollback"

// RollbackKey names one question about the outside world: could an environment be taken back to a content?
type RollbackKey struct {
	Environment    string `json:"environment"`
	ReleaseDigest  string `json:"release_digest"`
	ConfigRevision string `json:"config_revision"`
	// References says that references to secrets are resolved too. Only a process that is about to deploy does that.
	References bool `json:"references,omitempty"`
}

// RollbackQuestion asks whether a rollback would find what it needs.
type RollbackQuestion struct {
	RollbackKey
	// Deployment is the rollback as it would be, with the receipt of an earlier deployment of the same content.
	Deployment Deployment
	// References are those that nothing but the rollback needs, by what needs them. The others are resolved for the deployment itself.
	References map[string]string
}

// cannotGoBack refuses a deployment if it could not be rolled back: the artifacts of what runs now are gone, and the target keeps no copy, or
// a secret of it is gone. Where the stage halts on failure, or has nothing to go back to, nothing is asked. ok is false if a rollback would
// find all that it needs.
func (c candidate) cannotGoBack() (result GateResult, ok bool) {
	if c.stage.Failure() == Halt || c.underWay {
		return result, false
	}
	lacking := map[[2]string][]string{} // environments, by the version to go back to and what it lacks
	for _, env := range c.beginning() {
		question, asks := c.rollbackQuestion(env)
		if !asks {
			continue
		}
		why, answered := c.Rollbacks[question.RollbackKey]
		switch {
		case !answered:
			c.questions.rollback(question)
		case why != "":
			lack := [2]string{question.Deployment.Content.Version, why}
			lacking[lack] = append(lacking[lack], env)
		}
	}
	if len(lacking) == 0 {
		return result, false
	}
	return GateResult{Name: rollbackGate, Verdict: VerdictFailed, Reason: fmt.Sprintf(
		"if %s failed, it could not be rolled back: %s. Bring that back, or set on_failure = \"halt\" for stage %q: then nothing is rolled back",
		c.release.Spec.Version, strings.Join(lackLines(lacking), "; "), c.stage.Name)}, true
}

func lackLines(lacking map[[2]string][]string) []string {
	lines := []string{}
	for lack, environments := range lacking {
		lines = append(lines, fmt.Sprintf("%s cannot be put back in %s: %s", lack[0], enumerated(environments, ", ", maxNamed), lack[1]))
	}
	slices.Sort(lines)
	return lines
}

// beginning lists the environments that are asked about: all of them before a rollout begins, so that it is refused before anything is
// touched, and then those that are next.
func (c candidate) beginning() []string {
	if c.joining != "" {
		return c.next
	}
	return c.environments
}

// rollbackQuestion asks about what a failure of the release in an environment would be rolled back to; ok is false if there is nothing to go
// back to. What the same plan registers is not asked about: its artifacts may yet be built.
func (c candidate) rollbackQuestion(env string) (q RollbackQuestion, ok bool) {
	wanted := ContentFor(c.stage, c.Environments[env], c.release)
	if wanted.Target == nil {
		return q, false
	}
	back := c.History.rollbackTarget(&Deployment{Environment: env, Content: wanted, Seq: c.History.nextSeq()})
	if back == nil || slices.Contains(c.Unregistered, back.Content.Version) {
		return q, false
	}
	q = RollbackQuestion{
		RollbackKey: RollbackKey{Environment: env, ReleaseDigest: back.Content.ReleaseDigest, ConfigRevision: back.Content.ConfigRevision},
		Deployment: Deployment{Pipeline: c.Pipeline.Name, Stage: c.stage.Name, Environment: env, Content: back.Content, Kind: KindRollback,
			Receipt: c.History.Receipt(env, back.Content)},
	}
	if c.Acting {
		q.References = back.Content.onlyReferences(wanted)
		q.RollbackKey.References = len(q.References) > 0
	}
	return q, true
}

// Receipt is what the driver left of the newest deployment of a content to an environment that was verified; empty if there is none.
func (h *History) Receipt(environment string, content Content) string {
	d := h.newest(environment, func(d *Deployment) bool { return d.Receipt != "" && d.ranVerified() && d.Content.sameAs(content) })
	if d == nil {
		return ""
	}
	return d.Receipt
}

// Irreversible says why a delivery may not begin because its failure could not be undone, as a refusal at its version: a rollback would not
// find what it needs, or the environment moved. Nil if it could be undone.
func (d Decision) Irreversible() *Error {
	for _, s := range d.Stages {
		for _, g := range s.Gates {
			if (g.Name == moveGate || g.Name == rollbackGate) && g.Verdict == VerdictFailed {
				return &Error{Code: CodeConflict, Field: "version", Message: fmt.Sprintf("%s may not enter stage %q: %s", s.Version, s.Stage, g.Reason)}
			}
		}
	}
	return nil
}

// references lists what a content refers to, by what needs it.
func (c Content) references() map[string]string {
	all := map[string]string{}
	for name, reference := range c.Secrets {
		all["secret "+name] = reference
	}
	for name, reference := range c.Target.Credentials() {
		all["target."+c.Target.Kind()+"."+name] = reference
	}
	return all
}

// onlyReferences lists what this content refers to and the other one does not.
func (c Content) onlyReferences(other Content) map[string]string {
	known := slices.Collect(maps.Values(other.references()))
	all := c.references()
	maps.DeleteFunc(all, func(_, reference string) bool { return slices.Contains(known, reference) })
	return all
}
