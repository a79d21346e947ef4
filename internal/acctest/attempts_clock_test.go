package acctest_test

import (
	"encoding/json"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/ledger"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// inTheFuture does something while the clock is nine years ahead.
func inTheFuture(sc *scenario, do func()) {
	sc.Helper()
	const ahead = 9 * 365 * 24 * time.Hour
	sc.h.Clock.Advance(ahead)
	do()
	sc.h.Clock.Advance(-ahead)
}

// correctClock records that the ledger's time is wrong, and the clock right.
func correctClock(sc *scenario) {
	sc.Helper()
	_, err := ledger.CorrectClock(sc.Context(), sc.h.Ledger, ledger.By{Actor: alice, At: sc.h.Clock.Now()})
	sc.must(err)
}

// attemptsOnClocks use what a wrong clock left in the ledger.
func attemptsOnClocks() []attempt {
	return []attempt{
		{
			name: "an event from the far future",
			do: func(sc *scenario) {
				inTheFuture(sc, func() {
					_, err := sc.by(mallory).PutFreeze(sc.Context(), delivery.FreezeSpec{Name: "old", Reason: "it is over", Tiers: []delivery.Tier{delivery.TierOther},
						StartsAt: "2020-01-01T00:00:00Z", EndsAt: "2020-01-02T00:00:00Z"})
					sc.must(err)
				})
			},
			blocked: timed(), reasons: []string{behindTheLedger}, fix: correctClock,
		},
		{
			name:    "approvals from the future, after the clock was corrected",
			without: []step{approved},
			do: func(sc *scenario) {
				inTheFuture(sc, sc.approveAll)
				correctClock(sc)
			},
			blocked: []string{"approvals"}, reasons: []string{"0 of 2 approvals"}, fix: approveAllAgain,
		},
		{
			name:    "a report from the future, after the clock was corrected",
			without: []step{tested},
			do: func(sc *scenario) {
				sc.test(sc.version, "security")
				inTheFuture(sc, func() { testUnit(sc) })
				correctClock(sc)
			},
			blocked: []string{"tests.unit"}, reasons: []string{"the report may be at most 48h old"},
			fix: func(sc *scenario) {
				sc.report(sc.version, "unit", `<testsuite name="again" tests="1"><testcase name="works"/></testsuite>`)
			},
		},
		{
			name: "an override from the future, after the clock was corrected",
			do: func(sc *scenario) {
				untilEvening(sc)
				inTheFuture(sc, func() { sc.override(func(s *delivery.OverrideSpec) { s.ExpiresAt = "2036-02-28T20:00:00Z" }) })
				correctClock(sc)
			},
			blocked: []string{"windows"}, reasons: []string{"no window is open; office opens on Tue"}, fix: untilMorning,
		},
		{
			name: "the ledger's clock corrected without need",
			do: func(sc *scenario) {
				untilEvening(sc)
				_, err := ledger.CorrectClock(sc.Context(), sc.h.Ledger, ledger.By{Actor: mallory, At: sc.h.Clock.Now()})
				require.ErrorContains(sc, err, "there is nothing to correct")
			},
			blocked: []string{"windows"}, reasons: []string{"no window is open; office opens on Tue"}, fix: untilMorning,
		},
		{
			name: "over a ledger that continues elsewhere",
			do: func(sc *scenario) {
				_, err := ledger.Move(sc.Context(), sc.h.Ledger, filepath.Join(sc.TempDir(), "elsewhere.db"), ledger.By{Actor: alice, At: sc.h.Clock.Now()}, func(string, int64, int64) {})
				sc.must(err)
				sc.pending = true // the refusal cannot be in a log that takes no more events
			},
			reasons: []string{"this ledger takes no more changes: it was moved to "},
			fix: func(sc *scenario) {
				opened, err := sqlstore.Open(sc.Context(), sc.h.Ledger)
				sc.must(err)
				sc.must(opened.Update(sc.Context(), func(tx store.Tx) error {
					_, err := tx.AppendEvents(sc.Context(), delivery.Event{At: sc.h.Clock.Now(), Actor: alice, Kind: delivery.EventLedgerOpened, Subject: "ledger", Data: json.RawMessage("{}")})
					return err
				}))
				sc.must(opened.Close())
			},
		},
	}
}
