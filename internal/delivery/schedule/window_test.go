package schedule

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return at
}

// problems lists what Validate reports.
func problems(w Window) []string {
	found := []string{}
	w.Validate(func(field, message string, _ ...string) { found = append(found, field+": "+message) })
	return found
}

func TestWindowsOpenAndClose(t *testing.T) {
	office := Window{Days: []string{"mon", "tue", "wed", "thu"}, Start: "09:00", End: "16:00", TimeZone: "Europe/Berlin"}
	night := Window{Days: []string{"sun"}, Start: "22:00", End: "04:00", TimeZone: "America/New_York"}
	cases := map[string]struct {
		window           Window
		at, next, closes string // next: "" = open at the moment itself; closes: of the window as it opens then, "" = never
	}{
		"at the first second":          {office, "2027-01-04T08:00:00Z", "", "2027-01-04T15:00:00Z"},
		"within a second":              {office, "2027-01-04T14:59:59.999999999Z", "", "2027-01-04T15:00:00Z"},
		"the end is excluded":          {office, "2027-01-04T15:00:00Z", "2027-01-05T08:00:00Z", "2027-01-05T15:00:00Z"},
		"just before it opens":         {office, "2027-01-04T07:59:59.000000001Z", "2027-01-04T08:00:00Z", "2027-01-04T15:00:00Z"},
		"over the weekend":             {office, "2027-01-07T15:00:00Z", "2027-01-11T08:00:00Z", "2027-01-11T15:00:00Z"},
		"over a change to summer":      {office, "2027-03-25T16:00:00Z", "2027-03-29T07:00:00Z", "2027-03-29T14:00:00Z"},
		"over a change to winter":      {office, "2027-10-28T16:00:00Z", "2027-11-01T08:00:00Z", "2027-11-01T15:00:00Z"},
		"the zero window is open":      {Window{}, "2027-01-04T08:00:00Z", "", ""},
		"the whole day, every day":     {Window{Start: "00:00", End: "24:00", TimeZone: "Asia/Kathmandu"}, "2027-01-04T08:00:00Z", "", ""},
		"every day by name":            {Window{Days: weekdays}, "2027-01-04T08:00:00Z", "", ""},
		"days that follow on":          {Window{Days: []string{"sun", "mon"}}, "2027-01-02T08:00:00Z", "2027-01-03T00:00:00Z", "2027-01-05T00:00:00Z"},
		"until midnight as 00:00":      {Window{Days: []string{"fri"}, Start: "18:00", End: "00:00"}, "2027-01-08T17:00:00Z", "2027-01-08T18:00:00Z", "2027-01-09T00:00:00Z"},
		"past midnight, before":        {night, "2027-01-04T02:00:00Z", "2027-01-04T03:00:00Z", "2027-01-04T09:00:00Z"},
		"past midnight, after it":      {night, "2027-01-04T08:59:59Z", "", "2027-01-04T09:00:00Z"},
		"past midnight, over":          {night, "2027-01-04T09:00:00Z", "2027-01-11T03:00:00Z", "2027-01-11T09:00:00Z"},
		"not the night before its day": {Window{Days: []string{"mon"}, Start: "22:00", End: "04:00"}, "2027-01-04T01:00:00Z", "2027-01-04T22:00:00Z", "2027-01-05T04:00:00Z"},
		"all nights":                   {Window{Start: "22:00", End: "04:00"}, "2027-01-04T04:00:00Z", "2027-01-04T22:00:00Z", "2027-01-05T04:00:00Z"},

		// Berlin, 28 March 2027: 02:00 is followed by 03:00. 31 October 2027: 03:00 is followed by 02:00.
		"opens with the jump over its start":  {Window{Start: "02:30", End: "05:00", TimeZone: "Europe/Berlin"}, "2027-03-28T00:45:00Z", "2027-03-28T01:00:00Z", "2027-03-28T03:00:00Z"},
		"does not open when all of it is cut": {Window{Start: "02:00", End: "03:00", TimeZone: "Europe/Berlin"}, "2027-03-28T00:00:00Z", "2027-03-29T00:00:00Z", "2027-03-29T01:00:00Z"},
		"closes with the jump over its end":   {Window{Start: "01:00", End: "02:30", TimeZone: "Europe/Berlin"}, "2027-03-28T00:00:00Z", "", "2027-03-28T01:00:00Z"},
		"a repeated hour, first time":         {Window{Start: "02:00", End: "02:30", TimeZone: "Europe/Berlin"}, "2027-10-30T23:59:00Z", "2027-10-31T00:00:00Z", "2027-10-31T00:30:00Z"},
		"a repeated hour, second time":        {Window{Start: "02:00", End: "02:30", TimeZone: "Europe/Berlin"}, "2027-10-31T00:30:00Z", "2027-10-31T01:00:00Z", "2027-10-31T01:30:00Z"},
		"a longer night":                      {Window{Start: "22:00", End: "06:00", TimeZone: "Europe/Berlin"}, "2027-10-30T20:00:00Z", "", "2027-10-31T05:00:00Z"},

		// New York, 14 March 2027: 02:00 is followed by 03:00, in the night that the window is open.
		"a shorter night": {night, "2027-03-15T02:00:00Z", "", "2027-03-15T08:00:00Z"},
		"a night before":  {Window{Days: []string{"sat"}, Start: "22:00", End: "04:00", TimeZone: "America/New_York"}, "2027-03-14T03:00:00Z", "", "2027-03-14T08:00:00Z"},

		// Lord Howe moves by half an hour: 3 October 2027, 02:00 is followed by 02:30; 4 April, 02:00 by 01:30.
		"half an hour forward": {Window{Start: "02:15", End: "03:00", TimeZone: "Australia/Lord_Howe"}, "2027-10-02T15:00:00Z", "2027-10-02T15:30:00Z", "2027-10-02T16:00:00Z"},
		"half an hour back":    {Window{Start: "01:30", End: "01:45", TimeZone: "Australia/Lord_Howe"}, "2027-04-03T14:45:00Z", "2027-04-03T15:00:00Z", "2027-04-03T15:15:00Z"},

		// Chatham is 12:45 ahead, in summer 13:45: 26 September 2027, 02:45 is followed by 03:45.
		"quarters of an hour": {Window{Start: "03:00", End: "04:00", TimeZone: "Pacific/Chatham"}, "2027-09-25T13:59:59Z", "2027-09-25T14:00:00Z", "2027-09-25T14:15:00Z"},

		// Apia went over the date line: Thursday 29 December 2011 was followed by Saturday 31.
		"a day that never was":        {Window{Days: []string{"fri"}, TimeZone: "Pacific/Apia"}, "2011-12-29T12:00:00Z", "2012-01-05T10:00:00Z", "2012-01-06T10:00:00Z"},
		"the night of the lost day":   {Window{Days: []string{"fri"}, Start: "22:00", End: "06:00", TimeZone: "Pacific/Apia"}, "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z", "2011-12-30T16:00:00Z"},
		"the night before it is cut":  {Window{Days: []string{"thu"}, Start: "22:00", End: "06:00", TimeZone: "Pacific/Apia"}, "2011-12-30T08:00:00Z", "", "2011-12-30T10:00:00Z"},
		"a zone with seconds in it":   {Window{Start: "12:00", End: "13:00", TimeZone: "Africa/Monrovia"}, "1960-01-01T12:00:00Z", "1960-01-01T12:44:30Z", "1960-01-01T13:44:30Z"},
		"before any zone was counted": {Window{Days: []string{"mon"}, Start: "12:00", End: "13:00"}, "0001-01-01T00:00:00Z", "0001-01-01T12:00:00Z", "0001-01-01T13:00:00Z"},
		"at the end of written time":  {office, "9999-12-31T20:00:00Z", "10000-01-03T08:00:00Z", "10000-01-03T15:00:00Z"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			at := moment(t, c.at)
			want := c.at
			if c.next != "" {
				want = c.next
			}
			next, ok := c.window.Next(at)
			require.True(t, ok)
			require.Equal(t, want, next.Format(time.RFC3339Nano))
			require.Equal(t, c.next == "", c.window.Open(at))
			closes, ok := c.window.Closes(next)
			require.Equal(t, c.closes != "", ok)
			if ok {
				require.Equal(t, c.closes, closes.Format(time.RFC3339Nano))
			}
			if c.next != "" {
				_, ok := c.window.Closes(at)
				require.False(t, ok, "it is not open, so it cannot close")
			}
		})
	}
}

