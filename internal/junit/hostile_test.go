package junit

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRefused has everything that is no report, or one that nobody should have to read.
func TestRefused(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                    {"", "this is not a JUnit report: there is no test suite and no test case"},
		"spaces":                     {" \n ", "this is not a JUnit report: there is no test suite and no test case"},
		"another document":           {"<html><body/></html>", "this is not a JUnit report: there is no test suite and no test case"},
		"JSON":                       {`{"tests": 1}`, `line 1: there is text outside of any element: "{\"tests\": 1}"`},
		"a log before the report":    {"running\n<testsuite/>", `text outside of any element: "running"`},
		"a log after the report":     {"<testsuite/>\nrunning", `line 2: there is text outside of any element: "running"`},
		"a log between reports":      {"<testsuite/>running<testsuite/>", `text outside of any element: "running"`},
		"cut off":                    {"<testsuite>\n<testcase>", "line 2: the XML is broken or cut off: unexpected EOF"},
		"cut off in a tag":           {`<testsuite><testcase na`, "cut off"},
		"cut off in CDATA":           {"<testsuite><![CDATA[", "cut off"},
		"cut off in a comment":       {"<testsuite><!-- ", "cut off"},
		"crossed tags":               {"<testsuite><testcase></testsuite>", "closed by"},
		"a document type":            {"<!DOCTYPE testsuite>\n<testsuite/>", "line 1: a document type or entity declaration is not read"},
		"a document type inside":     {"<testsuite><!DOCTYPE x></testsuite>", "document type"},
		"entities that grow":         {`<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><testsuite name="&b;"/>`, "document type"},
		"an external entity":         {`<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite name="&a;"/>`, "document type"},
		"an entity nobody declared":  {"<testsuite>&a;</testsuite>", "invalid character entity &a;"},
		"not UTF-8":                  {"<testsuite name=\"\xff\"/>", "byte 17 is not UTF-8"},
		"cut within a letter":        {"<testsuite/>\xc3", "byte 12 is not UTF-8"},
		"bytes without an encoding":  {`<?xml version="1.0"?><testsuite name="` + "\xe9" + `"/>`, "byte 38 is not UTF-8: write the report in UTF-8, or name its encoding"},
		"UTF-8 in name only":         {`<?xml version="1.0" encoding="utf-8"?><testsuite name="` + "\xe9" + `"/>`, "byte 55 is not UTF-8"},
		"half a letter of UTF-16":    {"\xff\xfe<\x00a\x00/\x00>\x00a", "text outside of any element"},
		"UTF-16 that is cut off":     {"\xff\xfe<\x00t\x00", "cut off"},
		"UTF-32":                     {"\xff\xfe\x00\x00<\x00\x00\x00", "illegal character code"},
		"another encoding":           {`<?xml version="1.0" encoding="Shift_JIS"?><testsuite name="` + "\x83" + `"/>`, `encoding "Shift_JIS" is not read`},
		"ASCII that means another":   {`<?xml version="1.0" encoding="UTF-7"?><testsuite/>`, `encoding "UTF-7" is not read`},
		"a later document's":         {`<testsuite/><?xml version="1.0" encoding="EBCDIC"?><testsuite/>`, `encoding "EBCDIC" is not read`},
		"a long name of an encoding": {`<?xml version="1.0" encoding="` + long + `"?><testsuite/>`, "is not read"},
		"another version of XML":     {`<?xml version="9"?><testsuite/>`, "unsupported version"},
		"a control character":        {"<testsuite name=\"&#x1b;\"/>", "illegal character code"},
		"no quotes":                  {"<testsuite tests=1/>", "unquoted"},
		"negative failures":          {`<testsuite failures="-1"><testcase/></testsuite>`, `failures="-1" is not a number of tests`},
		"negative tests":             {`<testsuite tests="-1"><testcase/></testsuite>`, `tests="-1" is not a number of tests`},
		"negative skips":             {`<testsuite skips="-1"><testcase/></testsuite>`, `skips="-1" is not a number of tests`},
		"negative disabled":          {`<testsuite disabled="-1"><testcase/></testsuite>`, `disabled="-1" is not a number of tests`},
		"failures at the root":       {`<testsuites failures="x"><testcase/></testsuites>`, `failures="x" is not a number of tests`},
		"half a failure":             {`<testsuite failures="0.5"><testcase/></testsuite>`, `failures="0.5" is not a number of tests`},
		"commas anywhere":            {`<testsuite failures="1,0"><testcase/></testsuite>`, `failures="1,0" is not a number of tests`},
		"too many failures":          {`<testsuite failures="999999999"><testcase/></testsuite>`, "at most 10000000"},
		"a number that overflows":    {`<testsuite errors="99999999999999999999"><testcase/></testsuite>`, "is not a number of tests"},
		"an attribute twice":         {`<testsuite failures="1" failures="0"><testcase/></testsuite>`, "<testsuite> has the attribute failures twice"},
		"a case's attribute twice":   {`<testcase time="1" time="2"/>`, "<testcase> has the attribute time twice"},
		"a case in a case":           {"<testcase><testcase/></testcase>", "<testcase> stands inside <testcase>"},
		"a suite in a case":          {"<testcase><testsuite/></testcase>", "<testsuite> stands inside <testcase>"},
		"a case in output":           {"<testsuite><system-out><testcase/></system-out></testsuite>", "<testcase> stands inside <system-out>"},
		"a suite in a property":      {"<testsuites><properties><testsuite/></properties></testsuites>", "<testsuite> stands inside <properties>"},
		"nested too deep":            {strings.Repeat("<a>", maxDepth+1), "nested more than 64 deep"},
		"suites nested too deep":     {strings.Repeat("<testsuite>", maxDepth+1), "nested more than 64 deep"},
		"too many attributes":        {"\n<a " + strings.Repeat(`a="" `, maxAttributes+1) + "/>", "line 2: an element has more than 256 attributes"},
		"attributes of no end":       {"<a " + strings.Repeat(`a="" `, maxAttributes+1), "more than 256 attributes"},
		"long names":                 {"<" + long + "><b></" + long + ">", "closed by"},
		"control characters to show": {"<testsuite failures='\n\n\u202e\u0085'/>", "is not a number of tests"},
		"a long number":              {`<testsuite failures="` + long + `"/>`, "is not a number of tests"},
		"a long attribute twice":     {`<testsuite ` + long + `="" ` + long + `=""/>`, "twice"},
		"a case in a long name":      {"<testsuite><" + long + "><testcase/></" + long + "></testsuite>", "stands inside"},
	} {
		t.Run(name, func(t *testing.T) {
			counts, err := Parse([]byte(c.text))
			require.ErrorContains(t, err, c.want)
			require.Zero(t, counts)
			requireReadable(t, err)
		})
	}
}

