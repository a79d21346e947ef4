package worker

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// in makes an engine part of a process that may end.
func (h *fixture) in(l *crashInjector) func(*engineOptions) {
	return func(o *engineOptions) {
		o.Store = crashingStore{h.ledger, l}
		o.Drivers = map[string]driver.Driver{"directory": crashingDriver{h.driver, l}}
		o.Checkers = map[string]check.Checker{"command": crashingChecker{h.checker, l}, "http": crashingChecker{h.checker, l}}
	}
}

// TestResumeAfterACrashAnywhere lets the process die at its first touch of the world, then at its second, and so on until it
// lives: each time before the touch took effect, and after. Whatever was left behind, the next process ends where one that never
// died ends, and nothing is deployed twice.
func TestResumeAfterACrashAnywhere(t *testing.T) {
	flows := map[string]struct {
		prepare func(*fixture)
		want    []string
		failure string
	}{
		"delivery": {
			prepare: func(*fixture) {},
			want: []string{"1.0 to dev: deliver superseded", "1.0 to eu: deliver superseded", "1.0 to us: deliver superseded",
				"2.0 to dev: deliver verified", "2.0 to eu: deliver verified", "2.0 to us: deliver verified"},
		},
		"rollback": {
			prepare: func(h *fixture) { h.checker.bad["us/2.0"] = true },
			want: []string{"1.0 to dev: deliver superseded", "1.0 to eu: deliver superseded", "1.0 to eu: rollback verified",
				"1.0 to us: deliver superseded", "1.0 to us: rollback verified",
				"2.0 to dev: deliver verified", "2.0 to eu: deliver rolled_back", "2.0 to us: deliver rolled_back"},
			failure: "release shop/2.0 is held",
		},
	}
	for name, flow := range flows {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after=%v", name, after), func(t *testing.T) {
				t.Parallel()
				crashes := 0
				for ; ; crashes++ {
					h := newFixture(t)
					production := verifying(stage("production", delivery.Automatic, "eu", "us"))
					h.declares(verifying(stage("development", delivery.Automatic, "dev")), production)
					require.Nil(t, h.delivers("1.0", 1).Failure)
					flow.prepare(h)

					l := neverCrashes()
					l.limit(crashes, after, nil)
					first := h.engine(h.in(l))
					if _, err := first.PutRelease(context.Background(), ann, release("2.0", 1)); err == nil {
						require.NoError(t, first.Await(t.Context(), "shop", "development", manyMoments))
					}
					work := h.delivers("2.0", 1)
					if flow.failure == "" {
						require.Nil(t, work.Failure, "died at touch %d", crashes)
					} else {
						require.ErrorContains(t, work.Failure, flow.failure, "died at touch %d", crashes)
					}
					got := h.deployments()
					slices.Sort(got)
					require.Equal(t, flow.want, got, "died at touch %d", crashes)
					h.requireToldOnce()
					if !l.ended() {
						break
					}
				}
				require.Greater(t, crashes, 20, "the process never died in the middle")
			})
		}
	}
}

// requireToldOnce checks that the log tells of each deployment's beginning and end once, and is whole.
func (h *fixture) requireToldOnce() {
	h.t.Helper()
	events, err := h.Events(h.t.Context(), 0, 10_000)
	require.NoError(h.t, err)
	told := map[string]int{}
	var before *delivery.Event
	for _, e := range events {
		require.NoError(h.t, delivery.VerifyLink(before, e))
		before = &e
		told[e.Subject+" "+string(e.Kind)]++
	}
	all, err := h.Deployments(h.t.Context(), store.DeploymentFilter{})
	require.NoError(h.t, err)
	for _, d := range all {
		ends := told[d.ID+" deployment.verified"] + told[d.ID+" deployment.failed"]
		require.Equal(h.t, 1, told[d.ID+" deployment.started"], "%s", d.ID)
		require.Equal(h.t, 1, ends, "%s", d.ID)
		require.LessOrEqual(h.t, told[d.ID+" deployment.rolled_back"], 1, "%s", d.ID)
	}
}

// TestALostLeaseRecordsNothing lets another process take the environment over while a deployment is under way.
func TestALostLeaseRecordsNothing(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	other := h.engine()
	takenOver := false
	h.driver.onCall = func(driver.Request) {
		if takenOver {
			return
		}
		takenOver = true
		h.clock.move(2 * DefaultLeaseTTL)
		_, _, err := other.Advance(context.Background(), bob, "shop", "development")
		if err != nil {
			h.driver.expects = func(driver.Request) string { return err.Error() }
		}
	}
	work := h.delivers("1.0", 1)
	requireRefusal(t, work.Failure, delivery.CodeConflict, "no longer holds the lease on")
	require.Nil(t, h.driver.expects, "the other process failed")
	require.Equal(t, []string{"1.0 to dev: deliver verified"}, h.deployments())
	h.requireToldOnce()
	require.Nil(t, h.delivers("1.0", 1).Failure)
	require.Len(t, h.deployments(), 1)
}

// TestAHeldLeaseIsWaitedFor has another process, silent for good, in the environment.
func TestAHeldLeaseIsWaitedFor(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"))
	require.NoError(t, h.ledger.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.AcquireLease(t.Context(), "dev/shop", "somebody", h.clock.now(), DefaultLeaseTTL)
		return err
	}))
	before := h.clock.now()
	require.Nil(t, h.delivers("1.0", 1).Failure)
	require.Equal(t, DefaultLeaseTTL, h.clock.now().Sub(before))
}