func TestInvalidWindows(t *testing.T) {
	cases := map[string]struct {
		window Window
		want   string
	}{
		"unknown day":        {Window{Days: []string{"mon", "Tuesday"}}, `days[1]: "Tuesday" is not a day; use mon, tue, wed, thu, fri, sat, sun`},
		"day twice":          {Window{Days: []string{"mon", "mon"}}, `days[1]: "mon" is listed twice`},
		"start without zero": {Window{Start: "9:00"}, `start: "9:00" is not a time of day; write hours and minutes, such as "09:00" or "16:30" (only an end may be "24:00")`},
		"start with seconds": {Window{Start: "09:00:00"}, `start: "09:00:00" is not`},
		"start at 24:00":     {Window{Start: "24:00"}, `start: "24:00" is not`},
		"minute 60":          {Window{End: "09:60"}, `end: "09:60" is not`},
		"after 24:00":        {Window{End: "24:01"}, `end: "24:01" is not`},
		"digits of others":   {Window{End: "٠٩:٠٠"}, `end: "٠٩:٠٠" is not`},
		"a line after it":    {Window{End: "09:00\n"}, `end: "09:00\n" is not`},
		"no length":          {Window{Start: "09:00", End: "09:00"}, `end: the window would end at 09:00, when it starts; for the whole day write "00:00" to "24:00"`},
		"no length, default": {Window{End: "00:00"}, `end: the window would end at 00:00`},
		"unknown zone":       {Window{TimeZone: "Europe/Berln"}, `time_zone: "Europe/Berln" is not a known time zone; use a name of the IANA database, such as "Europe/Berlin" or "UTC"`},
		"folder of zones":    {Window{TimeZone: "Europe"}, `time_zone: "Europe" is not a known time zone`},
		"this machine's":     {Window{TimeZone: "Local"}, `time_zone: "Local" is not a time zone`},
		"a file":             {Window{TimeZone: "../etc/passwd"}, `time_zone: "../etc/passwd" is not a time zone`},
		"with leap seconds":  {Window{TimeZone: "right/Europe/Berlin"}, `time_zone: "right/Europe/Berlin" is not a time zone`},
		"an offset":          {Window{TimeZone: "+01:00"}, `time_zone: "+01:00" is not a time zone`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found := problems(c.window)
			require.Len(t, found, 1)
			require.Contains(t, found[0], c.want)
			for hour := range 7 * 24 {
				require.False(t, c.window.Open(moment(t, "2027-01-04T00:00:00Z").Add(time.Duration(hour)*time.Hour)))
			}
			_, ok := c.window.Next(moment(t, "2027-01-04T00:00:00Z"))
			require.False(t, ok)
			_, ok = c.window.Closes(moment(t, "2027-01-04T00:00:00Z"))
			require.False(t, ok)
		})
	}
	all := problems(Window{Days: []string{"x"}, Start: "x", End: "y", TimeZone: "z z"})
	require.Len(t, all, 4, "every problem is reported at once: %v", all)
	require.Empty(t, problems(Window{Days: []string{"sun"}, Start: "00:00", End: "24:00", TimeZone: "America/Argentina/Buenos_Aires"}))
}

