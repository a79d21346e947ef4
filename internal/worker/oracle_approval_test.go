package worker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// toApprove is all that an approval covers, as text.
func (s setup) toApprove(pipeline, stageName, version string) string {
	spec := s.pipeline(pipeline)
	i := slices.IndexFunc(spec.Stages, func(stage delivery.Stage) bool { return stage.Name == stageName })
	if i < 0 {
		return ""
	}
	stage, parts := spec.Stages[i], []any{}
	release := s.release(pipeline, version)
	for _, name := range stage.Environments {
		env := s.environment(name)
		parts = append(parts, name, merged(env.Config, stage.Config), merged(env.Secrets, nil), env.Target)
	}
	for _, p := range s.guardrails(stage) {
		parts = append(parts, p.Gates)
	}
	return text(append(parts, release.Spec, stage.Name, stage.Gates, stage.Overridable))
}

func (s setup) approvalsMissing(gate delivery.ApprovalsGate, pipeline, stage, version string) []string {
	authors := s.authors(pipeline, version)
	newest := map[string]delivery.Approval{} // by person: what they said last
	s.oracle.mu.Lock()
	said, covered := slices.Clone(s.oracle.said), maps.Clone(s.oracle.covered)
	s.oracle.mu.Unlock()
	for _, id := range said {
		a := must(s.ledger.Approval(s.ctx, id))
		if a.RevokedAt == nil && a.Spec.Pipeline == pipeline && a.Spec.Stage == stage && a.Spec.Version == version {
			newest[whois(a.Spec.Approver)] = a
		}
	}
	yes, there := 0, s.toApprove(pipeline, stage, version)
	for who, a := range newest {
		age := s.now.Sub(a.DecidedAt)
		tooOld := gate.ExpiresAfter != "" && (age >= parsed(string(gate.ExpiresAfter)) || (age < -5*time.Minute && a.Spec.Decision == delivery.Approve))
		entitled := slices.Contains(gate.Approvers, "*") || slices.Contains(gate.Approvers, who)
		switch {
		case covered[a.ID] != there || tooOld || !entitled || (len(gate.SignedBy) > 0 && !s.signedBy(a, there, said)):
		case a.Spec.Decision == delivery.Reject:
			return []string{who + " rejected it"}
		case !slices.Contains(authors, who) || gate.AllowAuthor:
			yes++
		}
	}
	if yes < gate.Required {
		return []string{fmt.Sprintf("%d of %d approvals", yes, gate.Required)}
	}
	return nil
}

// whois is the person that a spelling of the histories means.
func whois(spelling string) string {
	_, address, named := strings.Cut(spelling, "<")
	if !named {
		address = spelling
	}
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(address), ">"))
}

// authors wrote the release, or chose what is in it.
func (s setup) authors(pipeline, version string) []string {
	return []string{whois(s.author(pipeline, version)), whois(s.release(pipeline, version).RegisteredBy)}
}

// signedBy reports whether the approver's own key signed exactly this decision on exactly this content, and nobody hands in again
// what was withdrawn, or gave way to another word.
func (s setup) signedBy(a delivery.Approval, there string, said []string) bool {
	made, ok := s.oracle.signings()[a.Spec.Signature]
	r := made.request
	if !ok || made.key != whois(a.Spec.Approver) || made.covers != there || r.Pipeline != a.Spec.Pipeline || r.Version != a.Spec.Version ||
		r.Stage != a.Spec.Stage || r.Decision != a.Spec.Decision {
		return false
	}
	for _, id := range said[:slices.Index(said, a.ID)] {
		if o := must(s.ledger.Approval(s.ctx, id)); o.Spec.Signature == a.Spec.Signature {
			return false
		}
	}
	return true
}