// requireReadable checks that an error is one line and repeats little of the report.
func requireReadable(t *testing.T, err error) {
	t.Helper()
	require.NotContains(t, err.Error(), "\n")
	require.Less(t, len(err.Error()), 4*maxQuote)
	require.NotContains(t, err.Error(), strings.Repeat("x", maxQuote+1))
}

// TestLimits is at each limit, and one over it.
func TestLimits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("<testsuite>", n) + strings.Repeat("</testsuite>", n) }
	attributed := func(n int) string {
		text := "<testsuite"
		for i := range n {
			text += fmt.Sprintf(` a%d=""`, i)
		}
		return text + "/>"
	}
	for name, c := range map[string]struct{ at, over, want string }{
		"depth":      {nested(maxDepth), nested(maxDepth + 1), "nested more than 64 deep"},
		"attributes": {attributed(maxAttributes), attributed(maxAttributes + 1), "more than 256 attributes"},
		"count":      {`<testsuite failures="10000000"/>`, `<testsuite failures="10000001"/>`, "at most 10000000"},
	} {
		_, err := Parse([]byte(c.at))
		require.NoError(t, err, name)
		_, err = Parse([]byte(c.over))
		require.ErrorContains(t, err, c.want, name)
	}
	_, err := Parse(append([]byte("<testsuite/>"), bytes.Repeat([]byte(" "), MaxBytes-len("<testsuite/>"))...))
	require.NoError(t, err)
}

