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

// because says why a decision is no longer valid, after its name.
func (s ApprovalStatus) because() string {
	if s == ApprovalExpired {
		return " has expired"
	}
	return " is void (the content changed)"
}

// ApprovalSpec is a decision as it is given.
type ApprovalSpec struct {
	Pipeline string           `json:"pipeline"`
	Version  string           `json:"version"`
	Stage    string           `json:"stage"`
	Decision ApprovalDecision `json:"decision"`
	Comment  string           `json:"comment,omitempty"`
	Approver string           `json:"approver,omitempty"` // empty means the actor
	// Signature is an armored SSH signature of the request's payload (namespace SignatureNamespace), by a key of the approver.
	Signature string `json:"signature,omitempty"`
}

// Approval is a recorded decision. It is never changed; revoking it is recorded beside it.
type Approval struct {
	ID   string       `json:"id"`
	Spec ApprovalSpec `json:"spec"` // Approver is always filled in
	// Number counts the decisions of one person on one release in one stage, from 1: the highest is what they said last, whatever
	// their clocks showed.
	Number        int        `json:"number"`
	ContentDigest string     `json:"content_digest"`
	Round         int        `json:"round,omitempty"` // of the request that was signed; see ApprovalRequest
	DecidedAt     time.Time  `json:"decided_at"`
	RevokedAt     *time.Time `json:"revoked_at,omitempty"`
	// Status is computed when the approval is read, and is not stored.
	Status ApprovalStatus `json:"status,omitempty"`
}

// String names the decision in messages.
func (a Approval) String() string {
	if a.Spec.Decision == Reject {
		return a.Spec.Approver + "'s rejection"
	}
	return a.Spec.Approver + "'s approval"
}

// MaxCommentBytes bounds a decision's comment.
const MaxCommentBytes = 8 << 10

// Validate checks the decision alone.
func (s ApprovalSpec) Validate() Errors {
	p := newProblems()
	validateName(p.at("pipeline"), s.Pipeline)
	validateVersion(p.at("version"), s.Version)
	validateName(p.at("stage"), s.Stage)
	if s.Decision != Approve && s.Decision != Reject {
		p.at("decision").add("%q is not a decision; use \"approve\" or \"reject\"", s.Decision)
	}
	if len(s.Signature) > MaxSignatureBytes {
		p.at("signature").add("the signature has %d bytes; at most %d are allowed", len(s.Signature), MaxSignatureBytes)
	}
	if len(s.Comment) > MaxCommentBytes {
		p.at("comment").add("the comment has %d bytes; at most %d are allowed", len(s.Comment), MaxCommentBytes)
	}
	if strings.ContainsAny(s.Approver, "/\n\x00") || len(s.Approver) > 254 {
		p.at("approver").add("%q is not a person's name or address: no slashes or line breaks, at most 254 bytes", s.Approver)
	}
	return p.errors()
}

// ValidateGate checks that the stage, or a policy that holds there, asks for approvals at all, and that this person may give
// one. signer is the public key that signed it; empty when nobody did.
func (s ApprovalSpec) ValidateGate(w World, release Release, signer string) Errors {
	p := newProblems()
	stage, ok := w.Pipeline.Stage(s.Stage)
	if !ok {
		p.at("stage").add("%s", w.Pipeline.NoStage(s.Stage))
		return p.errors()
	}
	gates := w.approvalGates(stage)
	if len(gates) == 0 {
		p.at("stage").add("stage %q of %s asks for no approvals; add gates.approvals to it, or leave this approval out", s.Stage, w.Pipeline)
		return p.errors()
	}
	refusals, refusing := []string{}, 0
	for _, gate := range gates {
		why := gate.mayNot(s.Decision, s.Approver, release)
		if why == "" && !gate.signed(s.Approver, signer, w.Now) {
			why = fmt.Sprintf("the stage demands a signature by a key that signed_by lists for %s; sign the payload of data \"cd_approval_request\" and give it as signature", s.Approver)
		}
		if why == "" {
			continue
		}
		if refusing++; !slices.Contains(refusals, why) {
			refusals = append(refusals, why)
		}
	}
	if refusing == len(gates) {
		p.at("approver").add("%s", strings.Join(refusals, "; "))
	}
	return p.errors()
}

