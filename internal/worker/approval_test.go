package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// gated has a release verified in development, and production behind an approvals gate.
func gated(t *testing.T, gate delivery.ApprovalsGate) *fixture {
	h := newFixture(t)
	production := stage("production", delivery.Manual, "eu")
	production.Gates.Approvals = &gate
	h.declares(stage("development", delivery.Automatic, "dev"), production)
	require.Nil(t, h.delivers("1.0", 1).Failure)
	return h
}

func (h *fixture) ready() bool {
	h.t.Helper()
	r, err := h.Readiness(h.t.Context(), "shop", "1.0", "production", time.Time{})
	require.NoError(h.t, err)
	return r.Ready
}

func TestWhoMayApprove(t *testing.T) {
	few := delivery.ApprovalsGate{Required: 1, Approvers: []string{ann, bob}}
	anyone := delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}
	author := delivery.ApprovalsGate{Required: 1, AllowAuthor: true, Approvers: []string{delivery.Anyone}}
	cases := map[string]struct {
		gate     delivery.ApprovalsGate
		actor    string
		decision delivery.ApprovalSpec
		refused  string
	}{
		"an approver":                    {few, bob, approval("1.0", delivery.Approve), ""},
		"somebody else":                  {few, cid, approval("1.0", delivery.Approve), "cid@example.com is not among the stage's approvers (ann@example.com, bob@example.com)"},
		"somebody else rejects":          {few, cid, approval("1.0", delivery.Reject), "is not among the stage's approvers"},
		"anyone":                         {anyone, cid, approval("1.0", delivery.Approve), ""},
		"the author":                     {anyone, ann, approval("1.0", delivery.Approve), "an author may not approve their own release"},
		"the author, who is an approver": {few, ann, approval("1.0", delivery.Approve), "an author may not approve their own release"},
		"the author, who may":            {author, ann, approval("1.0", delivery.Approve), ""},
		"the author rejects":             {anyone, ann, approval("1.0", delivery.Reject), ""},
		"a stage that asks nobody":       {anyone, bob, delivery.ApprovalSpec{Pipeline: "shop", Stage: "development", Version: "1.0", Decision: delivery.Approve}, "asks for no approvals"},
		"a stage that is not there":      {anyone, bob, delivery.ApprovalSpec{Pipeline: "shop", Stage: "moon", Version: "1.0", Decision: delivery.Approve}, `has no stage "moon"; it has: development, production`},
		"a release that is not there":    {anyone, bob, approval("9.0", delivery.Approve), `has no release "9.0"; register it with a cd_release first`},
		"a pipeline that is not there":   {anyone, bob, delivery.ApprovalSpec{Pipeline: "blog", Stage: "production", Version: "1.0", Decision: delivery.Approve}, "declare it first"},
		"neither approval nor rejection": {anyone, bob, approval("1.0", "maybe"), "is not a decision"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := gated(t, c.gate)
			c.decision.Content = h.contentOf(c.decision.Pipeline, c.decision.Version, c.decision.Stage)
			// The plan says the same as the apply.
			preview, err := h.PreviewApproval(t.Context(), c.actor, delivery.PreviewRequest[delivery.ApprovalSpec]{Subject: c.decision})
			require.NoError(t, err)
			given, err := h.AddApproval(t.Context(), c.actor, c.decision)
			if c.refused != "" {
				require.ErrorContains(t, err, c.refused)
				require.ErrorContains(t, preview.Refused, c.refused)
				return
			}
			require.NoError(t, err)
			require.Empty(t, preview.Refused)
			require.Equal(t, c.actor, given.Spec.Approver)
			require.Equal(t, preview.ContentDigest, given.ContentDigest)
			require.Equal(t, c.decision.Decision == delivery.Approve, h.ready())
		})
	}
}

