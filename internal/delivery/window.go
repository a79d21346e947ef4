package delivery

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a machine without a zone database decides like any other
)

// Window is a recurring time at which a stage may be entered, by the wall clock of one place.
//
// It is open while that clock reads at least Start and less than End, on one of the days. A Start after the End means that
// the window runs past midnight; the day named is then the one it starts on. Daylight saving follows from the clock alone:
// where the clock jumps over Start, the window opens with the jump; where an hour is repeated, it is open both times.
//
// A window that Validate refuses is never open.
type Window struct {
	Days     []string `json:"days,omitempty"`      // "mon" to "sun"; empty: every day
	Start    string   `json:"start,omitempty"`     // "HH:MM"; default "00:00"
	End      string   `json:"end,omitempty"`       // "HH:MM" or "24:00", exclusive; default "24:00"
	TimeZone string   `json:"time_zone,omitempty"` // of the IANA database, as in "Europe/Berlin"; default "UTC"
}

// windowHorizon is how far a window is looked ahead.
const windowHorizon = 400 * 24 * time.Hour

const (
	secondsOfDay  = 24 * 60 * 60
	secondsOfWeek = 7 * secondsOfDay
	firstMonday   = 4 * secondsOfDay // 1970-01-05T00:00:00, in seconds since 1970 began
)

var (
	weekdays        = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	clockPattern    = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	timeZonePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)
)

// span is a stretch of the week by the wall clock, in seconds since Monday 00:00; the end is exclusive.
type span struct{ from, to int64 }

// calendar is a window made ready for arithmetic. The spans of each list ascend and do not touch, and together the lists
// cover the week.
type calendar struct {
	zone         *time.Location
	open, closed []span
}

// Validate checks the window.
func (w Window) Validate() Errors {
	p := newProblems()
	w.validate(p)
	return p.errors()
}

func (w Window) validate(p problems) { w.calendarOr(p) }

// Open reports whether the window is open at a moment.
func (w Window) Open(t time.Time) bool {
	next, ok := w.Next(t)
	return ok && next.Equal(t)
}

// Next returns the earliest moment, not before t, at which the window is open: t itself when it is open then, otherwise a
// whole second in UTC. It returns false when the window does not open within 400 days, which only a malformed one does not.
func (w Window) Next(t time.Time) (time.Time, bool) {
	c, ok := w.calendar()
	if !ok {
		return time.Time{}, false
	}
	next, ok := c.first(t, c.open)
	if ok && next.Before(t) { // open in the second that t is part of
		return t, true
	}
	return next, ok
}

// Closes returns the first moment after t, a whole second in UTC, at which the window is not open any more. It returns false
// when the window is not open at t, and when it does not close within 400 days.
func (w Window) Closes(t time.Time) (time.Time, bool) {
	c, ok := w.calendar()
	if !ok {
		return time.Time{}, false
	}
	closes, ok := c.first(t, c.closed)
	if !ok || !closes.After(t) {
		return time.Time{}, false
	}
	return closes, true
}

func (w Window) calendar() (calendar, bool) {
	p := newProblems()
	c := w.calendarOr(p)
	return c, len(p.errors()) == 0
}

// calendarOr reads the window and reports whatever is wrong with it; the calendar is good for nothing then.
func (w Window) calendarOr(p problems) calendar {
	days := w.days(p.at("days"))
	start := clockTime(p.at("start"), cmp.Or(w.Start, "00:00"))
	end := int64(secondsOfDay)
	if w.End != "" && w.End != "24:00" {
		end = clockTime(p.at("end"), w.End)
	}
	if start == end && start >= 0 {
		p.at("end").add("the window would end at %s, when it starts; for the whole day write \"00:00\" to \"24:00\"", cmp.Or(w.Start, "00:00"))
	}
	open := []span{}
	for _, day := range days {
		from, to := day*secondsOfDay+start, day*secondsOfDay+end
		if start > end {
			to += secondsOfDay
		}
		open = append(open, span{from, min(to, secondsOfWeek)})
		if to > secondsOfWeek { // from Sunday into Monday
			open = append(open, span{0, to - secondsOfWeek})
		}
	}
	open = joined(open)
	return calendar{zone: w.zone(p.at("time_zone")), open: open, closed: between(open)}
}

// days lists the days as numbers, Monday being 0.
func (w Window) days(p problems) []int64 {
	if len(w.Days) == 0 {
		return []int64{0, 1, 2, 3, 4, 5, 6}
	}
	days := []int64{}
	for i, name := range w.Days {
		day := int64(slices.Index(weekdays, name))
		switch {
		case day < 0:
			p.index(i).add("%q is not a day; use %s", name, strings.Join(weekdays, ", "))
		case slices.Contains(days, day):
			p.index(i).add("%q is listed twice", name)
		}
		days = append(days, day)
	}
	return days
}

// zone finds the time zone. Names that mean whatever the machine is set to would decide differently elsewhere, and the zones
// below right/ count leap seconds.
func (w Window) zone(p problems) *time.Location {
	name := cmp.Or(w.TimeZone, "UTC")
	refused := name == "Local" || name == "localtime" || name == "posixrules" || strings.HasPrefix(name, "right/") || strings.HasPrefix(name, "posix/")
	if refused || len(name) > MaxNameLength || !timeZonePattern.MatchString(name) {
		p.add("%q is not a time zone; use a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\"", name)
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		p.add("%q is not a known time zone; use a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\"", name)
	}
	return zone
}

