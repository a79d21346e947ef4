package acctest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func bobApproves(sc *scenario) { sc.approve(bob) }

func rejecting(s *delivery.ApprovalSpec) { s.Decision = delivery.Reject }

func approveAllAgain(sc *scenario) { sc.approveAll() }

// attemptsOnApprovals try to pass with approvals that the gate does not accept.
func attemptsOnApprovals() []attempt {
	return []attempt{
		{
			name:    "approvals of another version",
			without: []step{approved},
			do: func(sc *scenario) {
				sc.must(sc.deliver("1.1.0", 1))
				for _, who := range []string{alice, bob} {
					sc.decide(who, sc.approval(func(s *delivery.ApprovalSpec) { s.Version = "1.1.0" }))
				}
			},
			blocked: []string{"approvals"}, reasons: []string{"0 of 2 approvals"},
			fix: approveAllAgain,
		},
		{
			name: "approvals of another stage",
			rules: func(r *rules) {
				r.environments = append(r.environments, copyOf(r.prod, "archive"))
				r.pipeline.Stages = append(r.pipeline.Stages, delivery.Stage{Name: "archive", Environments: []string{"archive"},
					Promotion: delivery.Manual, Gates: delivery.Gates{Approvals: r.gates().Approvals}})
			},
			without: []step{approved},
			do: func(sc *scenario) {
				for _, who := range []string{alice, bob} {
					sc.decide(who, sc.approval(func(s *delivery.ApprovalSpec) { s.Stage = "archive" }))
				}
			},
			blocked: []string{"approvals"}, reasons: []string{"0 of 2 approvals"},
			fix: approveAllAgain,
		},
		{
			name:    "approvals of another pipeline",
			without: []step{approved},
			do: func(sc *scenario) {
				store := sc.rules.pipeline
				store.Name = "store"
				_, err := sc.by(rita).PutPipeline(sc.Context(), store)
				sc.must(err)
				sc.must(sc.register(sc.other(func(s *delivery.ReleaseSpec) { s.Pipeline = "store" }), 1))
				for _, who := range []string{alice, bob} {
					sc.decide(who, sc.approval(func(s *delivery.ApprovalSpec) { s.Pipeline = "store" }))
				}
			},
			blocked: []string{"approvals"}, reasons: []string{"0 of 2 approvals"},
			fix: approveAllAgain,
		},
		{
			name:    "approval by the author",
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.tryToDecide(dave, sc.approval())
			},
			blocked: []string{"approvals"}, reasons: []string{"an author may not approve their own release", "1 of 2 approvals, by alice@example.com; eligible approvers: bob@example.com, carol@example.com"},
			fix: bobApproves,
		},
		{
			name:    "approval by the person who registered a release without an author",
			rules:   func(r *rules) { r.release.Source = nil },
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.tryToDecide(rita, sc.approval())
			},
			blocked: []string{"approvals"}, reasons: []string{"rita@example.com is the author of release shop/1.0.0", "1 of 2 approvals"},
			fix: bobApproves,
		},
		{
			name:    "approval by somebody who is not listed",
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.tryToDecide(mallory, sc.approval())
			},
			blocked: []string{"approvals"}, reasons: []string{mallory + " is not among the stage's approvers", "1 of 2 approvals"},
			fix: bobApproves,
		},
		{
			name:    "one person under two spellings",
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				for _, spelling := range []string{"Alice@example.com", alice + ".", "Bob <alice@EXAMPLE.com>", "\uff21lice@example.com", "mailto:" + alice} {
					sc.decide(spelling, sc.approval())
				}
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by alice@example.com; eligible approvers: bob@example.com, carol@example.com"},
			fix: bobApproves,
		},
		{
			name:    "one person under names that look alike",
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				for _, name := range []string{"al\u0456ce@example.com", "ali\u200bce@example.com", "alice@example.com\u00ad", "\u0251lice@example.com", "alice@example\u2024com\u202e"} {
					sc.rejectedActor(name, sc.approval())
				}
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by alice@example.com"},
			fix: bobApproves,
		},
		{
			name:    "approval by the author in another spelling",
			rules:   func(r *rules) { r.gates().Approvals.Approvers = []string{delivery.Anyone} },
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				for _, spelling := range []string{"DAVE@example.com", "Erin <dave@example.com>", " dave@example.com."} {
					sc.tryToDecide(spelling, sc.approval())
				}
			},
			blocked: []string{"approvals"}, reasons: []string{"DAVE@example.com is the author of release shop/1.0.0", "1 of 2 approvals, by alice@example.com"},
			fix: bobApproves,
		},
		{
			name:    "approval by the person who registered the release",
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.tryToDecide("Rita <"+rita+">", sc.approval())
			},
			blocked: []string{"approvals"}, reasons: []string{"rita@example.com> registered release shop/1.0.0 and counts as an author", "1 of 2 approvals, by alice@example.com"},
			fix: bobApproves,
		},
		{
			name:    "two approvals by one person",
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.decide(alice, sc.approval(func(s *delivery.ApprovalSpec) { s.Comment = "Really." }))
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by alice@example.com; eligible"},
			fix: bobApproves,
		},
		{
			name:    "in the name of another person",
			without: []step{approved},
			do: func(sc *scenario) {
				sc.approve(alice)
				sc.leave(mallory, sc.approval(func(s *delivery.ApprovalSpec) { s.Approver = bob }))
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by alice@example.com; eligible approvers: bob@example.com"},
			fix: bobApproves,
		},
		{
			name: "an approval that the approver replaced with a rejection",
			do: func(sc *scenario) {
				sc.decide(bob, sc.approval(func(s *delivery.ApprovalSpec) { s.Decision, s.Comment = delivery.Reject, "I looked again." }))
			},
			blocked: []string{"approvals"}, reasons: []string{"bob@example.com rejected it: I looked again."},
			fix: bobApproves,
		},
		{
			name: "the author's rejection of their own release",
			do: func(sc *scenario) {
				sc.decide(dave, sc.approval(func(s *delivery.ApprovalSpec) { s.Decision = delivery.Reject }))
			},
			blocked: []string{"approvals"}, reasons: []string{"dave@example.com rejected it"},
			fix: func(sc *scenario) {
				sc.must(sc.by(dave).RevokeApproval(sc.Context(), "shop/1.0.0/production/"+dave+"/1"))
			},
		},
		{
			name: "a revoked approval",
			do: func(sc *scenario) {
				sc.must(sc.by(bob).RevokeApproval(sc.Context(), "shop/1.0.0/production/"+bob+"/1"))
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by alice@example.com; eligible"},
			fix: bobApproves,
		},
		{
			name: "another person's rejection revoked",
			do: func(sc *scenario) {
				given := sc.decide(carol, sc.approval(rejecting))
				for _, who := range []string{alice, rita, mallory} {
					sc.refused(sc.by(who).RevokeApproval(sc.Context(), given.ID))
				}
			},
			blocked: []string{"approvals"}, reasons: []string{"mallory@example.com acts here, and only the person who rejected may revoke carol@example.com's rejection", "carol@example.com rejected it"},
			fix: func(sc *scenario) {
				sc.must(sc.by("Carol <CAROL@example.com>").RevokeApproval(sc.Context(), "shop/1.0.0/production/"+carol+"/1"))
			},
		},
		{
			name: "an approval from before a rejection that was revoked",
			do: func(sc *scenario) {
				given := sc.decide(bob, sc.approval(rejecting))
				sc.must(sc.by(bob).RevokeApproval(sc.Context(), given.ID))
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by alice@example.com; eligible approvers: bob@example.com"},
			fix: bobApproves,
		},
		{
			name: "an approval from before another one that was revoked",
			do: func(sc *scenario) {
				given := sc.decide(bob, sc.approval(func(s *delivery.ApprovalSpec) { s.Comment = "Looked twice." }))
				sc.must(sc.by(bob).RevokeApproval(sc.Context(), given.ID))
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by alice@example.com"},
			fix: bobApproves,
		},
		{
			name: "a rejection whose approval afterwards was revoked",
			do: func(sc *scenario) {
				sc.decide(bob, sc.approval(rejecting))
				given := sc.decide(bob, sc.approval())
				sc.must(sc.by(bob).RevokeApproval(sc.Context(), given.ID))
			},
			blocked: []string{"approvals"}, reasons: []string{"bob@example.com rejected it"},
			fix: bobApproves,
		},
		{
			name: "a rejection revoked, and its approver in another spelling revived",
			do: func(sc *scenario) {
				given := sc.decide("Bob <"+bob+">", sc.approval(rejecting))
				sc.must(sc.by("BOB@example.com").RevokeApproval(sc.Context(), given.ID))
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by alice@example.com"},
			fix: bobApproves,
		},
		{
			name:    "an expired approval",
			rules:   func(r *rules) { r.gates().Approvals.ExpiresAfter = "2h" },
			do:      func(sc *scenario) { sc.h.Clock.Advance(3 * soaking) },
			blocked: []string{"approvals"}, reasons: []string{"alice@example.com's approval has expired, bob@example.com's approval has expired"},
			fix: approveAllAgain,
		},
		{
			name:    "an approval from the future, by a clock that was set back",
			without: []step{approved},
			do: func(sc *scenario) {
				sc.h.Clock.Advance(2 * soaking)
				sc.approveAll()
				sc.h.Clock.Advance(-2 * soaking)
			},
			blocked: timed(), reasons: []string{behindTheLedger},
			fix: func(sc *scenario) { sc.h.Clock.Advance(2 * soaking) },
		},
	}
}

// stale is an attempt that changes what was approved and keeps the old approvals.
func stale(name string, do func(*scenario)) attempt {
	return attempt{name: "approved, and then " + name, do: do, blocked: []string{"approvals"},
		reasons: []string{"alice@example.com's approval is void (the content changed), bob@example.com's approval is void (the content changed)"}, fix: approveAllAgain}
}

// edited is a stale attempt that edits the declarations.
func edited(name string, edit func(*rules)) attempt {
	return stale(name, func(sc *scenario) { sc.declare(edit) })
}

// attemptsOnStaleApprovals change what would be deployed, or its rules, after the approval.
func attemptsOnStaleApprovals() []attempt {
	return []attempt{
		edited("the environment's configuration edited", func(r *rules) { r.prod.Config["GREETING"] = "gotcha" }),
		edited("the stage's configuration edited", func(r *rules) { r.stage().Config = map[string]string{"GREETING": "gotcha"} }),
		stale("a secret read from elsewhere", func(sc *scenario) {
			at := filepath.Join(sc.h.Dir, "other password")
			require.NoError(sc, os.WriteFile(at, []byte("gotcha"), 0o600))
			sc.declare(func(r *rules) { r.prod.Secrets["PASSWORD"] = "file:" + at })
		}),
		stale("deployed to another directory", func(sc *scenario) {
			sc.declare(func(r *rules) {
				r.prod.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(sc.h.Dir, "srv", "elsewhere")}}
			})
		}),
		edited("the target configured differently", func(r *rules) {
			other := *r.prod.Target.Directory
			other.Keep = 5
			r.prod.Target = &delivery.Target{Directory: &other}
		}),
		{
			name: "approved, and then an environment added to the stage",
			do: func(sc *scenario) {
				sc.declare(func(r *rules) {
					r.environments = append(r.environments, copyOf(r.prod, "mirror"))
					r.stage().Environments = append(slices.Clone(r.stage().Environments), "mirror")
				})
			},
			blocked: []string{"approvals"}, reasons: []string{"alice@example.com's approval does not cover what would be delivered to mirror"}, fix: approveAllAgain,
		},
		edited("another verification", func(r *rules) {
			r.stage().Verify = map[string]delivery.Check{"asked": r.gates().Checks["errors"]}
		}),
		edited("halting instead of rolling back", func(r *rules) { r.stage().OnFailure = delivery.Halt }),
		edited("failures tolerated", func(r *rules) { r.stage().Rollout = &delivery.Rollout{MaxFailures: 1} }),
		edited("fewer approvals required", func(r *rules) { r.gates().Approvals.Required = 1 }),
		edited("the author allowed", func(r *rules) { r.gates().Approvals.AllowAuthor = true }),
		edited("a gate weakened", func(r *rules) { r.gates().Soak.Duration = "20m" }),
		edited("more gates made overridable", func(r *rules) { r.stage().Overridable = append(r.stage().Overridable, "approvals") }),
		edited("a policy weakened", func(r *rules) { r.policy.Gates.Tests = nil }),
		edited("the environment's tier changed, so that the policy does not apply", func(r *rules) { r.prod.Tier = delivery.TierOther }),
		stale("a policy removed by another workspace", func(sc *scenario) { sc.must(sc.h.Client(mallory).DeletePolicy(sc.Context(), "guard")) }),
		{
			name:    "another workspace removes the gate of a waiting release",
			without: []step{tested},
			do: func(sc *scenario) {
				onlyUnitMissing(sc)
				require.ErrorContains(sc, sc.promote(whenBlocked(delivery.WhenBlockedPend)), "no report of suite unit")
				sc.pending = false
				sc.rules.gates().Tests = nil
				_, err := sc.h.Client(mallory).PutPipeline(sc.Context(), sc.rules.pipeline)
				sc.must(err)
			},
			blocked: []string{"approvals"}, reasons: []string{"alice@example.com's approval is void"},
			fix: approveAllAgain,
		},
		{
			name: "an edit between two approvals",
			do: func(sc *scenario) { // each covers the content at its time
				sc.declare(func(r *rules) { r.prod.Config["GREETING"] = strings.Repeat("gotcha ", 3) })
				sc.approve(bob)
			},
			blocked: []string{"approvals"}, reasons: []string{"1 of 2 approvals, by bob@example.com; alice@example.com's approval is void"},
			fix: func(sc *scenario) { sc.approve(alice) },
		},
	}
}
