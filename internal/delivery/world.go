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
	Reports      []TestReport               // not withdrawn
	Freezes      []FreezeSpec
	Overrides    []Override               // not revoked
	Policies     []PolicySpec             // all of them
	Rollouts     []RolloutRecord          // of each stage the newest MaxRollouts, as far as CadenceSpan reaches, ascending
	Deployments  []Deployment             // ascending by Seq
	Observations map[string]Observation   // by environment; absent: not observed yet
	Checks       map[CheckKey]CheckResult // absent: not asked yet
	// Verifications are those that the plan which is looked ahead for is about to make; otherwise there are none.
	Verifications []VerificationSpec

	places map[string][]int // positions in Deployments by environment; nil: not indexed
}

// indexed returns the world with its deployments indexed by environment: a stage may have a thousand, and each is asked about often.
// Whoever changes the deployments drops the index.
func (w World) indexed() World {
	if w.places == nil {
		w.places = map[string][]int{}
		for i := range w.Deployments {
			env := w.Deployments[i].Environment
			w.places[env] = append(w.places[env], i)
		}
	}
	return w
}

// CheckKey names one question of a stage's gate, or of a policy's, about one release.
type CheckKey struct {
	Stage, Version, Name string
	Policy               string // empty for the stage's own
}

// Asks is what a decision still needs to know of the world. Deciding goes on without it, as if the answer were the least
// favourable one; the engine finds the answers and asks again.
type Questions struct {
	Observations []string
	Checks       []CheckKey
}

// Empty reports whether nothing is left to ask.
func (a Questions) Empty() bool { return len(a.Observations) == 0 && len(a.Checks) == 0 }

func (a *Questions) observe(environment string) {
	if !slices.Contains(a.Observations, environment) {
		a.Observations = append(a.Observations, environment)
	}
}

func (a *Questions) check(key CheckKey) {
	if !slices.Contains(a.Checks, key) {
		a.Checks = append(a.Checks, key)
	}
}

// newest returns the environment's newest deployment that is wanted, or nil.
func (w World) newest(environment string, wanted func(Deployment) bool) *Deployment {
	if w.places != nil {
		for _, i := range slices.Backward(w.places[environment]) {
			if wanted(w.Deployments[i]) {
				return &w.Deployments[i]
			}
		}
		return nil
	}
	for i := len(w.Deployments) - 1; i >= 0; i-- {
		d := &w.Deployments[i]
		if d.Environment == environment && wanted(*d) {
			return d
		}
	}
	return nil
}

func anyDeployment(Deployment) bool { return true }

// ofVersion returns the environment's newest deployment of a version, or nil.
func (w World) ofVersion(environment, version string) *Deployment {
	return w.newest(environment, func(d Deployment) bool { return d.Content.Version == version })
}

// Standing returns the deployment that the ledger says runs in the environment: the one verified last and not replaced since.
// Nil when nothing was ever verified there.
func (w World) Current(environment string) *Deployment {
	return w.newest(environment, func(d Deployment) bool { return d.Status == Verified })
}

// Latest returns the environment's newest deployment, whatever its status, or nil.
func (w World) Latest(environment string) *Deployment { return w.newest(environment, anyDeployment) }

// rollbackTarget returns the deployment to go back to after d failed: the newest one before it in its environment that was
// verified, brought something else, and has not broken since. Nil when there is none.
func (w World) rollbackTarget(d Deployment) *Deployment {
	last := w.newest(d.Environment, func(o Deployment) bool {
		return o.Seq < d.Seq && o.ranVerified()
	})
	if last != nil && (last.Content.sameAs(d.Content) || last.External()) {
		return nil // it was healing: there is nothing older that the ledger says should run. Or nobody here can bring it back
	}
	return w.newest(d.Environment, func(o Deployment) bool {
		return o.Seq < d.Seq && o.ranVerified() &&
			!o.Content.sameAs(d.Content) && !o.External() && !w.brokenSince(o)
	})
}

// brokenSince reports whether the release of a deployment broke in the same stage, at the same attempt or a later one: its rollout
// was stopped, and nobody has brought the release there again since with success.
func (w World) brokenSince(o Deployment) bool {
	return slices.ContainsFunc(w.failedDeployments(Stage{Name: o.Stage}, o.Content.Version, o.Attempt), func(d Deployment) bool {
		mended := w.newest(d.Environment, func(later Deployment) bool {
			return later.Seq > d.Seq && later.Content.Version == d.Content.Version && later.VerifiedAt != nil && !later.broke()
		})
		return mended == nil && (d.Environment == o.Environment || w.stopped(d.Rollout))
	})
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
