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
	Rollouts     []RolloutRecord          // of each stage the newest MaxRollouts, ascending
	Deployments  []Deployment             // ascending by Seq
	Observations map[string]Observation   // by environment; absent: not observed yet
	Checks       map[CheckKey]CheckResult // absent: not asked yet
}

// CheckKey names one question of a stage's gate, or of a policy's, about one release.
type CheckKey struct {
	Stage, Version, Name string
	Policy               string // empty for the stage's own
}

// Asks is what a decision still needs to know of the world. Deciding goes on without it, as if the answer were the least
// favourable one; the engine finds the answers and asks again.
type Asks struct {
	Observations []string
	Checks       []CheckKey
}

// Empty reports whether nothing is left to ask.
func (a Asks) Empty() bool { return len(a.Observations) == 0 && len(a.Checks) == 0 }

func (a *Asks) observe(environment string) {
	if !slices.Contains(a.Observations, environment) {
		a.Observations = append(a.Observations, environment)
	}
}

func (a *Asks) check(key CheckKey) {
	if !slices.Contains(a.Checks, key) {
		a.Checks = append(a.Checks, key)
	}
}

// newest returns the environment's newest deployment that is wanted, or nil.
func (w World) newest(environment string, wanted func(Deployment) bool) *Deployment {
	for i := len(w.Deployments) - 1; i >= 0; i-- {
		d := &w.Deployments[i]
		if d.Environment == environment && wanted(*d) {
			return d
		}
	}
	return nil
}

func any1(Deployment) bool { return true }

// ofVersion returns the environment's newest deployment of a version, or nil.
func (w World) ofVersion(environment, version string) *Deployment {
	return w.newest(environment, func(d Deployment) bool { return d.Content.Version == version })
}

// Standing returns the deployment that the ledger says runs in the environment: the one verified last and not replaced since.
// Nil when nothing was ever verified there.
func (w World) Standing(environment string) *Deployment {
	return w.newest(environment, func(d Deployment) bool { return d.Status == Verified })
}

// Latest returns the environment's newest deployment, whatever its status, or nil.
func (w World) Latest(environment string) *Deployment { return w.newest(environment, any1) }

// hold returns the broken deployment that keeps a release out of a stage: it failed or was rolled back there, and the attempt has
// not been raised since. Of the newest rollout it is the one that says why, rather than one that was taken back with it.
func (w World) hold(stage Stage, version string, attempt int) *Deployment {
	var newest *Deployment
	for i := len(w.Deployments) - 1; i >= 0; i-- {
		d := &w.Deployments[i]
		if d.Stage != stage.Name || d.Content.Version != version || !d.broke() || d.Attempt < attempt {
			continue
		}
		if d.Failure != "" && (newest == nil || newest.Rollout == d.Rollout) {
			return d
		}
		if newest == nil {
			newest = d
		}
	}
	return newest
}

// rollbackTarget returns the deployment to go back to after d failed: the newest one before it in its environment that was
// verified, brought something else, and has not broken since. Nil when there is none.
func (w World) rollbackTarget(d Deployment) *Deployment {
	last := w.newest(d.Environment, func(o Deployment) bool {
		return o.Seq < d.Seq && o.VerifiedAt != nil && (o.Status == Verified || o.Status == Superseded)
	})
	if last != nil && last.Content.sameAs(d.Content) {
		return nil // it was healing: there is nothing older that the ledger says should run
	}
	return w.newest(d.Environment, func(o Deployment) bool {
		return o.Seq < d.Seq && o.VerifiedAt != nil && (o.Status == Verified || o.Status == Superseded) &&
			!o.Content.sameAs(d.Content) && !w.brokenSince(o)
	})
}

// brokenSince reports whether the release of a deployment broke in the same stage, at the same attempt or a later one.
func (w World) brokenSince(o Deployment) bool {
	return slices.ContainsFunc(w.Deployments, func(d Deployment) bool {
		return d.Stage == o.Stage && d.Content.Version == o.Content.Version && d.broke() && d.Attempt >= o.Attempt
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
