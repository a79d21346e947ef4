package delivery

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// OverrideSpec breaks the glass: it skips gates of one stage for one release, until it expires. It skips only gates that the
// stage declares overridable, and never those of a policy.
type OverrideSpec struct {
	Pipeline  string    `json:"pipeline"`
	Version   string    `json:"version"`
	Stage     string    `json:"stage"`
	Gates     []string  `json:"gates"` // sorted
	Reason    string    `json:"reason"`
	Ticket    string    `json:"ticket"`
	ExpiresAt Timestamp `json:"expires_at"`
}

// Override is a recorded override. It is never changed; its revocation is recorded beside it.
type Override struct {
	ID            string       `json:"id"`
	Spec          OverrideSpec `json:"spec"`
	ReleaseDigest string       `json:"release_digest"`
	Actor         string       `json:"actor"`
	CreatedAt     time.Time    `json:"created_at"`
	RevokedAt     *time.Time   `json:"revoked_at,omitempty"`
}

// overridableGates are the gates that a stage may declare overridable. A check or an expression may also be named alone, as
// "checks.error_rate".
var overridableGates = []string{"previous_stage", "approvals", "soak", "parity", "tests", "windows", "cooldown", "max_deploys", "checks", "expressions", "freeze"}

func validateGateNames(p problems, names []string) {
	seen := map[string]bool{}
	for i, name := range names {
		group, _, _ := strings.Cut(name, ".")
		switch {
		case !slices.Contains(overridableGates, group):
			p.index(i).add("%q is not a gate; use one of %s", name, strings.Join(overridableGates, ", "))
		case seen[name]:
			p.index(i).add("%q is listed twice", name)
		}
		seen[name] = true
	}
}

// Validate checks the override alone.
func (s OverrideSpec) Validate() Errors {
	p := newProblems()
	validateName(p.at("pipeline"), s.Pipeline)
	validateVersion(p.at("version"), s.Version)
	validateName(p.at("stage"), s.Stage)
	if len(s.Gates) == 0 {
		p.at("gates").add("name at least one gate to skip")
	}
	validateGateNames(p.at("gates"), s.Gates)
	validateReason(p.at("reason"), s.Reason)
	validateReason(p.at("ticket"), s.Ticket)
	s.ExpiresAt.validate(p.at("expires_at"))
	return p.errors()
}

// ValidateStage checks that the stage lets these gates be skipped, and that the override has not expired already.
func (s OverrideSpec) ValidateStage(pipeline PipelineSpec, now time.Time) Errors {
	p := newProblems()
	stage, ok := pipeline.Stage(s.Stage)
	if !ok {
		p.at("stage").add("%s", pipeline.NoStage(s.Stage))
		return p.errors()
	}
	for i, gate := range s.Gates {
		if !covered(stage.Overridable, gate) {
			p.at("gates").index(i).add("stage %q does not let %q be overridden; it allows: %s", s.Stage, gate, listed(stage.Overridable))
		}
	}
	if !now.Before(s.ExpiresAt.Value()) {
		p.at("expires_at").add("%s is in the past; set a time in the future", s.ExpiresAt)
	}
	return p.errors()
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// covered reports whether a list of gates names a gate, itself or its group.
func covered(list []string, gate string) bool {
	group, _, _ := strings.Cut(gate, ".")
	return slices.Contains(list, gate) || slices.Contains(list, group)
}

// live reports whether the override counts at a moment for a release in a stage.
func (o Override) live(stage Stage, release Release, now time.Time) bool {
	return o.RevokedAt == nil && o.Spec.Pipeline == release.Spec.Pipeline && o.Spec.Stage == stage.Name &&
		o.Spec.Version == release.Spec.Version && o.ReleaseDigest == release.Digest &&
		now.Before(o.Spec.ExpiresAt.Value()) && !now.Before(o.CreatedAt.Add(-MaxClockSkew))
}

// LiveOverrides lists the overrides that count now for a release in a stage.
func (w World) LiveOverrides(stage Stage, release Release) []Override {
	live := []Override{}
	if w.clockProblem() != "" {
		return live // nobody knows which have expired
	}
	for _, o := range w.Overrides {
		if o.live(stage, release, w.Now) {
			live = append(live, o)
		}
	}
	return live
}

// overridden lets live overrides skip the stage's own gates that have not passed.
func (c candidate) overridden(gates []GateResult) []GateResult {
	for _, o := range c.LiveOverrides(c.stage, c.release) {
		for i, g := range gates {
			if g.Verdict == VerdictPassed || !covered(c.stage.Overridable, g.Name) || !covered(o.Spec.Gates, g.Name) {
				continue
			}
			gates[i] = GateResult{Name: g.Name, Verdict: VerdictPassed, Override: o.ID, Reason: fmt.Sprintf("overridden by %s until %s: %s (%s); it says: %s",
				o.Actor, o.Spec.ExpiresAt, o.Spec.Reason, o.Spec.Ticket, g.Reason)}
		}
	}
	return gates
}
