package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWorkAsAReaderSeesIt(t *testing.T) {
	begun := WorkRecord{Pipeline: "shop", Stage: "staging", Number: 3, Version: "1.0", RequestedBy: "ann", RequestedAt: fixtureNow, Progress: "deploying"}
	failure := Errorf(CodeConflict, "it does not answer")
	for name, c := range map[string]struct {
		change                        func(*WorkRecord)
		finished, canceled, requested bool
		failure                       string
	}{
		"none":                      {func(r *WorkRecord) { *r = WorkRecord{} }, true, false, false, ""},
		"none, and all is canceled": {func(r *WorkRecord) { *r = WorkRecord{Canceled: 2} }, true, false, false, ""},
		"under way":                 {func(*WorkRecord) {}, false, false, true, ""},
		"an older one is canceled":  {func(r *WorkRecord) { r.Canceled = 2 }, false, false, true, ""},
		"it is canceled":            {func(r *WorkRecord) { r.Canceled = 3 }, false, true, true, ""},
		"with those after it":       {func(r *WorkRecord) { r.Canceled = 4 }, false, true, true, ""},
		"finished":                  {func(r *WorkRecord) { r.FinishedAt = later(0) }, true, false, true, ""},
		"failed":                    {func(r *WorkRecord) { r.FinishedAt, r.Failure = later(0), failure }, true, false, true, "it does not answer"},
		"its process ended":         {func(r *WorkRecord) { r.Interrupted = true }, true, false, true, "the process that worked on shop/staging has ended without finishing"},
		"finished, and then ended":  {func(r *WorkRecord) { r.FinishedAt, r.Interrupted = later(0), true }, true, false, true, ""},
		"failed, and then ended":    {func(r *WorkRecord) { r.FinishedAt, r.Failure, r.Interrupted = later(0), failure, true }, true, false, true, "it does not answer"},
	} {
		r := begun
		c.change(&r)
		work := r.Work()
		require.Equal(t, c.finished, work.Finished, name)
		require.Equal(t, c.canceled, work.CancelRequested, name)
		require.Equal(t, c.requested, work.RequestedAt != nil, name)
		require.Equal(t, c.failure == "", work.Failure == nil, name)
		if c.failure != "" {
			require.ErrorContains(t, work.Failure, c.failure, name)
		}
	}
	work := begun.Work()
	require.Equal(t, []any{"1.0", "ann", "deploying", later(0)}, []any{work.Version, work.RequestedBy, work.Progress, work.RequestedAt})
}

func TestRecordingsAreToldApart(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range []Recording{
		{Environment: "eu"}, {Environment: "us"}, {Check: &CheckKey{Stage: "production", Name: "load"}}, {Check: &CheckKey{Stage: "staging", Name: "load"}},
		{Check: &CheckKey{Stage: "production", Name: "smoke"}}, {Check: &CheckKey{Stage: "production", Name: "load", Policy: "calm"}},
	} {
		require.False(t, seen[r.Subject()], r.Subject())
		seen[r.Subject()] = true
	}
	require.Equal(t, Recording{Check: &CheckKey{Stage: "a", Name: "b", Version: "1.0"}}.Subject(), Recording{Check: &CheckKey{Stage: "a", Name: "b", Version: "1.1"}}.Subject(), "the newest replaces those before")
}

func TestDeliveringAReleaseLeads(t *testing.T) {
	r := ReleaseRequest{Spec: ReleaseSpec{Pipeline: "shop", Version: "1.0"}, Attempt: 2}
	require.Equal(t, Promotion{RequestedBy: "ann", RequestedAt: fixtureNow, Spec: PromotionSpec{Pipeline: "shop", Stage: "staging", Version: "1.0", WhenBlocked: WhenBlockedPend, Attempt: 2}},
		r.LeadingPromotion(shopFixture().Pipeline, "ann", fixtureNow))
}
