package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFreezeRelaxation(t *testing.T) {
	now := time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC)
	holidays := FreezeSpec{Name: "holidays", StartsAt: "2026-12-20T00:00:00Z", EndsAt: "2027-01-03T00:00:00Z",
		Tiers: []Tier{TierStaging, TierProduction}}
	edited := func(edit func(*FreezeSpec)) *FreezeSpec {
		spec := holidays
		edit(&spec)
		return &spec
	}
	for name, c := range map[string]struct {
		after *FreezeSpec
		now   time.Time
		want  []string
	}{
		"lifted":                    {nil, now, []string{`freeze "holidays": lifted before its end at 2027-01-03T00:00:00Z`}},
		"lifted when over":          {nil, now.AddDate(1, 0, 0), []string{}},
		"lifted ahead":              {nil, now.AddDate(-1, 0, 0), []string{}},
		"as it was":                 {&holidays, now, []string{}},
		"longer":                    {edited(func(f *FreezeSpec) { f.EndsAt = "2027-01-04T00:00:00Z" }), now, []string{}},
		"same end by another clock": {edited(func(f *FreezeSpec) { f.EndsAt = "2027-01-03T01:00:00+01:00" }), now, []string{}},
		"shorter":                   {edited(func(f *FreezeSpec) { f.EndsAt = "2026-12-27T00:00:00Z" }), now, []string{`freeze "holidays": ends at 2026-12-27T00:00:00Z instead of 2027-01-03T00:00:00Z`}},
		"later":                     {edited(func(f *FreezeSpec) { f.StartsAt = "2026-12-31T00:00:00Z" }), now, []string{`freeze "holidays": starts only at 2026-12-31T00:00:00Z`}},
		"later, but past":           {edited(func(f *FreezeSpec) { f.StartsAt = "2026-12-21T00:00:00Z" }), now, []string{}},
		"fewer tiers":               {edited(func(f *FreezeSpec) { f.Tiers = []Tier{TierProduction} }), now, []string{`freeze "holidays": no longer covers tier staging`}},
		"more tiers":                {edited(func(f *FreezeSpec) { f.Tiers = []Tier{TierStaging, TierProduction, TierTesting} }), now, []string{}},
		"one pipeline":              {edited(func(f *FreezeSpec) { f.Pipelines = []string{"shop"} }), now, []string{`freeze "holidays": now covers only some pipelines`}},
		"other places": {edited(func(f *FreezeSpec) { f.Tiers, f.Environments = nil, []string{"eu"} }), now,
			[]string{`freeze "holidays": now covers only some environments`}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, FreezeRelaxation(holidays, c.after, c.now))
		})
	}
}
