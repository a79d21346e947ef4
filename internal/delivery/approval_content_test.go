package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inEnvironments returns the fixture's release 1.0 as a candidate for some environments of production.
func inEnvironments(w World, environments ...string) candidate {
	c := production(w)
	c.environments = environments
	return c
}

// TestAnApprovalCoversEachEnvironment changes one environment of a stage: the approval is void there, and stays valid for the others.
func TestAnApprovalCoversEachEnvironment(t *testing.T) {
	w := approvalFixture()
	a := says(w, "a1", "bob", 1, Approve)
	w.Approvals = []Approval{a}
	gate := *w.Pipeline.Stages[1].Gates.Approvals
	us := w.Environments["us"]
	us.Config = map[string]string{"REGION": "elsewhere"}
	w.Environments["us"] = us
	requireGate(t, inEnvironments(w, "eu").approvals(gate), VerdictPassed, "1 of 1, by bob", nil)
	requireGate(t, inEnvironments(w, "us").approvals(gate), VerdictPending, "bob's approval does not cover what would be delivered to us", nil)
	requireGate(t, inEnvironments(w, "eu", "us").approvals(gate), VerdictPending, "0 of 1 approvals; bob's approval does not cover what would be delivered to us", nil)
	require.Equal(t, ApprovalValid, w.ApprovalStatus(a))

	w = approvalFixture()
	w.Approvals = []Approval{says(w, "a1", "bob", 1, Approve)}
	w.Environments["asia"] = EnvironmentSpec{Name: "asia", Tier: TierProduction, Target: directoryTarget("asia")}
	w.Pipeline.Stages[1].Environments = []string{"asia", "eu"}
	requireGate(t, inEnvironments(w, "eu").approvals(gate), VerdictPassed, "", nil)
	requireGate(t, inEnvironments(w, "asia").approvals(gate), VerdictPending, "does not cover what would be delivered to asia", nil)
	w.Approvals = append(w.Approvals, says(w, "a2", "cid", 1, Approve))
	requireGate(t, inEnvironments(w, "asia").approvals(gate), VerdictPassed, "1 of 1, by cid", nil)
	two := gate
	two.Required = 2
	requireGate(t, inEnvironments(w, "eu").approvals(two), VerdictPassed, "2 of 2, by bob, cid", nil)
	requireGate(t, inEnvironments(w, "asia", "eu").approvals(two), VerdictPending, "1 of 2 approvals, by cid", nil)

	ledger := Ledger{Newest: LedgerPosition{Ledger: "here"}, Adopted: []LedgerPosition{{Ledger: "before"}}}
	signed := w.Approvals[1]
	for id, want := range map[string]bool{"here": true, "before": true, "elsewhere": false, "": false} {
		signed.Ledger = id
		require.Equal(t, want, signed.Signable(ledger), id)
	}
	signed.Ledger = "here"
	signed.Contents = append([]string{"sha256:00"}, signed.Contents...)
	require.False(t, signed.Signable(ledger), "nobody signed that")

	no := says(w, "a3", "bob", 2, Reject)
	w.Approvals = append(w.Approvals, no)
	w.Environments["asia"] = EnvironmentSpec{Name: "asia", Tier: TierProduction, Target: directoryTarget("moved")}
	requireGate(t, inEnvironments(w, "asia").approvals(gate), VerdictFailed, "bob rejected it", nil)

	w.Approvals = []Approval{says(w, "a1", "bob", 1, Approve)}
	w.Approvals[0].Contents = nil
	requireGate(t, production(w).approvals(gate), VerdictPending, "bob's approval is void (the content changed)", nil)
	require.Equal(t, ApprovalVoid, w.ApprovalStatus(w.Approvals[0]), "recorded by an earlier version, which did not note what it covers")
}

// under returns a deployment that was let in by a decision.
func under(id string) func(*Deployment) {
	return func(d *Deployment) {
		d.Gates = []GateResult{{Name: "approvals", Verdict: VerdictPassed, Approvals: []string{id}}}
	}
}

