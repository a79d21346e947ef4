package provider_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWindowOpenFunction(t *testing.T) {
	berlin := map[string]any{"days": []any{"mon", "tue"}, "start": "09:00", "end": "16:00", "time_zone": "Europe/Berlin"}
	cases := map[string]struct {
		window any
		at     string
		want   bool
	}{
		"nothing said: always":         {map[string]any{}, "2027-03-07T00:00:00Z", true},
		"nothing but nulls: always":    {map[string]any{"days": nil, "start": nil, "end": nil, "time_zone": nil}, "2027-03-07T00:00:00Z", true},
		"open":                         {berlin, "2027-03-01T12:00:00Z", true},
		"just open, by the local time": {berlin, "2027-03-01T08:00:00Z", true},
		"in another offset":            {berlin, "2027-03-01T03:00:00-05:00", true},
		"just not open":                {berlin, "2027-03-01T07:59:59.999Z", false},
		"just over":                    {berlin, "2027-03-01T15:00:00Z", false},
		"another day":                  {berlin, "2027-03-03T12:00:00Z", false},
		"days as a set":                {map[string]any{"days": []string{"mon"}}, "2027-03-01T12:00:00Z", true},
		"a map of strings":             {map[string]string{"start": "12:00", "end": "13:00"}, "2027-03-01T12:30:00Z", true},
		"across midnight":              {map[string]any{"days": []any{"mon"}, "start": "22:00", "end": "04:00"}, "2027-03-02T03:59:59Z", true},
		"in the summer":                {berlin, "2027-06-07T07:00:00Z", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result, failure := call(t, "window_open", c.window, c.at)
			require.Nil(t, failure)
			var open bool
			require.NoError(t, result.As(&open))
			require.Equal(t, c.want, open)
		})
	}
}

// Both functions read the same arguments.
func TestWindowArgumentsRefused(t *testing.T) {
	const noon = "2027-03-01T12:00:00Z"
	cases := map[string]struct {
		window   any
		at       string
		argument int64
		want     string
	}{
		"no window":          {"office hours", noon, 0, "a window is an object"},
		"a list":             {[]any{"mon"}, noon, 0, "a window is an object"},
		"another field":      {map[string]any{"from": "09:00"}, noon, 0, `a window has no "from"; it has days, start, end and time_zone`},
		"another field null": {map[string]any{"from": nil}, noon, 0, `a window has no "from"`},
		"a number":           {map[string]any{"start": 9}, noon, 0, "start is a string"},
		"days, one string":   {map[string]any{"days": "mon"}, noon, 0, "days is a list"},
		"a day, a number":    {map[string]any{"days": []any{1}}, noon, 0, "each of days is a string"},
		"a day, null":        {map[string]any{"days": []any{nil}}, noon, 0, "each of days is a string"},
		"a wrong day":        {map[string]any{"days": []any{"monday"}}, noon, 0, `days[0]: "monday" is not a day`},
		"a wrong start":      {map[string]any{"start": "9"}, noon, 0, `start: "9" is not a time of day`},
		"no time zone":       {map[string]any{"time_zone": "Berlin"}, noon, 0, "is not a known time zone"},
		"no time":            {map[string]any{}, "noon", 1, `"noon" is not a time`},
		"a local time":       {map[string]any{}, "2027-03-01T12:00:00", 1, "is not a time"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, function := range []string{"window_open", "window_next"} {
				_, failure := call(t, function, c.window, c.at)
				requireRefused(t, failure, c.argument, c.want)
			}
		})
	}
}
