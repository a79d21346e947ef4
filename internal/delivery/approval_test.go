package delivery

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// approvalFixture asks for one approval by bob or cid in production.
func approvalFixture() World {
	w := shopFixture()
	w.Pipeline.Stages[1].Gates.Approvals = &ApprovalsGate{Required: 1, Approvers: []string{"ann", "bob", "cid"}, ExpiresAfter: "2h"}
	return w
}

// says makes a decision on the fixture's release 1.0 in production.
func says(w World, id, who string, number int, decision ApprovalDecision) Approval {
	stage, release := w.Pipeline.Stages[1], w.Releases["1.0"]
	return Approval{ID: id, Number: number, ContentDigest: w.ApprovalDigest(stage, release), Contents: w.ApprovalContents(stage, release), DecidedAt: w.Now, Round: 1,
		Spec: ApprovalSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Decision: decision, Approver: who}}
}

func (a Approval) revoked() Approval {
	a.RevokedAt = later(0)
	return a
}

func TestApprovalsGate(t *testing.T) {
	w := approvalFixture()
	yes := says(w, "a1", "bob", 1, Approve)
	edit := func(change func(*Approval)) []Approval { a := yes; change(&a); return []Approval{a} }
	cases := map[string]struct {
		approvals []Approval
		verdict   Verdict
		reason    string
	}{
		"none":                            {nil, VerdictPending, "0 of 1 approvals; eligible approvers: bob, cid"},
		"one":                             {[]Approval{yes}, VerdictPassed, "1 of 1, by bob"},
		"revoked":                         {edit(func(a *Approval) { a.RevokedAt = later(0) }), VerdictPending, "0 of 1 approvals; eligible approvers: bob, cid"},
		"another stage":                   {edit(func(a *Approval) { a.Spec.Stage = "staging" }), VerdictPending, "0 of 1 approvals; eligible"},
		"another version":                 {edit(func(a *Approval) { a.Spec.Version = "1.1" }), VerdictPending, "0 of 1 approvals; eligible"},
		"another pipeline":                {edit(func(a *Approval) { a.Spec.Pipeline = "blog" }), VerdictPending, "0 of 1 approvals; eligible"},
		"other content":                   {edit(func(a *Approval) { a.Contents = []string{"x"} }), VerdictPending, "0 of 1 approvals; bob's approval is void (the content changed); eligible approvers: bob, cid"},
		"a void rejection":                {edit(func(a *Approval) { a.Contents, a.Spec.Decision = nil, Reject }), VerdictPending, "bob's rejection is void (the content changed)"},
		"not yet expired":                 {edit(func(a *Approval) { a.DecidedAt = fixtureNow.Add(1 - 2*time.Hour) }), VerdictPassed, ""},
		"expired":                         {edit(func(a *Approval) { a.DecidedAt = fixtureNow.Add(-2 * time.Hour) }), VerdictPending, "bob's approval has expired; eligible"},
		"a clock that is fast":            {edit(func(a *Approval) { a.DecidedAt = fixtureNow.Add(MaxClockSkew) }), VerdictPassed, ""},
		"from the future":                 {edit(func(a *Approval) { a.DecidedAt = fixtureNow.Add(MaxClockSkew + 1) }), VerdictPending, "has expired"},
		"no from the future":              {edit(func(a *Approval) { a.DecidedAt, a.Spec.Decision = fixtureNow.Add(time.Hour), Reject }), VerdictFailed, "bob rejected it"},
		"no approver":                     {edit(func(a *Approval) { a.Spec.Approver = "eve" }), VerdictPending, "0 of 1 approvals; eligible approvers: bob, cid"},
		"the author":                      {edit(func(a *Approval) { a.Spec.Approver = "ann" }), VerdictPending, "0 of 1 approvals; eligible approvers: bob, cid"},
		"the author says no":              {edit(func(a *Approval) { a.Spec.Approver, a.Spec.Decision, a.Spec.Comment = "ann", Reject, "a bug" }), VerdictFailed, "ann rejected it: a bug"},
		"no, then yes":                    {[]Approval{says(w, "a1", "bob", 1, Reject), says(w, "a2", "bob", 2, Approve)}, VerdictPassed, ""},
		"yes, then no":                    {[]Approval{says(w, "a2", "bob", 2, Reject), says(w, "a1", "bob", 1, Approve)}, VerdictFailed, "bob rejected it"},
		"yes, then a no that was revoked": {[]Approval{yes, says(w, "a2", "bob", 2, Reject).revoked()}, VerdictPending, "0 of 1 approvals; eligible"},
		"yes twice, the last one revoked": {[]Approval{yes, says(w, "a2", "bob", 2, Approve).revoked()}, VerdictPending, "0 of 1 approvals; eligible"},
		"no, then a yes that was revoked": {[]Approval{says(w, "a1", "bob", 1, Reject), says(w, "a2", "bob", 2, Approve).revoked()}, VerdictFailed, "bob rejected it"},
		"yes after a no that was revoked": {[]Approval{says(w, "a1", "bob", 1, Reject).revoked(), says(w, "a2", "bob", 2, Approve)}, VerdictPassed, ""},
		"a no of another, revoked":        {[]Approval{yes, says(w, "a2", "cid", 1, Reject).revoked()}, VerdictPassed, ""},
		"a no among them":                 {[]Approval{yes, says(w, "a2", "cid", 1, Reject)}, VerdictFailed, "cid rejected it"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w.Approvals = c.approvals
			requireGate(t, production(w).approvals(*w.Pipeline.Stages[1].Gates.Approvals), c.verdict, c.reason, nil)
		})
	}
	w.Approvals = []Approval{yes}
	requireGate(t, production(w).approvals(ApprovalsGate{Required: 2, Approvers: []string{Anyone}}), VerdictPending, "1 of 2 approvals, by bob", nil)
	w.Approvals = append(w.Approvals, says(w, "a2", "ann", 1, Approve))
	requireGate(t, production(w).approvals(ApprovalsGate{Required: 2, AllowAuthor: true, Approvers: []string{Anyone}}), VerdictPassed, "2 of 2, by ann, bob", nil)
	require.False(t, strings.HasSuffix(production(w).approvals(ApprovalsGate{Required: 3, Approvers: []string{Anyone}}).Reason, ": "))
}