// clockTime reads "HH:MM" as seconds since midnight.
func clockTime(p problems, text string) int64 {
	if !clockPattern.MatchString(text) {
		p.add("%q is not a time of day; write hours and minutes, such as \"09:00\" or \"16:30\" (only an end may be \"24:00\")", text)
		return -1
	}
	digit := func(i int) int64 { return int64(text[i] - '0') }
	return (digit(0)*10+digit(1))*60*60 + (digit(3)*10+digit(4))*60
}

// joined sorts the spans and makes one of those that touch or overlap.
func joined(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	result := []span{}
	for _, s := range spans {
		if last := len(result) - 1; last >= 0 && s.from <= result[last].to {
			result[last].to = max(result[last].to, s.to)
			continue
		}
		result = append(result, s)
	}
	return result
}

// between returns what the spans leave of the week.
func between(spans []span) []span {
	result := []span{}
	at := int64(0)
	for _, s := range append(slices.Clone(spans), span{secondsOfWeek, secondsOfWeek}) {
		if s.from > at {
			result = append(result, span{at, s.from})
		}
		at = s.to
	}
	return result
}

// first returns the first whole second, not before the one that t is part of, at which the wall clock is in one of the spans.
// It walks from one change of the zone's offset to the next: in between, the wall clock runs evenly.
func (c calendar) first(t time.Time, spans []span) (time.Time, bool) {
	if len(spans) == 0 {
		return time.Time{}, false
	}
	at := t.Unix()
	limit := at + int64(windowHorizon/time.Second)
	for at <= limit {
		local := time.Unix(at, 0).In(c.zone)
		_, offset := local.Zone()
		_, change := local.ZoneBounds() // zero: never again
		found := at + wait(at+int64(offset), spans)
		if change.IsZero() || found < change.Unix() {
			return time.Unix(found, 0).UTC(), found <= limit
		}
		at = change.Unix()
	}
	return time.Time{}, false
}

// wait returns the seconds from a reading of the wall clock (in seconds since 1970 began there) to the next span.
func wait(reading int64, spans []span) int64 {
	now := (reading - firstMonday) % secondsOfWeek
	if now < 0 {
		now += secondsOfWeek
	}
	for _, s := range spans {
		if now < s.to {
			return max(s.from-now, 0)
		}
	}
	return spans[0].from + secondsOfWeek - now
}

// local gives a moment as the clock at the window's place shows it. The window is valid.
func (w Window) local(t time.Time) string {
	c, ok := w.calendar()
	if !ok {
		return clock(t)
	}
	t = t.In(c.zone)
	layout := "Mon 2006-01-02 15:04 MST"
	if t.Second() != 0 {
		layout = "Mon 2006-01-02 15:04:05 MST"
	}
	text := t.Format(layout)
	if name := c.zone.String(); !strings.HasSuffix(text, name) {
		text += " (" + name + ")"
	}
	return text
}

// windowsGate passes while at least one of the windows is open. Windows that can never open are passed over while another
// one can.
func windowsGate(windows map[string]Window, now time.Time) GateResult {
	names := slices.DeleteFunc(sortedKeys(windows), func(name string) bool { return !windows[name].opens(now) })
	if len(names) == 0 {
		return noWindow(windows)
	}
	if open := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !windows[name].Open(now) }); len(open) > 0 {
		return openWindow(windows, open, now)
	}
	var earliest string
	var ready time.Time
	for _, name := range names {
		if next, _ := windows[name].Next(now); earliest == "" || next.Before(ready) {
			earliest, ready = name, next
		}
	}
	reason := fmt.Sprintf("no window is open; %s opens on %s", earliest, windows[earliest].local(ready))
	return GateResult{Name: "windows", Verdict: VerdictPending, ReadyAt: &ready, Reason: reason}
}

func (w Window) opens(now time.Time) bool {
	_, ever := w.Next(now)
	return ever
}

// openWindow names, of windows that are open, the one that stays open longest.
func openWindow(windows map[string]Window, open []string, now time.Time) GateResult {
	result := GateResult{Name: "windows", Verdict: VerdictPassed}
	var until time.Time
	for _, name := range open {
		closes, ever := windows[name].Closes(now)
		if !ever {
			result.Reason = fmt.Sprintf("%s is always open", name)
			return result
		}
		if closes.After(until) {
			until = closes
			result.Reason = fmt.Sprintf("%s is open until %s", name, windows[name].local(closes))
		}
	}
	return result
}

func noWindow(windows map[string]Window) GateResult {
	reason := "no window is declared, so none can open"
	for _, name := range sortedKeys(windows) {
		if wrong := windows[name].Validate(); len(wrong) > 0 {
			reason = fmt.Sprintf("no window can ever open; correct %s: %s", name, wrong[0])
			break
		}
	}
	return GateResult{Name: "windows", Verdict: VerdictFailed, Reason: reason}
}
