package delivery

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
)

// OverrideSpec breaks the glass: it skips gates of one stage for one release, until it expires. It skips only gates that the
// stage declares overridable, and never those of a policy.
type OverrideSpec struct {
	Pipeline string   `json:"pipeline"`
	Version  string   `json:"version"`
	Stage    string   `json:"stage"`
	Content  string   `json:"content,omitempty"` // as in an ApprovalSpec
	Gates    []string `json:"gates"`             // sorted
	Reason   string   `json:"reason"`
	Ticket   string   `json:"ticket"`
	// ExpiresAt is when it ends, or Duration how long after it was made: exactly one is given.
	ExpiresAt Timestamp `json:"expires_at,omitempty"`
	Duration  Duration  `json:"duration,omitempty"`
}

// MaxOverride is how long an override may last.
const MaxOverride = 7 * 24 * time.Hour

// Override is a recorded override. It is never changed; its revocation is recorded beside it.
type Override struct {
	ID            string       `json:"id"`
	Spec          OverrideSpec `json:"spec"`
	ReleaseDigest string       `json:"release_digest"`
	ContentDigest string       `json:"content_digest,omitempty"`
	Contents      []string     `json:"contents,omitempty"` // as of an Approval
	Actor         string       `json:"actor"`
	CreatedAt     time.Time    `json:"created_at"`
	ExpiresAt     time.Time    `json:"expires_at"`
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
	switch {
	case s.Duration != "" && s.ExpiresAt != "":
		p.at("duration").dependsOn("expires_at").add("set either expires_at or duration, not both")
	case s.Duration != "":
		if s.Duration.validate(p.at("duration"), time.Second); s.Duration.Value() > MaxOverride {
			p.at("duration").add("%q is too long: an override lasts at most 7 days", s.Duration)
		}
	case s.ExpiresAt != "":
		s.ExpiresAt.validate(p.at("expires_at"))
	default:
		p.at("expires_at").dependsOn("duration").add("say when the override ends: set expires_at, or duration")
	}
	return p.errors()
}

// ends is when an override ends that is made at a moment.
func (s OverrideSpec) ends(made time.Time) time.Time {
	if s.Duration != "" {
		return made.Add(s.Duration.Value())
	}
	return s.ExpiresAt.Value()
}

// NewOverride is the record of an override that is made now.
func (w World) NewOverride(spec OverrideSpec, actor, id string) Override {
	stage, _ := w.Pipeline.Stage(spec.Stage)
	release := w.Releases[spec.Version]
	return Override{ID: id, Spec: spec, ReleaseDigest: release.Digest, ContentDigest: w.ApprovalDigest(stage, release), Contents: w.ApprovalContents(stage, release),
		Actor: actor, CreatedAt: w.Now, ExpiresAt: spec.ends(w.Now)}
}

// says reports whether the override says the same as another one, however many digits name the content.
func (o Override) says(spec OverrideSpec) bool {
	said := o.Spec
	same := said.Content == spec.Content || said.Content != "" && NamesContent(spec.Content, o.ContentDigest)
	said.Content, spec.Content = "", ""
	return same && reflect.DeepEqual(said, spec)
}

// Overriding returns the live override that says exactly this and covers what would be delivered now; nil when there is none. Anyone who asks
// again for the same gets that one.
func (w World) Overriding(spec OverrideSpec, actor string) *Override {
	stage, _ := w.Pipeline.Stage(spec.Stage)
	release := w.Releases[spec.Version]
	for _, o := range w.Overrides {
		if o.Actor == actor && o.says(spec) && o.live(stage, release, w.Now) && o.ContentDigest == w.ApprovalDigest(stage, release) {
			return &o
		}
	}
	return nil
}

