package provider_test

import (
	"fmt"
	"maps"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

const (
	theApproval  = "cd_approval.of[0]"
	thePromotion = "cd_promotion.production[0]"
)

// approvalGate is the variable "gates" with an approvals gate. One person registers and approves in most tests.
func approvalGate(with map[string]any) map[string]any {
	gate := map[string]any{"required": 1, "approvers": []string{"*"}, "allow_author": true}
	for name, value := range with {
		gate[name] = value
	}
	return map[string]any{"approvals": gate}
}

func approvals(with map[string]any) []map[string]any {
	approval := map[string]any{"version": "1.0.0"}
	for name, value := range with {
		approval[name] = value
	}
	return []map[string]any{approval}
}

func expectApproval(attribute, want string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(theApproval, tfjsonpath.New(attribute), knownvalue.StringExact(want))
}

func TestAccApproval(t *testing.T) {
	s := newShop(t)
	gates, promotion := approvalGate(nil), map[string]any{"version": "1.0.0"}
	released := s.step(wish{"release": release("1.0.0"), "gates": gates})
	given := s.decided(s.then(s.step(wish{"release": release("1.0.0"), "gates": gates, "approvals": approvals(nil), "promotion": promotion}), "1.0.0", "1.0.0"))
	given.ConfigStateChecks = []statecheck.StateCheck{
		expectApproval("id", "shop/1.0.0/production/alice@example.com/1"),
		expectApproval("approver", acctest.Actor),
		expectApproval("status", "valid"),
		expectApproval("decided_at", "2027-03-01T12:00:00Z"),
		statecheck.ExpectKnownValue(theApproval, tfjsonpath.New("comment"), knownvalue.Null()),
	}
	imported := resource.TestStep{ResourceName: theApproval, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"status"}, ConfigDirectory: given.ConfigDirectory, ConfigVariables: given.ConfigVariables,
		ImportStateId: "shop/1.0.0/production/alice@example.com/1"}
	// Every change replaces: the decision is revoked and given again.
	again := expecting(s.decided(s.step(wish{"release": release("1.0.0"), "gates": gates, "approvals": approvals(map[string]any{"comment": "looked twice"}), "promotion": promotion})),
		plancheck.ExpectResourceAction(theApproval, plancheck.ResourceActionReplace), plancheck.ExpectResourceAction(thePromotion, plancheck.ResourceActionNoop))
	again.ConfigStateChecks = []statecheck.StateCheck{expectApproval("id", "shop/1.0.0/production/alice@example.com/2"), expectApproval("comment", "looked twice")}
	// One that somebody else revoked is given again: a person wrote it down, and nobody has taken that away.
	revoked := expecting(again, plancheck.ExpectResourceAction(theApproval, plancheck.ResourceActionCreate))
	revoked.ConfigStateChecks = []statecheck.StateCheck{expectApproval("status", "valid")}
	revoked.ConfigPlanChecks.PreApply = []plancheck.PlanCheck{plancheck.ExpectResourceAction(theApproval, plancheck.ResourceActionCreate)}
	revoked.PreConfig = func() { // the content is named since the step before
		require.NoError(t, s.Client("bob@example.com").RevokeApproval(t.Context(), "shop/1.0.0/production/alice@example.com/2"))
	}
	s.test(released, given, imported, again, revoked)
}

// An approval covers exactly one content. When that changes it is void, stays in state, and applying never renews it.
func TestAccApprovalIsVoidOnceItsContentChanges(t *testing.T) {
	s := newShop(t)
	// A second approval is missing, so the release does not get in.
	gates, promotion := approvalGate(map[string]any{"required": 2}), map[string]any{"version": "1.0.0", "when_blocked": "pend"}
	base := wish{"release": release("1.0.0"), "gates": gates, "approvals": approvals(nil), "promotion": promotion}
	given := s.decided(s.then(s.step(base), "1.0.0", ""))
	louder := func() resource.TestStep { // with the content of before
		step := s.step(base)
		step.ConfigVariables["log_level"] = config.StringVariable("debug")
		step.PreConfig = func() { step.ConfigVariables["content"] = given.ConfigVariables["content"] }
		return step
	}
	void := expecting(louder(), plancheck.ExpectResourceAction(theApproval, plancheck.ResourceActionNoop))
	still := expecting(louder(), plancheck.ExpectEmptyPlan())
	still.ConfigStateChecks = []statecheck.StateCheck{expectApproval("status", "void"), expectApproval("id", "shop/1.0.0/production/alice@example.com/1")}
	s.test(s.step(wish{"release": release("1.0.0"), "gates": gates}), given, void, still)
}

