package observe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// What was seen is recorded again if it says something else, and after a while, so that nobody takes what was seen long ago for seen now.
func TestWhatIsRecordedAgain(t *testing.T) {
	at := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	before := delivery.Recording{At: at, Environment: "eu", Expected: "d1", Observation: &delivery.Observation{Running: true, Version: "1.0", Differences: []string{"edited"}}}
	for name, c := range map[string]struct {
		edit  func(r *delivery.Recording, o *delivery.Observation)
		again bool
	}{
		"the same, in the same moment":      {func(*delivery.Recording, *delivery.Observation) {}, false},
		"the same, just within a minute":    {func(r *delivery.Recording, _ *delivery.Observation) { r.At = at.Add(time.Minute - 1) }, false},
		"the same, after a minute":          {func(r *delivery.Recording, _ *delivery.Observation) { r.At = at.Add(time.Minute) }, true},
		"the same, after the clock was set": {func(r *delivery.Recording, _ *delivery.Observation) { r.At = at.Add(-1) }, true},
		"another environment":               {func(r *delivery.Recording, _ *delivery.Observation) { r.Environment = "us" }, true},
		"of another deployment":             {func(r *delivery.Recording, _ *delivery.Observation) { r.Expected = "d2" }, true},
		"another version":                   {func(_ *delivery.Recording, o *delivery.Observation) { o.Version = "1.1" }, true},
		"nothing runs":                      {func(_ *delivery.Recording, o *delivery.Observation) { o.Running = false }, true},
		"it cannot be seen":                 {func(_ *delivery.Recording, o *delivery.Observation) { o.Unknown = "it does not answer" }, true},
		"another difference":                {func(_ *delivery.Recording, o *delivery.Observation) { o.Differences = []string{"gone"} }, true},
		"no difference":                     {func(_ *delivery.Recording, o *delivery.Observation) { o.Differences = nil }, true},
	} {
		seen, observation := before, *before.Observation
		c.edit(&seen, &observation)
		seen.Observation = &observation
		require.Equal(t, c.again, len(changed([]delivery.Recording{before}, []delivery.Recording{seen})) == 1, name)
	}
	none, empty := before, before
	none.Observation, empty.Observation = &delivery.Observation{Running: true}, &delivery.Observation{Running: true, Differences: []string{}}
	require.Empty(t, changed([]delivery.Recording{none}, []delivery.Recording{empty}), "no differences are none, however they are written")
	require.Len(t, changed(nil, []delivery.Recording{before}), 1, "what nobody saw before")
}
