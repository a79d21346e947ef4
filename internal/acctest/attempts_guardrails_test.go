package acctest_test

import (
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// overrideSpec is an override of a closed window for the version, until eight in the evening.
func (sc *scenario) overrideSpec(edit ...func(*delivery.OverrideSpec)) delivery.OverrideSpec {
	spec := delivery.OverrideSpec{Pipeline: "shop", Version: sc.version, Stage: "production", Gates: []string{"windows"}, Reason: "the shop is down",
		Ticket: "OPS-7", ExpiresAt: "2027-03-01T20:00:00Z"}
	for _, e := range edit {
		e(&spec)
	}
	if spec.Content == "" {
		spec.Content = sc.content(spec.Pipeline, spec.Version, spec.Stage)
	}
	return spec
}

func (sc *scenario) override(edit ...func(*delivery.OverrideSpec)) delivery.Override {
	sc.Helper()
	made, err := sc.by(mallory).AddOverride(sc.Context(), sc.overrideSpec(edit...))
	sc.must(err)
	return made
}

func (sc *scenario) tryToOverride(edit ...func(*delivery.OverrideSpec)) {
	sc.Helper()
	_, err := sc.by(mallory).AddOverride(sc.Context(), sc.overrideSpec(edit...))
	sc.refused(err)
}

func skipping(gates ...string) func(*delivery.OverrideSpec) {
	return func(s *delivery.OverrideSpec) { s.Gates = gates }
}

// afterHours is an attempt to enter when the window is closed, with an override that does not help.
func afterHours(name string, do func(*scenario), reasons ...string) attempt {
	return attempt{name: "an override " + name,
		do: func(sc *scenario) {
			untilEvening(sc)
			do(sc)
		},
		blocked: []string{"windows"}, reasons: append(reasons, "no window is open; office opens on Tue"),
		fix: func(sc *scenario) {
			sc.override(func(s *delivery.OverrideSpec) { s.Reason, s.ExpiresAt = "a valid override", "2027-03-01T23:00:00Z" })
		}}
}

// attemptsOnOverrides use overrides that are not valid for the gate.
func attemptsOnOverrides() []attempt {
	return []attempt{
		afterHours("for another release", func(sc *scenario) {
			sc.must(sc.deliver("1.1.0", 1))
			sc.override(func(s *delivery.OverrideSpec) { s.Version = "1.1.0" })
		}),
		afterHours("for another stage", func(sc *scenario) {
			sc.override(func(s *delivery.OverrideSpec) { s.Stage, s.Gates = "staging", []string{"soak"} })
		}),
		afterHours("of another gate", func(sc *scenario) { sc.override(skipping("soak", "freeze")) }),
		afterHours("that has expired", func(sc *scenario) {
			sc.override(func(s *delivery.OverrideSpec) { s.ExpiresAt = "2027-03-01T17:40:00Z" })
			sc.h.Clock.Advance(10 * time.Minute)
		}),
		afterHours("that had expired when it was made", func(sc *scenario) {
			sc.tryToOverride(func(s *delivery.OverrideSpec) { s.ExpiresAt = "2027-03-01T17:30:00Z" })
		}, "2027-03-01T17:30:00Z is in the past; set a time in the future"),
		afterHours("that never ends", func(sc *scenario) {
			sc.tryToOverride(func(s *delivery.OverrideSpec) { s.ExpiresAt = "" })
		}, "expires_at: say when the override ends"),
		afterHours("without a reason", func(sc *scenario) {
			sc.tryToOverride(func(s *delivery.OverrideSpec) { s.Reason = " " })
		}, "a reason is needed"),
		afterHours("that was revoked", func(sc *scenario) {
			sc.must(sc.by(alice).RevokeOverride(sc.Context(), sc.override().ID))
		}),
		{
			name: "an override from the future, by a clock that was set back",
			do: func(sc *scenario) {
				untilEvening(sc)
				sc.h.Clock.Advance(time.Hour)
				sc.override()
				sc.h.Clock.Advance(-time.Hour)
			},
			blocked: timed(), reasons: []string{behindTheLedger},
			fix: func(sc *scenario) { sc.h.Clock.Advance(time.Hour) },
		},
		{
			name: "an override of a gate that is no longer overridable",
			do: func(sc *scenario) {
				untilEvening(sc)
				sc.override()
				sc.declare(func(r *rules) { r.stage().Overridable = []string{"freeze"} })
				sc.approveAll()
			},
			blocked: []string{"windows"}, reasons: []string{"no window is open"}, fix: untilMorning,
		},
		{
			name:    "an override of a gate that is not overridable",
			without: []step{approved},
			do:      func(sc *scenario) { sc.tryToOverride(skipping("approvals")) },
			blocked: []string{"approvals"}, reasons: []string{`stage "production" does not let "approvals" be overridden; it allows: freeze, soak, windows`, "0 of 2 approvals"},
			fix: approveAllAgain,
		},
		{
			name:    "an override of a stage's gate that a policy has too",
			without: []step{soaked},
			do:      func(sc *scenario) { sc.override(skipping("soak")) },
			blocked: []string{"policy.guard.soak"}, reasons: []string{"passes at 2027-03-01T12:15:00Z"},
			fix: func(sc *scenario) { sc.h.Clock.Advance(soaking / 2) },
		},
		{
			name:    "an override of a policy's gate by its name",
			without: []step{soaked},
			do: func(sc *scenario) {
				sc.override(skipping("soak"))
				sc.tryToOverride(skipping("policy.guard.soak"))
			},
			blocked: []string{"policy.guard.soak"}, reasons: []string{`"policy.guard.soak" is not a gate`, "passes at 2027-03-01T12:15:00Z"},
			fix: func(sc *scenario) { sc.h.Clock.Advance(soaking / 2) },
		},
	}
}

// freeze returns a freeze that lasts until Tuesday.
func freeze(name string, scope func(*delivery.FreezeSpec)) delivery.FreezeSpec {
	spec := delivery.FreezeSpec{Name: name, Reason: "inventory", StartsAt: "2027-03-01T00:00:00Z", EndsAt: "2027-03-02T00:00:00Z"}
	scope(&spec)
	return spec
}

func (sc *scenario) freeze(name string, scope func(*delivery.FreezeSpec)) {
	sc.Helper()
	_, err := sc.by(alice).PutFreeze(sc.Context(), freeze(name, scope))
	sc.must(err)
}

func thaw(name string) func(*scenario) {
	return func(sc *scenario) { sc.must(sc.by(alice).DeleteFreeze(sc.Context(), name)) }
}

// attemptsOnFreezes try to get around a freeze.
func attemptsOnFreezes() []attempt {
	tier := func(f *delivery.FreezeSpec) { f.Tiers = []delivery.Tier{delivery.TierProduction} }
	pipeline := func(f *delivery.FreezeSpec) { f.Pipelines = []string{"shop"} }
	return []attempt{
		{
			name:    "frozen after everything was ready",
			do:      func(sc *scenario) { sc.freeze("march", tier) },
			blocked: []string{"freeze"}, reasons: []string{`production is frozen until 2027-03-02T00:00:00Z by "march": inventory`}, fix: thaw("march"),
		},
		{
			name: "one of two freezes narrowed by an edit",
			do: func(sc *scenario) {
				sc.freeze("march", tier)
				sc.freeze("shop", pipeline)
				sc.freeze("march", func(f *delivery.FreezeSpec) { tier(f); f.Environments = []string{"elsewhere"} })
			},
			blocked: []string{"freeze"}, reasons: []string{`frozen until 2027-03-02T00:00:00Z by "shop"`}, fix: thaw("shop"),
		},
		{
			name: "one of two freezes removed by another workspace",
			do: func(sc *scenario) {
				sc.freeze("march", tier)
				sc.freeze("shop", pipeline)
				sc.must(sc.h.Client(mallory).DeleteFreeze(sc.Context(), "shop"))
			},
			blocked: []string{"freeze"}, reasons: []string{`frozen until 2027-03-02T00:00:00Z by "march"`}, fix: thaw("march"),
		},
		{
			name: "only one of two environments frozen",
			rules: func(r *rules) {
				west := copyOf(r.prod, "west")
				r.environments = append(r.environments, west)
				r.stage().Environments = []string{"production", "west"}
			},
			do: func(sc *scenario) {
				sc.freeze("west", func(f *delivery.FreezeSpec) { f.Environments = []string{"west"} })
			},
			blocked: []string{"freeze"}, reasons: []string{"west is frozen until"}, fix: thaw("west"),
		},
		{
			name: "a freeze overridden for another release",
			do: func(sc *scenario) {
				sc.freeze("march", tier)
				sc.must(sc.deliver("1.1.0", 1))
				sc.override(skipping("freeze"), func(s *delivery.OverrideSpec) { s.Version = "1.1.0" })
			},
			blocked: []string{"freeze"}, reasons: []string{`by "march"`}, fix: func(sc *scenario) { sc.override(skipping("freeze")) },
		},
	}
}
