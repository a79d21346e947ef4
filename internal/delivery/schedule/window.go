// Package schedule answers when: recurring windows of time by the wall clock of a time zone, whether one is open at a moment,
// when it opens next, and when it closes. Pure: the caller hands the moment in, and the time zone database is compiled in.
package schedule

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a machine without a zone database decides like any other
)

// Window is a recurring stretch of time by the wall clock of one time zone.
//
// It is open while that clock reads at least Start and less than End, on one of the days. If Start is after End, the window
// runs past midnight, and the day is the one it starts on. Daylight saving follows from the clock alone: where the clock
// jumps over Start, the window opens with the jump; where an hour is repeated, the window is open both times.
//
// An invalid window is never open.
type Window struct {
	Days     []string `json:"days,omitempty"`      // "mon" to "sun"; nil: every day; an empty list is an error
	Start    string   `json:"start,omitempty"`     // "HH:MM"; default "00:00"
	End      string   `json:"end,omitempty"`       // "HH:MM" or "24:00", exclusive; default "24:00"
	TimeZone string   `json:"time_zone,omitempty"` // of the IANA database, as in "Europe/Berlin"; default "UTC"
}

const (
	horizon           = 400 * 24 * time.Hour // how far Next and Closes look ahead
	maxTimeZoneLength = 63

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

// calendar is a window compiled for arithmetic. The spans of each list ascend and do not touch; both lists together cover
// the week.
type calendar struct {
	zone         *time.Location
	open, closed []span
}

// Report is told what is wrong with a field. dependsOn names the other fields that decided it.
type Report func(field, message string, dependsOn ...string)

// Validate reports everything that is wrong with the window: the path of the field, such as "days[1]", and why.
func (w Window) Validate(report Report) { w.compile(report) }

// Open reports whether the window is open at a moment.
func (w Window) Open(t time.Time) bool {
	next, ok := w.Next(t)
	return ok && next.Equal(t)
}

// Next returns the earliest moment, not before t, at which the window is open: t itself when it is open then, otherwise a
// whole second in UTC. It returns false when the window does not open within 400 days; only an invalid one does not.
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

// Closes returns the first moment after t, a whole second in UTC, at which the window is closed again. It returns false when
// the window is not open at t, and when it does not close within 400 days.
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
	valid := true
	c := w.compile(func(string, string, ...string) { valid = false })
	return c, valid
}

// compile reads the window and reports everything that is wrong with it; the calendar cannot be used then.
func (w Window) compile(report Report) calendar {
	days := w.days(report)
	start := clockTime("start", cmp.Or(w.Start, "00:00"), report)
	end := int64(secondsOfDay)
	if w.End != "" && w.End != "24:00" {
		end = clockTime("end", w.End, report)
	}
	if start == end && start >= 0 {
		report("end", fmt.Sprintf("the window would end at %s, when it starts; for the whole day write \"00:00\" to \"24:00\"", cmp.Or(w.Start, "00:00")), "start")
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
	return calendar{zone: w.zone(report), open: open, closed: between(open)}
}

// days lists the days as numbers; Monday is 0.
func (w Window) days(report Report) []int64 {
	if w.Days != nil && len(w.Days) == 0 {
		report("days", "the list is empty; remove it for every day, or list the days")
		return nil
	}
	if w.Days == nil {
		return []int64{0, 1, 2, 3, 4, 5, 6}
	}
	days := []int64{}
	for i, name := range w.Days {
		day := int64(slices.Index(weekdays, name))
		switch {
		case day < 0:
			report(fmt.Sprintf("days[%d]", i), fmt.Sprintf("%q is not a day; use %s", name, strings.Join(weekdays, ", ")))
		case slices.Contains(days, day):
			report(fmt.Sprintf("days[%d]", i), fmt.Sprintf("%q is listed twice", name))
		}
		days = append(days, day)
	}
	return days
}

// zone finds the time zone. Names that mean the machine's own setting would decide differently elsewhere, and the zones
// below right/ count leap seconds.
func (w Window) zone(report Report) *time.Location {
	name := cmp.Or(w.TimeZone, "UTC")
	ambiguous := name == "Local" || name == "localtime" || name == "posixrules" || strings.HasPrefix(name, "right/") || strings.HasPrefix(name, "posix/")
	if ambiguous || len(name) > maxTimeZoneLength || !timeZonePattern.MatchString(name) {
		report("time_zone", fmt.Sprintf("%q is not a time zone; use a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\"", name))
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		report("time_zone", fmt.Sprintf("%q is not a known time zone; use a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\"", name))
	}
	return zone
}

// clockTime reads "HH:MM" as seconds since midnight; -1 if it cannot.
func clockTime(field, text string, report Report) int64 {
	if !clockPattern.MatchString(text) {
		report(field, fmt.Sprintf("%q is not a time of day; write hours and minutes, such as \"09:00\" or \"16:30\" (only an end may be \"24:00\")", text))
		return -1
	}
	digit := func(i int) int64 { return int64(text[i] - '0') }
	return (digit(0)*10+digit(1))*60*60 + (digit(3)*10+digit(4))*60
}

// joined sorts the spans and merges those that touch or overlap.
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

// between returns the rest of the week.
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
	limit := at + int64(horizon/time.Second)
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

// Format writes a moment as the wall clock of the window's time zone shows it; in UTC if the window is invalid.
func (w Window) Format(t time.Time) string {
	c, ok := w.calendar()
	if !ok {
		return t.UTC().Format(time.RFC3339)
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

// Exceeds reports whether the window is open at some moment of a year at which the other is closed.
func (w Window) Exceeds(other Window) bool {
	at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for end := at.AddDate(1, 0, 0); at.Before(end); {
		opens, ok := w.Next(at)
		if !ok || !opens.Before(end) {
			return false
		}
		if !other.Open(opens) {
			return true
		}
		closes, closesAtAll := w.Closes(opens)
		otherCloses, otherClosesAtAll := other.Closes(opens)
		if otherClosesAtAll && (!closesAtAll || otherCloses.Before(closes)) {
			return true
		}
		if !closesAtAll {
			return false // both stay open
		}
		at = closes
	}
	return false
}
