package worker

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// TestEveryChangeAndRefusalIsInTheLog does one thing after another and names the events that each must leave.
func TestEveryChangeAndRefusalIsInTheLog(t *testing.T) {
	h := newFixture(t)
	ctx := t.Context()
	steps := []struct {
		name string
		do   func() error
		want []string
		code delivery.Code // "" when it is accepted
	}{
		{"declare an environment", func() error { h.environment("dev", func(*delivery.EnvironmentSpec) {}); return nil },
			[]string{"environment.declared dev by " + ann}, ""},
		{"declare it again", func() error { h.environment("dev", func(*delivery.EnvironmentSpec) {}); return nil }, nil, ""},
		{"declare parity with nothing", func() error {
			_, err := h.PutEnvironment(ctx, ann, delivery.EnvironmentSpec{Name: "stg", Tier: delivery.TierStaging, Parity: &delivery.Parity{With: "eu"}})
			return err
		}, []string{"environment.refused stg by " + ann}, delivery.CodeInvalid},
		{"declare a pipeline without its environment", func() error {
			_, err := h.PutPipeline(ctx, ann, delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{stage("production", delivery.Manual, "eu")}})
			return err
		}, []string{"pipeline.refused shop by " + ann}, delivery.CodeInvalid},
		{"declare a pipeline", func() error {
			production := stage("production", delivery.Manual, "eu")
			production.Gates.Approvals = &delivery.ApprovalsGate{Required: 1, Approvers: []string{ann, bob}}
			h.declares(verifying(stage("development", delivery.Automatic, "dev")), production)
			return nil
		}, []string{"environment.declared eu by " + ann, "pipeline.declared shop by " + ann}, ""},
		{"deliver a release", func() error { h.delivers("1.0", 1); return nil },
			[]string{"release.registered shop/1.0 by " + ann, "promotion.requested shop/development by " + ann,
				"deployment.started D1 by " + ann, "deployment.deployed D1 by " + ann, "deployment.verified D1 by " + ann}, ""},
		{"deliver it again", func() error { h.delivers("1.0", 1); return nil }, nil, ""},
		{"give it other content", func() error {
			r := release("1.0", 1)
			r.Spec.Labels = map[string]string{"ticket": "SHOP-1"}
			_, err := h.PutRelease(ctx, bob, r)
			return err
		}, []string{"release.refused shop/1.0 by " + bob}, delivery.CodeConflict},
		{"promote it too early", func() error {
			_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
			return err
		},
			[]string{"promotion.refused shop/production by " + bob}, delivery.CodeConflict},
		{"approve as the author", func() error {
			_, err := h.decides(ann, approval("1.0", delivery.Approve))
			return err
		}, []string{"approval.refused shop/1.0/production by " + ann}, delivery.CodeInvalid},
		{"approve", func() error { _, err := h.decides(bob, approval("1.0", delivery.Approve)); return err },
			[]string{"approval.approve shop/1.0/production/" + bob + "/1 by " + bob}, ""},
		{"approve again", func() error { _, err := h.decides(bob, approval("1.0", delivery.Approve)); return err }, nil, ""},
		{"reject", func() error { _, err := h.decides(bob, approval("1.0", delivery.Reject)); return err },
			[]string{"approval.reject shop/1.0/production/" + bob + "/2 by " + bob}, ""},
		{"revoke the rejection", func() error { return h.RevokeApproval(ctx, bob, "shop/1.0/production/"+bob+"/2") },
			[]string{"approval.revoked shop/1.0/production/" + bob + "/2 by " + bob}, ""},
		{"revoke it again", func() error { return h.RevokeApproval(ctx, bob, "shop/1.0/production/"+bob+"/2") }, nil, delivery.CodeNotFound},
		{"reject as another person", func() error { _, err := h.decides(ann, approval("1.0", delivery.Reject)); return err },
			[]string{"approval.reject shop/1.0/production/" + ann + "/1 by " + ann}, ""},
		{"revoke what another person rejected", func() error { return h.RevokeApproval(ctx, bob, "shop/1.0/production/"+ann+"/1") },
			[]string{"approval.refused shop/1.0/production/" + ann + "/1 by " + bob}, delivery.CodeForbidden},
		{"revoke one's own rejection", func() error { return h.RevokeApproval(ctx, ann, "shop/1.0/production/"+ann+"/1") },
			[]string{"approval.revoked shop/1.0/production/" + ann + "/1 by " + ann}, ""},
		{"approve after that", func() error { _, err := h.decides(bob, approval("1.0", delivery.Approve)); return err },
			[]string{"approval.approve shop/1.0/production/" + bob + "/3 by " + bob}, ""},
		{"promote", func() error {
			_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
			return err
		},
			[]string{"promotion.requested shop/production by " + bob, "deployment.started D2 by " + bob, "deployment.deployed D2 by " + bob,
				"deployment.verified D2 by " + bob}, ""},
		{"deliver what fails", func() error { h.checker.bad["shop/2.0"] = true; h.delivers("2.0", 1); return nil },
			[]string{"release.registered shop/2.0 by " + ann, "promotion.requested shop/development by " + ann, "deployment.started D3 by " + ann,
				"deployment.deployed D3 by " + ann, "deployment.failed D3 by " + ann, "deployment.started D4 by " + ann, "deployment.deployed D4 by " + ann,
				"deployment.verified D4 by " + ann, "deployment.superseded D1 by " + ann, "deployment.rolled_back D3 by " + ann,
				"promotion.refused shop/development by " + ann}, ""},
		{"raise the attempt, and be stopped in the middle", func() error {
			h.checker.bad["shop/2.0"] = false
			other := h.engine()
			h.driver.onCall = func(driver.Request) { other.end() }
			h.deliversBy(other, "2.0", 2)
			h.driver.onCall = nil
			return nil
		}, []string{"release.declared shop/2.0 by " + ann, "promotion.requested shop/development by " + ann, "deployment.started D5 by " + ann}, ""},
		{"go on", func() error { h.delivers("2.0", 2); return nil },
			[]string{"deployment.resumed D5 by " + ann, "deployment.deployed D5 by " + ann, "deployment.verified D5 by " + ann, "deployment.superseded D4 by " + ann}, ""},
		{"stop managing the promotion", func() error { return h.DeletePromotion(ctx, bob, "shop", "production") },
			[]string{"promotion.removed shop/production by " + bob}, ""},
		{"retire a release", func() error { return h.DeleteRelease(ctx, bob, "shop", "1.0") }, []string{"release.retired shop/1.0 by " + bob}, ""},
		{"delete an environment in use", func() error { return h.DeleteEnvironment(ctx, ann, "eu") }, []string{"environment.refused eu by " + ann}, delivery.CodeConflict},
		{"delete the pipeline", func() error { return h.DeletePipeline(ctx, ann, "shop") }, []string{"pipeline.deleted shop by " + ann}, ""},
		{"delete an environment", func() error { return h.DeleteEnvironment(ctx, ann, "eu") }, []string{"environment.deleted eu by " + ann}, ""},
		{"delete it again", func() error { return h.DeleteEnvironment(ctx, ann, "eu") }, nil, delivery.CodeNotFound},
	}
	seen := 0
	for _, step := range steps {
		err := step.do()
		if step.code == "" {
			require.NoError(t, err, step.name)
		} else {
			require.Equal(t, step.code, delivery.CodeOf(err), "%s: %v", step.name, err)
		}
		events := h.log(seen)
		seen += len(events)
		require.Equal(t, append([]string{}, step.want...), h.renamed(events), step.name)
	}
	h.requireToldOnce()
}

