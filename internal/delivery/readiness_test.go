package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

var afternoons = map[string]schedule.Window{"afternoons": {Start: "14:00"}}

// ready asks about release 1.0 in production, an hour before it has soaked for three.
func ready(change func(*World)) Readiness {
	w := shopFixture()
	w.Pipeline.Stages[1].Gates.Soak = &SoakGate{Stage: "staging", Duration: "3h"}
	w.History = NewHistory([]Deployment{deployed(w, 1, "1.0", "stg", Verified).with(func(d *Deployment) { d.VerifiedAt = later(-2 * time.Hour) })})
	change(&w)
	r, _ := Ready(w, w.Pipeline.Stages[1], w.Releases["1.0"])
	return r
}

func TestReady(t *testing.T) {
	freeze := func(ends Timestamp) func(*World) {
		return func(w *World) {
			w.Freezes = []FreezeSpec{{Name: "sale", StartsAt: "2027-03-01T08:00:00Z", EndsAt: ends, Environments: []string{"us"}}}
		}
	}
	failed := func(attempt int) func(*World) {
		return func(w *World) {
			w.History.record(deployed(*w, 2, "1.0", "eu", Failed))
			*w = w.With(Promotion{Spec: PromotionSpec{Stage: "production", Version: "1.0", Attempt: attempt}})
		}
	}
	for name, c := range map[string]struct {
		change func(*World)
		at     *time.Time
		last   string
	}{
		"a soak":                    {func(*World) {}, later(time.Hour), "soak"},
		"a freeze that ends before": {freeze("2027-03-01T09:30:00Z"), later(time.Hour), "soak"},
		"a freeze that ends after":  {freeze("2027-03-01T12:00:00Z"), later(3 * time.Hour), "freeze"},
		"a window after the soak":   {func(w *World) { w.Pipeline.Stages[1].Gates.Windows = afternoons }, later(5 * time.Hour), "windows"},
		"a person": {func(w *World) {
			w.Pipeline.Stages[1].Gates.Approvals = &ApprovalsGate{Required: 1, Approvers: []string{Anyone}}
		}, nil, ""},
		"it failed there":   {failed(1), nil, ""},
		"it is tried again": {failed(2), later(time.Hour), "soak"},
		"another version has attempt 2": {func(w *World) {
			failed(1)(w)
			*w = w.With(Promotion{Spec: PromotionSpec{Stage: "production", Version: "1.1", Attempt: 2}})
		}, nil, ""},
	} {
		r := ready(c.change)
		require.False(t, r.Ready, name)
		require.Equal(t, c.at, r.ReadyAt, name)
		require.Equal(t, c.last, r.LastGate, name)
	}
	now := ready(func(w *World) { w.Now = w.Now.Add(time.Hour) })
	require.True(t, now.Ready)
	require.Equal(t, []any{later(time.Hour), ""}, []any{now.ReadyAt, now.LastGate})
}

// TestReadyInTurns has gates that pass one after another, each only once the one before has: the last of them is named.
func TestReadyInTurns(t *testing.T) {
	r := ready(func(w *World) {
		w.Pipeline.Stages[1].Gates.Windows = afternoons
		w.Freezes = []FreezeSpec{{Name: "sale", StartsAt: "2027-03-01T13:00:00Z", EndsAt: "2027-03-01T15:00:00Z", Environments: []string{"eu"}}}
	})
	require.Equal(t, []any{later(6 * time.Hour), "freeze"}, []any{r.ReadyAt, r.LastGate})
	require.Equal(t, []string{"previous_stage", "soak", "windows"}, []string{r.Gates[0].Name, r.Gates[1].Name, r.Gates[2].Name}, "as they are now")
}

// TestReasonsShowTimesInUTC has a machine whose clock is in another zone.
func TestReasonsShowTimesInUTC(t *testing.T) {
	east := time.FixedZone("east", 5*60*60)
	r := ready(func(w *World) {
		w.History = NewHistory([]Deployment{deployed(*w, 1, "1.0", "stg", Verified).with(func(d *Deployment) { at := later(0).In(east); d.VerifiedAt = &at })})
	})
	require.Equal(t, "verified in staging since 2027-03-01T09:00:00Z; passes at 2027-03-01T12:00:00Z", r.Gates[1].Reason)
}
