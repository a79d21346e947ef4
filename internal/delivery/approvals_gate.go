package delivery

import (
	"fmt"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
)

// approvals passes once enough different people, each entitled to, have approved exactly the content that would be deployed to each
// environment. A rejection that covers any environment of the stage stops them all.
func (c candidate) approvals(gate ApprovalsGate) GateResult {
	gate = gate.withKeys(c.signingKeys(c.stage))
	if d := c.rejection(gate); d != nil {
		return GateResult{Name: "approvals", Verdict: VerdictFailed, Reason: strings.TrimSuffix(fmt.Sprintf("%s rejected it: %s", d.Spec.Approver, d.Spec.Comment), ": ")}
	}
	decisions, contents := c.decisions(), c.approvalContents(c.stage, c.release)
	environments := c.environments
	if len(environments) == 0 {
		environments = c.stage.Environments
	}
	var weakest approvalCount
	used := []string{}
	for i, env := range environments {
		one := c.countApprovals(gate, env, contents[env], decisions)
		used = append(used, one.ids...)
		if i == 0 || len(one.approved) < len(weakest.approved) {
			weakest = one
		}
	}
	if len(weakest.approved) < gate.Required {
		return GateResult{Name: "approvals", Verdict: VerdictPending, Reason: c.missingApprovals(gate, weakest)}
	}
	slices.Sort(used)
	return GateResult{Name: "approvals", Verdict: VerdictPassed, Approvals: slices.Compact(used),
		Reason: fmt.Sprintf("%d of %d, by %s", len(weakest.approved), gate.Required, strings.Join(weakest.approved, ", "))}
}

// rejection returns the first rejection that counts for a gate; nil if there is none.
func (c candidate) rejection(gate ApprovalsGate) *Approval {
	contents := c.approvalContents(c.stage, c.release)
	for _, d := range c.decisions() {
		if d.Spec.Decision == Reject && c.rejects(gate, d, contents) {
			return &d
		}
	}
	return nil
}

// rejects reports whether a rejection counts for any environment of the stage.
func (c candidate) rejects(gate ApprovalsGate, d Approval, contents map[string]string) bool {
	return gate.mayNot(Reject, d.Spec.Approver, c.release) == "" && gate.unsigned(d, c.Signers[d.ID], c.release, c.Now) == "" &&
		slices.ContainsFunc(c.stage.Environments, func(env string) bool { return d.StatusAt(&gate, contents[env], c.Now) == ApprovalValid })
}

// approvalCount is who has approved what would be delivered to one environment, by which decisions, and which decisions do not count.
type approvalCount struct{ approved, ids, stale []string }

func (c candidate) countApprovals(gate ApprovalsGate, env, content string, decisions []Approval) approvalCount {
	count := approvalCount{}
	signers := map[string]string{} // by key: whose approval it signed. One person counts once, also under two names
	for _, d := range decisions {
		who, key := d.Spec.Approver, c.Signers[d.ID]
		if why := c.stale(gate, d, env, content); why != "" {
			count.stale = append(count.stale, d.String()+why)
			continue
		}
		switch unsigned := gate.unsigned(d, key, c.release, c.Now); {
		case d.Spec.Decision == Reject, gate.mayNot(d.Spec.Decision, who, c.release) != "":
			continue // recorded under other rules; it does not count under these
		case unsigned != "":
			count.stale = append(count.stale, d.String()+" "+unsigned)
		case gate.demandsSignature() && signers[key] != "":
			count.stale = append(count.stale, fmt.Sprintf("%s is signed with the key of %s's", d, signers[key]))
		default:
			count.approved, count.ids = append(count.approved, who), append(count.ids, d.ID)
			signers[key] = who
		}
	}
	return count
}

// stale says why a decision does not count for an environment any longer, after its name; empty when it does.
func (c candidate) stale(gate ApprovalsGate, d Approval, env, content string) string {
	_, usedUp := c.History.usedIn(env, d)
	status := d.StatusAt(&gate, content, c.Now)
	switch {
	case usedUp:
		return fmt.Sprintf(" is used up (another release has run in %s since)", env)
	case status == ApprovalExpired:
		return " has expired"
	case status == ApprovalVoid && c.counts(d):
		return fmt.Sprintf(" does not cover what would be delivered to %s", env)
	case status == ApprovalVoid:
		return " is void (the content changed)"
	}
	return ""
}

// missingApprovals says which approvals are missing for an environment, and who could give them.
func (c candidate) missingApprovals(gate ApprovalsGate, count approvalCount) string {
	reason := fmt.Sprintf("%d of %d approvals", len(count.approved), gate.Required)
	if len(count.approved) > 0 {
		reason += ", by " + strings.Join(count.approved, ", ")
	}
	if len(count.stale) > 0 {
		reason += "; " + strings.Join(count.stale, ", ")
	}
	if may := c.mayApprove(gate, count.approved); len(may) > 0 {
		reason += "; eligible approvers: " + strings.Join(may, ", ")
	}
	return reason
}

// decisions returns what each person said last, in the order of their names. A person who revoked that has said nothing.
func (c candidate) decisions() []Approval {
	last := map[string]Approval{}
	for _, a := range c.Approvals {
		if a.RevokedAt == nil && a.Spec.Stage == c.stage.Name && a.Spec.Version == c.release.Spec.Version && a.Spec.Pipeline == c.release.Spec.Pipeline && !c.superseded(a) {
			last[person.Key(a.Spec.Approver)] = a
		}
	}
	decisions := make([]Approval, 0, len(last))
	for _, who := range sortedKeys(last) {
		decisions = append(decisions, last[who])
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