func approval(version string, decision delivery.ApprovalDecision) delivery.ApprovalSpec {
	return delivery.ApprovalSpec{Pipeline: "shop", Stage: "production", Version: version, Decision: decision}
}

// TestAnActorIsOneLineOfText: who acted is recorded for ever, and told in every format.
func TestAnActorIsOneLineOfText(t *testing.T) {
	h := newFixture(t)
	spec := delivery.EnvironmentSpec{Name: "dev", Tier: delivery.TierDevelopment}
	for _, actor := range []string{"J\xfcrgen", "ann\x00", "ann\nbob", strings.Repeat("x", delivery.MaxActorLength+1)} {
		_, err := h.PutEnvironment(t.Context(), actor, spec)
		require.Equal(t, delivery.CodeInvalid, delivery.CodeOf(err), "%q: %v", actor, err)
		require.ErrorContains(t, err, "actor: ")
	}
	require.Empty(t, h.log(0))
	_, err := h.PutEnvironment(t.Context(), "Jürgen Müller <jm@example.com>", spec)
	require.NoError(t, err)
}

// TestEventsSayWhy checks what the events of a deployment hold.
func TestEventsSayWhy(t *testing.T) {
	h := newFixture(t)
	h.declares(verifying(stage("development", delivery.Automatic, "dev")))
	h.checker.bad["shop/1.0"] = true
	require.NotNil(t, h.delivers("1.0", 1).Failure)
	words := map[delivery.EventKind]string{
		"deployment.started": "nothing verified runs in dev yet",
		"deployment.failed":  `check \"smoke\" did not pass: it does not answer`,
		"promotion.refused":  "It is not tried there again until attempt is raised to 2",
	}
	events, err := h.Events(context.Background(), 0, 100)
	require.NoError(t, err)
	for _, e := range events {
		if want, ok := words[e.Kind]; ok {
			require.Contains(t, string(e.Data), want)
			delete(words, e.Kind)
		}
	}
	require.Empty(t, words)
}