// SignedFor reports whether a gate of the stage lists the key as one that signs for the person.
func (w World) SignedFor(stage Stage, who, key string) bool {
	return slices.ContainsFunc(w.approvalGates(stage), func(g ApprovalsGate) bool { return len(g.SignedBy) > 0 && g.signed(who, key, w.Now) })
}

// ApprovalRequest is what an approver signs now.
func (w World) ApprovalRequest(stage Stage, release Release, decision ApprovalDecision) ApprovalRequest {
	r := ApprovalRequest{Pipeline: w.Pipeline.Name, Version: release.Spec.Version, Stage: stage.Name, Decision: decision,
		ContentDigest: w.ApprovalDigest(stage, release), Round: 1}
	for _, a := range w.Approvals {
		if a.Spec.Stage == stage.Name && a.Spec.Version == release.Spec.Version && (a.RevokedAt != nil || w.superseded(a) || w.ApprovalStatus(a) == ApprovalExpired) {
			r.Round++
		}
	}
	return r
}

// superseded reports whether the same person has said something else since, and has not taken it back.
func (w World) superseded(a Approval) bool {
	return slices.ContainsFunc(w.Approvals, func(later Approval) bool {
		return later.Spec.Approver == a.Spec.Approver && later.Spec.Stage == a.Spec.Stage && later.Spec.Version == a.Spec.Version &&
			later.Number > a.Number && later.RevokedAt == nil
	})
}

// Given returns the decision in the ledger that says exactly this, is valid, and is the last one of its approver; nil when
// there is none. Anyone who asks again for the same gets that one: it is not decided twice.
func (w World) Given(spec ApprovalSpec) *Approval {
	for _, a := range w.Approvals {
		if a.Spec == spec && a.RevokedAt == nil && !w.superseded(a) && w.ApprovalStatus(a) == ApprovalValid {
			return &a
		}
	}
	return nil
}

// approvalGates lists the approvals gates of a stage: its own, and those of the policies that hold there.
func (w World) approvalGates(stage Stage) []ApprovalsGate {
	gates := []ApprovalsGate{}
	if stage.Gates.Approvals != nil {
		gates = append(gates, *stage.Gates.Approvals)
	}
	for _, policy := range w.policies(stage) {
		if policy.Gates.Approvals != nil {
			gates = append(gates, *policy.Gates.Approvals)
		}
	}
	return gates
}

// ApprovalStatus tells whether a decision counts now for some gate of its stage.
func (w World) ApprovalStatus(a Approval) ApprovalStatus {
	stage, ok := w.Pipeline.Stage(a.Spec.Stage)
	release, known := w.Releases[a.Spec.Version]
	if !ok || !known {
		return ApprovalVoid
	}
	content, status := w.ApprovalDigest(stage, release), ApprovalVoid
	for _, gate := range w.approvalGates(stage) {
		switch a.StatusAt(&gate, content, w.Now) {
		case ApprovalValid:
			return ApprovalValid
		case ApprovalExpired:
			status = ApprovalExpired
		}
	}
	return status
}

// Anyone, in the list of approvers, lets everybody decide. An empty list lets nobody: what is missing never opens a gate.
const Anyone = "*"

func (a ApprovalsGate) anyone() bool { return slices.Contains(a.Approvers, Anyone) }

// mayNot says why a person's decision would not count; empty when it would. An author may always reject their own release.
func (a ApprovalsGate) mayNot(decision ApprovalDecision, approver string, release Release) string {
	if !a.anyone() && !slices.Contains(a.Approvers, approver) {
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
	if gate.ExpiresAfter == "" {
		return ApprovalValid
	}
	// A decision from the future means that a clock was set back. An approval must not live longer for that, and a rejection must
	// not end for it.
	future := a.Spec.Decision == Approve && now.Before(a.DecidedAt.Add(-MaxClockSkew))
	if future || now.Sub(a.DecidedAt) >= gate.ExpiresAfter.Value() {
		return ApprovalExpired
	}
	return ApprovalValid
}

// MaxClockSkew is how far apart the clocks of two machines that share a ledger may be.
const MaxClockSkew = 5 * time.Minute