// A decision that is left to another person is none: nothing is recorded that could count, and nothing of theirs is replaced.
func TestADecisionInAnotherPersonsNameIsUndecided(t *testing.T) {
	h := gated(t, delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}})
	forBob := approval("1.0", delivery.Approve)
	forBob.Approver = bob
	preview, err := h.PreviewApproval(t.Context(), cid, delivery.PreviewRequest[delivery.ApprovalSpec]{Subject: forBob})
	require.NoError(t, err)
	require.Empty(t, preview.Refused)
	require.True(t, preview.Undecided)
	given, err := h.decides(cid, forBob)
	require.NoError(t, err)
	require.Equal(t, delivery.ApprovalUndecided, given.Status)
	require.False(t, h.ready())
	_, err = h.Approval(t.Context(), given.ID)
	require.True(t, delivery.IsNotFound(err))

	_, err = h.decides(bob, approval("1.0", delivery.Reject))
	require.NoError(t, err)
	_, err = h.decides(cid, forBob)
	require.NoError(t, err)
	request, err := h.ApprovalRequest(t.Context(), "shop", "1.0", "production", delivery.Approve)
	require.NoError(t, err)
	require.Equal(t, 1, request.Round, "nobody decided again")
	readiness, err := h.Readiness(t.Context(), "shop", "1.0", "production", time.Time{})
	require.NoError(t, err)
	require.Contains(t, delivery.GateTable(readiness.Gates), "bob@example.com rejected it")

	given, err = h.decides(bob, forBob)
	require.NoError(t, err)
	require.Equal(t, delivery.ApprovalValid, given.Status)
	require.True(t, h.ready())
}

func TestOnePersonCountsOnce(t *testing.T) {
	h := gated(t, delivery.ApprovalsGate{Required: 2, Approvers: []string{delivery.Anyone}})
	h.approves(bob, "production", "1.0")
	again, err := h.decides(bob, delivery.ApprovalSpec{Pipeline: "shop", Stage: "production", Version: "1.0", Decision: delivery.Approve, Comment: "really"})
	require.NoError(t, err)
	require.Equal(t, 2, again.Number)
	require.False(t, h.ready())
	h.approves(cid, "production", "1.0")
	require.True(t, h.ready())
}

// TestTheLastWordCounts decides at one and the same moment, and with a clock set back: the order in which people spoke counts.
func TestTheLastWordCounts(t *testing.T) {
	for _, back := range []time.Duration{0, time.Minute, time.Hour} {
		h := gated(t, delivery.ApprovalsGate{Required: 1, ExpiresAfter: "24h", Approvers: []string{delivery.Anyone}})
		h.approves(bob, "production", "1.0")
		require.True(t, h.ready())
		h.clock.move(-back)
		_, err := h.decides(bob, approval("1.0", delivery.Reject))
		require.NoError(t, err)
		require.False(t, h.ready(), "set back by %s", back)
		h.clock.move(-back)
		h.approves(cid, "production", "1.0")
		require.False(t, h.ready(), "a rejection does not end because a clock was set back (by %s)", back)
		h.approves(bob, "production", "1.0")
		require.Equal(t, back == 0, h.ready(), "whether an approval has expired is not judged by a clock that is behind the ledger (by %s)", back)
		h.clock.move(2 * back)
		require.True(t, h.ready(), "set back by %s, and right again", back)
	}
}

