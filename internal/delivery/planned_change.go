package delivery

import (
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
)

// PlannedChange is a change that a plan counted when it judged a delivery. Terraform keeps it for the apply, which asks whether the ledger has
// it before it delivers.
type PlannedChange struct {
	Noun string `json:"noun"`
	Name string `json:"name"` // as in Closing
	ID   string `json:"id"`   // as in Closing
	// Removed is true if the plan removes the object.
	Removed bool `json:"removed,omitempty"`
	// What the plan leaves: the digest of a declaration, a decision, or a report.
	Digest   string        `json:"digest,omitempty"`
	Approval *ApprovalSpec `json:"approval,omitempty"` // with the approver
	Report   *TestReport   `json:"report,omitempty"`   // spec and counts only
}

// PlannedChange describes one of the changes for the apply. The object of the change has to be known.
func (c ChangeSet) PlannedChange(closing Closing, actor string) PlannedChange {
	planned := PlannedChange{Noun: closing.Noun, Name: closing.Name, ID: closing.ID, Removed: closing.Removed}
	if closing.Removed {
		return planned
	}
	switch closing.Noun {
	case "freeze":
		planned.Digest = digestOf(c.Freezes[closing.ID].After)
	case "policy":
		planned.Digest = digestOf(c.Policies[closing.ID].After)
	case "pipeline":
		planned.Digest = digestOf(c.Pipelines[closing.ID].After)
	case "environment":
		planned.Digest = digestOf(c.Environments[closing.ID].After)
	case "approval":
		spec := *c.Approvals[closing.ID].After
		if spec.Approver == "" {
			spec.Approver = actor
		}
		planned.Approval = &spec
	case "test report":
		planned.Report = c.Reports[closing.ID].After
	}
	return planned
}

// Recorded is what the ledger has of the object of a change.
type Recorded struct {
	Declaration any // of that name; nil if there is none
	// What was recorded about the release, revoked or not.
	Approvals []Approval
	Reports   []TestReport
	Overrides []Override
}

// Release names the release that a decision or a report is about.
func (p PlannedChange) Release() (pipeline, version string) {
	switch {
	case p.Approval != nil:
		return p.Approval.Pipeline, p.Approval.Version
	case p.Report != nil:
		return p.Report.Spec.Pipeline, p.Report.Spec.Version
	}
	return releaseOfRecord(p.ID)
}

// IsIn reports whether the ledger has the change. A decision or a report has to be the newest one of its person or suite: an equal one that
// something newer contradicts is another one.
func (p PlannedChange) IsIn(l Recorded) bool {
	switch {
	case p.Removed:
		return l.Declaration == nil &&
			!slices.ContainsFunc(l.Approvals, func(a Approval) bool { return a.ID == p.ID && a.RevokedAt == nil }) &&
			!slices.ContainsFunc(l.Reports, func(r TestReport) bool { return r.ID == p.ID && r.WithdrawnAt == nil }) &&
			!slices.ContainsFunc(l.Overrides, func(o Override) bool { return o.ID == p.ID && o.RevokedAt == nil })
	case p.Approval != nil:
		last := newest(l.Approvals, func(a Approval) (int, bool) {
			return a.Number, a.Spec.Stage == p.Approval.Stage && person.Same(a.Spec.Approver, p.Approval.Approver)
		})
		return last != nil && last.RevokedAt == nil && last.Spec.Decision == p.Approval.Decision && last.Spec.Comment == p.Approval.Comment
	case p.Report != nil:
		last := newest(l.Reports, func(r TestReport) (int, bool) { return r.Number, r.Spec == p.Report.Spec })
		return last != nil && last.WithdrawnAt == nil && last.Counts == p.Report.Counts
	}
	return l.Declaration != nil && p.Digest != "" && digestOf(l.Declaration) == p.Digest
}

// newest returns the record with the highest number among those that count; nil if there is none.
func newest[T any](records []T, number func(T) (number int, counts bool)) *T {
	var found *T
	last := 0
	for i := range records {
		if n, counts := number(records[i]); counts && n > last {
			found, last = &records[i], n
		}
	}
	return found
}

// OutstandingRequest asks which changes of a plan the ledger does not have yet.
type OutstandingRequest struct {
	Changes []PlannedChange `json:"changes"`
}

// OutstandingAnswer lists the changes that the ledger does not have, by their place in the request.
type OutstandingAnswer struct {
	Outstanding []int `json:"outstanding"`
}