func TestSignedApprovals(t *testing.T) {
	w := approvalFixture()
	const key, other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA0Nq8QvXkO8sSqsgwQ6zYzq5r0c9p0c4pYwzq1q3v7a", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	gate := ApprovalsGate{Required: 1, Approvers: []string{Anyone}, SignedBy: []string{"bob,cid " + key}}
	w.Pipeline.Stages[1].Gates.Approvals = &gate
	bob, cid := says(w, "a1", "bob", 1, Approve), says(w, "a2", "cid", 1, Approve)
	w.Approvals = []Approval{bob}
	requireGate(t, production(w).approvals(gate), VerdictPending, "0 of 1 approvals; bob's approval is not signed by a key that signed_by lists", nil)
	w.Signers = map[string]string{"a1": other}
	requireGate(t, production(w).approvals(gate), VerdictPending, "not signed by a key", nil)
	w.Signers = map[string]string{"a1": key, "a2": key}
	requireGate(t, production(w).approvals(gate), VerdictPassed, "1 of 1, by bob", nil)
	two := gate
	w.Approvals, two.Required = []Approval{bob, cid}, 2
	requireGate(t, production(w).approvals(two), VerdictPending, "1 of 2 approvals, by bob; cid's approval is signed with the key of bob's", nil)
	stage := w.Pipeline.Stages[1]
	require.True(t, w.SignedFor(stage, "bob", key))
	require.False(t, w.SignedFor(stage, "bob", other))
	require.False(t, w.SignedFor(stage, "eve", key))
	unsigned := stage
	unsigned.Gates.Approvals = &ApprovalsGate{Required: 1, Approvers: []string{Anyone}}
	require.False(t, w.SignedFor(unsigned, "bob", key), "nobody asks for a signature")
}

