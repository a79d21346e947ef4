package acctest_test

import (
	"os"
	"path/filepath"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// unrestored is a delivery of 1.1.0 over 1.0.0 that failed, and so did its rollback. The driver goes on failing in production.
func unrestored(sc *scenario) {
	sc.next("1.1.0")
	sc.h.Clock.Advance(soaking)
	sc.failIn("production")
	sc.refused(sc.promote())
	sc.before = len(sc.production())
}

// restored lets the driver work again, and waits until a delivery is allowed again.
func restored(sc *scenario) {
	sc.succeed()
	untilMorning(sc)
}

func secondAttempt(sc *scenario) error { return sc.promote(attemptNumber(2)) }

// copyIn is the release of 1.0.0 that the target keeps.
func (sc *scenario) copyIn(name string) string {
	sc.Helper()
	found, err := filepath.Glob(filepath.Join(sc.rules.prod.Target.Directory.Path, "shop", "releases", "1.0.0-*", name))
	sc.must(err)
	require.Len(sc, found, 1)
	return found[0]
}

// notReversible is an attempt to deploy 1.1.0 over 1.0.0 when a failure could not be rolled back.
func notReversible(name string, do func(*scenario), reasons []string, fix func(*scenario)) attempt {
	return attempt{name: "not reversible: " + name,
		do: func(sc *scenario) {
			sc.next("1.1.0")
			sc.h.Clock.Advance(soaking)
			do(sc)
			sc.before = len(sc.production())
		},
		blocked: []string{"rollback"}, fix: fix,
		reasons: append(reasons, "if 1.1.0 failed, it could not be rolled back: 1.0.0 cannot be put back in production", `or set on_failure = "halt" for stage "production"`)}
}

// attemptsOnRollbacks try to get in after a rollback failed, or where one would.
func attemptsOnRollbacks() []attempt {
	const failed = "The rollback of production to 1.0.0 failed: the disk is full"
	rewrite := func(sc *scenario, text string) {
		sc.must(os.WriteFile(sc.rules.release.Artifacts["app"].URI, []byte(text), 0o600))
	}
	return []attempt{
		{
			name: "again after a failed rollback, which is tried once more",
			do:   unrestored, promote: func(sc *scenario) error { return sc.promoteBack("1.0.0") },
			reasons: []string{"release shop/1.1.0 is held", failed, "Apply again to try the rollback again, or deliver another version"},
			fix:     restored, enter: secondAttempt,
		},
		{
			name: "with another attempt after a failed rollback, while a gate is closed",
			do: func(sc *scenario) {
				unrestored(sc)
				untilEvening(sc)
			},
			promote: secondAttempt,
			blocked: []string{"windows", "max_deploys"}, reasons: []string{"no window is open"}, fix: restored,
		},
		{
			name: "the version that a failed rollback was to restore, in a freeze",
			do: func(sc *scenario) {
				unrestored(sc)
				sc.version = "1.0.0"
				sc.approveAll()
				untilMorning(sc)
				sc.h.Clock.Advance(soaking)
				sc.freezeToday("march")
			},
			blocked: []string{"freeze"}, reasons: []string{"production is frozen until"},
			fix: func(sc *scenario) {
				sc.succeed()
				thaw("march")(sc)
			},
		},
		{
			name: "the version that a failed rollback was to restore, after a rejection",
			do: func(sc *scenario) {
				unrestored(sc)
				sc.version = "1.0.0"
				untilMorning(sc)
				rejects(carol)(sc)
			},
			blocked: []string{"approvals"}, reasons: []string{"carol@example.com rejected it"},
			fix: func(sc *scenario) {
				sc.succeed()
				revokes(carol)(sc)
			},
		},
		notReversible("the artifact is gone, and so is the copy", func(sc *scenario) {
			sc.must(os.Remove(sc.rules.release.Artifacts["app"].URI))
			sc.must(os.RemoveAll(filepath.Join(sc.rules.prod.Target.Directory.Path, "shop")))
		}, []string{"there is no such file or directory", "keeps no copy"}, func(sc *scenario) { rewrite(sc, "hello") }),
		notReversible("the artifact was overwritten, and the copy was edited", func(sc *scenario) {
			rewrite(sc, "another page")
			sc.must(os.WriteFile(sc.copyIn("page.html"), []byte("edited"), 0o600))
		}, []string{"it is not what was released", "is not what was deployed: file page.html was changed"}, func(sc *scenario) { rewrite(sc, "hello") }),
		notReversible("the copy and its manifest were edited", func(sc *scenario) {
			rewrite(sc, "another page")
			sc.must(os.WriteFile(sc.copyIn(".cd-manifest.json"), []byte("{}"), 0o600))
		}, []string{"its manifest was changed"}, func(sc *scenario) { rewrite(sc, "hello") }),
		notReversible("a secret of what runs is gone", func(sc *scenario) {
			old, renamed := filepath.Join(sc.h.Dir, "password"), filepath.Join(sc.h.Dir, "passphrase")
			sc.must(os.WriteFile(renamed, []byte("open sesame"), 0o600))
			sc.declare(func(r *rules) {
				r.prod.Secrets["PASSWORD"], r.staging.Secrets["PASSWORD"] = "file:"+renamed, "file:"+renamed
			})
			sc.must(sc.deliver(sc.version, 1))
			sc.h.Clock.Advance(soaking)
			sc.approveAll()
			sc.must(os.Remove(old))
		}, []string{"secret PASSWORD: the secret's file cannot be read"}, func(sc *scenario) {
			sc.must(os.WriteFile(filepath.Join(sc.h.Dir, "password"), []byte("open sesame"), 0o600))
		}),
	}
}

// freezeToday freezes production until the evening.
func (sc *scenario) freezeToday(name string) {
	sc.Helper()
	spec := freeze(name, func(f *delivery.FreezeSpec) { f.Environments = []string{"production"} })
	spec.StartsAt, spec.EndsAt = "2027-03-02T00:00:00Z", "2027-03-02T20:00:00Z"
	_, err := sc.by(alice).PutFreeze(sc.Context(), spec)
	sc.must(err)
}

// moved is an attempt to bring 1.1.0 to an environment that moved while 1.0.0 ran there.
func moved(name, reason string, move func(sc *scenario, r *rules)) attempt {
	return attempt{name: "moved: " + name,
		do: func(sc *scenario) {
			sc.next("1.1.0")
			sc.h.Clock.Advance(soaking)
			sc.declare(func(r *rules) { move(sc, r) })
			sc.approveAll()
		},
		blocked: []string{"move"}, reasons: []string{reason, "apply the new target with version 1.0.0, and then deliver 1.1.0"},
		fix: func(sc *scenario) { // move first, deliver then
			sc.version = "1.0.0"
			sc.approveAll()
			sc.must(sc.promote())
			require.Equal(sc, "1.0.0", sc.runs())
			sc.version = "1.1.0"
			untilMorning(sc)
		}}
}

// attemptsOnMoves try to bring another version to a place where what runs never ran.
func attemptsOnMoves() []attempt {
	elsewhere := func(sc *scenario, r *rules) {
		r.prod.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(sc.h.Dir, "srv", "elsewhere")}}
	}
	const reason = "the target of production moved, and 1.1.0 is not what runs there: if it failed, nothing could be rolled back at the new place"
	return []attempt{
		moved("to another directory", reason, elsewhere),
		moved("to another directory, which leads to the old one no longer", reason, func(sc *scenario, r *rules) {
			there, link := filepath.Join(sc.h.Dir, "there"), filepath.Join(sc.h.Dir, "link")
			sc.must(os.Mkdir(there, 0o755))
			sc.must(os.Symlink(there, link))
			r.prod.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: link}}
		}),
		{
			name: "moved: with an approval from before",
			do: func(sc *scenario) {
				sc.next("1.1.0")
				sc.h.Clock.Advance(soaking)
				sc.declare(func(r *rules) { elsewhere(sc, r) })
			},
			blocked: []string{"approvals", "move"}, reasons: []string{reason, "0 of 2 approvals"},
			fix: func(sc *scenario) {
				sc.declare(func(r *rules) {
					r.prod.Target = &delivery.Target{Directory: &delivery.DirectoryTarget{Path: filepath.Join(sc.h.Dir, "srv", "production")}}
				})
			},
		},
		{
			name: "moved: a platform in the plan that delivers another version",
			do: func(sc *scenario) {
				sc.next("1.1.0")
				sc.h.Clock.Advance(soaking)
			},
			promote: func(sc *scenario) error { return sc.planWithPlatform("17") },
			reasons: []string{"version: 1.1.0 may not enter stage \"production\": this plan changes the platform of production", "1.0.0 would come back on a platform on which it never ran",
				"apply the new platform with version 1.0.0, and then deliver 1.1.0"},
			fix: nothing, enter: promoteIt,
		},
	}
}

// planWithPlatform plans the promotion and another platform together. The error is what the plan refuses.
func (sc *scenario) planWithPlatform(postgres string) error {
	sc.Helper()
	sc.pending = true // a plan records nothing
	changes := delivery.ChangeSet{}
	for _, env := range []delivery.EnvironmentSpec{sc.rules.prod, sc.rules.staging} {
		env.Platform = map[string]string{"postgres": postgres}
		changes.Environments.Put(env.Name, env, true)
	}
	preview, err := sc.by(carol).PreviewPromotion(sc.Context(), delivery.PreviewRequest[delivery.PromotionSpec]{Changes: changes, Subject: sc.promotion()})
	sc.must(err)
	return preview.Refused.Err()
}
