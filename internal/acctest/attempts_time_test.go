package acctest_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// untilMorning moves the clock to Tuesday at nine, when the window opens.
func untilMorning(l *line) {
	l.h.Clock.Advance(time.Date(2027, 3, 2, 9, 0, 0, 0, time.UTC).Sub(l.h.Clock.Now()))
}

// untilEvening moves the clock to half past five, when the window is closed.
func untilEvening(l *line) {
	l.h.Clock.Advance(time.Date(2027, 3, 1, 17, 30, 0, 0, time.UTC).Sub(l.h.Clock.Now()))
}

// next delivers the version, and goes the lawful way with another one.
func (l *line) next(version string) {
	l.Helper()
	l.must(l.promote())
	l.version = version
	l.lawful()
	l.before = len(l.production())
}

// attemptsOnTime try to get in too early, too late or too often.
func attemptsOnTime() []attempt {
	short := []string{"verified in staging since 2027-03-01T12:00:00Z; passes at 2027-03-01T12:30:00Z"}
	rest := func(l *line) { l.h.Clock.Advance(soaking) }
	return []attempt{
		{
			name:    "not soaked yet",
			without: []step{soaked},
			do:      func(l *line) { l.h.Clock.Advance(soaking - time.Microsecond) },
			blocked: []string{"soak"}, says: short, mend: rest,
		},
		{
			name:    "soaked by a clock that was set forward and back",
			without: []step{soaked},
			do: func(l *line) {
				l.h.Clock.Advance(soaking)
				ready, err := l.by(mallory).Readiness(l.Context(), "shop", l.version, "production", time.Time{})
				l.must(err)
				require.True(l, ready.Ready)
				l.h.Clock.Advance(-soaking / 3)
			},
			blocked: []string{"soak"}, says: short, mend: rest,
		},
		{
			name: "soaked before it was deployed once more",
			do: func(l *line) {
				l.declare(func(r *rules) { r.staging.Config["GREETING"] = "ahoy" })
				l.must(l.deliver(l.version, 1))
			},
			blocked: []string{"soak", "policy.guard.soak"}, says: []string{"verified in staging since 2027-03-01T12:30:00Z"}, mend: rest,
		},
		{
			name:    "replaced before it was soaked",
			without: []step{soaked},
			do: func(l *line) {
				l.h.Clock.Advance(2 * soaking / 3)
				l.must(l.deliver("1.1.0", 1))
				l.h.Clock.Advance(soaking)
			},
			blocked: []string{"soak"}, says: []string{"1.0.0 was replaced in staging (staging) before it had run there for 30m"},
			mend: func(l *line) {
				l.must(l.deliver(l.version, 1))
				l.h.Clock.Advance(soaking)
			},
		},
		{
			name:    "soaked as another version",
			without: []step{tested, approved},
			do: func(l *line) {
				l.version = "1.0.1"
				l.lawful(soaked)
			},
			blocked: []string{"soak", "policy.guard.soak"}, says: []string{"verified in staging since 2027-03-01T12:30:00Z"}, mend: rest,
		},
		{
			name:    "while the window is closed",
			do:      untilEvening,
			blocked: []string{"windows"}, says: []string{"no window is open; office opens on Tue 2027-03-02 09:00 UTC"}, mend: untilMorning,
		},
		{
			name:    "in the very moment in which the window closes",
			do:      func(l *line) { l.h.Clock.Advance(9 * soaking) },
			blocked: []string{"windows"}, says: []string{"no window is open"}, mend: untilMorning,
		},
		{
			name: "through a window in a time zone that does not exist",
			do: func(l *line) {
				untilEvening(l)
				l.notDeclared("is not a known time zone", func(r *rules) {
					r.gates().Windows = map[string]schedule.Window{"office": {TimeZone: "Mars/Olympus_Mons"}}
				})
			},
			blocked: []string{"windows"}, says: []string{"no window is open; office opens on Tue"}, mend: untilMorning,
		},
		{
			name:    "too soon after the last delivery",
			do:      func(l *line) { l.next("1.1.0") },
			blocked: []string{"cooldown"}, says: []string{"the last delivery to production began at 2027-03-01T12:30:00Z; passes at 2027-03-01T13:30:00Z"},
			mend: rest,
		},
		{
			name: "too soon after a delivery that failed",
			do: func(l *line) {
				l.failIn("production")
				l.refused(l.promote())
				l.succeed()
				l.before = len(l.production())
			},
			promote: func(l *line) error { return l.promote(attemptNumber(2)) },
			blocked: []string{"cooldown"}, says: []string{"the last delivery to production began at 2027-03-01T12:30:00Z"},
			mend: func(l *line) { l.h.Clock.Advance(2 * soaking) },
		},
		{
			name: "too often in a day",
			do: func(l *line) {
				l.next("1.1.0")
				rest(l)
				l.next("1.2.0")
				rest(l)
			},
			blocked: []string{"max_deploys"}, says: []string{"2 of 2 deliveries within 20h; passes at 2027-03-02T08:30:00Z"}, mend: untilMorning,
		},
	}
}

