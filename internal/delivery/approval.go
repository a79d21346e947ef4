package delivery

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
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

// A decision counts while it is valid. It is used once its release was verified under it, void once what it covers has changed or the same
// person has decided again, and expired once it is too old. It is undecided while the person whom it names has not made it; the ledger holds
// none of these.
const (
	ApprovalValid     ApprovalStatus = "valid"
	ApprovalUndecided ApprovalStatus = "undecided"
	ApprovalUsed      ApprovalStatus = "used"
	ApprovalVoid      ApprovalStatus = "void"
	ApprovalExpired   ApprovalStatus = "expired"
)

// ApprovalSpec is a decision as it is given.
type ApprovalSpec struct {
	Pipeline string           `json:"pipeline"`
	Version  string           `json:"version"`
	Stage    string           `json:"stage"`
	Decision ApprovalDecision `json:"decision"`
	Comment  string           `json:"comment,omitempty"`
	Approver string           `json:"approver,omitempty"` // empty means the actor
	// Content is the beginning of the digest of what the decision is about (MinContentDigits or more). Only a signed one may lack it: its
	// payload has the whole digest.
	Content string `json:"content,omitempty"`
	// Signature is an armored SSH signature of the request's payload (namespace SignatureNamespace), by a key of the approver.
	Signature string `json:"signature,omitempty"`
}