// slowOpen reads the wall clock as a person would: which day is it there, and what does the clock show?
func slowOpen(w Window, zone *time.Location, at time.Time) bool {
	local := at.In(zone)
	hour, minute, _ := local.Clock()
	reading := [5]byte{byte('0' + hour/10), byte('0' + hour%10), ':', byte('0' + minute/10), byte('0' + minute%10)}
	start, end := w.Start, w.End
	if start == "" {
		start = "00:00"
	}
	if end == "" {
		end = "24:00"
	}
	named := func(day time.Weekday) bool {
		for _, name := range w.Days {
			if name == [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}[day] {
				return true
			}
		}
		return len(w.Days) == 0
	}
	shown := string(reading[:])
	if start < end {
		return start <= shown && shown < end && named(local.Weekday())
	}
	return (start <= shown && named(local.Weekday())) || (shown < end && named((local.Weekday()+6)%7))
}

// slowFirst looks at every step of the clock, until it finds what it wants or nine days have passed.
func slowFirst(w Window, zone *time.Location, at time.Time, step time.Duration, want bool) (time.Time, bool) {
	if slowOpen(w, zone, at) == want {
		return at, true
	}
	end := at.Add(9 * 24 * time.Hour)
	for at = at.Truncate(step).Add(step); at.Before(end); at = at.Add(step) {
		if slowOpen(w, zone, at) == want {
			return at, true
		}
	}
	return time.Time{}, false
}