// A time never refuses a report: one over a limit is none, and all together are cut.
func TestLimitsOfTimes(t *testing.T) {
	const longest = `<testcase time="2592000"/>`
	for text, want := range map[string]time.Duration{
		longest:                            maxTime,
		`<testcase time="2592000.001"/>`:   0,
		`<testsuite time="2592000.001"/>`:  0,
		strings.Repeat(longest, 121):       121 * maxTime,
		strings.Repeat(longest, 122):       maxDuration,
		strings.Repeat(longest, 5*batch+1): maxDuration,
	} {
		counts, err := Parse([]byte(text))
		require.NoError(t, err)
		require.Equal(t, want, counts.Duration, "%.40s", text)
	}
}

// What an error repeats of a report is cut one byte over its limit.
func TestQuotesAreCutAtTheirLimit(t *testing.T) {
	require.Equal(t, strings.Repeat("x", maxQuote), clip(strings.Repeat("x", maxQuote)))
	require.Equal(t, strings.Repeat("x", maxQuote-len("…"))+"…", clip(strings.Repeat("x", maxQuote+1)))
}

func TestTooBig(t *testing.T) {
	_, err := Parse(make([]byte, MaxBytes+1))
	require.ErrorContains(t, err, "it has 16777217 bytes, at most 16777216 are read")
}

func TestTooManyElements(t *testing.T) {
	const text = "<testsuite/><testsuite/>"
	for _, less := range []int{0, 1} {
		elements, suites := newWalk([]byte(text)), newWalk([]byte(text))
		elements.elements = maxElements - 1 - less
		suites.suiteCount = maxSuites - 1 - less
		_, first := elements.run()
		_, second := suites.run()
		if less == 1 {
			require.NoError(t, first)
			require.NoError(t, second)
			continue
		}
		require.ErrorContains(t, first, "more than 2000000 elements")
		require.ErrorContains(t, second, "more than 100000 suites")
	}
}

// TestMemory gives the worst reports: what is held at any moment stays within a few times their size. A plain tree of the cases
// alone would take more than forty times as much.
func TestMemory(t *testing.T) {
	const size = 512 << 10
	const spare = 8 << 20 // what the collector leaves lying even when nothing is held
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	deep, flat := strings.Repeat("<testsuite>", 60), strings.Repeat("</testsuite>", 60)
	fill := func(before, repeated, after string) []byte {
		return []byte(before + strings.Repeat(repeated, (size-len(before)-len(after))/len(repeated)) + after)
	}
	for name, text := range map[string][]byte{
		"cases":           fill(deep, "<testcase/>", flat),
		"text":            fill(deep+"<testcase><failure>", "words &lt; ", "</failure></testcase>"+flat),
		"an attribute":    fill(deep+`<testcase name="`, "words = ", `"/>`+flat),
		"attributes":      fill(deep+`<testcase `, `a="" `, `/>`+flat),
		"depth":           fill("", "<testsuite>", ""),
		"a comment":       fill("<testsuite><!--", "word ", "--></testsuite>"),
		"a document type": fill("<!DOCTYPE a [", `<!ENTITY a "b">`, "]><testsuite/>"),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			peak := peakOf(func() { _, err = Parse(text) })
			if err != nil {
				requireReadable(t, err)
			}
			require.Less(t, peak, uint64(10*size+spare))
		})
	}
}

// peakOf measures how much the heap grows at most while do runs, by looking at it again and again.
func peakOf(do func()) uint64 {
	runtime.GC()
	var start, now runtime.MemStats
	runtime.ReadMemStats(&start)
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	often := time.NewTicker(time.Millisecond)
	defer often.Stop()
	var peak uint64
	for {
		select {
		case <-done:
			return peak
		case <-often.C:
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc-min(start.HeapAlloc, now.HeapAlloc))
		}
	}
}
