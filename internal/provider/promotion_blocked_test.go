package provider_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var (
	oneApproval = map[string]any{"approvals": map[string]any{"required": 1, "allow_author": true, "approvers": []any{"alice@example.com", "bob@example.com"}}}
	oneHour     = map[string]any{"soak": map[string]any{"stage": "staging", "duration": "1h"}}
)

// withoutContent takes the digits out of the lines that name a content: they depend on where a test's directories are.
func withoutContent(lines []string) []string {
	for i, line := range lines {
		lines[i] = regexp.MustCompile(`content = "[0-9a-f]{12}"`).ReplaceAllString(line, `content = "…"`)
	}
	return lines
}

// A first plan, with nothing created yet, already says what would be delivered and which gate would stop it.
func TestFirstPlanForesees(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	blocked := s.declare(order{version: "1.0.0", gates: oneApproval, promotion: map[string]any{}})
	plan := w.refreshAndPlan(blocked...)
	require.Equal(t, []string{": Delivery of shop 1.0.0: staging: deploy 1.0.0 to staging (nothing verified runs in staging yet)"}, said(plan["release"].diagnostics))
	require.Equal(t, []string{": Promotion of shop 1.0.0 to production waits: waits before production:\n" +
		"  previous_stage  passed   verified in staging\n" +
		"  approvals       pending  0 of 1 approvals; eligible approvers: alice@example.com, bob@example.com\n" +
		"To approve exactly this, write in cd_approval: content = \"…\"\n" +
		"Applying fails and deploys nothing, because when_blocked is \"fail\"."}, withoutContent(said(plan["promotion"].diagnostics)))
	require.Equal(t, "shop/1.0.0", w.attribute(plan["release"].after, "id"))
	require.Contains(t, w.attribute(plan["release"].after, "digest"), "sha256:")

	// The same plan with the approval in it.
	plan = w.refreshAndPlan(s.declare(order{version: "1.0.0", gates: oneApproval, approval: map[string]any{}, promotion: map[string]any{}})...)
	require.Empty(t, plan["approval"].said())
	require.Equal(t, []string{": Promotion of shop 1.0.0 to production: production: deploy 1.0.0 to production (nothing verified runs in production yet)"}, said(plan["promotion"].diagnostics))
	require.NoError(t, s.runs("staging", ""), "a plan deploys nothing")
}

func TestBlockedPromotionFails(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0", gates: oneApproval, promotion: map[string]any{}})
	for range 2 {
		applied := w.apply(all...)
		require.True(t, applied["promotion"].failed())
		require.Contains(t, applied["promotion"].said(), `Unable to promote release "shop/1.0.0"`)
		require.Contains(t, applied["promotion"].said(), "approvals       pending  0 of 1 approvals")
		require.NotContains(t, w.state, "promotion", "a failure is never recorded as success")
		require.NoError(t, s.runs("staging", "1.0.0"))
		require.NoError(t, s.runs("production", ""))
		_, err := s.Client("bob@example.com").Promotion(t.Context(), "shop", "production")
		require.Error(t, err, "nothing is recorded as wanted, so nothing enters later without anybody asking")
	}
}

func TestBlockedPromotionPends(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	pend := func(version string, gates map[string]any) []declaration {
		return s.declare(order{version: version, gates: gates, promotion: map[string]any{"when_blocked": "pend"}})
	}
	w.apply(pend("1.0.0", oneHour)...)
	require.Equal(t, "waiting", w.attribute(w.state["promotion"], "status"))
	s.Clock.Advance(time.Hour)
	w.apply(pend("1.0.0", oneHour)...)
	require.NoError(t, s.runs("production", "1.0.0"))
	running := w.state["promotion"]
	require.Equal(t, "verified", w.attribute(running, "status"))

	// A newer release has to soak: what refers to what runs in production does not move, in the plan or after it.
	applied := w.apply(pend("1.1.0", oneHour)...)
	require.Contains(t, applied["promotion"].said(), "Promotion of shop 1.1.0 to production waits")
	require.Contains(t, applied["promotion"].said(), "passes at 2027-03-01T14:00:00Z")
	require.NoError(t, s.runs("staging", "1.1.0"))
	require.NoError(t, s.runs("production", "1.0.0"))
	for _, name := range []string{"artifacts", "running_version", "environments", "deployed_at"} {
		require.True(t, w.attributes(running)[name].Equal(w.attributes(w.state["promotion"])[name]), name)
	}

	// Waiting is no reason to plan anything, but it is said.
	plan := w.refreshAndPlan(pend("1.1.0", oneHour)...)
	for name, o := range plan {
		require.Empty(t, o.action, "%s: %s", name, o.said())
	}
	require.Contains(t, plan["promotion"].said(), "Promotion of shop 1.1.0 to production waits: waits before production:")
	require.Contains(t, plan["promotion"].said(), "Applying succeeds and leaves the promotion waiting.")

	// A gate that time has satisfied is an update.
	s.Clock.Advance(time.Hour)
	plan = w.refreshAndPlan(pend("1.1.0", oneHour)...)
	require.Equal(t, "update", plan["promotion"].action)
	require.Contains(t, plan["promotion"].said(), "production: deploy 1.1.0 to production (production runs 1.0.0)")
	w.apply(pend("1.1.0", oneHour)...)
	require.NoError(t, s.runs("production", "1.1.0"))
	require.Equal(t, "1.1.0", w.attribute(w.state["promotion"], "running_version"))
	for name, o := range w.refreshAndPlan(pend("1.1.0", oneHour)...) {
		require.Empty(t, o.action, name)
		require.Empty(t, o.diagnostics, name)
	}
}

