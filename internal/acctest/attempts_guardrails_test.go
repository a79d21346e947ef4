package acctest_test

import (
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// breaking is an override of a closed window for the version, until eight in the evening.
func (l *line) breaking(edit ...func(*delivery.OverrideSpec)) delivery.OverrideSpec {
	spec := delivery.OverrideSpec{Pipeline: "shop", Version: l.version, Stage: "production", Gates: []string{"windows"}, Reason: "the shop is down",
		Ticket: "OPS-7", ExpiresAt: "2027-03-01T20:00:00Z"}
	for _, e := range edit {
		e(&spec)
	}
	return spec
}

func (l *line) override(edit ...func(*delivery.OverrideSpec)) delivery.Override {
	l.Helper()
	made, err := l.by(mallory).AddOverride(l.Context(), l.breaking(edit...))
	l.must(err)
	return made
}

func (l *line) tryToOverride(edit ...func(*delivery.OverrideSpec)) {
	l.Helper()
	_, err := l.by(mallory).AddOverride(l.Context(), l.breaking(edit...))
	l.refused(err)
}

func skipping(gates ...string) func(*delivery.OverrideSpec) {
	return func(s *delivery.OverrideSpec) { s.Gates = gates }
}

// late is an attempt to enter through the window in the evening, by an override that does not let the release in.
func late(name string, do func(*line), says ...string) attempt {
	return attempt{name: "an override " + name,
		do: func(l *line) {
			untilEvening(l)
			do(l)
		},
		blocked: []string{"windows"}, says: append(says, "no window is open; office opens on Tue"),
		mend: func(l *line) {
			l.override(func(s *delivery.OverrideSpec) { s.Reason, s.ExpiresAt = "as it should be", "2027-03-01T23:00:00Z" })
		}}
}

// attemptsOnOverrides break glass that is not theirs to break.
func attemptsOnOverrides() []attempt {
	return []attempt{
		late("for another release", func(l *line) {
			l.must(l.deliver("1.1.0", 1))
			l.override(func(s *delivery.OverrideSpec) { s.Version = "1.1.0" })
		}),
		late("for another stage", func(l *line) {
			l.override(func(s *delivery.OverrideSpec) { s.Stage, s.Gates = "staging", []string{"soak"} })
		}),
		late("of another gate", func(l *line) { l.override(skipping("soak", "freeze")) }),
		late("that has expired", func(l *line) {
			l.override(func(s *delivery.OverrideSpec) { s.ExpiresAt = "2027-03-01T17:40:00Z" })
			l.h.Clock.Advance(10 * time.Minute)
		}),
		late("that had expired when it was made", func(l *line) {
			l.tryToOverride(func(s *delivery.OverrideSpec) { s.ExpiresAt = "2027-03-01T17:30:00Z" })
		}, "2027-03-01T17:30:00Z is over; an override needs an end in the future"),
		late("that never ends", func(l *line) {
			l.tryToOverride(func(s *delivery.OverrideSpec) { s.ExpiresAt = "" })
		}, `expires_at: "" is not a time`),
		late("without a reason", func(l *line) {
			l.tryToOverride(func(s *delivery.OverrideSpec) { s.Reason = " " })
		}, "a reason is needed"),
		late("that was taken back", func(l *line) {
			l.must(l.by(alice).RevokeOverride(l.Context(), l.override().ID))
		}),
		late("from the future, by a clock that was set back", func(l *line) {
			l.h.Clock.Advance(time.Hour)
			l.override()
			l.h.Clock.Advance(-time.Hour)
		}),
		{
			name: "an override of a gate that the stage does not let be overridden any more",
			do: func(l *line) {
				untilEvening(l)
				l.override()
				l.declare(func(r *rules) { r.stage().Overridable = []string{"freeze"} })
				l.approveAll()
			},
			blocked: []string{"windows"}, says: []string{"no window is open"}, mend: untilMorning,
		},
		{
			name:    "an override of a gate that the stage does not let be overridden",
			without: []step{approved},
			do:      func(l *line) { l.tryToOverride(skipping("approvals")) },
			blocked: []string{"approvals"}, says: []string{`stage "production" does not let "approvals" be overridden; it allows: freeze, soak, windows`, "0 of 2 approvals"},
			mend: everybodyAgain,
		},
		{
			name:    "an override of a stage's gate that a policy has too",
			without: []step{soaked},
			do:      func(l *line) { l.override(skipping("soak")) },
			blocked: []string{"policy.guard.soak"}, says: []string{"passes at 2027-03-01T12:15:00Z"},
			mend: func(l *line) { l.h.Clock.Advance(soaking / 2) },
		},
		{
			name:    "an override of a policy's gate by its name",
			without: []step{soaked},
			do: func(l *line) {
				l.override(skipping("soak"))
				l.tryToOverride(skipping("policy.guard.soak"))
			},
			blocked: []string{"policy.guard.soak"}, says: []string{`"policy.guard.soak" is not a gate`, "passes at 2027-03-01T12:15:00Z"},
			mend: func(l *line) { l.h.Clock.Advance(soaking / 2) },
		},
	}
}

// freeze stops the line until Tuesday.
func freeze(name string, scope func(*delivery.FreezeSpec)) delivery.FreezeSpec {
	spec := delivery.FreezeSpec{Name: name, Reason: "inventory", StartsAt: "2027-03-01T00:00:00Z", EndsAt: "2027-03-02T00:00:00Z"}
	scope(&spec)
	return spec
}

func (l *line) freeze(name string, scope func(*delivery.FreezeSpec)) {
	l.Helper()
	_, err := l.by(alice).PutFreeze(l.Context(), freeze(name, scope))
	l.must(err)
}

func thaw(name string) func(*line) {
	return func(l *line) { l.must(l.by(alice).DeleteFreeze(l.Context(), name)) }
}

// attemptsOnFreezes try to get around a freeze.
func attemptsOnFreezes() []attempt {
	tier := func(f *delivery.FreezeSpec) { f.Tiers = []delivery.Tier{delivery.TierProduction} }
	pipeline := func(f *delivery.FreezeSpec) { f.Pipelines = []string{"shop"} }
	return []attempt{
		{
			name:    "frozen once everything was ready",
			do:      func(l *line) { l.freeze("march", tier) },
			blocked: []string{"freeze"}, says: []string{`production is frozen until 2027-03-02T00:00:00Z by "march": inventory`}, mend: thaw("march"),
		},
		{
			name: "one freeze edited away, and not the other",
			do: func(l *line) {
				l.freeze("march", tier)
				l.freeze("shop", pipeline)
				l.freeze("march", func(f *delivery.FreezeSpec) { tier(f); f.Environments = []string{"elsewhere"} })
			},
			blocked: []string{"freeze"}, says: []string{`frozen until 2027-03-02T00:00:00Z by "shop"`}, mend: thaw("shop"),
		},
		{
			name: "one freeze removed by another workspace, and not the other",
			do: func(l *line) {
				l.freeze("march", tier)
				l.freeze("shop", pipeline)
				l.must(l.h.Client(mallory).DeleteFreeze(l.Context(), "shop"))
			},
			blocked: []string{"freeze"}, says: []string{`frozen until 2027-03-02T00:00:00Z by "march"`}, mend: thaw("march"),
		},
		{
			name: "only one of two environments frozen",
			rules: func(r *rules) {
				west := beside(r.prod, "west")
				r.places = append(r.places, west)
				r.stage().Environments = []string{"production", "west"}
			},
			do: func(l *line) {
				l.freeze("west", func(f *delivery.FreezeSpec) { f.Environments = []string{"west"} })
			},
			blocked: []string{"freeze"}, says: []string{"west is frozen until"}, mend: thaw("west"),
		},
		{
			name: "a freeze overridden for another release",
			do: func(l *line) {
				l.freeze("march", tier)
				l.must(l.deliver("1.1.0", 1))
				l.override(skipping("freeze"), func(s *delivery.OverrideSpec) { s.Version = "1.1.0" })
			},
			blocked: []string{"freeze"}, says: []string{`by "march"`}, mend: func(l *line) { l.override(skipping("freeze")) },
		},
	}
}