// The zones of the comparison, each with the steps, in minutes, that miss no change of its clocks since 1980. St John's used to
// change its clocks at one minute past midnight.
var comparedZones = map[string]int{
	"UTC": 5, "Europe/Berlin": 5, "Europe/London": 5, "America/New_York": 5, "Australia/Lord_Howe": 5, "Pacific/Apia": 5,
	"Pacific/Chatham": 5, "Pacific/Kiritimati": 5, "Asia/Kathmandu": 5, "Africa/Casablanca": 5, "America/St_Johns": 1,
	"America/Sao_Paulo": 5, "America/Havana": 5, "America/Caracas": 5, "Asia/Beirut": 5, "Asia/Tehran": 5, "Asia/Pyongyang": 5,
	"Antarctica/Troll": 5, "Asia/Gaza": 1,
}

func TestWindowsAgreeWithReadingTheClock(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	zones := slices.Sorted(maps.Keys(comparedZones))
	nearChange := 0
	for i := range 10_000 {
		name := zones[random.IntN(len(zones))]
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		w := randomWindow(random, name)
		at, near := randomMoment(random, zone)
		if near {
			nearChange++
		}
		step := time.Duration(comparedZones[name]) * time.Minute
		say := func() string { return w.TimeZone + " " + at.Format(time.RFC3339) }

		require.Empty(t, problems(w))
		want, ok := slowFirst(w, zone, at, step, true)
		got, gotOK := w.Next(at)
		require.True(t, gotOK, "%d: %v %s", i, w, say())
		if ok {
			require.True(t, want.Equal(got), "%d: %+v at %s: opens %s, but by the clock %s", i, w, say(), got, want)
		} else {
			require.True(t, got.After(at.Add(8*24*time.Hour)), "%d: %+v at %s: opens %s, but not by the clock", i, w, say(), got)
		}
		require.Equal(t, ok && want.Equal(at), w.Open(at), "%d: %+v at %s", i, w, say())
		if !w.Open(at) {
			continue
		}
		want, ok = slowFirst(w, zone, at, step, false)
		got, gotOK = w.Closes(at)
		require.Equal(t, ok, gotOK, "%d: %+v at %s", i, w, say())
		require.True(t, want.Equal(got), "%d: %+v at %s: closes %s, but by the clock %s", i, w, say(), got, want)
	}
	require.Greater(t, nearChange, 3_000, "the changes of the clock are what can go wrong")
}