func TestPlanWarnsOfApprovalsThatCountNoMore(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	gates := map[string]any{"approvals": map[string]any{"required": 2, "approvers": []any{"*"}, "allow_author": true, "expires_after": "48h"}}
	pending := func(level string) []declaration {
		return s.declare(order{version: "1.0.0", logLevel: level, gates: gates, approval: map[string]any{}, promotion: map[string]any{"when_blocked": "pend"}})
	}
	w.apply(pending("info")...)
	require.Empty(t, w.refreshAndPlan(pending("info")...)["approval"].diagnostics)

	// The plan that changes what it covers says so before it happens, and what follows from it.
	plan := w.refreshAndPlan(pending("debug")...)
	require.Empty(t, plan["approval"].action)
	require.Len(t, plan["approval"].diagnostics, 1)
	require.Contains(t, plan["approval"].said(), "The approval of shop 1.0.0 for production is no longer valid: The decision of alice@example.com at 2027-03-01T12:00:00Z becomes void by this plan")
	require.Contains(t, plan["promotion"].said(), "alice@example.com's approval is void (the content changed)")
	require.Empty(t, plan["promotion"].action, "waiting is no reason to plan anything")

	w.apply(pending("debug")...)
	plan = w.refreshAndPlan(pending("debug")...)
	require.Empty(t, plan["approval"].action)
	require.Contains(t, plan["approval"].said(), "is void: what it covers has changed since")
	require.Regexp(t, `To decide about exactly this, write: content = "[0-9a-f]{12}"`, plan["approval"].said())

	// Back to what was approved: it counts again. Then it gets too old.
	w.apply(pending("info")...)
	require.Empty(t, w.refreshAndPlan(pending("info")...)["approval"].diagnostics)
	s.Clock.Advance(48 * time.Hour)
	plan = w.refreshAndPlan(pending("info")...)
	require.Empty(t, plan["approval"].action)
	require.Contains(t, plan["approval"].said(), "is expired")
}

// A plan that withdraws an approval, or gives it again, foresees what that does to the gate.
func TestPlanForeseesApprovalsGivenAndTakenBack(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	decide := func(with map[string]any) []declaration {
		return s.declare(order{version: "1.0.0", gates: oneApproval, approval: with, promotion: map[string]any{"when_blocked": "pend"}})
	}
	w.apply(decide(nil)...)
	plan := w.refreshAndPlan(decide(map[string]any{"comment": "fine"})...)
	require.Equal(t, "update", plan["promotion"].action)
	require.Contains(t, plan["promotion"].said(), "production: deploy 1.0.0")

	plan = w.refreshAndPlan(decide(map[string]any{"decision": "reject", "comment": "prices are wrong"})...)
	require.Contains(t, plan["promotion"].said(), "approvals       failed   alice@example.com rejected it: prices are wrong")

	w.apply(decide(map[string]any{"decision": "reject", "comment": "prices are wrong"})...)
	plan = w.refreshAndPlan(decide(map[string]any{"comment": "prices are right now"})...)
	require.Equal(t, "replace", plan["approval"].action)
	require.Equal(t, "update", plan["promotion"].action)
	w.apply(decide(map[string]any{"comment": "prices are right now"})...)
	require.NoError(t, s.runs("production", "1.0.0"))
}

// Who may not approve is told at the plan, at the attribute.
func TestAccApprovalRefusals(t *testing.T) {
	s := newShop(t)
	own, stranger := release("1.0.0"), release("1.0.0")
	own["author"] = acctest.Actor
	refused := func(w wish, want string) resource.TestStep {
		step := s.step(w)
		step.ExpectError = regexp.MustCompile(want)
		return step
	}
	s.test(
		refused(wish{"release": own, "gates": approvalGate(map[string]any{"allow_author": false}), "approvals": approvals(nil)}, `(?s)Unable to give approval.*an\s+author\s+may\s+not\s+approve\s+their\s+own\s+release`),
		refused(wish{"release": stranger, "gates": approvalGate(map[string]any{"approvers": []string{"bob@example.com"}}), "approvals": approvals(nil)}, `(?s)Unable to give approval.*not\s+among\s+the\s+stage's\s+approvers`),
		refused(wish{"release": stranger, "approvals": approvals(nil)}, `(?s)Unable to give approval.*asks\s+for\s+no\s+approvals`),
		refused(wish{"release": stranger, "gates": approvalGate(nil), "approvals": approvals(map[string]any{"version": "9.9.9"})}, `(?s)Unable to give approval.*has\s+no\s+release\s+"9\.9\.9"`),
		refused(wish{"release": stranger, "gates": approvalGate(nil), "approvals": approvals(map[string]any{"decision": "maybe"})}, `(?s)Invalid approval.*"maybe"\s+is\s+not\s+a\s+decision`),
		refused(wish{"release": own, "gates": approvalGate(nil), "approvals": approvals(nil)}, `(?s)Unable to give approval.*content\s+is\s+missing.*content = "[0-9a-f]{12}"`),
		s.step(wish{"release": own, "gates": approvalGate(nil)}),
		s.decided(s.step(wish{"release": own, "gates": approvalGate(nil), "approvals": approvals(nil), "promotion": map[string]any{"version": "1.0.0"}})),
	)
}