func TestApprovalsEndAndAreVoid(t *testing.T) {
	status := func(h *fixture, id string) delivery.ApprovalStatus {
		a, err := h.Approval(t.Context(), id)
		require.NoError(t, err)
		return a.Status
	}
	const id = "shop/1.0/production/" + bob + "/1"

	t.Run("expired", func(t *testing.T) {
		h := gated(t, delivery.ApprovalsGate{Required: 1, ExpiresAfter: "1h", Approvers: []string{delivery.Anyone}})
		h.approves(bob, "production", "1.0")
		h.clock.move(time.Hour - time.Second)
		require.Equal(t, delivery.ApprovalValid, status(h, id))
		h.clock.move(time.Second)
		require.Equal(t, delivery.ApprovalExpired, status(h, id))
		require.False(t, h.ready())
	})
	changes := map[string]func(*fixture){
		"configuration": func(h *fixture) {
			h.environment("eu", func(s *delivery.EnvironmentSpec) { s.Config["LEVEL"] = "debug" })
		},
		"secret reference": func(h *fixture) {
			h.environment("eu", func(s *delivery.EnvironmentSpec) { s.Secrets = map[string]string{"TOKEN": "env:TOKEN"} })
		},
		"target": func(h *fixture) {
			h.environment("eu", func(s *delivery.EnvironmentSpec) { s.Target.Directory.Path = "/srv/elsewhere" })
		},
		"gates": func(h *fixture) {
			production := stage("production", delivery.Manual, "eu")
			production.Gates.Approvals = &delivery.ApprovalsGate{Required: 1, AllowAuthor: true, Approvers: []string{delivery.Anyone}}
			h.declares(stage("development", delivery.Automatic, "dev"), production)
		},
		"verification": func(h *fixture) {
			production := verifying(stage("production", delivery.Manual, "eu"))
			production.Gates.Approvals = &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}
			h.declares(stage("development", delivery.Automatic, "dev"), production)
		},
	}
	for name, change := range changes {
		t.Run("void after a change of "+name, func(t *testing.T) {
			h := gated(t, delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}})
			h.approves(bob, "production", "1.0")
			require.True(t, h.ready())
			change(h)
			require.Equal(t, delivery.ApprovalVoid, status(h, id))
			require.False(t, h.ready())
			_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
			requireRefusal(t, err, delivery.CodeConflict, "bob@example.com's approval is void (the content changed)")
		})
	}
	t.Run("another environment", func(t *testing.T) {
		h := gated(t, delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}})
		h.approves(bob, "production", "1.0")
		production := stage("production", delivery.Manual, "eu", "us")
		production.Gates.Approvals = &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}
		h.declares(stage("development", delivery.Automatic, "dev"), production)
		require.Equal(t, delivery.ApprovalValid, status(h, id), "for the one that it covers")
		require.False(t, h.ready())
		_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
		requireRefusal(t, err, delivery.CodeConflict, "bob@example.com's approval does not cover what would be delivered to us")
		h.approves(cid, "production", "1.0")
		require.True(t, h.ready())
	})
	t.Run("used, and used up", func(t *testing.T) {
		h := gated(t, delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}})
		h.approves(bob, "production", "1.0")
		_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
		require.NoError(t, err)
		require.Equal(t, delivery.ApprovalUsed, status(h, id))
		requireRefusal(t, h.RevokeApproval(t.Context(), bob, id), delivery.CodeConflict, "was used: 1.0 was verified in production under it")
		require.Nil(t, h.delivers("1.1", 1).Failure)
		h.approves(bob, "production", "1.1")
		_, err = h.promotes(promotion("production", "1.1", delivery.WhenBlockedFail))
		require.NoError(t, err)
		require.Nil(t, h.delivers("1.0", 1).Failure)
		_, err = h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
		requireRefusal(t, err, delivery.CodeConflict, "bob@example.com's approval is used up (another release has run in eu since)")
		h.approves(bob, "production", "1.0")
		state, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
		require.NoError(t, err)
		require.Equal(t, "1.0", state.RunningVersion)
		require.Equal(t, delivery.ApprovalUsed, status(h, "shop/1.0/production/"+bob+"/2"))
	})
	t.Run("revoked", func(t *testing.T) {
		h := gated(t, delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}})
		h.approves(bob, "production", "1.0")
		require.NoError(t, h.RevokeApproval(t.Context(), bob, id))
		require.False(t, h.ready())
		_, err := h.Approval(t.Context(), id)
		requireRefusal(t, err, delivery.CodeNotFound, "was revoked at")
	})
}
