package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// timedShop is a release to which every gate that depends on time would let pass, by the clock alone.
func timedShop() candidate {
	w := shopFixture()
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified).with(func(d *Deployment) { d.VerifiedAt = later(-24 * time.Hour) })})
	w.Reports = []TestReport{{ID: "r", Number: 1, Spec: TestReportSpec{Pipeline: "shop", Version: "1.0", Suite: "unit"}, ReleaseDigest: w.Releases["1.0"].Digest,
		Counts: TestCounts{Tests: 1}, RecordedAt: fixtureNow.Add(-time.Minute)}}
	c := production(w)
	c.environments = []string{"eu"}
	c.stage.Gates = Gates{
		Tests:      map[string]TestsGate{"unit": {MaxAge: "1h"}},
		Soak:       &SoakGate{Stage: "staging", Duration: "1h"},
		Windows:    map[string]schedule.Window{"always": {Start: "00:00"}},
		Cooldown:   &CooldownGate{Duration: "1h"},
		MaxDeploys: &MaxDeploysGate{Count: 5, Per: "24h"},
		Expressions: map[string]Expression{
			"late": {Condition: "now > timestamp('2020-01-01T00:00:00Z')", Message: "later"}, "true": {Condition: "true", Message: "never"},
		},
	}
	return c
}

// A clock that was set back lets nothing pass that depends on time, and says so; what does not depend on it is judged as ever.
func TestNoGateAboutTimePassesWhileTheClockIsBehindTheLedger(t *testing.T) {
	c := timedShop()
	for _, at := range []time.Time{{}, c.Now.Add(-time.Hour), c.Now, c.Now.Add(MaxClockNoise)} {
		c.Ledger.At = at
		for _, g := range c.evaluateGates(c.stage.Gates) {
			require.Equal(t, VerdictPassed, g.Verdict, "%s", g)
		}
	}
	for _, behind := range []time.Duration{MaxClockNoise + time.Microsecond, time.Hour, 1000 * time.Hour} {
		c.Ledger.At = c.Now.Add(behind)
		gates := c.evaluateGates(c.stage.Gates)
		require.Len(t, gates, 7)
		for _, g := range gates {
			if g.Name == "expressions.true" {
				require.Equal(t, VerdictPassed, g.Verdict)
				continue
			}
			requireGate(t, g, VerdictPending, "which is before the ledger's newest event, of "+clock(c.Ledger.At)+": correct the clock", nil)
		}
	}
}

func TestFreezesAndOverridesAreNotJudgedByAClockThatIsBehind(t *testing.T) {
	c := timedShop()
	c.Freezes = []FreezeSpec{{Name: "over", Reason: "audit", Tiers: []Tier{c.Environments["eu"].Tier}, StartsAt: timeText(c.Now.Add(-2 * time.Hour)), EndsAt: timeText(c.Now.Add(-time.Hour))},
		{Name: "elsewhere", Reason: "audit", Environments: []string{"other"}, StartsAt: timeText(c.Now), EndsAt: timeText(c.Now.Add(time.Hour))}}
	c.Overrides = []Override{{ID: "o", Spec: OverrideSpec{Pipeline: "shop", Version: "1.0", Stage: "production", ExpiresAt: timeText(c.Now.Add(time.Hour))},
		ReleaseDigest: c.release.Digest, Contents: c.ApprovalContents(c.stage, c.release), CreatedAt: c.Now.Add(-time.Hour)}}
	_, frozen := c.frozen()
	require.False(t, frozen)
	require.Len(t, c.LiveOverrides(c.stage, c.release), 1)
	c.Ledger.At = c.Now.Add(time.Minute)
	g, frozen := c.frozen()
	require.True(t, frozen)
	requireGate(t, g, VerdictPending, `eu may be frozen by "over" (audit): the clock says`, nil)
	require.Empty(t, c.LiveOverrides(c.stage, c.release), "nobody knows which have expired")
	c.Freezes = c.Freezes[1:]
	_, frozen = c.frozen()
	require.False(t, frozen, "a freeze of another environment says nothing here")
}

func TestDecisionsThatExpireDoNotCountByAClockThatIsBehind(t *testing.T) {
	c := timedShop()
	c.Ledger.At = c.Now.Add(time.Minute)
	for _, gate := range []ApprovalsGate{{Required: 0, ExpiresAfter: "72h"}, {Required: 0, SignedBy: []string{"key"}}} {
		gates := c.evaluateGates(Gates{Approvals: &gate})
		requireGate(t, gates[0], VerdictPending, "before the ledger's newest event", nil)
	}
	gates := c.evaluateGates(Gates{Approvals: &ApprovalsGate{Required: 0}})
	require.Equal(t, VerdictPassed, gates[0].Verdict)
}

func timeText(at time.Time) Timestamp { return Timestamp(at.Format(time.RFC3339)) }

// A difference that is allowed for a time depends on the clock, whichever of the compared environments declares it: most often that is the one
// where the release was tested. So does the key of an approval, also where only another gate of the stage lists it.
func TestWhatElseDependsOnTheClock(t *testing.T) {
	w := claims()
	w.Ledger.At = w.Now.Add(time.Hour)
	requireGate(t, gateOf(t, w, "parity"), VerdictPassed, "", nil)
	stg := w.Environments["stg"]
	stg.Parity.Allow["REGION"] = Allowance{Reason: "its own", Until: timeText(w.Now.Add(time.Hour))}
	requireGate(t, gateOf(t, w, "parity"), VerdictPending, "correct the clock", nil)

	w.Pipeline.Stages[1].Gates = Gates{Approvals: &ApprovalsGate{Required: 1, Approvers: []string{Anyone}, RequireSigned: true}}
	requireGate(t, gateOf(t, w, "approvals"), VerdictPending, "correct the clock", nil)
}

func gateOf(t *testing.T, w World, name string) GateResult {
	t.Helper()
	for _, g := range production(w).evaluate() {
		if g.Name == name {
			return g
		}
	}
	require.Fail(t, "not asked", name)
	return GateResult{}
}
