package acctest_test

import (
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// failedOnce has the release fail in production once, and waits until the cooldown is over.
func failedOnce(l *line) {
	l.failIn("production")
	l.refused(l.promote())
	l.succeed()
	l.h.Clock.Advance(2 * soaking)
	l.before = len(l.production())
}

func onlyUnitMissing(l *line) { l.test(l.version, "security") }

// attemptsOnPromotions try to get in by asking in another way.
func attemptsOnPromotions() []attempt {
	waiting := func(l *line) error { return l.promote(whenBlocked(delivery.WhenBlockedWait)) }
	return []attempt{
		{
			name: "a version that was never registered",
			do:   func(l *line) { l.version = "9.9.9" },
			says: []string{`has no release "9.9.9"`, "register it"},
			mend: func(l *line) { l.version = version },
		},
		{
			name:    "into a stage that does not exist",
			promote: func(l *line) error { return l.promote(func(s *delivery.PromotionSpec) { s.Stage = "prod" }) },
			says:    []string{`has no stage "prod"; it has: staging, production`},
			mend:    nothing, enter: promoteIt,
		},
		{
			name:    "into an automatic stage",
			promote: func(l *line) error { return l.promote(func(s *delivery.PromotionSpec) { s.Stage = "staging" }) },
			says:    []string{`stage "staging" of pipeline "shop" is automatic`},
			mend:    nothing, enter: promoteIt,
		},
		{
			name: "again after a failure",
			do:   failedOnce,
			says: []string{"release shop/1.0.0 is held", "the disk is full", "attempt is raised to 2"},
			mend: nothing, enter: func(l *line) error { return l.promote(attemptNumber(2)) },
		},
		{
			name: "with another attempt, while a gate is closed",
			do: func(l *line) {
				failedOnce(l)
				l.h.Clock.Advance(8 * soaking) // 17:30
			},
			promote: func(l *line) error { return l.promote(attemptNumber(2)) },
			blocked: []string{"windows"}, says: []string{"office opens on Tue 2027-03-02 09:00 UTC"},
			mend: untilMorning,
		},
		{
			name: "with an attempt that was made already",
			do: func(l *line) {
				failedOnce(l)
				l.failIn("production")
				l.refused(l.promote(attemptNumber(2)))
				l.succeed()
				l.h.Clock.Advance(2 * soaking)
				l.before = len(l.production())
			},
			promote: func(l *line) error { return l.promote(attemptNumber(1)) },
			says:    []string{"is held", "attempt is raised to 3"},
			mend:    untilMorning, // two deliveries in a day are all there may be
			enter:   func(l *line) error { return l.promote(attemptNumber(3)) },
		},
		{
			name:    "pending, again and again, from two workspaces",
			without: []step{tested},
			do: func(l *line) {
				onlyUnitMissing(l)
				elsewhere := l.h.Client(mallory)
				for range 2 {
					require.Error(l, l.promote(whenBlocked(delivery.WhenBlockedPend)))
					spec := l.promotion()
					spec.WhenBlocked = delivery.WhenBlockedPend
					state, err := elsewhere.PutPromotion(l.Context(), spec)
					l.must(err)
					require.Equal(l, delivery.StageWaiting, state.Status)
					l.h.Clock.Advance(soaking)
				}
			},
			promote: func(l *line) error { return l.promote(whenBlocked(delivery.WhenBlockedPend)) },
			blocked: []string{"tests.unit"}, says: []string{"no report of suite unit about 1.0.0"},
			mend: func(l *line) { l.test(l.version, "unit") },
		},
		{
			name:    "a pending promotion turned into one that fails",
			without: []step{tested},
			do: func(l *line) {
				onlyUnitMissing(l)
				require.Error(l, l.promote(whenBlocked(delivery.WhenBlockedPend)))
				l.pending = false
			},
			blocked: []string{"tests.unit"}, says: []string{"may not enter stage", "no report of suite unit about 1.0.0"},
			mend: func(l *line) { l.test(l.version, "unit") },
		},
		{
			name:    "a refused promotion is not remembered",
			without: []step{tested},
			do: func(l *line) {
				onlyUnitMissing(l)
				l.refused(l.promote())
				l.test(l.version, "unit")
			},
			promote: releaseOnly,
			blocked: []string{"promotion"}, says: []string{"no report of suite unit about 1.0.0", "a person decides"},
			mend: nothing, enter: promoteIt,
		},
		{
			name: "waiting for a gate that a person has shut",
			do: func(l *line) {
				l.decide(carol, l.approval(func(s *delivery.ApprovalSpec) { s.Decision, s.Comment = delivery.Reject, "The shop is full." }))
			},
			promote: waiting,
			blocked: []string{"approvals"}, says: []string{"carol@example.com rejected it: The shop is full."},
			mend: func(l *line) { l.approve(carol) },
		},
		{
			name:    "waiting while a person shuts the gate",
			without: []step{approved},
			do:      func(l *line) { l.approve(alice) },
			promote: func(l *line) error {
				done := make(chan error)
				go func() { done <- waiting(l) }()
				l.decide(bob, l.approval(func(s *delivery.ApprovalSpec) { s.Decision = delivery.Reject }))
				return <-done
			},
			blocked: []string{"approvals"}, says: []string{"bob@example.com rejected it"},
			mend: func(l *line) { l.approve(bob) }, enter: waiting,
		},
	}
}