// TestAnApprovalIsUsedUp follows release 1.0 in one environment, and says after each history what its approval is worth there.
func TestAnApprovalIsUsedUp(t *testing.T) {
	w := approvalFixture()
	w.Pipeline.Stages[1].Environments = []string{"eu"}
	a := says(w, "a1", "bob", 1, Approve)
	w.Approvals = []Approval{a}
	first := func(status DeploymentStatus) Deployment { return deployed(w, 1, "1.0", "eu", status).with(under("a1")) }
	back := deployed(w, 3, "1.0", "eu", Verified).with(func(d *Deployment) { d.Kind = KindRollback })
	for name, c := range map[string]struct {
		history []Deployment
		status  ApprovalStatus
		counts  bool
	}{
		"nothing delivered":      {nil, ApprovalValid, true},
		"it failed":              {[]Deployment{first(Failed)}, ApprovalValid, true},
		"in flight":              {[]Deployment{first(Deploying)}, ApprovalValid, true},
		"verified":               {[]Deployment{first(Verified)}, ApprovalUsed, true},
		"let in by another":      {[]Deployment{deployed(w, 1, "1.0", "eu", Verified)}, ApprovalValid, true},
		"the next one fails":     {[]Deployment{first(Verified), deployed(w, 2, "1.1", "eu", Failed)}, ApprovalUsed, true},
		"and is rolled back":     {[]Deployment{first(Superseded), deployed(w, 2, "1.1", "eu", Failed), back}, ApprovalUsed, true},
		"healed":                 {[]Deployment{first(Superseded), deployed(w, 2, "1.0", "eu", Verified).with(under("a1"))}, ApprovalUsed, true},
		"superseded":             {[]Deployment{first(Superseded), deployed(w, 2, "1.1", "eu", Verified)}, ApprovalUsed, false},
		"back by another":        {[]Deployment{first(Superseded), deployed(w, 2, "1.1", "eu", Superseded), deployed(w, 3, "1.0", "eu", Verified).with(under("a2"))}, ApprovalUsed, false},
		"back, and gone again":   {[]Deployment{first(Superseded), deployed(w, 2, "1.1", "eu", Superseded), back, deployed(w, 4, "1.1", "eu", Verified)}, ApprovalUsed, false},
		"another, not yet there": {[]Deployment{first(Verified), deployed(w, 2, "1.1", "eu", Deploying)}, ApprovalUsed, true},
	} {
		w.History = NewHistory(c.history)
		require.Equal(t, c.status, w.ApprovalStatus(a), name)
		found := inEnvironments(w, "eu").approvals(*w.Pipeline.Stages[1].Gates.Approvals)
		if !c.counts {
			requireGate(t, found, VerdictPending, "bob's approval is used up (another release has run in eu since)", nil)
			require.Nil(t, w.Given(a.Spec), name)
			require.Equal(t, 2, w.ApprovalRequest(w.Pipeline.Stages[1], w.Releases["1.0"], Approve).Round, "%s: its signature may not be handed in again", name)
			continue
		}
		requireGate(t, found, VerdictPassed, "1 of 1, by bob", nil)
		require.Equal(t, []string{"a1"}, found.Approvals)
		require.NotNil(t, w.Given(a.Spec), name)
		round := 1
		if c.status == ApprovalUsed {
			round = 2 // its signature may not be handed in again, with another comment
		}
		require.Equal(t, round, w.ApprovalRequest(w.Pipeline.Stages[1], w.Releases["1.0"], Approve).Round, name)
	}
	w.History = NewHistory([]Deployment{first(Verified)})
	removal := ChangeSet{Approvals: Changes[ApprovalSpec]{"a1": {Changed: true}}}
	require.Nil(t, removal.Apply(w).Approvals[0].RevokedAt, "destroying the resource does not undo it")
	w.History = nil
	require.NotNil(t, removal.Apply(w).Approvals[0].RevokedAt)
	w.Now = w.Now.Add(time.Minute)
	require.Equal(t, "a1", w.Recorded(a.Spec).ID)
}
