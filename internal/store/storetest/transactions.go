package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var errOnPurpose = errors.New("on purpose")

var transactions = map[string]func(*testing.T, ledger){
	"that fail leave nothing": func(t *testing.T, l ledger) {
		err := l.Update(t.Context(), func(tx store.Tx) error {
			require.NoError(t, everything(t.Context(), tx))
			return errOnPurpose
		})
		require.Equal(t, errOnPurpose, err, "an error of f is returned as it is")
		requireEmpty(t, l)
	},
	"that panic leave nothing, and the ledger goes on": func(t *testing.T, l ledger) {
		require.PanicsWithError(t, "on purpose", func() {
			require.NoError(t, l.Update(t.Context(), func(tx store.Tx) error {
				require.NoError(t, everything(t.Context(), tx))
				panic(errOnPurpose)
			}))
		})
		requireEmpty(t, l)
		l.write(t, everything)
	},
	"see what they wrote": func(t *testing.T, l ledger) {
		l.write(t, func(ctx context.Context, tx store.Tx) error {
			require.NoError(t, everything(ctx, tx))
			spec, err := tx.Environment(ctx, "eu")
			require.Equal(t, environment("eu"), spec)
			return err
		})
	},
	"are kept once committed": func(t *testing.T, l ledger) {
		l.write(t, everything)
		require.Equal(t, []string{"d1"}, ids(read(t, l, relevantTo("shop"))))
	},
	"go on after a refusal within": func(t *testing.T, l ledger) {
		l.write(t, func(ctx context.Context, tx store.Tx) error {
			requireCode(t, delivery.CodeNotFound, tx.DeleteEnvironment(ctx, "eu"))
			return tx.PutEnvironment(ctx, environment("us"))
		})
		require.Equal(t, []string{"us"}, names(read(t, l, environmentsNamed())))
	},
	"of readers are one snapshot": func(t *testing.T, l ledger) {
		require.NoError(t, l.View(t.Context(), func(r store.Reader) error {
			l.write(t, everything) // after the snapshot was taken, before anything was asked of it
			list, err := r.Environments(t.Context())
			require.Empty(t, list)
			require.NoError(t, err)
			l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.DeleteEnvironment(ctx, "eu") })
			happened, err := r.Events(t.Context(), 0, 10)
			require.Empty(t, happened)
			return err
		}))
		require.Len(t, read(t, l, eventsAfter(0, 10)), 1)
	},
	"of readers return f's error as it is": func(t *testing.T, l ledger) {
		require.Equal(t, errOnPurpose, l.View(t.Context(), func(store.Reader) error { return errOnPurpose }))
	},
	"of many readers run beside a writer": func(t *testing.T, l ledger) {
		l.write(t, everything)
		l.write(t, func(ctx context.Context, tx store.Tx) error {
			require.NoError(t, tx.PutEnvironment(ctx, environment("us")))
			require.Equal(t, []string{"eu"}, names(read(t, l, environmentsNamed())), "what is not committed is not seen")
			return nil
		})
	},
	"are not begun once canceled": func(t *testing.T, l ledger) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		runs := 0
		for _, err := range []error{
			l.Update(ctx, func(store.Tx) error { runs++; return nil }),
			l.View(ctx, func(store.Reader) error { runs++; return nil }),
		} {
			requireCode(t, delivery.CodeUnavailable, err)
			require.ErrorIs(t, err, context.Canceled)
		}
		require.Zero(t, runs)
	},
	"are undone when canceled": func(t *testing.T, l ledger) {
		ctx, cancel := context.WithCancel(t.Context())
		err := l.Update(ctx, func(tx store.Tx) error {
			require.NoError(t, everything(ctx, tx))
			cancel()
			return nil
		})
		requireCode(t, delivery.CodeUnavailable, err)
		require.ErrorIs(t, err, context.Canceled)
		requireEmpty(t, l)
		l.write(t, everything)
	},
	"are refused once the ledger is closed": func(t *testing.T, l ledger) {
		require.NoError(t, l.Close())
		requireCode(t, delivery.CodeInternal, l.Update(t.Context(), func(store.Tx) error { return nil }))
		requireCode(t, delivery.CodeInternal, l.View(t.Context(), func(store.Reader) error { return nil }))
	},
	"are over when they are over": func(t *testing.T, l ledger) {
		var kept store.Tx
		l.write(t, func(_ context.Context, tx store.Tx) error { kept = tx; return nil })
		for _, err := range []error{
			kept.PutEnvironment(t.Context(), environment("eu")),
			kept.AddTestReport(t.Context(), testReport("t1", "shop", "1.0.0", noon)),
			kept.PutFreeze(t.Context(), freeze("holidays")),
			kept.PutPolicy(t.Context(), policy("production")),
			kept.AddOverride(t.Context(), override("o1", "shop", "1.0.0", noon)),
		} {
			requireCode(t, delivery.CodeInternal, err)
		}
		requireEmpty(t, l)
	},
	"of many goroutines lose no update": func(t *testing.T, l ledger) {
		const workers, rounds = 8, 10
		var group errgroup.Group
		for worker := range workers {
			group.Go(func() error {
				for round := range rounds {
					if err := Contend(t.Context(), l, fmt.Sprintf("p%d", worker%2), fmt.Sprintf("%d-%d", worker, round)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, group.Wait())
		RequireContended(t, l, workers*rounds)
	},
}

// everything writes one of each kind of object, with its event.
func everything(ctx context.Context, tx store.Tx) error {
	_, err := tx.AppendEvents(ctx, event("ledger.filled", "everything"))
	_, err2 := tx.AddDeployment(ctx, inFlight("d1", "shop", "eu", "1.0.0"))
	_, err3 := tx.AcquireLease(ctx, "shop/eu", "alice", noon, time.Minute)
	return errors.Join(err, err2, err3,
		tx.PutEnvironment(ctx, environment("eu")),
		tx.PutPipeline(ctx, pipeline("shop")),
		tx.PutRelease(ctx, release("shop", "1.0.0")),
		putPromotions(delivery.Promotion{Spec: delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.0.0"}})(ctx, tx),
		tx.AddApproval(ctx, approval("a", "shop", "1.0.0", noon)),
		tx.AddTestReport(ctx, testReport("t1", "shop", "1.0.0", noon)),
		tx.PutFreeze(ctx, freeze("holidays")),
		tx.PutPolicy(ctx, policy("production")),
		tx.AddOverride(ctx, override("o1", "shop", "1.0.0", noon)))
}

func requireEmpty(t *testing.T, l ledger) {
	t.Helper()
	require.Empty(t, read(t, l, environmentsNamed()))
	require.Empty(t, read(t, l, allPipelines))
	require.Empty(t, read(t, l, releasesOf("shop")))
	require.Empty(t, read(t, l, thePromotions))
	require.Empty(t, read(t, l, approvalsOf("shop")))
	require.Empty(t, read(t, l, testReportsOf("shop")))
	require.Empty(t, read(t, l, allFreezes))
	require.Empty(t, read(t, l, allPolicies))
	require.Empty(t, read(t, l, overridesOf("shop")))
	require.Empty(t, read(t, l, deploymentsOf(store.DeploymentFilter{})))
	require.Empty(t, read(t, l, rolloutsOf("shop")))
	require.Empty(t, read(t, l, eventsAfter(0, 10)))
	refuseHeld := checkLease(store.Lease{Key: "shop/eu", Holder: "alice", Fence: 1})
	l.refuse(t, delivery.CodeConflict, refuseHeld)
}

// contendedEnvironment is the place that Contend fights over.
const contendedEnvironment = "contended"

// Contend is one round of a fight over the same rows: it counts itself in one environment's configuration, appends an event, and
// deploys a pipeline there, under its lease and unless somebody else is at it, which it settles in its own transaction. Many
// processes and goroutines may do it at once, for one pipeline and for several; RequireContended then tells whether something was
// lost, or two were at the same thing. ID must be different in each round.
func Contend(ctx context.Context, s store.Store, pipeline, id string) error {
	var (
		lease store.Lease
		won   delivery.Deployment
	)
	err := s.Update(ctx, func(tx store.Tx) error {
		won = delivery.Deployment{}
		if err := countIn(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.AppendEvents(ctx, event("round.fought", id)); err != nil {
			return err
		}
		var err error
		lease, err = tx.AcquireLease(ctx, contendedEnvironment+"/"+pipeline, id, noon, time.Minute)
		if err != nil {
			return unless(delivery.CodeConflict, err) // somebody else is at it
		}
		if won, err = tx.AddDeployment(ctx, inFlight(id, pipeline, contendedEnvironment, "1.0.0")); err != nil {
			return err
		}
		_, err = tx.AppendEvents(ctx, event("lease.taken", fmt.Sprintf("%s/%d", pipeline, lease.Fence)))
		return err
	})
	if err != nil || won.ID == "" {
		return err
	}
	if err := s.View(ctx, onlyOneInFlight(ctx, pipeline)); err != nil {
		return err
	}
	return s.Update(ctx, func(tx store.Tx) error {
		if err := tx.CheckLease(ctx, lease); err != nil {
			return err
		}
		if err := settle(ctx, tx, won); err != nil {
			return err
		}
		return tx.ReleaseLease(ctx, lease)
	})
}

// unless passes on an error except for those of a code.
func unless(code delivery.Code, err error) error {
	if delivery.CodeOf(err) == code {
		return nil
	}
	return err
}

func countIn(ctx context.Context, tx store.Tx) error {
	spec, err := tx.Environment(ctx, contendedEnvironment)
	if delivery.IsNotFound(err) {
		spec, err = delivery.EnvironmentSpec{Name: contendedEnvironment, Tier: delivery.TierTesting, Config: map[string]string{"N": "0"}}, nil
	}
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(spec.Config["N"])
	if err != nil {
		return err
	}
	spec.Config["N"] = strconv.Itoa(n + 1)
	return tx.PutEnvironment(ctx, spec)
}

func onlyOneInFlight(ctx context.Context, pipeline string) func(store.Reader) error {
	return func(r store.Reader) error {
		all, err := r.Deployments(ctx, store.DeploymentFilter{Pipeline: pipeline, Environment: contendedEnvironment})
		inFlight := 0
		for _, d := range all {
			if d.InFlight() {
				inFlight++
			}
		}
		if err == nil && inFlight != 1 {
			return fmt.Errorf("%d deployments of %s are in flight at once", inFlight, pipeline)
		}
		return err
	}
}

// RequireContended checks a ledger on which Contend was called so many times.
func RequireContended(t *testing.T, s store.Store, rounds int) {
	t.Helper()
	_, err := VerifyEvents(t.Context(), s)
	require.NoError(t, err)
	l := ledger{s}
	require.Equal(t, strconv.Itoa(rounds), read(t, l, environmentNamed(contendedEnvironment)).Config["N"])
	recorded := map[delivery.EventKind][]delivery.Event{}
	for _, e := range read(t, l, eventsAfter(0, 1<<20)) {
		recorded[e.Kind] = append(recorded[e.Kind], e)
	}
	require.Len(t, recorded["round.fought"], rounds)
	all := read(t, l, deploymentsOf(store.DeploymentFilter{}))
	require.NotEmpty(t, all)
	of := map[string]int64{}
	for i, d := range all {
		require.Equal(t, int64(i+1), d.Seq)
		require.Equal(t, delivery.Verified, d.Status)
		of[d.Pipeline]++
	}
	taken := map[string]int64{}
	for _, e := range recorded["lease.taken"] {
		pipeline, fence, _ := strings.Cut(e.Subject, "/")
		taken[pipeline]++
		require.Equal(t, strconv.FormatInt(taken[pipeline], 10), fence, "each holder of a lease has the next number")
	}
	require.Equal(t, of, taken, "nobody deployed without the lease")
}
