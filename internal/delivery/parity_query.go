package delivery

import (
	"fmt"
	"slices"
	"strings"
)

// ParitySource says what of two environments is compared.
type ParitySource string

// The sources.
const (
	ParityDeclared ParitySource = "declared" // what they are declared to have
	ParityRunning  ParitySource = "running"  // what the last verified deployments brought there, and whether it is there still
)

// ParityQuery asks how an environment differs from another one.
type ParityQuery struct {
	Environment string `json:"environment"`
	With        string `json:"with"`
	// Pipeline brings in its stages' own configuration; running needs it.
	Pipeline string       `json:"pipeline,omitempty"`
	Source   ParitySource `json:"source,omitempty"` // empty means declared
}

// Validate checks the question alone.
func (q ParityQuery) Validate() Errors {
	p := newProblems()
	validateName(p.at("environment"), q.Environment)
	validateName(p.at("with"), q.With)
	if q.With != "" && q.With == q.Environment {
		p.at("with").add("an environment cannot be compared with itself; name another one")
	}
	switch q.Source {
	case "", ParityDeclared:
	case ParityRunning:
		if q.Pipeline == "" {
			p.at("pipeline").add("what runs is what a pipeline brought there; name the pipeline")
		}
	default:
		p.at("source").add("%q is not a source; use \"declared\" or \"running\"", q.Source)
	}
	if q.Pipeline != "" {
		validateName(p.at("pipeline"), q.Pipeline)
	}
	return p.errors()
}

// ParityResult is how an environment differs from another one.
type ParityResult struct {
	InParity    bool         `json:"in_parity"` // nothing differs but what is allowed, and nothing is unknown
	Differences []Difference `json:"differences"`
	Report      string       `json:"report"` // the differences as text
}

// Parity compares two environments of the world, as they are declared or as they run. What is allowed is what the first one
// declares of the second; when it declares nothing of it, nothing is.
func (w World) Parity(q ParityQuery) (ParityResult, Questions) {
	questions := Questions{}
	var allow map[string]Allowance
	if p := w.Environments[q.Environment].Parity; p != nil && p.With == q.With {
		allow = p.Allow
	}
	this, other := side{name: q.Environment, title: q.Environment}, side{name: q.With, title: q.With}
	compare := w.declares
	if q.Source == ParityRunning {
		compare = w.runs
	}
	compare(&this, &questions)
	compare(&other, &questions)
	found := []Difference{}
	if this.unknown == "" && other.unknown == "" {
		found = Differences(this.facts, other.facts, allow, w.Now)
	}
	found = append(found, besides(partRunning+".drift", this.drift, other.drift, "what runs is not what was deployed; deliver it again")...)
	found = append(found, besides(partRunning+".unknown", this.unknown, other.unknown, "what is not known is not equal")...)
	slices.SortFunc(found, func(a, b Difference) int { return strings.Compare(a.Key, b.Key) })
	return ParityResult{InParity: len(NotAllowed(found)) == 0, Differences: found, Report: ParityReport(this.title, other.title, found)}, questions
}

// side is what is compared of one environment.
type side struct {
	name, title    string
	facts          Facts
	drift, unknown string
}

func (w World) declares(s *side, _ *Questions) {
	stage, _ := w.stageOf(s.name)
	s.facts = w.Environments[s.name].Facts(stage.Config)
}

func (w World) runs(s *side, questions *Questions) {
	current := w.History.Current(s.name)
	if current == nil {
		s.unknown = "nothing was ever verified there"
		return
	}
	s.facts = current.Content.facts(w.Environments[s.name])
	s.title = fmt.Sprintf("%s (%s)", s.name, current.Content.Version)
	if current.Content.Target == nil {
		return // nobody can look there: what was recorded has to do
	}
	unknown := map[string]string{}
	if _, drifted := w.drift(s.name, unknown, questions); drifted {
		s.drift = w.Observations[s.name].describe()
	}
	s.unknown = unknown[s.name]
}

// besides makes a difference of what is known of places beside what they hold; none when there is nothing to say of either.
func besides(key, this, other, reason string) []Difference {
	if this == "" && other == "" {
		return nil
	}
	d := Difference{Key: key, Reason: reason}
	if this != "" {
		d.This = &this
	}
	if other != "" {
		d.Other = &other
	}
	return []Difference{d}
}