// Approval is a recorded decision. It is never changed; revoking it is recorded beside it.
type Approval struct {
	ID   string       `json:"id"`
	Spec ApprovalSpec `json:"spec"` // Approver is always filled in
	// Number counts the decisions of one person on one release in one stage, from 1: the highest is what they said last, whatever
	// their clocks showed.
	Number        int    `json:"number"`
	ContentDigest string `json:"content_digest"` // of everything that was to be approved
	// Contents are the digests of what it covers, one for each environment that the stage had, sorted.
	Contents   []string   `json:"contents,omitempty"`
	Round      int        `json:"round,omitempty"`       // of the request that was signed; see ApprovalRequest
	Ledger     string     `json:"ledger,omitempty"`      // the id of the ledger that the request names
	Summary    string     `json:"summary,omitempty"`     // of the request
	RecordedBy string     `json:"recorded_by,omitempty"` // the actor
	DecidedAt  time.Time  `json:"decided_at"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
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
	switch {
	case s.Approver == "":
	case strings.Contains(s.Approver, "/") || len(s.Approver) > 254:
		p.at("approver").add("%q is not a person's name or address: no slashes, at most 254 bytes", s.Approver)
	default:
		validatePerson(p.at("approver"), s.Approver)
	}
	return p.errors()
}

// ValidateGate checks that the stage, or a policy that holds there, asks for approvals at all, and that this person may give
// one. actor is who records it; signer is the public key that signed it, empty when nobody did.
func (s ApprovalSpec) ValidateGate(w World, release Release, actor, signer string) Errors {
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
		if why == "" && gate.unsigned(Approval{Spec: s, RecordedBy: actor}, signer, release, w.Now) != "" {
			why = fmt.Sprintf("the stage demands a signature by a key that signed_by lists for %s; sign the payload of data \"cd_approval_request\" and give it as signature", s.Approver)
			if author := gate.sharedWith(signer, release); author != "" && s.Decision == Approve && !gate.AllowAuthor {
				why = fmt.Sprintf("the key may also sign for %s, an author of release %s, so it approves nothing; sign with a key that signed_by lists for %s only", author, release.Spec.ID(), s.Approver)
			}
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

// ValidateContent checks that the decision names what would be delivered now. A signature names it too.
func (s ApprovalSpec) ValidateContent(w World, release Release, signer string) Errors {
	if s.Content == "" && signer != "" {
		return nil
	}
	return w.validateContent(s.Stage, release, s.Content)
}

// SignedFor reports whether a gate of the stage lists the key, by name, as one that signs for the person.
func (w World) SignedFor(stage Stage, who, key string) bool {
	return slices.ContainsFunc(w.approvalGates(stage), func(g ApprovalsGate) bool { return g.signsFor(key, who, w.Now, signer.names) })
}

// ApprovalRequest is what an approver signs now.
func (w World) ApprovalRequest(stage Stage, release Release, decision ApprovalDecision) ApprovalRequest {
	r := ApprovalRequest{Pipeline: w.Pipeline.Name, Version: release.Spec.Version, Stage: stage.Name, Decision: decision,
		ContentDigest: w.ApprovalDigest(stage, release), Ledger: w.Ledger.Newest.Ledger, Summary: w.contentSummary(stage, release), Round: 1}
	for _, a := range w.Approvals {
		if a.Spec.Stage == stage.Name && a.Spec.Version == release.Spec.Version && (a.RevokedAt != nil || w.superseded(a) || w.used(a) || w.ApprovalStatus(a) == ApprovalExpired) {
			r.Round++
		}
	}
	return r
}

// Decision is the record of a decision on what would be delivered now.
func (w World) Decision(spec ApprovalSpec, actor, id string, number int) Approval {
	stage, _ := w.Pipeline.Stage(spec.Stage)
	release := w.Releases[spec.Version]
	request := w.ApprovalRequest(stage, release, spec.Decision)
	return Approval{ID: id, Spec: spec, Number: number, ContentDigest: request.ContentDigest, Contents: w.ApprovalContents(stage, release),
		Round: request.Round, Ledger: request.Ledger, Summary: request.Summary, RecordedBy: actor, DecidedAt: w.Now}
}

// Undecided reports whether the decision is for another person than the actor to make: it names them, and lacks their signature.
func (s ApprovalSpec) Undecided(actor string) bool {
	return s.Signature == "" && s.Approver != "" && !person.Same(s.Approver, actor)
}

// superseded reports whether the same person has decided again since. A decision that was revoked since was still their last word: it leaves
// none behind, so an approval before it does not count again. A rejection before it does.
func (w World) superseded(a Approval) bool {
	return slices.ContainsFunc(w.Approvals, func(later Approval) bool {
		return later.Number > a.Number && later.Spec.Stage == a.Spec.Stage && later.Spec.Version == a.Spec.Version &&
			(later.RevokedAt == nil || a.Spec.Decision == Approve) && person.Same(later.Spec.Approver, a.Spec.Approver)
	})
}

// RevocableBy reports whether someone may revoke the decision. Only the person who rejected revokes a rejection; anyone who removes an approval
// makes the gate stricter.
func (a Approval) RevocableBy(actor string) bool {
	return a.Spec.Decision == Approve || person.Same(a.Spec.Approver, actor)
}

// usedUp reports whether a decision was used somewhere, and its release was superseded there.
func (w World) usedUp(a Approval) bool {
	stage, _ := w.Pipeline.Stage(a.Spec.Stage)
	return slices.ContainsFunc(stage.Environments, func(env string) bool { _, usedUp := w.History.usedIn(env, a); return usedUp })
}

// used reports whether a decision was used somewhere: then its signature is not taken for another decision.
func (w World) used(a Approval) bool {
	stage, _ := w.Pipeline.Stage(a.Spec.Stage)
	return slices.ContainsFunc(stage.Environments, func(env string) bool { used, _ := w.History.usedIn(env, a); return used })
}

// coversAll reports whether a decision covers what would be delivered to each environment of its stage now.
func (w World) coversAll(a Approval) bool {
	stage, _ := w.Pipeline.Stage(a.Spec.Stage)
	return !slices.ContainsFunc(w.ApprovalContents(stage, w.Releases[a.Spec.Version]), func(content string) bool { return !a.covers(content) })
}

// Recorded returns the newest decision in the ledger that says exactly this and was not revoked; nil when there is none.
func (w World) Recorded(spec ApprovalSpec) *Approval {
	for _, a := range slices.Backward(w.Approvals) {
		if a.says(spec) && a.RevokedAt == nil {
			return &a
		}
	}
	return nil
}

// Given returns the decision in the ledger that says exactly this, still counts, and is the last one of its approver; nil when
// there is none. Anyone who asks again for the same gets that one: it is not decided twice.
func (w World) Given(spec ApprovalSpec) *Approval {
	for _, a := range w.Approvals {
		if a.says(spec) && a.RevokedAt == nil && !w.superseded(a) && !w.usedUp(a) && w.counts(a) && w.coversAll(a) {
			return &a
		}
	}
	return nil
}

// says reports whether the decision says the same as another one, whatever the spelling of who decides, and however many digits name the
// content. A signature names it too.
func (a Approval) says(spec ApprovalSpec) bool {
	said := a.Spec
	same := person.Same(said.Approver, spec.Approver) &&
		(said.Content == spec.Content || NamesContent(spec.Content, a.ContentDigest) || spec.Content == "" && spec.Signature != "")
	said.Approver, spec.Approver, said.Content, spec.Content = "", "", "", ""
	return same && said == spec
}

// approvalGates lists the approvals gates of a stage: its own, and those of the policies that hold there.
func (w World) approvalGates(stage Stage) []ApprovalsGate {
	gates := w.declaredApprovalGates(stage)
	for i := range gates {
		gates[i] = gates[i].withKeys(w.signingKeys(stage))
	}
	return gates
}

func (w World) declaredApprovalGates(stage Stage) []ApprovalsGate {
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

// signingKeys lists the keys of all approvals gates of a stage, each as a line of an allowed-signers file.
func (w World) signingKeys(stage Stage) []string {
	keys := []string{}
	for _, gate := range w.declaredApprovalGates(stage) {
		keys = append(keys, gate.SignedBy...)
	}
	return keys
}

// withKeys returns the gate with the keys that may sign for it: its own, else, where it demands signatures and lists none, those of
// the other gates of the stage.
func (a ApprovalsGate) withKeys(ofStage []string) ApprovalsGate {
	if a.RequireSigned && len(a.SignedBy) == 0 {
		a.SignedBy = ofStage
	}
	return a
}

// ApprovalStatus tells whether a decision counts now for some gate and some environment of its stage in which it was not used yet.
func (w World) ApprovalStatus(a Approval) ApprovalStatus {
	stage, ok := w.Pipeline.Stage(a.Spec.Stage)
	release, known := w.Releases[a.Spec.Version]
	if !ok || !known {
		return ApprovalVoid
	}
	status, contents, gates := ApprovalVoid, w.approvalContents(stage, release), w.approvalGates(stage)
	if w.superseded(a) {
		gates = nil // it counts only where it was used
	}
	for _, env := range stage.Environments {
		if used, _ := w.History.usedIn(env, a); used {
			status = ApprovalUsed
			continue
		}
		for _, gate := range gates {
			switch a.StatusAt(&gate, contents[env], w.Now) {
			case ApprovalValid:
				return ApprovalValid
			case ApprovalExpired:
				if status == ApprovalVoid {
					status = ApprovalExpired
				}
			}
		}
	}
	return status
}

// counts reports whether a decision is valid, or is the one under which its release runs.
func (w World) counts(a Approval) bool {
	status := w.ApprovalStatus(a)
	return status == ApprovalValid || status == ApprovalUsed
}

// StatusAt tells whether the decision counts at a moment, for the content that would be deployed to an environment now. It does not know whether
// the decision was used.
func (a Approval) StatusAt(gate *ApprovalsGate, content string, now time.Time) ApprovalStatus {
	if gate == nil || !a.covers(content) {
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