// attemptsOnPlaces try to get into a place that nothing like it was tested in.
func attemptsOnPlaces() []attempt {
	return []attempt{
		{
			name:    "a difference that is not allowed any more",
			do:      func(l *line) { l.h.Clock.Advance(48 * soaking) }, // Tuesday, half past twelve
			blocked: []string{"parity"}, says: []string{`LOG_LEVEL is "debug" in staging and "info" in production`},
			mend: func(l *line) {
				l.declare(func(r *rules) {
					r.staging.Parity.Allow["LOG_LEVEL"] = delivery.Allowance{Reason: "longer than we thought", Until: "2027-04-01T00:00:00Z"}
				})
			},
		},
		{
			name: "a place that another workspace made different",
			do: func(l *line) {
				l.rules.prod.Platform = map[string]string{"postgres": "17"}
				_, err := l.h.Client(mallory).PutEnvironment(l.Context(), l.rules.prod)
				l.must(err)
			},
			blocked: []string{"parity"}, says: []string{`platform.postgres is absent in staging and "17" in production`},
			mend: func(l *line) { l.declare(func(r *rules) { r.staging.Platform = map[string]string{"postgres": "17"} }) },
		},
		{
			name: "a place declared to be different without leave",
			promote: func(l *line) error {
				different := l.rules.staging
				different.Platform = map[string]string{"postgres": "16"}
				_, err := l.by(mallory).PutEnvironment(l.Context(), different)
				return err
			},
			says: []string{`parity with environment "production" is broken`, "declare the difference in parity.allow"},
			mend: nothing, enter: promoteIt,
		},
		{
			name: "a reference that does not exist any more",
			rules: func(r *rules) {
				blueprint := r.prod
				blueprint.Name, blueprint.Tier = "blueprint", delivery.TierOther
				r.places = append(r.places, blueprint)
				r.prod.Parity = &delivery.Parity{With: "blueprint"}
			},
			do:      func(l *line) { l.must(l.h.Client(mallory).DeleteEnvironment(l.Context(), "blueprint")) },
			blocked: []string{"parity"}, says: []string{`production declares parity with "blueprint", which does not exist`},
			mend: func(l *line) { l.declare(nil) },
		},
		{
			name:    "nothing to be compared",
			rules:   func(r *rules) { r.staging.Parity = nil },
			blocked: []string{"parity"}, says: []string{"nothing is compared"},
			mend: func(l *line) {
				l.declare(func(r *rules) {
					r.staging.Parity = &delivery.Parity{With: "production", Allow: map[string]delivery.Allowance{"LOG_LEVEL": {Reason: "debug output"}}}
				})
			},
		},
	}
}
