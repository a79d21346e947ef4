package acctest_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// untilMorning moves the clock to Tuesday at nine, when the window opens.
func untilMorning(sc *scenario) {
	sc.h.Clock.Advance(time.Date(2027, 3, 2, 9, 0, 0, 0, time.UTC).Sub(sc.h.Clock.Now()))
}

// untilEvening moves the clock to half past five, when the window is closed.
func untilEvening(sc *scenario) {
	sc.h.Clock.Advance(time.Date(2027, 3, 1, 17, 30, 0, 0, time.UTC).Sub(sc.h.Clock.Now()))
}

// next delivers the version, and takes the valid path with another one.
func (sc *scenario) next(version string) {
	sc.Helper()
	sc.must(sc.promote())
	sc.version = version
	sc.validPath()
	sc.before = len(sc.production())
}

// attemptsOnTime try to get in too early, too late or too often.
func attemptsOnTime() []attempt {
	short := []string{"verified in staging since 2027-03-01T12:00:00Z; passes at 2027-03-01T12:30:00Z"}
	rest := func(sc *scenario) { sc.h.Clock.Advance(soaking) }
	return []attempt{
		{
			name:    "not soaked yet",
			without: []step{soaked},
			do:      func(sc *scenario) { sc.h.Clock.Advance(soaking - time.Microsecond) },
			blocked: []string{"soak"}, reasons: short, fix: rest,
		},
		{
			name:    "soaked by a clock that was set forward and back",
			without: []step{soaked},
			do: func(sc *scenario) {
				sc.h.Clock.Advance(soaking)
				ready, err := sc.by(mallory).Readiness(sc.Context(), "shop", sc.version, "production", time.Time{})
				sc.must(err)
				require.True(sc, ready.Ready)
				sc.h.Clock.Advance(-soaking / 3)
			},
			blocked: []string{"soak"}, reasons: short, fix: rest,
		},
		{
			name: "soaked before it was deployed again",
			do: func(sc *scenario) {
				sc.declare(func(r *rules) { r.staging.Config["GREETING"] = "ahoy" })
				sc.must(sc.deliver(sc.version, 1))
			},
			blocked: []string{"soak", "policy.guard.soak"}, reasons: []string{"verified in staging since 2027-03-01T12:30:00Z"}, fix: rest,
		},
		{
			name:    "replaced before it was soaked",
			without: []step{soaked},
			do: func(sc *scenario) {
				sc.h.Clock.Advance(2 * soaking / 3)
				sc.must(sc.deliver("1.1.0", 1))
				sc.h.Clock.Advance(soaking)
			},
			blocked: []string{"soak"}, reasons: []string{"1.0.0 was replaced in staging (staging) before it had run there for 30m"},
			fix: func(sc *scenario) {
				sc.must(sc.deliver(sc.version, 1))
				sc.h.Clock.Advance(soaking)
			},
		},
		{
			name:    "soaked as another version",
			without: []step{tested, approved},
			do: func(sc *scenario) {
				sc.version = "1.0.1"
				sc.validPath(soaked)
			},
			blocked: []string{"soak", "policy.guard.soak"}, reasons: []string{"verified in staging since 2027-03-01T12:30:00Z"}, fix: rest,
		},
		{
			name:    "while the window is closed",
			do:      untilEvening,
			blocked: []string{"windows"}, reasons: []string{"no window is open; office opens on Tue 2027-03-02 09:00 UTC"}, fix: untilMorning,
		},
		{
			name:    "at the moment when the window closes",
			do:      func(sc *scenario) { sc.h.Clock.Advance(9 * soaking) },
			blocked: []string{"windows"}, reasons: []string{"no window is open"}, fix: untilMorning,
		},
		{
			name: "through a window in a time zone that does not exist",
			do: func(sc *scenario) {
				untilEvening(sc)
				sc.notDeclared("is not a known time zone", func(r *rules) {
					r.gates().Windows = map[string]schedule.Window{"office": {TimeZone: "Mars/Olympus_Mons"}}
				})
			},
			blocked: []string{"windows"}, reasons: []string{"no window is open; office opens on Tue"}, fix: untilMorning,
		},
		{
			name:    "too soon after the last delivery",
			do:      func(sc *scenario) { sc.next("1.1.0") },
			blocked: []string{"cooldown"}, reasons: []string{"the last delivery to production began at 2027-03-01T12:30:00Z; passes at 2027-03-01T13:30:00Z"},
			fix: rest,
		},
		{
			name: "too soon after a delivery that failed",
			do: func(sc *scenario) {
				sc.failIn("production")
				sc.refused(sc.promote())
				sc.succeed()
				sc.before = len(sc.production())
			},
			promote: func(sc *scenario) error { return sc.promote(attemptNumber(2)) },
			blocked: []string{"cooldown"}, reasons: []string{"the last delivery to production began at 2027-03-01T12:30:00Z"},
			fix: func(sc *scenario) { sc.h.Clock.Advance(2 * soaking) },
		},
		{
			name: "too often in a day",
			do: func(sc *scenario) {
				sc.next("1.1.0")
				rest(sc)
				sc.next("1.2.0")
				rest(sc)
			},
			blocked: []string{"max_deploys"}, reasons: []string{"2 of 2 deliveries within 20h; passes at 2027-03-02T08:30:00Z"}, fix: untilMorning,
		},
	}
}

