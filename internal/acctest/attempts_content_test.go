package acctest_test

import (
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// naming makes a decision name a content.
func naming(content string) func(*delivery.ApprovalSpec) {
	return func(s *delivery.ApprovalSpec) { s.Content = content }
}

// decidedBefore is an attempt to approve what bob saw before an edit. alice approves what is there after it.
func decidedBefore(name string, edit func(*rules)) attempt {
	return attempt{name: "content: a decision on what was there before an edit of " + name, without: []step{approved},
		do: func(sc *scenario) {
			seen := sc.content("shop", sc.version, "production")
			sc.declare(edit)
			sc.approve(alice)
			sc.tryToDecide(bob, sc.approval(naming(seen)))
		},
		blocked: []string{"approvals"}, reasons: []string{"or what would be delivered has changed since", `content = "`, "1 of 2 approvals, by alice@example.com"},
		fix: bobApproves}
}

// misnamed is an attempt to approve with a content that names something else.
func misnamed(name, reason string, content func(*scenario) string) attempt {
	return attempt{name: "content: " + name, without: []step{approved},
		do: func(sc *scenario) {
			sc.approve(alice)
			sc.tryToDecide(bob, sc.approval(naming(content(sc))))
		},
		blocked: []string{"approvals"}, reasons: []string{reason, `content = "`, "1 of 2 approvals, by alice@example.com"}, fix: bobApproves}
}

// overApprovals lets the approvals be overridden, and one of them is missing.
func overApprovals(name string, do func(*scenario), reasons []string, fix func(*scenario)) attempt {
	return attempt{name: "override of approvals: " + name, without: []step{approved},
		rules: func(r *rules) { r.stage().Overridable = append(r.stage().Overridable, "approvals") },
		do:    do, blocked: []string{"approvals"}, reasons: reasons, fix: fix}
}

func rejects(who string) func(*scenario) {
	return func(sc *scenario) { sc.decide(who, sc.approval(rejecting)) }
}

func revokes(who string) func(*scenario) {
	return func(sc *scenario) {
		sc.must(sc.by(who).RevokeApproval(sc.Context(), "shop/"+sc.version+"/production/"+who+"/1"))
		sc.approve(alice)
		sc.approve(bob)
	}
}

// attemptsOnContent decide about something else than what would be delivered, or bend what an override may skip.
func attemptsOnContent() []attempt {
	return []attempt{
		misnamed("of another release", `is not the content of shop/1.0.0 for production`, func(sc *scenario) string {
			sc.must(sc.deliver("1.1.0", 1))
			return sc.content("shop", "1.1.0", "production")
		}),
		misnamed("of another stage", `is not the content of shop/1.0.0 for production`, func(sc *scenario) string { return sc.content("shop", sc.version, "staging") }),
		misnamed("too short to be seen", "has 11 digits; at least 12 are needed", func(sc *scenario) string { return sc.content("shop", sc.version, "production")[:11] }),
		misnamed("the version, which anybody could compute", `"1.0.0" is not the beginning of a digest`, func(sc *scenario) string { return sc.version }),
		decidedBefore("the configuration", func(r *rules) { r.prod.Config["LOG_LEVEL"] = "warning" }),
		decidedBefore("a gate", func(r *rules) { r.gates().Approvals.ExpiresAfter = "71h" }),
		decidedBefore("verify", func(r *rules) {
			r.stage().Verify = map[string]delivery.Check{"health": {HTTP: &delivery.HTTPCheck{URL: r.gates().Checks["errors"].HTTP.URL}}}
		}),
		decidedBefore("on_failure", func(r *rules) { r.stage().OnFailure = delivery.Halt }),
		decidedBefore("rollout", func(r *rules) { r.stage().Rollout = &delivery.Rollout{MaxParallel: 1, MaxFailures: 3} }),
		decidedBefore("a policy", func(r *rules) { r.policy.Gates.Soak.Duration = "14m" }),
		unsigned("a signature for another ledger", "It may be one for another content, or for another ledger", func(sc *scenario) {
			request := sc.request()
			request.Ledger = "0123456789abcdef0123456789abcdef"
			sc.tryToDecide(mallory, sc.withSignature(bob, signature(bob, delivery.SignatureNamespace, request.Payload(), nil)))
		}),
		wrongText("a summary that says less", func(r *delivery.ApprovalRequest) { r.Summary = "" }),
		overApprovals("a release that was rejected before", func(sc *scenario) {
			rejects(carol)(sc)
			sc.tryToOverride(skipping("approvals"))
		}, []string{"carol@example.com rejected release shop/1.0.0", "an override never skips a rejection"}, revokes(carol)),
		overApprovals("a release that was rejected since", func(sc *scenario) {
			sc.override(skipping("approvals"))
			rejects(carol)(sc)
		}, []string{"carol@example.com rejected it"}, revokes(carol)),
		overApprovals("by the author", func(sc *scenario) {
			_, err := sc.by(dave).AddOverride(sc.Context(), sc.overrideSpec(skipping("approvals")))
			sc.refused(err)
		}, []string{"dave@example.com is an author of release shop/1.0.0", "an author may not override the approvals of their own release"}, approveAllAgain),
		overApprovals("by the person who registered the release", func(sc *scenario) {
			_, err := sc.by(rita).AddOverride(sc.Context(), sc.overrideSpec(skipping("approvals")))
			sc.refused(err)
		}, []string{"rita@example.com is an author of release shop/1.0.0, or registered it"}, approveAllAgain),
		overApprovals("made for another configuration", func(sc *scenario) {
			sc.override(skipping("approvals"))
			sc.declare(func(r *rules) { r.prod.Config["LOG_LEVEL"] = "warning" })
		}, []string{"0 of 2 approvals"}, approveAllAgain),
		afterHours("for 8 days", func(sc *scenario) {
			sc.tryToOverride(func(s *delivery.OverrideSpec) { s.ExpiresAt = "2027-03-09T20:00:00Z" })
		}, "is more than 7 days ahead"),
		afterHours("with a duration of 8 days", func(sc *scenario) {
			sc.tryToOverride(func(s *delivery.OverrideSpec) { s.ExpiresAt, s.Duration = "", "8d" })
		}, `"8d" is too long: an override lasts at most 7 days`),
		afterHours("whose duration is over", func(sc *scenario) {
			sc.override(func(s *delivery.OverrideSpec) { s.ExpiresAt, s.Duration = "", "5m" })
			sc.h.Clock.Advance(5 * time.Minute)
		}),
		afterHours("of what is there no longer", func(sc *scenario) {
			seen := sc.content("shop", sc.version, "production")
			sc.declare(func(r *rules) { r.stage().OnFailure = delivery.Halt })
			sc.approveAll()
			sc.tryToOverride(func(s *delivery.OverrideSpec) { s.Content = seen })
		}, "or what would be delivered has changed since"),
	}
}