// applyPromotion plans and applies the promotion only, as the last walk of an apply that did the rest before.
func (w *walks) applyPromotion(all []declaration) outcome {
	w.t.Helper()
	last := all[len(all)-1]
	require.Equal(w.t, "promotion", last.name)
	w.configure()
	return w.applyOne(last, w.planOne(last, w.prior(last)))
}

func TestPromotionWaits(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0", gates: oneApproval})...)
	patient := s.declare(order{version: "1.0.0", gates: oneApproval, promotion: map[string]any{"when_blocked": "wait", "timeouts": map[string]any{"create": "5m"}}})

	bob := s.Client("bob@example.com")
	given := make(chan error, 1)
	go func() {
		given <- func() error {
			for { // until the promotion waits
				if _, err := bob.Promotion(t.Context(), "shop", "production"); err == nil {
					break
				} else if !delivery.IsNotFound(err) {
					return err
				}
			}
			_, err := bob.AddApproval(t.Context(), delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production", Decision: delivery.Approve, Content: s.content("1.0.0")})
			return err
		}()
	}()
	applied := w.applyPromotion(patient)
	require.NoError(t, <-given)
	require.False(t, applied.failed(), applied.said())
	require.Equal(t, "verified", w.attribute(applied.after, "status"))
	require.NoError(t, s.runs("production", "1.0.0"))
}

func TestPromotionWaitsNoLongerThanItsTimeout(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0", gates: oneApproval})...)
	patient := func(timeout string) []declaration {
		return s.declare(order{version: "1.0.0", gates: oneApproval, promotion: map[string]any{"when_blocked": "wait", "timeouts": map[string]any{"create": timeout}}})
	}
	applied := w.applyPromotion(patient("200ms"))
	require.True(t, applied.failed())
	require.Contains(t, applied.said(), "The timeout expired. Nothing is lost")
	require.True(t, applied.after.IsNull(), "nothing is put into state")
	require.NoError(t, s.runs("production", ""))

	// Nothing was lost: the next apply goes on.
	_, err := s.Client("bob@example.com").AddApproval(t.Context(), delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production", Decision: delivery.Approve, Content: s.content("1.0.0")})
	require.NoError(t, err)
	applied = w.applyPromotion(patient("5m"))
	require.False(t, applied.failed(), applied.said())
	require.NoError(t, s.runs("production", "1.0.0"))

	// An update is bounded by timeouts.update, also where nothing else is set.
	w.state["promotion"] = applied.after
	w.apply(s.declare(order{version: "1.1.0", gates: oneApproval})...)
	applied = w.applyPromotion(s.declare(order{version: "1.1.0", gates: oneApproval, promotion: map[string]any{"when_blocked": "wait", "timeouts": map[string]any{"update": "200ms"}}}))
	require.Equal(t, "update", applied.action)
	require.True(t, applied.failed())
	require.Contains(t, applied.said(), "The timeout expired. Nothing is lost")
	require.NoError(t, s.runs("production", "1.0.0"))
}

// A gate that will not pass ends the waiting.
func TestPromotionDoesNotWaitForARejectedRelease(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0", gates: oneApproval})...)
	_, err := s.Client("bob@example.com").AddApproval(t.Context(), delivery.ApprovalSpec{
		Pipeline: "shop", Version: "1.0.0", Stage: "production", Decision: delivery.Reject, Comment: "prices are wrong", Content: s.content("1.0.0")})
	require.NoError(t, err)
	applied := w.applyPromotion(s.declare(order{version: "1.0.0", gates: oneApproval, promotion: map[string]any{"when_blocked": "wait"}}))
	require.True(t, applied.failed())
	require.Contains(t, applied.said(), "bob@example.com rejected it: prices are wrong")
}

// Ctrl-C while a promotion waits: nothing is in state, nothing is lost, nothing goes on behind anyone's back.
func TestPromotionInterrupted(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	w.apply(s.declare(order{version: "1.0.0", gates: oneApproval})...)
	patient := s.declare(order{version: "1.0.0", gates: oneApproval, promotion: map[string]any{"when_blocked": "wait"}})
	bob := s.Client("bob@example.com")
	stopped := make(chan error, 1)
	go func() {
		for {
			if _, err := bob.Promotion(t.Context(), "shop", "production"); err == nil {
				break
			}
		}
		_, err := w.server.StopProvider(t.Context(), &tfprotov6.StopProviderRequest{})
		stopped <- err
	}()
	applied := w.applyPromotion(patient)
	require.NoError(t, <-stopped)
	require.True(t, applied.failed())
	require.Contains(t, applied.said(), "The apply was interrupted. Nothing is lost")
	require.True(t, applied.after.IsNull())

	again := newWalks(t, s)
	plan := again.refreshAndPlan(patient...)
	require.Equal(t, "create", plan["promotion"].action)
	require.False(t, plan["promotion"].failed())
}