// attemptsOnParity try to get into an environment that differs from those in which the release was tested.
func attemptsOnParity() []attempt {
	return []attempt{
		{
			name:    "a difference that is no longer allowed",
			do:      func(sc *scenario) { sc.h.Clock.Advance(48 * soaking) }, // Tuesday, half past twelve
			blocked: []string{"parity"}, reasons: []string{`LOG_LEVEL is "debug" in staging and "info" in production`},
			fix: func(sc *scenario) {
				sc.declare(func(r *rules) {
					r.staging.Parity.Allow["LOG_LEVEL"] = delivery.Allowance{Reason: "testing takes longer", Until: "2027-04-01T00:00:00Z"}
				})
			},
		},
		{
			name: "an environment that another workspace changed",
			do: func(sc *scenario) {
				sc.rules.prod.Platform = map[string]string{"postgres": "17"}
				_, err := sc.h.Client(mallory).PutEnvironment(sc.Context(), sc.rules.prod)
				sc.must(err)
			},
			blocked: []string{"approvals", "parity"}, reasons: []string{`platform.postgres is absent in staging and "17" in production`},
			fix: func(sc *scenario) {
				sc.declare(func(r *rules) { r.staging.Platform = map[string]string{"postgres": "17"} })
				sc.approveAll()
			},
		},
		{
			name: "an environment declared with a difference that is not allowed",
			promote: func(sc *scenario) error {
				different := sc.rules.staging
				different.Platform = map[string]string{"postgres": "16"}
				_, err := sc.by(mallory).PutEnvironment(sc.Context(), different)
				return err
			},
			reasons: []string{`parity with environment "production" is broken`, "declare the difference in parity.allow"},
			fix:     nothing, enter: promoteIt,
		},
		{
			name: "a reference that no longer exists",
			rules: func(r *rules) {
				blueprint := r.prod
				blueprint.Name, blueprint.Tier = "blueprint", delivery.TierOther
				r.environments = append(r.environments, blueprint)
				r.prod.Parity = &delivery.Parity{With: "blueprint"}
			},
			do:      func(sc *scenario) { sc.must(sc.h.Client(mallory).DeleteEnvironment(sc.Context(), "blueprint")) },
			blocked: []string{"parity"}, reasons: []string{`production declares parity with "blueprint", which does not exist`},
			fix: func(sc *scenario) { sc.declare(nil) },
		},
		{
			name:    "nothing to compare",
			rules:   func(r *rules) { r.staging.Parity = nil },
			blocked: []string{"parity"}, reasons: []string{"nothing is compared"},
			fix: func(sc *scenario) {
				sc.declare(func(r *rules) {
					r.staging.Parity = &delivery.Parity{With: "production", Allow: map[string]delivery.Allowance{"LOG_LEVEL": {Reason: "debug output"}}}
				})
			},
		},
	}
}
