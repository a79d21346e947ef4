package delivery

import (
	"slices"
	"time"
)

// World is everything a decision is made from, as it is at one moment. It is loaded by the engine and never changed by
// deciding: functions that look ahead work on copies.
type World struct {
	Now          time.Time
	Pipeline     PipelineSpec
	Environments map[string]EnvironmentSpec // those of the pipeline, and their parity references
	Releases     map[string]Release         // by version
	Promotions   map[string]Promotion       // by the stage they enter
	Approvals    []Approval                 // revoked ones too
	Signers      map[string]string          // by approval: the public key whose signature of its payload was verified
	Reports      []TestReport               // withdrawn ones too
	Freezes      []FreezeSpec
	Overrides    []Override               // not revoked
	Policies     []PolicySpec             // all of them
	Rollouts     []RolloutRecord          // of each stage the newest MaxRollouts, as far as FrequencySpan reaches, ascending
	History      *History                 // what was deployed; nil: nothing
	Observations map[string]Observation   // by environment; absent: not observed yet
	Checks       map[CheckKey]CheckResult // absent: not asked yet
	Rollbacks    map[RollbackKey]string   // what a rollback would not find; empty: nothing; absent: not asked yet
	// Verifications are those that the plan which is looked ahead for is about to make; otherwise there are none.
	Verifications []VerificationSpec
	// Head is the last event of the log that the world was loaded from, by its hash. No decision depends on it.
	Head string
	// Ledger is which ledger that was, and when its newest event was recorded.
	Ledger Ledger
	// Unregistered are the releases that only that plan knows, by version.
	Unregistered []string
	// Tried are the deployments that the work which decides has brought to an end itself, by id: it does not try the same again and again.
	Tried map[string]bool
	// Replatformed are the environments whose platform the plan that is looked ahead for changes.
	Replatformed []string
	// ResolvePath tells which directories are the same; nil compares their names.
	ResolvePath PathResolver
	// Acting says that what is decided is about to be done. Only then are secrets resolved.
	Acting bool
}

// CheckKey names one question of a stage's gate, or of a policy's, about one release.
type CheckKey struct {
	Stage   string `json:"stage"`
	Version string `json:"version"`
	Name    string `json:"name"`
	Policy  string `json:"policy,omitempty"` // empty for the stage's own
}

// Questions is what a decision still needs to know about the world. Deciding goes on without it, as if the answer were the least
// favorable one; the caller finds the answers and decides again.
type Questions struct {
	Observations []string
	Checks       []CheckKey
	Rollbacks    []RollbackQuestion
}

// Empty reports whether nothing is left to ask.
func (q Questions) Empty() bool {
	return len(q.Observations) == 0 && len(q.Checks) == 0 && len(q.Rollbacks) == 0
}

func (q *Questions) observe(environment string) {
	if !slices.Contains(q.Observations, environment) {
		q.Observations = append(q.Observations, environment)
	}
}

func (q *Questions) check(key CheckKey) {
	if !slices.Contains(q.Checks, key) {
		q.Checks = append(q.Checks, key)
	}
}

func (q *Questions) rollback(question RollbackQuestion) {
	if !slices.ContainsFunc(q.Rollbacks, func(known RollbackQuestion) bool { return known.RollbackKey == question.RollbackKey }) {
		q.Rollbacks = append(q.Rollbacks, question)
	}
}

func (q *Questions) add(others Questions) {
	for _, environment := range others.Observations {
		q.observe(environment)
	}
	for _, key := range others.Checks {
		q.check(key)
	}
	for _, question := range others.Rollbacks {
		q.rollback(question)
	}
}

// sameAs reports whether two contents bring the same thing.
func (c Content) sameAs(o Content) bool {
	return c.ReleaseDigest == o.ReleaseDigest && c.ConfigRevision == o.ConfigRevision
}

// stageOf returns the stage that deploys to an environment.
func (w World) stageOf(environment string) (Stage, bool) {
	for _, s := range w.Pipeline.Stages {
		if slices.Contains(s.Environments, environment) {
			return s, true
		}
	}
	return Stage{}, false
}

// GateCheck returns the check that a key asks.
func (w World) GateCheck(key CheckKey) (Check, bool) {
	if key.Policy == "" {
		stage, _ := w.Pipeline.Stage(key.Stage)
		check, ok := stage.Gates.Checks[key.Name]
		return check, ok
	}
	i := slices.IndexFunc(w.Policies, func(p PolicySpec) bool { return p.Name == key.Policy })
	if i < 0 {
		return Check{}, false
	}
	check, ok := w.Policies[i].Gates.Checks[key.Name]
	return check, ok
}
