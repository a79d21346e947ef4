package worker

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// gatedProduction is a stage that a release enters on request, once the named checks pass.
func gatedProduction(checks ...string) delivery.Stage {
	production := stage("production", delivery.Manual, "eu")
	production.Gates.Checks = map[string]delivery.Check{}
	for _, name := range checks {
		production.Gates.Checks[name] = delivery.Check{Command: &delivery.CommandCheck{Command: delivery.Command{Argv: []string{name}}}}
	}
	return production
}

// waitsFor promotes 1.0 with when_blocked = "wait". Each look that finds the gates closed is followed by the next of the edits; after the
// last one, the promotion is withdrawn. It returns how long each wait took.
func (h *fixture) waitsFor(edits ...func()) []time.Duration {
	h.t.Helper()
	waits := []time.Duration{}
	patient := h.engine(func(o *engineOptions) {
		o.Pause = func(ctx context.Context, d time.Duration) error {
			h.clock.move(d)
			if waits = append(waits, d); len(waits) > len(edits) {
				return h.DeletePromotion(context.Background(), bob, "shop", "production")
			}
			edits[len(waits)-1]()
			return ctx.Err()
		}
	})
	_, err := patient.PutPromotion(context.Background(), bob, promotion("production", "1.0", delivery.WhenBlockedWait))
	require.NoError(h.t, err)
	require.NoError(h.t, patient.Await(context.Background(), "shop", "production", manyMoments))
	return waits
}

func (h *fixture) answers(check string, passes bool) {
	result := delivery.CheckResult{Passed: passes, Detail: "it says so"}
	h.checker.write(func(b *fakeChecker) { b.gates["shop/production/"+check] = result })
}

