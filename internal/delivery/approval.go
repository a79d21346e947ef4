package delivery

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ApprovalDecision is a person's word on a release entering a stage.
type ApprovalDecision string

// The decisions.
const (
	Approve ApprovalDecision = "approve"
	Reject  ApprovalDecision = "reject"
)

// ApprovalStatus says whether a decision still counts.
type ApprovalStatus string

// A decision counts while it is valid. It is void once what it covers has changed, and expired once it is too old.
const (
	ApprovalValid   ApprovalStatus = "valid"
	ApprovalVoid    ApprovalStatus = "void"
	ApprovalExpired ApprovalStatus = "expired"
)

// ApprovalSpec is a decision as it is given.
type ApprovalSpec struct {
	Pipeline string           `json:"pipeline"`
	Version  string           `json:"version"`
	Stage    string           `json:"stage"`
	Decision ApprovalDecision `json:"decision"`
	Comment  string           `json:"comment,omitempty"`
	Approver string           `json:"approver,omitempty"` // empty means the actor
}

// Approval is a recorded decision. It is never changed; revoking it is recorded beside it.
type Approval struct {
	ID            string       `json:"id"`
	Spec          ApprovalSpec `json:"spec"` // Approver is always filled in
	ContentDigest string       `json:"content_digest"`
	DecidedAt     time.Time    `json:"decided_at"`
	RevokedAt     *time.Time   `json:"revoked_at,omitempty"`
	// Status is computed when the approval is read, and is not stored.
	Status ApprovalStatus `json:"status,omitempty"`
}

// MaxCommentBytes bounds a decision's comment.
const MaxCommentBytes = 8 << 10

// Validate checks the decision by itself.
func (s ApprovalSpec) Validate() Errors {
	p := newProblems()
	validateName(p.at("pipeline"), s.Pipeline)
	validateVersion(p.at("version"), s.Version)
	validateName(p.at("stage"), s.Stage)
	if s.Decision != Approve && s.Decision != Reject {
		p.at("decision").add("%q is not a decision; use \"approve\" or \"reject\"", s.Decision)
	}
	if len(s.Comment) > MaxCommentBytes {
		p.at("comment").add("the comment has %d bytes; at most %d are allowed", len(s.Comment), MaxCommentBytes)
	}
	if strings.ContainsAny(s.Approver, "/\n\x00") || len(s.Approver) > 254 {
		p.at("approver").add("%q is not a person's name or address: no slashes or line breaks, at most 254 bytes", s.Approver)
	}
	return p.errors()
}

// ValidateGate checks that the stage asks for approvals at all, and that this person may give one.
func (s ApprovalSpec) ValidateGate(pipeline PipelineSpec, release Release) Errors {
	p := newProblems()
	stage, ok := pipeline.Stage(s.Stage)
	if !ok {
		p.at("stage").add("%s has no stage %q", pipeline, s.Stage)
		return p.errors()
	}
	gate := stage.Gates.Approvals
	if gate == nil {
		p.at("stage").add("stage %q of %s asks for no approvals; add gates.approvals to it, or leave this approval out", s.Stage, pipeline)
		return p.errors()
	}
	if why := gate.mayNot(s.Decision, s.Approver, release); why != "" {
		p.at("approver").add("%s", why)
	}
	return p.errors()
}

// mayNot says why a person's decision would not count; empty when it would. An author may always reject their own release.
func (a ApprovalsGate) mayNot(decision ApprovalDecision, approver string, release Release) string {
	if len(a.Approvers) > 0 && !slices.Contains(a.Approvers, approver) {
		return fmt.Sprintf("%s is not among the stage's approvers (%s)", approver, strings.Join(a.Approvers, ", "))
	}
	if decision == Approve && !a.AllowAuthor && approver == release.Author() {
		return fmt.Sprintf("%s is the author of release %s, and an author may not approve their own release (gates.approvals.allow_author is false)", approver, release.Spec.ID())
	}
	return ""
}

// StatusAt tells whether the decision counts at a moment, for the content that would be deployed now.
func (a Approval) StatusAt(gate *ApprovalsGate, contentDigest string, now time.Time) ApprovalStatus {
	if gate == nil || a.ContentDigest != contentDigest {
		return ApprovalVoid
	}
	// A decision from the future means that a clock was set back; it must not live longer for that.
	if gate.ExpiresAfter != "" && (now.Sub(a.DecidedAt) >= gate.ExpiresAfter.Value() || now.Before(a.DecidedAt.Add(-MaxClockSkew))) {
		return ApprovalExpired
	}
	return ApprovalValid
}

// MaxClockSkew is how far apart the clocks of two machines that share a ledger may be.
const MaxClockSkew = 5 * time.Minute