// One approval of two is not enough, and the same person counts once.
func TestAccOnePersonCountsOnce(t *testing.T) {
	s := newShop(t)
	two := approvalGate(map[string]any{"required": 2})
	twice := append(approvals(nil), approvals(map[string]any{"comment": "again"})...)
	released := s.step(wish{"release": release("1.0.0"), "gates": two})
	blocked := s.decided(s.step(wish{"release": release("1.0.0"), "gates": two, "approvals": twice, "promotion": map[string]any{"version": "1.0.0"}}))
	blocked.ExpectError = regexp.MustCompile(`(?s)Unable to promote release.*1 of 2 approvals`)
	passed := s.then(s.step(wish{"release": release("1.0.0"), "gates": two, "approvals": twice, "promotion": map[string]any{"version": "1.0.0"}}), "1.0.0", "1.0.0")
	passed.PreConfig = func() {
		passed.ConfigVariables["content"] = blocked.ConfigVariables["content"]
		_, err := s.Client("bob@example.com").AddApproval(t.Context(), delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production", Decision: delivery.Approve, Content: s.content("1.0.0")})
		require.NoError(t, err)
	}
	s.test(released, blocked, passed)
}

func TestApprovalValidation(t *testing.T) {
	w := newWire(t, acctest.New(t))
	good := map[string]any{"pipeline": "shop", "version": "1.0.0", "stage": "production", "decision": "approve"}
	require.Empty(t, w.validate("cd_approval", good))
	for attribute, bad := range map[string]string{"pipeline": "a b", "version": "-", "stage": "", "decision": "maybe", "approver": ""} {
		config := map[string]any{attribute: bad}
		for name, value := range good {
			if name != attribute {
				config[name] = value
			}
		}
		got := said(w.validate("cd_approval", config))
		require.Len(t, got, 1, attribute)
		require.Contains(t, got[0], fmt.Sprintf("AttributeName(%q): Invalid approval", attribute))
	}
}

// Destroying another person's rejection removes it from the state, and revokes nothing: plan and apply say so, and who can revoke it.
func TestDestroyingTheRejectionOfAnotherPersonRevokesNothing(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	gates := map[string]any{"approvals": map[string]any{"required": 1, "approvers": []any{"*"}, "allow_author": true}}
	waiting := s.declare(order{version: "1.0.0", gates: gates, promotion: map[string]any{"when_blocked": "pend"}})
	w.apply(waiting...)
	reject := func(who string) (declaration, delivery.Approval) {
		recorded, err := s.Client(who).AddApproval(t.Context(), delivery.ApprovalSpec{Pipeline: "shop", Version: "1.0.0", Stage: "production", Decision: delivery.Reject, Comment: who, Content: s.content("1.0.0")})
		require.NoError(t, err)
		d := declaration{who, "cd_approval", map[string]any{"pipeline": "shop", "version": "1.0.0", "stage": "production", "decision": "reject", "comment": who, "content": delivery.ShortContent(recorded.ContentDigest)}}
		state := maps.Clone(d.config)
		maps.Copy(state, map[string]any{"id": recorded.ID, "approver": who, "status": "valid", "content_digest": recorded.ContentDigest, "decided_at": "2027-03-01T12:00:00Z"})
		w.state[d.name] = w.value(w.schema(d.typ), state)
		return d, recorded
	}
	bobs, recorded := reject("bob@example.com")
	const kept = `: The rejection of shop 1.0.0 for production stays in the ledger: It is bob@example.com's, and alice@example.com acts here: only bob@example.com may revoke it. ` +
		`Destroying the resource removes it from the state only, and the stage stays closed. Let bob@example.com revoke it: import shop/1.0.0/production/bob@example.com/1 with the provider's actor bob@example.com, and destroy it.`
	w.configure()
	require.Equal(t, []string{kept}, said(w.planRemoval(bobs)))
	promotion := waiting[len(waiting)-1]
	require.Contains(t, w.planOne(promotion, w.prior(promotion)).said(), "bob@example.com rejected it", "the plan does not count on it either")
	after, diagnostics := w.change(bobs, w.prior(bobs), w.null(bobs.typ))
	require.True(t, after.IsNull())
	require.Equal(t, []string{kept}, said(diagnostics))
	found, err := s.Client("alice@example.com").Approval(t.Context(), recorded.ID)
	require.NoError(t, err)
	require.Equal(t, delivery.ApprovalValid, found.Status)
	require.ErrorContains(t, s.Client("alice@example.com").RevokeApproval(t.Context(), recorded.ID),
		"alice@example.com acts here, and only the person who rejected may revoke bob@example.com's rejection; let bob@example.com revoke it")

	// One's own is revoked.
	mine, recorded := reject("alice@example.com")
	require.Empty(t, w.remove(mine))
	_, err = s.Client("alice@example.com").Approval(t.Context(), recorded.ID)
	require.True(t, delivery.IsNotFound(err))
	require.NoError(t, s.Client("bob@example.com").RevokeApproval(t.Context(), "shop/1.0.0/production/bob@example.com/1"))
}