// Every look asks every check again: a yes from before is no longer valid, and neither is a no.
func TestWaitingAsksEveryCheckAtEachLook(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("development", delivery.Automatic, "dev"), gatedProduction("errors", "load"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	h.answers("errors", false)
	h.answers("load", false)
	inDevelopment := []string{"1.0 to dev: deliver verified"}
	h.waitsFor(
		func() { h.answers("errors", true) },
		func() { h.answers("errors", false); h.answers("load", true) },
		func() {
			require.Equal(t, inDevelopment, h.deployments(), "never did both pass at the same time")
			h.answers("errors", true)
		})
	require.Equal(t, append(inDevelopment, "1.0 to eu: deliver verified"), h.deployments())
}

// Time opens the gate in half an hour, and a person may remove it before: the next look comes after one poll.
func TestWaitingLooksAgainAfterOnePoll(t *testing.T) {
	h := newFixture(t)
	production := stage("production", delivery.Manual, "eu")
	production.Gates.Soak = &delivery.SoakGate{Stage: "development", Duration: "30m"}
	h.declares(stage("development", delivery.Automatic, "dev"), production)
	require.Nil(t, h.delivers("1.0", 1).Failure)
	waits := h.waitsFor(func() {}, func() {
		h.declares(stage("development", delivery.Automatic, "dev"), stage("production", delivery.Manual, "eu"))
	})
	require.Equal(t, []time.Duration{DefaultPoll, DefaultPoll}, waits)
	require.Equal(t, []string{"1.0 to dev: deliver verified", "1.0 to eu: deliver verified"}, h.deployments())
}

func TestHowLongALookWaits(t *testing.T) {
	now := newClock().now()
	in := func(d time.Duration) delivery.GateResult {
		at := now.Add(d)
		return delivery.GateResult{Name: "soak", Verdict: delivery.VerdictPending, ReadyAt: &at}
	}
	person := delivery.GateResult{Name: "approvals", Verdict: delivery.VerdictPending}
	const poll = 10 * time.Second
	h := newFixture(t)
	h.o.Poll = poll
	for name, c := range map[string]struct {
		gates []delivery.GateResult
		want  time.Duration
	}{
		"a person":           {[]delivery.GateResult{person}, poll},
		"one less":           {[]delivery.GateResult{in(poll - 1)}, poll - 1},
		"exactly one poll":   {[]delivery.GateResult{in(poll)}, poll},
		"one more":           {[]delivery.GateResult{in(poll + 1)}, poll},
		"the least possible": {[]delivery.GateResult{in(1)}, 1},
		"now":                {[]delivery.GateResult{in(0)}, poll},
		"a moment ago":       {[]delivery.GateResult{in(-1)}, poll},
		"the earliest":       {[]delivery.GateResult{in(3 * time.Second), person, in(2 * time.Second), in(time.Hour)}, 2 * time.Second},
	} {
		require.Equal(t, c.want, h.untilReady(now, delivery.Decision{Stages: []delivery.StageDecision{{Stage: "production", Gates: c.gates}}}), name)
	}
}

// A release that cannot enter keeps nobody from healing what runs, but only as many at a time as the stage allows.
func TestABlockedReleaseHealsOneEnvironmentAtATime(t *testing.T) {
	h := newFixture(t)
	production := gatedProduction("errors")
	production.Environments = []string{"eu", "us", "ap"}
	h.declares(stage("development", delivery.Automatic, "dev"), production)
	require.Nil(t, h.delivers("1.0", 1).Failure)
	_, err := h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
	require.NoError(t, err)
	require.Nil(t, h.delivers("2.0", 1).Failure)
	for _, env := range production.Environments {
		h.driver.change(env, "shop", func(p *fakeTarget) { p.drift = "somebody was here" })
	}

	// The check lets in what runs, and not what is new.
	h.checker.write(func(b *fakeChecker) { b.onlyVersion = "1.0" })
	sizes := []int{}
	one := h.engine(func(o *engineOptions) {
		o.decide = func(w delivery.World, entry string) delivery.Decision {
			d := delivery.Decide(w, entry)
			if entry == "production" && len(d.Steps) > 0 {
				sizes = append(sizes, len(d.Steps))
			}
			return d
		}
	})
	_, err = one.PutPromotion(t.Context(), bob, promotion("production", "2.0", delivery.WhenBlockedPend))
	require.NoError(t, err)
	require.NoError(t, one.Await(t.Context(), "shop", "production", manyMoments))
	require.Equal(t, []string{"1.0 to eu: heal verified", "1.0 to us: heal verified", "1.0 to ap: heal verified"}, h.deployments()[5:])
	for _, n := range sizes {
		require.Equal(t, 1, n)
	}
}

// The log says why a release was let in: the verdict of each gate, and which override skipped one.
func TestTheLogHoldsEachVerdictAndTheOverride(t *testing.T) {
	h := newFixture(t)
	production := gatedProduction("errors")
	production.Gates.Approvals = &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}
	production.Overridable = []string{"approvals"}
	h.declares(stage("development", delivery.Automatic, "dev"), production)
	require.Nil(t, h.delivers("1.0", 1).Failure)
	override, err := h.AddOverride(t.Context(), bob, delivery.OverrideSpec{Pipeline: "shop", Version: "1.0", Stage: "production", Content: h.contentOf("shop", "1.0", "production"), Gates: []string{"approvals"},
		Reason: "the shop is down", Ticket: "OPS-1", ExpiresAt: delivery.Timestamp(h.clock.now().Add(time.Hour).Format(time.RFC3339))})
	require.NoError(t, err)
	h.answers("errors", true)
	_, err = h.promotes(promotion("production", "1.0", delivery.WhenBlockedFail))
	require.NoError(t, err)

	events, err := h.Events(t.Context(), 0, 1000)
	require.NoError(t, err)
	var started delivery.Deployment
	for _, e := range events {
		if e.Kind == delivery.EventDeploymentStarted {
			require.NoError(t, json.Unmarshal(e.Data, &started))
		}
	}
	require.Equal(t, "eu", started.Environment)
	verdicts := map[string]delivery.GateResult{}
	for _, g := range started.Gates {
		require.Equal(t, delivery.VerdictPassed, g.Verdict, g.Name)
		verdicts[g.Name] = g
	}
	require.Len(t, verdicts, 3)
	require.Equal(t, override.ID, verdicts["approvals"].Override)
	require.Empty(t, verdicts["checks.errors"].Override)
	require.Equal(t, "it says so", verdicts["checks.errors"].Reason)
	require.Contains(t, verdicts, "previous_stage")
}

// A freeze holds up what is still to be deployed to, not what is done.
func TestAFreezeOfWhatIsDoneHoldsNothing(t *testing.T) {
	h := newFixture(t)
	h.declares(stage("production", delivery.Automatic, "eu"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	now := h.clock.now()
	_, err := h.PutFreeze(t.Context(), ann, delivery.FreezeSpec{Name: "fair", Reason: "the fair", Environments: []string{"eu"},
		StartsAt: delivery.Timestamp(now.Format(time.RFC3339)), EndsAt: delivery.Timestamp(now.Add(time.Hour).Format(time.RFC3339))})
	require.NoError(t, err)
	h.declares(stage("production", delivery.Automatic, "eu", "us"))
	require.Nil(t, h.delivers("1.0", 1).Failure)
	done := []string{"1.0 to eu: deliver verified", "1.0 to us: deliver verified"}
	require.Equal(t, done, h.deployments())

	require.Nil(t, h.delivers("2.0", 1).Failure)
	require.Equal(t, done, h.deployments(), "the freeze is real: the next release has to go to eu too")
}
