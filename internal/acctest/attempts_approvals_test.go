package acctest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func bobToo(l *line) { l.approve(bob) }

func everybodyAgain(l *line) { l.approveAll() }

// attemptsOnApprovals try to have approvals count that are not what the gate asks for.
func attemptsOnApprovals() []attempt {
	return []attempt{
		{
			name:    "approvals of another version",
			without: []step{approved},
			do: func(l *line) {
				l.must(l.deliver("1.1.0", 1))
				for _, who := range []string{alice, bob} {
					l.decide(who, l.approval(func(s *delivery.ApprovalSpec) { s.Version = "1.1.0" }))
				}
			},
			blocked: []string{"approvals"}, says: []string{"0 of 2 approvals"},
			mend: everybodyAgain,
		},
		{
			name: "approvals of another stage",
			rules: func(r *rules) {
				r.places = append(r.places, beside(r.prod, "archive"))
				r.pipeline.Stages = append(r.pipeline.Stages, delivery.Stage{Name: "archive", Environments: []string{"archive"},
					Promotion: delivery.Manual, Gates: delivery.Gates{Approvals: r.gates().Approvals}})
			},
			without: []step{approved},
			do: func(l *line) {
				for _, who := range []string{alice, bob} {
					l.decide(who, l.approval(func(s *delivery.ApprovalSpec) { s.Stage = "archive" }))
				}
			},
			blocked: []string{"approvals"}, says: []string{"0 of 2 approvals"},
			mend: everybodyAgain,
		},
		{
			name:    "approvals of another pipeline",
			without: []step{approved},
			do: func(l *line) {
				store := l.rules.pipeline
				store.Name = "store"
				_, err := l.by(rita).PutPipeline(l.Context(), store)
				l.must(err)
				l.must(l.register(l.other(func(s *delivery.ReleaseSpec) { s.Pipeline = "store" }), 1))
				for _, who := range []string{alice, bob} {
					l.decide(who, l.approval(func(s *delivery.ApprovalSpec) { s.Pipeline = "store" }))
				}
			},
			blocked: []string{"approvals"}, says: []string{"0 of 2 approvals"},
			mend: everybodyAgain,
		},
		{
			name:    "approval by the author",
			without: []step{approved},
			do: func(l *line) {
				l.approve(alice)
				l.tryToDecide(dave, l.approval())
			},
			blocked: []string{"approvals"}, says: []string{"an author may not approve their own release", "1 of 2 approvals, by alice@example.com; may approve: bob@example.com, carol@example.com, rita@example.com"},
			mend: bobToo,
		},
		{
			name:    "approval by whoever registered a release without an author",
			rules:   func(r *rules) { r.release.Source = nil },
			without: []step{approved},
			do: func(l *line) {
				l.approve(alice)
				l.tryToDecide(rita, l.approval())
			},
			blocked: []string{"approvals"}, says: []string{"rita@example.com is the author of release shop/1.0.0", "1 of 2 approvals"},
			mend: bobToo,
		},
		{
			name:    "approval by somebody who is not listed",
			without: []step{approved},
			do: func(l *line) {
				l.approve(alice)
				l.tryToDecide(mallory, l.approval())
			},
			blocked: []string{"approvals"}, says: []string{mallory + " is not among the stage's approvers", "1 of 2 approvals"},
			mend: bobToo,
		},
		{
			name:    "one person under two spellings",
			without: []step{approved},
			do: func(l *line) {
				l.approve(alice)
				for _, spelling := range []string{"Alice@example.com", alice + ".", "al\u0456ce@example.com"} {
					l.tryToDecide(spelling, l.approval())
				}
			},
			blocked: []string{"approvals"}, says: []string{"Alice@example.com is not among the stage's approvers", "1 of 2 approvals"},
			mend: bobToo,
		},
		{
			name:    "two approvals by one person",
			without: []step{approved},
			do: func(l *line) {
				l.approve(alice)
				l.decide(alice, l.approval(func(s *delivery.ApprovalSpec) { s.Comment = "Really." }))
			},
			blocked: []string{"approvals"}, says: []string{"1 of 2 approvals, by alice@example.com; may"},
			mend: bobToo,
		},
		{
			name:    "in somebody else's name",
			without: []step{approved},
			do: func(l *line) {
				l.approve(alice)
				l.tryToDecide(mallory, l.approval(func(s *delivery.ApprovalSpec) { s.Approver = bob }))
			},
			blocked: []string{"approvals"}, says: []string{mallory + " acts here, and cannot decide for bob@example.com", "1 of 2 approvals"},
			mend: bobToo,
		},
		{
			name: "an approval that its giver has turned into a rejection",
			do: func(l *line) {
				l.decide(bob, l.approval(func(s *delivery.ApprovalSpec) { s.Decision, s.Comment = delivery.Reject, "I looked again." }))
			},
			blocked: []string{"approvals"}, says: []string{"bob@example.com rejected it: I looked again."},
			mend: bobToo,
		},
		{
			name: "the author's rejection of their own release",
			do: func(l *line) {
				l.decide(dave, l.approval(func(s *delivery.ApprovalSpec) { s.Decision = delivery.Reject }))
			},
			blocked: []string{"approvals"}, says: []string{"dave@example.com rejected it"},
			mend: func(l *line) { l.must(l.by(dave).RevokeApproval(l.Context(), "shop/1.0.0/production/"+dave+"/1")) },
		},
		{
			name: "a revoked approval",
			do: func(l *line) {
				l.must(l.by(bob).RevokeApproval(l.Context(), "shop/1.0.0/production/"+bob+"/1"))
			},
			blocked: []string{"approvals"}, says: []string{"1 of 2 approvals, by alice@example.com; may"},
			mend: bobToo,
		},
		{
			name:    "an expired approval",
			rules:   func(r *rules) { r.gates().Approvals.ExpiresAfter = "2h" },
			do:      func(l *line) { l.h.Clock.Advance(3 * soaking) },
			blocked: []string{"approvals"}, says: []string{"alice@example.com's is expired, bob@example.com's is expired, and counts no more"},
			mend: everybodyAgain,
		},
		{
			name:    "an approval from the future, by a clock that was set back",
			without: []step{approved},
			do: func(l *line) {
				l.h.Clock.Advance(2 * soaking)
				l.approveAll()
				l.h.Clock.Advance(-2 * soaking)
			},
			blocked: []string{"approvals"}, says: []string{"alice@example.com's is expired"},
			mend: everybodyAgain,
		},
	}
}