// ValidateStage checks that the stage lets the actor skip these gates, that nobody rejected the release there, that the override has not
// expired already, and that it does not last too long.
func (s OverrideSpec) ValidateStage(w World, actor string) Errors {
	p, now := newProblems(), w.Now
	stage, ok := w.Pipeline.Stage(s.Stage)
	if !ok {
		p.at("stage").add("%s", w.Pipeline.NoStage(s.Stage))
		return p.errors()
	}
	for i, gate := range s.Gates {
		if !covered(stage.Overridable, gate) {
			p.at("gates").index(i).add("stage %q does not let %q be overridden; it allows: %s", s.Stage, gate, listed(stage.Overridable))
		}
	}
	switch ends := s.ends(now); {
	case !now.Before(ends):
		p.at("expires_at").add("%s is in the past; set a time in the future", s.ExpiresAt)
	case ends.Sub(now) > MaxOverride:
		p.at("expires_at").add("%s is more than 7 days ahead; set a time until %s, or duration = \"168h\"", s.ExpiresAt, clock(now.Add(MaxOverride)))
	}
	release, known := w.Releases[s.Version]
	if !known {
		return p.errors()
	}
	c := candidate{World: w, stage: stage, release: release}
	if why := c.rejectedBy(); why != "" {
		p.at("version").add("%s in stage %q, and an override never skips a rejection; let them revoke it first", why, s.Stage)
	}
	if why := c.ownOverride(actor); why != "" && covered(s.Gates, "approvals") {
		p.at("gates").add("%s; let somebody else override it", why)
	}
	return p.errors()
}

// ValidateContent checks that the override names what would be delivered now.
func (s OverrideSpec) ValidateContent(w World, release Release) Errors {
	return w.validateContent(s.Stage, release, s.Content)
}

// rejectedBy says who rejected the release in the stage, for any gate there; empty if nobody did.
func (c candidate) rejectedBy() string {
	for _, gate := range c.approvalGates(c.stage) {
		if d := c.rejection(gate); d != nil {
			return fmt.Sprintf("%s rejected release %s", d.Spec.Approver, c.release.Spec.ID())
		}
	}
	return ""
}

// ownOverride says why a person's override of the stage's approvals does not count; empty when it does.
func (c candidate) ownOverride(actor string) string {
	gate := c.stage.Gates.Approvals
	if gate == nil || gate.AllowAuthor || !person.In(c.release.authors(), actor) {
		return ""
	}
	return fmt.Sprintf("%s is an author of release %s, or registered it, and an author may not override the approvals of their own release (gates.approvals.allow_author is false)", actor, c.release.Spec.ID())
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

// endsAt is when the override ends. One that was recorded by an earlier version says so only in its spec.
func (o Override) endsAt() time.Time {
	if o.ExpiresAt.IsZero() {
		return o.Spec.ExpiresAt.Value()
	}
	return o.ExpiresAt
}

// live reports whether the override counts at a moment for a release in a stage.
func (o Override) live(stage Stage, release Release, now time.Time) bool {
	return o.RevokedAt == nil && o.Spec.Pipeline == release.Spec.Pipeline && o.Spec.Stage == stage.Name &&
		o.Spec.Version == release.Spec.Version && o.ReleaseDigest == release.Digest &&
		now.Before(o.endsAt()) && !now.Before(o.CreatedAt.Add(-MaxClockSkew))
}

// LiveOverrides lists the overrides that count now for a release in a stage.
func (w World) LiveOverrides(stage Stage, release Release) []Override {
	live := []Override{}
	if w.clockProblem() != "" {
		return live // nobody knows which have expired
	}
	contents := w.ApprovalContents(stage, release)
	for _, o := range w.Overrides {
		if o.live(stage, release, w.Now) && slices.ContainsFunc(contents, o.covers) {
			live = append(live, o)
		}
	}
	return live
}

// covers reports whether an override is about exactly what would be delivered to an environment, as an approval is.
func (o Override) covers(content string) bool { return slices.Contains(o.Contents, content) }

// overridden lets live overrides skip the stage's own gates that have not passed. A person's rejection is never skipped, and nobody skips the
// approvals of their own release.
func (c candidate) overridden(gates []GateResult) []GateResult {
	contents := c.approvalContents(c.stage, c.release)
	environments := c.environments
	if len(environments) == 0 {
		environments = c.stage.Environments
	}
	for _, o := range c.LiveOverrides(c.stage, c.release) {
		if slices.ContainsFunc(environments, func(env string) bool { return !o.covers(contents[env]) }) {
			continue
		}
		for i, g := range gates {
			if g.Verdict == VerdictPassed || !covered(c.stage.Overridable, g.Name) || !covered(o.Spec.Gates, g.Name) {
				continue
			}
			if g.Name == "approvals" && (g.Verdict == VerdictFailed || c.ownOverride(o.Actor) != "") {
				continue
			}
			gates[i] = GateResult{Name: g.Name, Verdict: VerdictPassed, Override: o.ID, Reason: fmt.Sprintf("overridden by %s until %s: %s (%s); it says: %s",
				o.Actor, clock(o.endsAt()), o.Spec.Reason, o.Spec.Ticket, g.Reason)}
		}
	}
	return gates
}
