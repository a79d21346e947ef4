package acctest_test

import (
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// failedOnce makes the release fail in production once, and waits until the cooldown ends.
func failedOnce(sc *scenario) {
	sc.failIn("production")
	sc.refused(sc.promote())
	sc.succeed()
	sc.h.Clock.Advance(2 * soaking)
	sc.before = len(sc.production())
}

func onlyUnitMissing(sc *scenario) { sc.test(sc.version, "security") }

// attemptsOnPromotions try to get in with unusual promotions.
func attemptsOnPromotions() []attempt {
	waiting := func(sc *scenario) error { return sc.promote(whenBlocked(delivery.WhenBlockedWait)) }
	return []attempt{
		{
			name:    "a version that was never registered",
			do:      func(sc *scenario) { sc.version = "9.9.9" },
			reasons: []string{`has no release "9.9.9"`, "register it"},
			fix:     func(sc *scenario) { sc.version = version },
		},
		{
			name:    "into a stage that does not exist",
			promote: func(sc *scenario) error { return sc.promote(func(s *delivery.PromotionSpec) { s.Stage = "prod" }) },
			reasons: []string{`has no stage "prod"; it has: staging, production`},
			fix:     nothing, enter: promoteIt,
		},
		{
			name:    "into an automatic stage",
			promote: func(sc *scenario) error { return sc.promote(func(s *delivery.PromotionSpec) { s.Stage = "staging" }) },
			reasons: []string{`stage "staging" of pipeline "shop" is automatic`},
			fix:     nothing, enter: promoteIt,
		},
		{
			name:    "again after a failure",
			do:      failedOnce,
			reasons: []string{"release shop/1.0.0 is held", "the disk is full", "attempt is raised to 2"},
			fix:     nothing, enter: func(sc *scenario) error { return sc.promote(attemptNumber(2)) },
		},
		{
			name: "with another attempt, while a gate is closed",
			do: func(sc *scenario) {
				failedOnce(sc)
				sc.h.Clock.Advance(8 * soaking) // 17:30
			},
			promote: func(sc *scenario) error { return sc.promote(attemptNumber(2)) },
			blocked: []string{"windows"}, reasons: []string{"office opens on Tue 2027-03-02 09:00 UTC"},
			fix: untilMorning,
		},
		{
			name: "with an attempt that was made already",
			do: func(sc *scenario) {
				failedOnce(sc)
				sc.failIn("production")
				sc.refused(sc.promote(attemptNumber(2)))
				sc.succeed()
				sc.h.Clock.Advance(2 * soaking)
				sc.before = len(sc.production())
			},
			promote: func(sc *scenario) error { return sc.promote(attemptNumber(1)) },
			reasons: []string{"is held", "attempt is raised to 3"},
			fix:     untilMorning, // only two deliveries are allowed in a day
			enter:   func(sc *scenario) error { return sc.promote(attemptNumber(3)) },
		},
		{
			name:    "pending, repeatedly, from two workspaces",
			without: []step{tested},
			do: func(sc *scenario) {
				onlyUnitMissing(sc)
				elsewhere := sc.h.Client(mallory)
				for range 2 {
					require.Error(sc, sc.promote(whenBlocked(delivery.WhenBlockedPend)))
					spec := sc.promotion()
					spec.WhenBlocked = delivery.WhenBlockedPend
					state, err := elsewhere.PutPromotion(sc.Context(), spec)
					sc.must(err)
					require.Equal(sc, delivery.StageWaiting, state.Status)
					sc.h.Clock.Advance(soaking)
				}
			},
			promote: func(sc *scenario) error { return sc.promote(whenBlocked(delivery.WhenBlockedPend)) },
			blocked: []string{"tests.unit"}, reasons: []string{"no report of suite unit about 1.0.0"},
			fix: func(sc *scenario) { sc.test(sc.version, "unit") },
		},
		{
			name:    "a pending promotion changed to when_blocked = fail",
			without: []step{tested},
			do: func(sc *scenario) {
				onlyUnitMissing(sc)
				require.Error(sc, sc.promote(whenBlocked(delivery.WhenBlockedPend)))
				sc.pending = false
			},
			blocked: []string{"tests.unit"}, reasons: []string{"may not enter stage", "no report of suite unit about 1.0.0"},
			fix: func(sc *scenario) { sc.test(sc.version, "unit") },
		},
		{
			name:    "a refused promotion followed by the missing report",
			without: []step{tested},
			do: func(sc *scenario) {
				onlyUnitMissing(sc)
				sc.refused(sc.promote())
				sc.test(sc.version, "unit")
			},
			promote: releaseOnly,
			reasons: []string{"no report of suite unit about 1.0.0", "a person decides"},
			fix:     nothing, enter: promoteIt,
		},
		{
			name: "waiting for a gate that a person rejected",
			do: func(sc *scenario) {
				sc.decide(carol, sc.approval(func(s *delivery.ApprovalSpec) { s.Decision, s.Comment = delivery.Reject, "The shop is full." }))
			},
			promote: waiting,
			blocked: []string{"approvals"}, reasons: []string{"carol@example.com rejected it: The shop is full."},
			fix: func(sc *scenario) { sc.approve(carol) },
		},
		{
			name:    "waiting while a person rejects",
			without: []step{approved},
			do:      func(sc *scenario) { sc.approve(alice) },
			promote: func(sc *scenario) error {
				done := make(chan error)
				go func() { done <- waiting(sc) }()
				sc.decide(bob, sc.approval(func(s *delivery.ApprovalSpec) { s.Decision = delivery.Reject }))
				return <-done
			},
			blocked: []string{"approvals"}, reasons: []string{"bob@example.com rejected it"},
			fix: func(sc *scenario) { sc.approve(bob) }, enter: waiting,
		},
	}
}