// randomWindow gives a valid window, on steps of five minutes, half the time short and early: where clocks are changed.
func randomWindow(random *rand.Rand, zone string) Window {
	w := Window{TimeZone: zone}
	for _, day := range weekdays {
		if random.IntN(2) == 0 {
			w.Days = append(w.Days, day)
		}
	}
	random.Shuffle(len(w.Days), func(i, j int) { w.Days[i], w.Days[j] = w.Days[j], w.Days[i] })
	start := random.IntN(24 * 12)
	end := random.IntN(24*12) + 1
	if random.IntN(2) == 0 {
		start = random.IntN(5 * 12)
		end = start + 1 + random.IntN(24)
	}
	if start == end {
		end++
	}
	text := func(n int) string {
		return time.Date(2000, 1, 1, 0, n*5, 0, 0, time.UTC).Format("15:04")
	}
	if start > 0 {
		w.Start = text(start)
	}
	if w.End = text(end); end == 24*12 {
		w.End = "24:00"
	}
	return w
}

// randomMoment gives a moment between 1980 and 2040, half the time within 36 hours of a change of the zone's clocks.
func randomMoment(random *rand.Rand, zone *time.Location) (time.Time, bool) {
	from := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	at := time.Unix(from+random.Int64N(60*365*24*3600), random.Int64N(2)*random.Int64N(1e9)).UTC()
	if _, change := at.In(zone).ZoneBounds(); random.IntN(2) == 0 && !change.IsZero() {
		return change.Add(time.Duration(random.Int64N(int64(72*time.Hour))) - 36*time.Hour).Truncate(time.Minute).UTC(), true
	}
	return at, false
}

func FuzzWindow(f *testing.F) {
	f.Add("mon", "tue", "09:00", "16:00", "Europe/Berlin", int64(1_800_000_000))
	f.Add("sun", "", "22:00", "04:00", "America/New_York", int64(1_836_540_000))
	f.Add("", "", "02:00", "03:00", "Australia/Lord_Howe", int64(1_822_489_200))
	f.Add("fri", "", "", "", "Pacific/Apia", int64(1_325_160_000))
	f.Add("", "", "00:00", "24:00", "Local", int64(-62_135_596_800))
	f.Fuzz(func(t *testing.T, day, other, start, end, zone string, seconds int64) {
		w := Window{Start: start, End: end, TimeZone: zone}
		for _, d := range []string{day, other} {
			if d != "" {
				w.Days = append(w.Days, d)
			}
		}
		at := time.Unix(seconds%(1<<38), 0).UTC() // about the years that can be written
		next, ok := w.Next(at)
		require.Equal(t, len(problems(w)) == 0, ok, "a window opens within 400 days exactly when it is valid")
		if !ok {
			require.False(t, w.Open(at))
			return
		}
		require.False(t, next.Before(at))
		require.True(t, w.Open(next))
		if next.After(at) {
			require.False(t, w.Open(at))
			require.False(t, w.Open(next.Add(-1)))
		}
		closes, ok := w.Closes(next)
		if !ok {
			return
		}
		require.True(t, closes.After(next))
		require.False(t, w.Open(closes))
		require.True(t, w.Open(closes.Add(-1)))
	})
}

func TestFormatShowsTheWindowsClock(t *testing.T) {
	for text, c := range map[string]struct {
		window Window
		at     string
	}{
		"Mon 2027-01-04 09:00 CET (Europe/Berlin)":    {Window{TimeZone: "Europe/Berlin"}, "2027-01-04T08:00:00Z"},
		"Mon 2027-01-04 09:00:30 CET (Europe/Berlin)": {Window{TimeZone: "Europe/Berlin"}, "2027-01-04T08:00:30Z"},
		"Mon 2027-01-04 08:00:59 UTC":                 {Window{}, "2027-01-04T08:00:59Z"},
		"2027-01-04T08:00:00Z":                        {Window{TimeZone: "Nowhere"}, "2027-01-04T09:00:00+01:00"},
	} {
		require.Equal(t, text, c.window.Format(moment(t, c.at)))
	}
}
