package worker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// toApprove is all that an approval covers, as text, for each environment of the stage.
func (s setup) toApprove(pipeline, stageName, version string) map[string]string {
	spec := s.pipeline(pipeline)
	i := slices.IndexFunc(spec.Stages, func(stage delivery.Stage) bool { return stage.Name == stageName })
	if i < 0 {
		return nil
	}
	stage, parts := spec.Stages[i], map[string]string{}
	release := s.release(pipeline, version)
	for _, name := range stage.Environments {
		env, here := s.environment(name), stage
		here.Environments = []string{name}
		what := []any{name, env.Tier, env.Platform, merged(env.Config, stage.Config), merged(env.Secrets, nil), env.Target}
		for _, p := range s.guardrails(here) {
			what = append(what, p.Gates)
		}
		atOnce, failures := 1, 0
		if stage.Rollout != nil {
			atOnce, failures = max(1, stage.Rollout.MaxParallel), stage.Rollout.MaxFailures
		}
		parts[name] = text(append(what, release.Spec, stage.Name, stage.Gates, stage.Overridable, stage.Verify, stage.OnFailure == delivery.Halt, atOnce, failures))
	}
	return parts
}

func (s setup) approvalsMissing(gate delivery.ApprovalsGate, stage string, d delivery.Deployment) []string {
	pipeline, version := d.Pipeline, d.Content.Version
	authors := s.authors(pipeline, version)
	newest := map[string]delivery.Approval{} // by person: what they said last
	s.oracle.mu.Lock()
	said, covered := slices.Clone(s.oracle.said), maps.Clone(s.oracle.covered)
	s.oracle.mu.Unlock()
	for _, id := range said {
		a := must(s.ledger.Approval(s.ctx, id))
		who := whois(a.Spec.Approver)
		switch {
		case a.Spec.Pipeline != pipeline || a.Spec.Stage != stage || a.Spec.Version != version:
		case a.RevokedAt == nil:
			newest[who] = a
		case newest[who].Spec.Decision == delivery.Approve: // they took back what they said after it, and have not approved again
			delete(newest, who)
		}
	}
	yes, there := []string{}, s.toApprove(pipeline, stage, version)
	for who, a := range newest {
		age := s.now.Sub(a.DecidedAt)
		tooOld := gate.ExpiresAfter != "" && (age >= parsed(string(gate.ExpiresAfter)) || (age < -5*time.Minute && a.Spec.Decision == delivery.Approve))
		entitled := slices.Contains(gate.Approvers, "*") || slices.Contains(gate.Approvers, who)
		somewhere := false
		for env, what := range there {
			somewhere = somewhere || covered[a.ID][env] == what
		}
		switch {
		case tooOld || !entitled || (len(gate.SignedBy) > 0 && !s.signedBy(a, covered[a.ID], said)):
		case a.Spec.Decision == delivery.Reject:
			if somewhere {
				return []string{who + " rejected it"}
			}
		case covered[a.ID][d.Environment] != there[d.Environment]:
		case s.spent(a, d.Environment):
			s.oracle.happened("approval used up")
		case !slices.Contains(authors, who) || gate.AllowAuthor:
			yes = append(yes, a.ID)
		}
	}
	if len(yes) < gate.Required {
		return []string{fmt.Sprintf("%d of %d approvals", len(yes), gate.Required)}
	}
	s.oracle.mu.Lock()
	s.oracle.letIn[d.ID] = append(s.oracle.letIn[d.ID], yes...)
	s.oracle.mu.Unlock()
	return nil
}

// spent reports whether a release ran well in the environment because of an approval, and something else has run there since: then it does
// not come back because of it.
func (s setup) spent(a delivery.Approval, environment string) bool {
	s.oracle.mu.Lock()
	letIn := maps.Clone(s.oracle.letIn)
	s.oracle.mu.Unlock()
	used, because, last := false, false, map[string]bool{} // last: by version, whether it let in what ran last of it
	for _, d := range s.history(a.Spec.Pipeline, environment) {
		if !ranWell(d) || d.Stage != a.Spec.Stage {
			continue
		}
		if d.Kind != delivery.KindRollback {
			last[d.Content.Version] = slices.Contains(letIn[d.ID], a.ID)
		}
		used = used || last[d.Content.Version]
		if d.Status == delivery.Verified {
			because = last[d.Content.Version]
		}
	}
	return used && !because
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
func (s setup) signedBy(a delivery.Approval, covers map[string]string, said []string) bool {
	made, ok := s.oracle.signings()[a.Spec.Signature]
	r := made.request
	if !ok || made.key != whois(a.Spec.Approver) || text(made.covers) != text(covers) || r.Pipeline != a.Spec.Pipeline || r.Version != a.Spec.Version ||
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