func TestWhoMayDecide(t *testing.T) {
	w := approvalFixture()
	release := w.Releases["1.0"]
	spec := func(who string, decision ApprovalDecision) ApprovalSpec {
		return ApprovalSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Decision: decision, Approver: who}
	}
	require.Empty(t, spec("bob", Approve).ValidateGate(w, release, "bob", ""))
	require.Empty(t, spec("ann", Reject).ValidateGate(w, release, "ann", ""))
	requireErrors(t, spec("ann", Approve).ValidateGate(w, release, "ann", ""), map[string]string{"approver": "ann is the author of release shop/1.0"})
	requireErrors(t, spec("eve", Reject).ValidateGate(w, release, "eve", ""), map[string]string{"approver": "eve is not among the stage's approvers (ann, bob, cid)"})
	gone, staging := spec("bob", Approve), spec("bob", Approve)
	gone.Stage, staging.Stage = "gone", "staging"
	requireErrors(t, gone.ValidateGate(w, release, gone.Approver, ""), map[string]string{"stage": `no stage "gone"`})
	requireErrors(t, staging.ValidateGate(w, release, staging.Approver, ""), map[string]string{"stage": "asks for no approvals"})

	// A policy asks as well, and refuses the author in the same words.
	w.Policies = []PolicySpec{{Name: "four-eyes", Tiers: []Tier{TierProduction}, Gates: Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{Anyone}}}}}
	requireErrors(t, spec("ann", Approve).ValidateGate(w, release, "ann", ""), map[string]string{"approver": "ann is the author of release shop/1.0"})
	require.Empty(t, spec("eve", Approve).ValidateGate(w, release, "eve", ""), "the policy lets her, the stage does not")
	w.Policies[0].Gates.Approvals.SignedBy = []string{"eve ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA0Nq8QvXkO8sSqsgwQ6zYzq5r0c9p0c4pYwzq1q3v7a"}
	requireErrors(t, spec("eve", Approve).ValidateGate(w, release, "eve", ""), map[string]string{"approver": "eve is not among the stage's approvers (ann, bob, cid); the stage demands a signature"})
	require.Empty(t, spec("eve", Approve).ValidateGate(w, release, "eve", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA0Nq8QvXkO8sSqsgwQ6zYzq5r0c9p0c4pYwzq1q3v7a"))
}

func TestWhetherADecisionStillCounts(t *testing.T) {
	w := approvalFixture()
	a := says(w, "a1", "bob", 1, Approve)
	require.Equal(t, ApprovalValid, w.ApprovalStatus(a))
	w.Now = fixtureNow.Add(2 * time.Hour)
	require.Equal(t, ApprovalExpired, w.ApprovalStatus(a))
	w.Policies = []PolicySpec{{Name: "p", Tiers: []Tier{TierProduction}, Gates: Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{Anyone}}}}}
	require.Equal(t, ApprovalVoid, w.ApprovalStatus(a), "a policy is part of what it covers")
	require.Equal(t, ApprovalValid, w.ApprovalStatus(says(w, "a2", "bob", 2, Approve).at(fixtureNow)), "the policy's gate never expires")
	unknown := a
	unknown.Spec.Version = "9.9"
	require.Equal(t, ApprovalVoid, w.ApprovalStatus(unknown))
	unknown = a
	unknown.Spec.Stage = "gone"
	require.Equal(t, ApprovalVoid, w.ApprovalStatus(unknown))
	require.Equal(t, ApprovalVoid, a.StatusAt(nil, a.Contents[0], fixtureNow))
}

func (a Approval) at(t time.Time) Approval {
	a.DecidedAt = t
	return a
}

