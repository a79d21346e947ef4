package delivery

import (
	"fmt"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
)

// approvals passes once enough different people, each entitled to, have approved exactly the content that would be deployed.
func (c candidate) approvals(gate ApprovalsGate) GateResult {
	gate = gate.withKeys(c.signingKeys(c.stage))
	content := c.ApprovalDigest(c.stage, c.release)
	approved, stale := []string{}, []string{}
	signers := map[string]string{} // by key: whose approval it signed. One person counts once, also under two names
	for _, decision := range c.decisions() {
		who, key := decision.Spec.Approver, c.Signers[decision.ID]
		status := decision.StatusAt(&gate, content, c.Now)
		switch {
		case status != ApprovalValid:
			stale = append(stale, decision.String()+status.because())
		case gate.mayNot(decision.Spec.Decision, who, c.release) != "":
			continue // recorded under other rules; it does not count under these
		case gate.unsigned(decision, key, c.release, c.Now) != "":
			stale = append(stale, decision.String()+" "+gate.unsigned(decision, key, c.release, c.Now))
		case decision.Spec.Decision == Reject:
			return GateResult{Name: "approvals", Verdict: VerdictFailed, Reason: strings.TrimSuffix(fmt.Sprintf("%s rejected it: %s", who, decision.Spec.Comment), ": ")}
		case gate.demandsSignature() && signers[key] != "":
			stale = append(stale, fmt.Sprintf("%s is signed with the key of %s's", decision, signers[key]))
		default:
			approved = append(approved, who)
			signers[key] = who
		}
	}
	if len(approved) >= gate.Required {
		return GateResult{Name: "approvals", Verdict: VerdictPassed, Reason: fmt.Sprintf("%d of %d, by %s", len(approved), gate.Required, strings.Join(approved, ", "))}
	}
	reason := fmt.Sprintf("%d of %d approvals", len(approved), gate.Required)
	if len(approved) > 0 {
		reason += ", by " + strings.Join(approved, ", ")
	}
	if len(stale) > 0 {
		reason += "; " + strings.Join(stale, ", ")
	}
	if may := c.mayApprove(gate, approved); len(may) > 0 {
		reason += "; eligible approvers: " + strings.Join(may, ", ")
	}
	return GateResult{Name: "approvals", Verdict: VerdictPending, Reason: reason}
}

// decisions returns each person's newest decision, in the order of their names. Earlier ones of the same person do not count.
func (c candidate) decisions() []Approval {
	newest := map[string]Approval{}
	for _, a := range c.Approvals {
		if a.RevokedAt != nil || a.Spec.Stage != c.stage.Name || a.Spec.Version != c.release.Spec.Version || a.Spec.Pipeline != c.release.Spec.Pipeline {
			continue
		}
		who := person.Key(a.Spec.Approver)
		if held, ok := newest[who]; !ok || a.Number > held.Number {
			newest[who] = a
		}
	}
	decisions := make([]Approval, 0, len(newest))
	for _, who := range sortedKeys(newest) {
		decisions = append(decisions, newest[who])
	}
	return decisions
}

// mayApprove lists who else could approve, as far as the gate names people.
func (c candidate) mayApprove(gate ApprovalsGate, approved []string) []string {
	may := []string{}
	for _, who := range gate.Approvers {
		if who != Anyone && !person.In(approved, who) && gate.mayNot(Approve, who, c.release) == "" {
			may = append(may, who)
		}
	}
	return may
}

// anyone reports whether the gate lets everybody decide.
func (a ApprovalsGate) anyone() bool { return slices.Contains(a.Approvers, Anyone) }

// mayNot says why a person's decision would not count; empty when it would. An author may always reject their own release.
func (a ApprovalsGate) mayNot(decision ApprovalDecision, approver string, release Release) string {
	authors := release.authors()
	switch {
	case decision != Approve || a.AllowAuthor || !person.In(authors, approver):
	case person.Same(authors[0], approver):
		return fmt.Sprintf("%s is the author of release %s, and an author may not approve their own release (gates.approvals.allow_author is false)", approver, release.Spec.ID())
	default:
		return fmt.Sprintf("%s registered release %s and counts as an author, and an author may not approve their own release (gates.approvals.allow_author is false)", approver, release.Spec.ID())
	}
	if !a.anyone() && !person.In(a.Approvers, approver) {
		return fmt.Sprintf("%s is not among the stage's approvers (%s)", approver, strings.Join(a.Approvers, ", "))
	}
	return ""
}
