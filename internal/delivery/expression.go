package delivery

import (
	"fmt"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/expr"
)

// Expression is a gate in the user's own words: a condition in CEL that must be true in each environment of the stage.
// Package expr has the variables and functions that it may use.
type Expression struct {
	Condition string `json:"condition"` // at most expr.MaxConditionBytes
	Message   string `json:"message"`   // why it matters; shown when the condition is false; at most MaxMessageBytes
}

// MaxMessageBytes is the longest message of an expression.
const MaxMessageBytes = 1 << 10

func (e Expression) validate(p problems) {
	_, flaws := expr.Compile(e.Condition)
	for _, flaw := range flaws {
		p.at("condition").add("%s", flaw)
	}
	switch {
	case strings.TrimSpace(e.Message) == "":
		p.at("message").add("say why the condition matters; the message is what people read when it is false")
	case len(e.Message) > MaxMessageBytes:
		p.at("message").add("the message has %d bytes; at most %d are allowed", len(e.Message), MaxMessageBytes)
	}
}

// expressionsGate passes when the expression is true in each environment. Where it is false it stays false, unless it reads
// the time; an expression that cannot be evaluated never passes.
func expressionsGate(name string, e Expression, inputs []expr.Input) GateResult {
	result := GateResult{Name: "expressions." + name, Verdict: VerdictFailed}
	program, flaws := expr.Compile(e.Condition)
	if len(flaws) > 0 {
		result.Reason = "the condition is not valid: " + strings.Join(flaws, "; ")
		return result
	}
	if len(inputs) == 0 {
		result.Reason = "there is no environment to ask about"
		return result
	}
	refusing := []string{}
	for _, in := range inputs {
		yes, err := program.Eval(in)
		if err != nil {
			result.Reason = fmt.Sprintf("the condition cannot be answered for %s: %s", in.Environment.Name, err)
			return result
		}
		if !yes {
			refusing = append(refusing, in.Environment.Name)
		}
	}
	if len(refusing) == 0 {
		result.Verdict, result.Reason = VerdictPassed, "the condition is true"
		return result
	}
	if program.ReadsNow() {
		result.Verdict = VerdictPending
	}
	result.Reason = e.Message
	if len(inputs) > 1 {
		result.Reason += " (" + strings.Join(refusing, ", ") + ")"
	}
	return result
}

// expressionInputs returns the input of expressions, once for each environment to be deployed to.
func (c candidate) expressionInputs() []expr.Input {
	inputs := make([]expr.Input, 0, len(c.environments))
	for _, name := range c.environments {
		environment := c.Environments[name]
		input := expr.Input{
			Now: c.Now, Pipeline: c.Pipeline.Name, Stage: expr.Stage{Name: c.stage.Name, Promotion: string(c.stage.Promotion)},
			Environment: expr.Environment{Name: environment.Name, Tier: string(environment.Tier), Platform: environment.Platform},
			Config:      overlaid(environment.Config, c.stage.Config), Release: c.release.forExpressions(),
		}
		if current := c.History.Current(name); current != nil {
			previous := c.releaseOf(*current).forExpressions()
			input.Previous = &previous
		}
		inputs = append(inputs, input)
	}
	return inputs
}

// releaseOf returns the release of a deployment. One that the world does not hold is made from what was deployed: a condition
// may be laxer when it reads that nothing runs.
func (w World) releaseOf(d Deployment) Release {
	if release, ok := w.Releases[d.Content.Version]; ok {
		return release
	}
	return Release{Digest: d.Content.ReleaseDigest, Spec: ReleaseSpec{Pipeline: w.Pipeline.Name, Version: d.Content.Version, Artifacts: d.Content.Artifacts}}
}

func (r Release) forExpressions() expr.Release {
	seen := expr.Release{
		Version: r.Spec.Version, Digest: r.Digest, Author: r.Author(), RegisteredBy: r.RegisteredBy, RegisteredAt: r.RegisteredAt,
		Labels: r.Spec.Labels, Artifacts: make(map[string]expr.Artifact, len(r.Spec.Artifacts)),
	}
	for name, a := range r.Spec.Artifacts {
		seen.Artifacts[name] = expr.Artifact{URI: a.URI, Digest: a.Digest}
	}
	if s := r.Spec.Source; s != nil {
		seen.Source = &expr.Source{Repository: s.Repository, Revision: s.Revision, Author: s.Author, CommittedAt: s.CommittedAt.Value()}
	}
	return seen
}
