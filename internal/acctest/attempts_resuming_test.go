package acctest_test

import (
	"context"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// interrupt promotes the version, and gives up while the driver works in production: the deployment is neither done nor failed.
func (sc *scenario) interrupt() { sc.interruptOnce(func() bool { return true }) }

// interruptOnce interrupts the deployment once something else has come about too.
func (sc *scenario) interruptOnce(so func() bool) {
	sc.Helper()
	ctx, cancel := context.WithCancel(sc.Context())
	underWay := sc.h.Drivers["directory"].Stall(func(r driver.Request) bool { return r.Environment == "production" })
	done := make(chan error, 1)
	go func() {
		_, err := sc.by(carol).PutPromotion(ctx, sc.promotion())
		done <- err
	}()
	select {
	case <-underWay:
	case err := <-done:
		sc.Fatalf("it ended before the driver was asked: %v", err)
	}
	require.Eventually(sc, so, 30*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(sc, <-done, context.Canceled)
	sc.before = len(sc.production())
}

// afterwards is an attempt to finish an interrupted deployment after something happened. Nothing ran in production before, so it stays as it is.
func afterwards(name string, do func(*scenario), blocked []string, reason string, fix func(*scenario)) attempt {
	return attempt{name: "resuming " + name,
		do: func(sc *scenario) {
			sc.interrupt()
			sc.h.Clock.Advance(2 * soaking) // another delivery may begin then
			do(sc)
		},
		blocked: blocked, fix: fix,
		reasons: []string{"The deployment of 1.0.0 to production was interrupted and may not go on: " + reason, "nothing else ran verified there before, so it stays as it is"}}
}

// overAnother is an attempt to finish an interrupted deployment over another version, to which the environment goes back.
func overAnother(name string, do func(*scenario), blocked []string, reason string, fix func(*scenario)) attempt {
	return attempt{name: "resuming over another version " + name,
		do: func(sc *scenario) {
			sc.next("1.1.0")
			sc.h.Clock.Advance(soaking)
			sc.interrupt()
			do(sc)
		},
		promote: func(sc *scenario) error { return sc.promoteBack("1.0.0") },
		blocked: blocked, reasons: []string{reason},
		fix: func(sc *scenario) {
			require.Equal(sc, "1.0.0", sc.runs())
			fix(sc)
			untilMorning(sc) // two deliveries are allowed in a day
		},
		enter: promoteIt}
}

// promoteBack promotes the version. Nothing may be deployed to production but a rollback to what ran there before, once.
func (sc *scenario) promoteBack(version string) error {
	sc.Helper()
	err := sc.promote()
	added := sc.production()[sc.before:]
	require.Len(sc, added, 1, "one rollback")
	require.Equal(sc, version, added[0].Version)
	sc.before++
	return err
}

const red = `<testsuite name="all" tests="1"><testcase name="works"><failure>no</failure></testcase></testsuite>`

// attemptsOnResuming interrupt a deployment that was let in, and try to finish it when it would not be let in anymore.
func attemptsOnResuming() []attempt {
	tier := func(f *delivery.FreezeSpec) { f.Tiers = []delivery.Tier{delivery.TierProduction} }
	frozen := `freeze: production is frozen until 2027-03-02T00:00:00Z by "march": inventory`
	unhealthy := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	return []attempt{
		afterwards("in a freeze", func(sc *scenario) { sc.freeze("march", tier) }, []string{"freeze"}, frozen, thaw("march")),
		afterwards("in a freeze that is overridden for another release", func(sc *scenario) {
			sc.freeze("march", tier)
			sc.must(sc.deliver("1.1.0", 1))
			sc.override(skipping("freeze"), func(s *delivery.OverrideSpec) { s.Version = "1.1.0" })
		}, []string{"freeze"}, frozen, func(sc *scenario) { sc.override(skipping("freeze")) }),
		afterwards("after a rejection", rejects(carol), []string{"approvals"}, "approvals: carol@example.com rejected it", revokes(carol)),
		afterwards("after an approval was revoked", func(sc *scenario) {
			sc.must(sc.by(bob).RevokeApproval(sc.Context(), "shop/1.0.0/production/"+bob+"/1"))
		}, []string{"approvals"}, "approvals: 1 of 2 approvals, by alice@example.com", bobApproves),
		afterwards("after its tests failed", func(sc *scenario) {
			sc.h.Clock.Advance(soaking / 30)
			sc.report(sc.version, "unit", red)
		}, []string{"tests.unit"}, "tests.unit: ", func(sc *scenario) {
			sc.h.Clock.Advance(soaking / 30)
			testUnit(sc)
		}),
		afterwards("after a check failed", func(sc *scenario) { sc.health.Store(&unhealthy) }, []string{"checks.errors"}, "checks.errors: ",
			func(sc *scenario) { sc.health.Store(nil) }),
		afterwards("another configuration", func(sc *scenario) {
			sc.declare(func(r *rules) { r.prod.Config["LOG_LEVEL"] = "warning" })
		}, []string{"approvals"}, "the configuration of production changed: LOG_LEVEL", approveAllAgain),
		afterwards("under a gate that was added", func(sc *scenario) {
			sc.declare(func(r *rules) { r.gates().Tests["load"] = delivery.TestsGate{} })
		}, []string{"approvals", "tests.load"}, "the stage asks for something else now (gates, verify, on_failure, rollout or platform)", func(sc *scenario) {
			sc.test(sc.version, "load")
			sc.approveAll()
		}),
		afterwards("under a policy that was added", func(sc *scenario) {
			sc.declare(func(r *rules) { r.policy.Gates.Tests["license"] = delivery.TestsGate{} })
		}, []string{"approvals", "policy.guard.tests.license"}, "approvals: 0 of 2 approvals", func(sc *scenario) {
			sc.test(sc.version, "license")
			sc.approveAll()
		}),
		afterwards("with on_failure relaxed meanwhile", func(sc *scenario) {
			sc.declare(func(r *rules) { r.stage().OnFailure = delivery.Halt })
		}, []string{"approvals"}, "the stage asks for something else now", approveAllAgain),
		{
			name: "resuming what failed in another environment of the rollout",
			rules: func(r *rules) {
				r.environments = append(r.environments, copyOf(r.prod, "west"))
				r.stage().Environments, r.stage().Rollout = []string{"production", "west"}, &delivery.Rollout{MaxParallel: 2}
			},
			do: func(sc *scenario) {
				sc.failWhere(func(r driver.Request) bool { return r.Environment == "west" })
				sc.interruptOnce(func() bool {
					failed, err := sc.by(rita).Deployments(sc.Context(), "shop", "west", "", 0)
					return err == nil && len(failed) == 1 && failed[0].Status == delivery.Failed
				})
				sc.succeed()
				sc.h.Clock.Advance(2 * soaking)
			},
			reasons: []string{"release shop/1.0.0 is held", "the disk is full", "The deployment of 1.0.0 to production was interrupted and may not go on: 1.0.0 failed in production (west, attempt 1)"},
			fix:     nothing, enter: func(sc *scenario) error { return sc.promote(attemptNumber(2)) },
		},
		overAnother("in a freeze", func(sc *scenario) { sc.freeze("march", tier) }, []string{"cooldown", "max_deploys", "freeze"}, "is frozen until", thaw("march")),
		overAnother("after a rejection", rejects(carol), []string{"approvals", "cooldown", "max_deploys"}, "carol@example.com rejected it", revokes(carol)),
	}
}
