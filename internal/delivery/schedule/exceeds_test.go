package schedule

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWindowsExceed(t *testing.T) {
	office := Window{Days: []string{"mon", "tue"}, Start: "09:00", End: "16:00", TimeZone: "Europe/Berlin"}
	with := func(edit func(*Window)) Window {
		w := office
		edit(&w)
		return w
	}
	always := Window{}
	for name, c := range map[string]struct {
		old, now Window
		want     bool
	}{
		"the same":             {office, office, false},
		"opens earlier":        {office, with(func(w *Window) { w.Start = "08:59" }), true},
		"opens later":          {office, with(func(w *Window) { w.Start = "09:01" }), false},
		"closes later":         {office, with(func(w *Window) { w.End = "16:01" }), true},
		"closes earlier":       {office, with(func(w *Window) { w.End = "15:59" }), false},
		"another day":          {office, with(func(w *Window) { w.Days = []string{"mon", "tue", "wed"} }), true},
		"one day less":         {office, with(func(w *Window) { w.Days = []string{"tue"} }), false},
		"moved":                {office, with(func(w *Window) { w.Start, w.End = "08:00", "15:00" }), true},
		"another zone":         {office, with(func(w *Window) { w.TimeZone = "UTC" }), true},
		"a zone like it, once": {with(func(w *Window) { w.TimeZone = "Africa/Lagos" }), office, true}, // the same in winter only
		"past midnight":        {with(func(w *Window) { w.Start, w.End = "22:00", "02:00" }), with(func(w *Window) { w.Start, w.End = "22:00", "24:00" }), false},
		"into the night":       {with(func(w *Window) { w.Start, w.End = "22:00", "24:00" }), with(func(w *Window) { w.Start, w.End = "22:00", "02:00" }), true},
		"always, from office":  {office, always, true},
		"office, from always":  {always, office, false},
		"never closes":         {Window{Days: []string{"fri"}}, always, true}, // both are open as the year begins
		"always both":          {always, Window{Days: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}}, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.now.Exceeds(c.old)) })
	}
}