func TestADecisionIsNotGivenTwice(t *testing.T) {
	w := approvalFixture()
	a := says(w, "a1", "bob", 1, Approve)
	require.Nil(t, w.Given(a.Spec))
	w.Approvals = []Approval{a}
	require.Equal(t, "a1", w.Given(a.Spec).ID)
	other := a.Spec
	other.Comment = "again"
	require.Nil(t, w.Given(other))
	w.Approvals = append(w.Approvals, says(w, "a2", "bob", 2, Reject))
	require.Nil(t, w.Given(a.Spec), "he said something else since")
	w.Approvals[1].RevokedAt = later(0)
	require.Nil(t, w.Given(a.Spec), "and revoked that, which leaves no decision")
	w.Approvals = []Approval{a}
	w.Approvals[0].Contents = nil
	require.Nil(t, w.Given(a.Spec), "it is void")
	w.Approvals = []Approval{a}
	w.Approvals[0].RevokedAt = later(0)
	require.Nil(t, w.Given(a.Spec), "it is revoked")
	for name, change := range map[string]func(*Approval){
		"another person": func(a *Approval) { a.Spec.Approver = "cid" }, "another stage": func(a *Approval) { a.Spec.Stage = "staging" },
		"another version": func(a *Approval) { a.Spec.Version = "1.1" }, "an earlier one": func(a *Approval) { a.Number = 0 },
	} {
		later := says(w, "a2", "bob", 2, Reject)
		change(&later)
		w.Approvals = []Approval{a, later}
		require.NotNil(t, w.Given(a.Spec), name)
	}
}

func TestEachSignedRequestHasItsRound(t *testing.T) {
	w := approvalFixture()
	stage, release := w.Pipeline.Stages[1], w.Releases["1.0"]
	round := func(approvals ...Approval) int {
		w.Approvals = approvals
		return w.ApprovalRequest(stage, release, Approve).Round
	}
	a := says(w, "a1", "bob", 1, Approve)
	edit := func(change func(*Approval)) Approval { b := a; change(&b); return b }
	require.Equal(t, 1, round())
	require.Equal(t, 1, round(a))
	require.Equal(t, 2, round(edit(func(a *Approval) { a.RevokedAt = later(0) })))
	require.Equal(t, 2, round(a, says(w, "a2", "bob", 2, Reject)))
	require.Equal(t, 2, round(edit(func(a *Approval) { a.DecidedAt = fixtureNow.Add(-3 * time.Hour) })))
	require.Equal(t, 1, round(edit(func(a *Approval) { a.RevokedAt, a.Spec.Stage = later(0), "staging" })))
	require.Equal(t, 1, round(edit(func(a *Approval) { a.RevokedAt, a.Spec.Version = later(0), "1.1" })))
	require.Equal(t, 1, round(edit(func(a *Approval) { a.Contents = []string{"x"} })), "a void one was for other content")
	w.Ledger.Newest.Ledger = "11ff"
	request := w.ApprovalRequest(stage, release, Reject)
	require.Equal(t, ApprovalRequest{Pipeline: "shop", Version: "1.0", Stage: "production", Decision: Reject,
		ContentDigest: w.ApprovalDigest(stage, release), Ledger: "11ff", Summary: w.contentSummary(stage, release), Round: 1}, request)
	require.Equal(t, request, w.Decision(ApprovalSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Decision: Reject, Approver: "bob"}, "bob", "a1", 1).Request())
}

