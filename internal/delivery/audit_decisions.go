package delivery

import (
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
)

// approvalSaid is what a person decided.
type approvalSaid struct {
	approver                 string
	decision                 ApprovalDecision
	pipeline, version, stage string
	whole                    short
	revoked                  bool
}

func (m *meaning) decided(e Event, a Approval) {
	switch {
	case a.Spec.Decision != "" && a.Spec.Decision.EventKind() != e.Kind:
		m.problem(e, "decision %q says %q", a.ID, a.Spec.Decision)
	case a.RecordedBy != "" && a.Spec.Signature == "" && !person.Same(a.RecordedBy, a.Spec.Approver):
		m.problem(e, "decision %q is one of %s, and %s recorded it without a signature of theirs", a.ID, a.Spec.Approver, a.RecordedBy)
	case a.RecordedBy != "" && !person.Same(a.RecordedBy, e.Actor):
		m.problem(e, "decision %q says that %s recorded it, and %s did", a.ID, a.RecordedBy, e.Actor)
	}
	if _, before := m.approvals[a.ID]; before {
		m.problem(e, "decision %q is recorded twice", a.ID)
	}
	m.approvals[a.ID] = approvalSaid{a.Spec.Approver, a.Spec.Decision, a.Spec.Pipeline, a.Spec.Version, a.Spec.Stage, a.unrevoked(), a.RevokedAt != nil}
}

// unrevoked tells decisions apart, whether they were revoked or not.
func (a Approval) unrevoked() short {
	a.RevokedAt, a.Status = nil, ""
	return shortOf(a)
}

func (m *meaning) decisionRevoked(e Event, a Approval) {
	said, known := m.approvals[a.ID]
	switch {
	case !known:
		m.problem(e, "decision %q is revoked, and no event records that it was made", a.ID)
		return
	case said.revoked:
		m.problem(e, "decision %q is revoked twice", a.ID)
	case said.whole != a.unrevoked():
		m.problem(e, "decision %q says something else than when it was made", a.ID)
	case said.decision == Reject && !person.Same(said.approver, e.Actor):
		m.problem(e, "rejection %q of %s is revoked by %s, and only the person who rejected may do that", a.ID, said.approver, e.Actor)
	}
	said.revoked = true
	m.approvals[a.ID] = said
}

// overrideSaid is what an override skips.
type overrideSaid struct {
	Override

	whole short
}

func (m *meaning) overridden(e Event, o Override) {
	if o.Actor != "" && !person.Same(o.Actor, e.Actor) {
		m.problem(e, "override %q says that %s made it, and %s did", o.ID, o.Actor, e.Actor)
	}
	if _, before := m.overrides[o.ID]; before {
		m.problem(e, "override %q is recorded twice", o.ID)
	}
	pipeline := m.pipelines[o.Spec.Pipeline]
	if stage, ok := pipeline.Stage(o.Spec.Stage); ok {
		for _, gate := range o.Spec.Gates {
			if !covered(stage.Overridable, gate) {
				m.problem(e, "override %q skips the gate %q, and stage %q did not let it be overridden; it allowed: %s", o.ID, gate, o.Spec.Stage, listed(stage.Overridable))
			}
		}
		if covered(o.Spec.Gates, "approvals") && m.ownOverride(stage, o) {
			m.problem(e, "override %q skips the approvals of release %s/%s, and %s is one of its authors", o.ID, o.Spec.Pipeline, o.Spec.Version, o.Actor)
		}
	}
	m.overrides[o.ID] = overrideSaid{o.brief(), o.unrevoked()}
}

// ownOverride reports whether an author overrides the approvals of a stage for their own release, against its gate.
func (m *meaning) ownOverride(stage Stage, o Override) bool {
	gate := stage.Gates.Approvals
	return gate != nil && !gate.AllowAuthor && person.In(m.releases[o.Spec.Pipeline+"/"+o.Spec.Version].authors, o.Actor)
}

func (m *meaning) overrideRevoked(e Event, o Override) {
	said, known := m.overrides[o.ID]
	switch {
	case !known:
		m.problem(e, "override %q is revoked, and no event records that it was made", o.ID)
		return
	case said.RevokedAt != nil:
		m.problem(e, "override %q is revoked twice", o.ID)
	case said.whole != o.unrevoked():
		m.problem(e, "override %q says something else than when it was made", o.ID)
	}
	said.RevokedAt = &e.At
	m.overrides[o.ID] = said
}

func (o Override) unrevoked() short {
	o.RevokedAt = nil
	return shortOf(o)
}

// brief leaves out what may be long.
func (o Override) brief() Override {
	o.Spec.Reason, o.Spec.Ticket, o.Contents = "", "", nil
	return o
}

// skips says why an override does not let a deployment skip a gate; empty when it does. Moments are compared with the tolerance that clocks
// have: the deployment was decided a moment before it was recorded.
func (m *meaning) skips(o overrideSaid, known bool, gate string, d Deployment, at time.Time) string {
	pipeline := m.pipelines[d.Pipeline]
	stage, declared := pipeline.Stage(d.Stage)
	switch {
	case !known:
		return "no event records that it was made"
	case o.RevokedAt != nil:
		return "it was revoked before"
	case o.Spec.Pipeline != d.Pipeline || o.Spec.Stage != d.Stage || o.Spec.Version != d.Content.Version || o.ReleaseDigest != d.Content.ReleaseDigest:
		return "it is one for another release or stage"
	case !covered(o.Spec.Gates, gate):
		return "it does not name that gate"
	case !at.Add(-MaxClockSkew).Before(o.endsAt()):
		return "it had expired at " + clock(o.endsAt())
	case declared && !covered(stage.Overridable, gate):
		return "the stage does not let that gate be overridden"
	case declared && gate == "approvals" && m.ownOverride(stage, o.Override):
		return o.Actor + " is an author of the release"
	}
	return ""
}