// stale is an attempt that changes what was approved, and leaves the approvals as they are.
func stale(name string, do func(*line)) attempt {
	return attempt{name: "approved, and then " + name, do: do, blocked: []string{"approvals"},
		says: []string{"alice@example.com's is void, bob@example.com's is void, and counts no more"}, mend: everybodyAgain}
}

// edited is stale by an edit of the declarations.
func edited(name string, edit func(*rules)) attempt {
	return stale(name, func(l *line) { l.declare(edit) })
}

// attemptsOnStaleApprovals change what would be deployed, or the rules for it, once it is approved.
func attemptsOnStaleApprovals() []attempt {
	return []attempt{
		edited("the environment's configuration edited", func(r *rules) { r.prod.Config["GREETING"] = "gotcha" }),
		edited("the stage's configuration edited", func(r *rules) { r.stage().Config = map[string]string{"GREETING": "gotcha"} }),
		stale("a secret read from elsewhere", func(l *line) {
			at := filepath.Join(l.h.Dir, "other password")
			require.NoError(l, os.WriteFile(at, []byte("gotcha"), 0o600))
			l.declare(func(r *rules) { r.prod.Secrets["PASSWORD"] = "file:" + at })
		}),
		stale("deployed to another place", func(l *line) {
			l.declare(func(r *rules) {
				r.prod.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(l.h.Dir, "srv", "elsewhere")}}
			})
		}),
		edited("the target set up otherwise", func(r *rules) {
			other := *r.prod.Target.Directory
			other.Keep = 5
			r.prod.Target = &delivery.Target{Directory: &other}
		}),
		edited("an environment added to the stage", func(r *rules) {
			r.places = append(r.places, beside(r.prod, "mirror"))
			r.stage().Environments = append(slices.Clone(r.stage().Environments), "mirror")
		}),
		edited("fewer approvals required", func(r *rules) { r.gates().Approvals.Required = 1 }),
		edited("the author allowed", func(r *rules) { r.gates().Approvals.AllowAuthor = true }),
		edited("a gate made weaker", func(r *rules) { r.gates().Soak.Duration = "20m" }),
		edited("more gates made overridable", func(r *rules) { r.stage().Overridable = append(r.stage().Overridable, "approvals") }),
		edited("a policy made weaker", func(r *rules) { r.policy.Gates.Tests = nil }),
		edited("the environment's tier changed, so that the policy does not hold", func(r *rules) { r.prod.Tier = delivery.TierOther }),
		stale("a policy removed by another workspace", func(l *line) { l.must(l.h.Client(mallory).DeletePolicy(l.Context(), "guard")) }),
		{
			name:    "a release that waits, and its gate removed by another workspace",
			without: []step{tested},
			do: func(l *line) {
				onlyUnitMissing(l)
				require.ErrorContains(l, l.promote(whenBlocked(delivery.WhenBlockedPend)), "no report of suite unit")
				l.pending = false
				l.rules.gates().Tests = nil
				_, err := l.h.Client(mallory).PutPipeline(l.Context(), l.rules.pipeline)
				l.must(err)
			},
			blocked: []string{"approvals"}, says: []string{"alice@example.com's is void"},
			mend: everybodyAgain,
		},
		{
			name: "an edit between two approvals",
			do: func(l *line) { // each covers what was there when it was given
				l.declare(func(r *rules) { r.prod.Config["GREETING"] = strings.Repeat("gotcha ", 3) })
				l.approve(bob)
			},
			blocked: []string{"approvals"}, says: []string{"1 of 2 approvals, by bob@example.com; alice@example.com's is void"},
			mend: func(l *line) { l.approve(alice) },
		},
	}
}
