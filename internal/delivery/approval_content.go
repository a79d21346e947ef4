package delivery

import (
	"slices"
)

// approvalContents hashes what an approval of the release covers, for each environment of the stage, by name: what is delivered there,
// under which conditions, how it is verified, and what happens if it fails.
func (w World) approvalContents(stage Stage, release Release) map[string]string {
	common := digestOf(struct {
		Release, Pipeline, Stage string
		Gates                    Gates
		Overridable              []string
		Verify                   map[string]Check
		OnFailure                OnFailure
		MaxParallel, MaxFailures int
	}{release.Digest, release.Spec.Pipeline, stage.Name, stage.Gates, stage.Overridable, stage.Verify, stage.Failure(), stage.MaxParallel(), stage.MaxFailures()})
	contents := map[string]string{}
	for _, name := range stage.Environments {
		env := w.Environments[name]
		policies := []Gates{}
		for _, policy := range w.policies(Stage{Environments: []string{name}}) {
			policies = append(policies, policy.Gates)
		}
		contents[name] = digestOf(struct {
			Common, Environment string
			Tier                Tier
			Platform            map[string]string
			ConfigRevision      string
			Policies            []Gates
		}{common, name, env.Tier, env.Platform, ContentFor(stage, env, release).ConfigRevision, policies})
	}
	return contents
}

// ApprovalContents lists the digests of what an approval covers, one for each environment of the stage, sorted.
func (w World) ApprovalContents(stage Stage, release Release) []string {
	contents := []string{}
	for _, digest := range w.approvalContents(stage, release) {
		contents = append(contents, digest)
	}
	slices.Sort(contents)
	return contents
}

// ApprovalDigest hashes everything that an approval covers: the digests of all environments of the stage.
func (w World) ApprovalDigest(stage Stage, release Release) string {
	return digestOf(w.ApprovalContents(stage, release))
}

// covers reports whether a decision is about exactly what would be delivered to an environment. One that was recorded without the digests
// of environments, by an earlier version, covers none: it did not name how the release is verified, nor what happens if it fails.
func (a Approval) covers(content string) bool { return slices.Contains(a.Contents, content) }

// Signable reports whether the signature of a decision may be one for this ledger, or for one that it replaces, and what the decision covers
// is what the signature is about: the payload names one digest, that of them all.
func (a Approval) Signable(l Ledger) bool {
	return a.ContentDigest == digestOf(a.Contents) && a.Ledger != "" && slices.Contains(l.IDs(), a.Ledger)
}

// usedIn reports whether a release was verified in an environment under a decision, and whether that release has been superseded
// there since. Then the decision is used up: nobody decided that the release may come back.
func (h *History) usedIn(env string, a Approval) (used, usedUp bool) {
	under := func(d *Deployment) bool {
		return d.Stage == a.Spec.Stage && d.ranVerified() && slices.ContainsFunc(d.Gates, func(g GateResult) bool { return slices.Contains(g.Approvals, a.ID) })
	}
	if !slices.ContainsFunc(h.in(env), under) {
		return false, false
	}
	return true, !h.runsUnder(env, a, under)
}

// runsUnder reports whether what runs in an environment was delivered under a decision. A rollback restores what ran before, and the
// decision on it.
func (h *History) runsUnder(env string, a Approval, under func(*Deployment) bool) bool {
	current := h.Current(env)
	if current == nil || current.Content.Version != a.Spec.Version {
		return false
	}
	for _, d := range slices.Backward(h.in(env)) {
		if d.Seq > current.Seq || d.Content.Version != a.Spec.Version || !d.ranVerified() {
			continue
		}
		if d.Kind != KindRollback {
			return under(d)
		}
	}
	return false
}