// TestWhatAnApprovalCovers changes one thing after another: each is part of what people saw.
func TestWhatAnApprovalCovers(t *testing.T) {
	digest := func(change func(w *World, stage *Stage, release *Release)) string {
		w := shopFixture()
		stage, release := w.Pipeline.Stages[1], w.Releases["1.0"]
		change(&w, &stage, &release)
		return w.ApprovalDigest(stage, release)
	}
	env := func(change func(*EnvironmentSpec)) func(*World, *Stage, *Release) {
		return func(w *World, _ *Stage, _ *Release) {
			spec := w.Environments["us"]
			change(&spec)
			w.Environments["us"] = spec
		}
	}
	before := digest(func(*World, *Stage, *Release) {})
	require.Equal(t, before, digest(func(w *World, _ *Stage, _ *Release) { w.Now = w.Now.Add(time.Hour) }))
	require.Equal(t, before, digest(func(w *World, _ *Stage, _ *Release) {
		w.Policies = []PolicySpec{{Name: "p", Tiers: []Tier{TierTesting}}}
	}), "a policy elsewhere")
	require.Equal(t, before, digest(func(_ *World, s *Stage, _ *Release) { s.Environments = []string{"us", "eu"} }), "the order of environments")
	require.Equal(t, before, digest(func(_ *World, s *Stage, _ *Release) { s.OnFailure, s.Rollout = Rollback, &Rollout{MaxParallel: 1} }), "defaults written out")
	for name, change := range map[string]func(*World, *Stage, *Release){
		"the release":       func(_ *World, _ *Stage, r *Release) { r.Digest = "x" },
		"the pipeline":      func(_ *World, _ *Stage, r *Release) { r.Spec.Pipeline = "blog" },
		"the stage":         func(_ *World, s *Stage, _ *Release) { s.Name = "live" },
		"its configuration": func(_ *World, s *Stage, _ *Release) { s.Config = map[string]string{"LOG": "debug"} },
		"its gates":         func(_ *World, s *Stage, _ *Release) { s.Gates.Parity = &ParityGate{} },
		"what is skipped":   func(_ *World, s *Stage, _ *Release) { s.Overridable = []string{"soak"} },
		"the environments":  func(_ *World, s *Stage, _ *Release) { s.Environments = []string{"eu"} },
		"its verification":  func(_ *World, s *Stage, _ *Release) { s.Verify = map[string]Check{"smoke": {}} },
		"halting":           func(_ *World, s *Stage, _ *Release) { s.OnFailure = Halt },
		"more at a time":    func(_ *World, s *Stage, _ *Release) { s.Rollout = &Rollout{MaxParallel: 2} },
		"more failures":     func(_ *World, s *Stage, _ *Release) { s.Rollout = &Rollout{MaxFailures: 1} },
		"a tier":            env(func(s *EnvironmentSpec) { s.Tier = TierOther }),
		"a platform":        env(func(s *EnvironmentSpec) { s.Platform = map[string]string{"os": "debian-12"} }),
		"a policy": func(w *World, _ *Stage, _ *Release) {
			w.Policies = []PolicySpec{{Name: "p", Tiers: []Tier{TierProduction}, Gates: Gates{Parity: &ParityGate{}}}}
		},
		"a value":  env(func(s *EnvironmentSpec) { s.Config = map[string]string{"REGION": "x"} }),
		"a secret": env(func(s *EnvironmentSpec) { s.Secrets = map[string]string{"TOKEN": "env:TOKEN"} }),
		"a target": env(func(s *EnvironmentSpec) { s.Target = directoryTarget("elsewhere") }),
	} {
		require.NotEqual(t, before, digest(change), name)
	}
}

func TestOnlyThePersonWhoRejectedRevokes(t *testing.T) {
	w := approvalFixture()
	yes, no := says(w, "a1", "bob", 1, Approve), says(w, "a2", "Bob <bob>", 1, Reject)
	require.True(t, yes.RevocableBy("cid"), "without it, the gate is stricter")
	require.True(t, no.RevocableBy("bob"))
	require.False(t, no.RevocableBy("cid"))
	require.False(t, no.RevocableBy(""))
	for actor, revoked := range map[string]bool{"bob": true, "cid": false} {
		w.Approvals = []Approval{no}
		changes := ChangeSet{Actor: actor}
		changes.Approvals.Remove("a2")
		require.Equal(t, revoked, changes.Apply(w).Approvals[0].RevokedAt != nil, actor)
	}
}

// A decision that its person has replaced, or that a revoked one of theirs followed, is no longer valid.
func TestTheStatusOfAReplacedDecision(t *testing.T) {
	w := approvalFixture()
	yes, no := says(w, "a1", "bob", 1, Approve), says(w, "a2", "bob", 2, Reject)
	for name, c := range map[string]struct {
		all  []Approval
		want ApprovalStatus
	}{
		"alone":                      {[]Approval{yes}, ApprovalValid},
		"replaced":                   {[]Approval{yes, no}, ApprovalVoid},
		"replaced by a revoked one":  {[]Approval{yes, no.revoked()}, ApprovalVoid},
		"another person's rejection": {[]Approval{yes, says(w, "a2", "cid", 1, Reject)}, ApprovalValid},
	} {
		w.Approvals = c.all
		require.Equal(t, c.want, w.ApprovalStatus(yes), name)
	}
	w.Approvals = []Approval{says(w, "a1", "bob", 1, Reject), says(w, "a2", "bob", 2, Approve).revoked()}
	require.Equal(t, ApprovalValid, w.ApprovalStatus(w.Approvals[0]))
}
