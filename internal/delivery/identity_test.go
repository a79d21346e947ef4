package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person/persontest"
)

// TestOnePersonInAnySpelling draws spellings of the people of a release and of those who decide. Whatever the spelling, an author approves
// nothing, one person counts once, and the newest decision of a person counts.
func TestOnePersonInAnySpelling(t *testing.T) {
	people := []string{"ann@x.org", "bob@x.org", "cid@x.org", "ci@x.org"}
	rapid.Check(t, func(t *rapid.T) {
		spelled := func(who string) string { return persontest.Spell(t, who) }
		w := shopFixture()
		gate := ApprovalsGate{Required: rapid.IntRange(1, 4).Draw(t, "required"), AllowAuthor: rapid.Bool().Draw(t, "allow author"), Approvers: []string{Anyone}}
		if rapid.Bool().Draw(t, "listed") {
			gate.Approvers = nil
			for _, who := range people[:3] {
				gate.Approvers = append(gate.Approvers, spelled(who))
			}
		}
		w.Pipeline.Stages[1].Gates.Approvals = &gate
		release := w.Releases["1.0"]
		release.Spec.Source = &Source{Revision: "r", Author: spelled(people[0])}
		release.Digest, release.RegisteredBy = release.Spec.Digest(), spelled(people[3])
		w.Releases["1.0"] = release
		newest := map[string]ApprovalDecision{}
		for i := range rapid.IntRange(0, 8).Draw(t, "decisions") {
			who := rapid.SampledFrom(people).Draw(t, "who")
			newest[who] = rapid.SampledFrom([]ApprovalDecision{Approve, Approve, Approve, Reject}).Draw(t, "decision")
			w.Approvals = append(w.Approvals, says(w, string(rune('a'+i)), spelled(who), i+1, newest[who]))
		}
		approved, rejected := 0, false
		for who, decision := range newest {
			author := who == people[0] || who == people[3]
			listed := gate.anyone() || who != people[3]
			rejected = rejected || decision == Reject && listed
			if decision == Approve && listed && (!author || gate.AllowAuthor) {
				approved++
			}
		}
		want := VerdictPending
		switch {
		case rejected:
			want = VerdictFailed
		case approved >= gate.Required:
			want = VerdictPassed
		}
		found := production(w).approvals(gate)
		require.Equal(t, want, found.Verdict, "%s", found.Reason)
	})
}

func TestWhoRegisteredARelease(t *testing.T) {
	w := approvalFixture()
	release := w.Releases["1.0"]
	release.RegisteredBy = "Bob <BOB>"
	w.Releases["1.0"] = release
	w.Approvals = []Approval{says(w, "a1", "bob", 1, Approve)}
	gate := *w.Pipeline.Stages[1].Gates.Approvals
	requireGate(t, production(w).approvals(gate), VerdictPending, "0 of 1 approvals; eligible approvers: cid", nil)
	requireErrors(t, w.Approvals[0].Spec.ValidateGate(w, release, "bob", ""), map[string]string{"approver": "bob registered release shop/1.0 and counts as an author"})
	gate.AllowAuthor = true
	requireGate(t, production(w).approvals(gate), VerdictPassed, "1 of 1, by bob", nil)
	release.Spec.Source.Author = "d\u0430ve@x.org"
	requireErrors(t, release.Spec.Validate(), map[string]string{"source.author": "mixes letters of different scripts"})
}

// TestKeysThatApproveNothing has signatures that hold, by keys that do not say who decided.
func TestKeysThatApproveNothing(t *testing.T) {
	w := approvalFixture()
	of := func(who, recordedBy string) Approval {
		a := says(w, "a1", who, 1, Approve)
		a.RecordedBy = recordedBy
		return a
	}
	w.Signers = map[string]string{"a1": anyKey}
	for name, c := range map[string]struct {
		lines    []string
		decision Approval
		want     string
	}{
		"the author's, listed twice":     {[]string{"ann " + anyKey, "bob " + anyKey}, of("bob", "bob"), "signed with a key that may also sign for ann, an author"},
		"in other spellings":             {[]string{"ANN " + anyKey, "Bob " + anyKey}, of("bob", "bob"), "may also sign for ann, an author"},
		"the author's until yesterday":   {[]string{`ann valid-before="20260101Z" ` + anyKey, "bob " + anyKey}, of("bob", "bob"), "may also sign for ann, an author"},
		"one that fits the author":       {[]string{"b*,a* " + anyKey}, of("bob", "bob"), "may also sign for ann, an author"},
		"that of the one who registered": {[]string{"ci " + anyKey, "bob " + anyKey}, of("bob", "bob"), "may also sign for ci, an author"},
		"a pattern, for another":         {[]string{"b* " + anyKey}, of("bob", "cid"), "not signed by a key"},
		"a pattern, recorded before":     {[]string{"b* " + anyKey}, of("bob", ""), "not signed by a key"},
		"a pattern, for the actor":       {[]string{"b* " + anyKey}, of("bob", "Bob"), ""},
		"by name, for another":           {[]string{"bob " + anyKey}, of("bob", "cid"), ""},
		"by name in another spelling":    {[]string{"BOB " + anyKey}, of("bob", "cid"), ""},
		"a pattern and not the approver": {[]string{"b*,!BOB " + anyKey}, of("bob", "bob"), "not signed by a key"},
	} {
		gate := ApprovalsGate{Required: 1, Approvers: []string{Anyone}, SignedBy: c.lines}
		w.Approvals = []Approval{c.decision}
		found := production(w).approvals(gate)
		if c.want == "" {
			requireGate(t, found, VerdictPassed, "1 of 1, by bob", nil)
			continue
		}
		requireGate(t, found, VerdictPending, c.want, nil)
		if gate.AllowAuthor = true; c.decision.RecordedBy == "bob" && c.lines[0] != "b*,!BOB "+anyKey {
			require.Equal(t, VerdictPassed, production(w).approvals(gate).Verdict, name)
		}
	}
}

// TestSignaturesRequiredByPolicy has a policy that counts signed decisions only, and leaves the keys to the stages.
func TestSignaturesRequiredByPolicy(t *testing.T) {
	w := approvalFixture()
	signed := ApprovalsGate{Required: 1, Approvers: []string{Anyone}, RequireSigned: true}
	w.Policies = []PolicySpec{{Name: "signed", Tiers: []Tier{TierProduction}, Gates: Gates{Approvals: &signed}}}
	require.Empty(t, w.Policies[0].Validate())
	stage := w.Pipeline.Stages[1]
	require.NotEmpty(t, PipelineSpec{Name: "shop", Stages: []Stage{{Name: "s", Environments: []string{"e"}, Promotion: Manual, Gates: Gates{Approvals: &signed}}}}.Validate(),
		"a stage that requires signatures lists the keys")
	w.Approvals = []Approval{says(w, "a1", "bob", 1, Approve)}
	w.Signers = map[string]string{"a1": anyKey}
	requireGate(t, production(w).approvals(signed), VerdictPending, "is not signed by a key that signed_by lists", nil)
	stage.Gates.Approvals.SignedBy = []string{"bob " + anyKey}
	w.Approvals = []Approval{says(w, "a1", "bob", 1, Approve)}
	requireGate(t, production(w).approvals(signed), VerdictPassed, "1 of 1, by bob", nil)
	w.Signers = nil
	requireGate(t, production(w).approvals(signed), VerdictPending, "is not signed", nil)
}
