package provider_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWindowNextFunction(t *testing.T) {
	berlin := map[string]any{"days": []any{"mon", "tue"}, "start": "09:00", "end": "16:00", "time_zone": "Europe/Berlin"}
	cases := map[string]struct {
		window   any
		at, want string
	}{
		"later today":        {berlin, "2027-03-01T07:00:00Z", "2027-03-01T08:00:00Z"},
		"next week":          {berlin, "2027-03-02T15:00:00Z", "2027-03-08T08:00:00Z"},
		"in summer time":     {berlin, "2027-03-23T15:00:00Z", "2027-03-29T07:00:00Z"},
		"now":                {berlin, "2027-03-01T13:00:00+01:00", "2027-03-01T12:00:00Z"},
		"now, to the fringe": {berlin, "2027-03-01T12:00:00.25Z", "2027-03-01T12:00:00.25Z"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result, failure := call(t, "window_next", c.window, c.at)
			require.Nil(t, failure)
			var next string
			require.NoError(t, result.As(&next))
			require.Equal(t, c.want, next)
		})
	}
}

// Whenever window_next says, window_open agrees, and nothing earlier is left out by it.
func TestWindowFunctionsAgree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		window := map[string]any{
			"days":      []any{rapid.SampledFrom([]string{"mon", "wed", "sun"}).Draw(r, "day")},
			"start":     rapid.SampledFrom([]string{"00:00", "02:30", "23:00"}).Draw(r, "start"),
			"end":       rapid.SampledFrom([]string{"03:00", "09:15", "24:00"}).Draw(r, "end"),
			"time_zone": rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"}).Draw(r, "zone"),
		}
		at := time.Unix(rapid.Int64Range(1_790_000_000, 1_830_000_000).Draw(r, "at"), 0).UTC()
		ask := func(moment time.Time) (next time.Time, open bool) {
			result, failure := call(t, "window_next", window, moment.Format(time.RFC3339))
			require.Nil(r, failure)
			var text string
			require.NoError(r, result.As(&text))
			next, err := time.Parse(time.RFC3339, text)
			require.NoError(r, err)
			result, failure = call(t, "window_open", window, moment.Format(time.RFC3339))
			require.Nil(r, failure)
			require.NoError(r, result.As(&open))
			return next, open
		}
		next, open := ask(at)
		require.Equal(r, open, next.Equal(at))
		require.False(r, next.Before(at))
		_, opens := ask(next)
		require.True(r, opens)
		if !open {
			_, before := ask(next.Add(-time.Second))
			require.False(r, before)
		}
	})
}
