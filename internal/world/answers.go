package world

import (
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Answers is what the outside world said to the questions of a decision. They are kept apart from the ledger's part of the world, so
// that the ledger can be read again, inside a transaction, without asking twice.
type Answers struct {
	Pipeline     string
	observations map[string]observed
	checks       map[delivery.CheckKey]delivery.CheckResult
	rollbacks    map[delivery.RollbackKey]string // what each would not find
	pending      map[string]delivery.Recording   // what the ledger does not know yet, by subject
}

// observed is what was seen in an environment, and which deployment was expected there: it says nothing about a later one.
type observed struct {
	delivery.Observation
	expected string
}

// NewAnswers has no answer yet.
func NewAnswers(pipeline string) Answers {
	return Answers{Pipeline: pipeline, observations: map[string]observed{}, checks: map[delivery.CheckKey]delivery.CheckResult{},
		rollbacks: map[delivery.RollbackKey]string{}, pending: map[string]delivery.Recording{}}
}

// Recorded has the answers that the ledger remembers.
func Recorded(pipeline string, recordings []delivery.Recording) Answers {
	a := NewAnswers(pipeline)
	for _, r := range recordings {
		switch {
		case r.Observation != nil:
			a.observations[r.Environment] = observed{*r.Observation, r.Expected}
		case r.Check != nil && r.Result != nil:
			a.checks[*r.Check] = *r.Result
		case r.Rollback != nil:
			key := *r.Rollback
			key.References = false // a reader resolves nothing, and is told all the same
			a.rollbacks[key] = r.Lacks
		}
	}
	return a
}

// Again has no answer yet, and what the ledger does not know of these.
func (a Answers) Again() Answers {
	next := NewAnswers(a.Pipeline)
	next.pending = a.pending
	return next
}

// Pending lists what the ledger does not know yet, sorted by subject.
func (a Answers) Pending() []delivery.Recording {
	pending := make([]delivery.Recording, 0, len(a.pending))
	for _, subject := range slices.Sorted(maps.Keys(a.pending)) {
		pending = append(pending, a.pending[subject])
	}
	return pending
}

// Keep notes that the ledger knows everything by now.
func (a Answers) Keep() { clear(a.pending) }

// ForNextWave keeps what was seen a moment ago, so that the environments of a large stage are not observed again for each of its waves.
// Everything that a gate depends on is forgotten, because gates are asked at the moment of each deployment: the answers of checks, and
// observations too where a gate compares what runs.
func (a Answers) ForNextWave(w delivery.World) Answers {
	next := a.Again()
	if !w.ComparesRunning() {
		next.observations = a.observations
	}
	return next
}

// For returns the answers that hold in another world too: what was seen, and what checks said that are the same there.
func (a Answers) For(from, to delivery.World) Answers {
	next := a.Again()
	next.observations, next.rollbacks = a.observations, a.rollbacks
	for key, result := range a.checks {
		before, _ := from.GateCheck(key)
		after, asked := to.GateCheck(key)
		if asked && reflect.DeepEqual(before, after) {
			next.checks[key] = result
		}
	}
	return next
}

// Apply returns the world with the answers that still apply to it.
func (a Answers) Apply(w delivery.World) delivery.World {
	w.Checks, w.Rollbacks, w.Observations = a.checks, a.rollbacks, map[string]delivery.Observation{}
	for env, seen := range a.observations {
		if seen.expected == expectedIn(w, env) {
			w.Observations[env] = seen.Observation
		}
	}
	return w
}

// AddObservation records what was seen in an environment of the world, and from where.
func (a Answers) AddObservation(w delivery.World, env, from string, seen delivery.Observation) {
	one := observed{seen, expectedIn(w, env)}
	a.observations[env] = one
	a.note(delivery.Recording{At: w.Now, From: from, Environment: env, Expected: one.expected, Observation: &seen})
}

// AddCheck records what the check of a gate of the world said, and from where it was asked.
func (a Answers) AddCheck(w delivery.World, key delivery.CheckKey, from string, result delivery.CheckResult) {
	a.checks[key] = result
	a.note(delivery.Recording{At: w.Now, From: from, Check: &key, Result: &result})
}

// AddRollback records what a rollback would not find, and from where it was looked for.
func (a Answers) AddRollback(w delivery.World, key delivery.RollbackKey, from, lacks string) {
	a.rollbacks[key] = lacks
	a.note(delivery.Recording{At: w.Now, From: from, Rollback: &key, Lacks: lacks})
}

func (a Answers) note(r delivery.Recording) { a.pending[r.Subject()] = r }

// Observation is what was seen in an environment, if it was observed.
func (a Answers) Observation(env string) delivery.Observation { return a.observations[env].Observation }

// expectedIn names what was deployed last in an environment: what runs there, and a later deployment that did not come to run.
func expectedIn(w delivery.World, env string) string {
	current, latest := w.History.Current(env), w.History.Latest(env)
	switch {
	case current == nil:
		return ""
	case latest.ID != current.ID:
		return current.ID + ", then " + latest.ID + " " + string(latest.Status)
	}
	return current.ID
}

// Answerer answers questions about the outside world. Each question gets an answer, if only that there is none.
type Answerer interface {
	Answer(ctx context.Context, w delivery.World, questions delivery.Questions, into Answers) error
}

// Resolve evaluates a question of the world until nothing is left to ask: it is called again with every answer found.
func Resolve(ctx context.Context, w delivery.World, by Answerer, found Answers, question func(delivery.World) delivery.Questions) error {
	for {
		asked := question(found.Apply(w))
		if asked.Empty() {
			return nil
		}
		if err := by.Answer(ctx, w, asked, found); err != nil {
			return err
		}
	}
}
