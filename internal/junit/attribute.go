package junit

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// attributes of one element, by their local name.
type attributes map[string]string

// attributesOf refuses a name that stands twice: one reader would take the first, another the last.
func attributesOf(start xml.StartElement) (attributes, error) {
	found := make(attributes, len(start.Attr))
	for _, a := range start.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
			continue
		}
		if _, twice := found[a.Name.Local]; twice {
			return nil, fmt.Errorf("<%s> has the attribute %s twice", start.Name.Local, clip(a.Name.Local))
		}
		found[a.Name.Local] = a.Value
	}
	return found, nil
}

// number is a count: digits, with or without commas between thousands, and zeros after a point where the runner counts in floats.
var number = regexp.MustCompile(`^(\d{1,9}|\d{1,3}(,\d{3})+)(\.0+)?$`)

// count reads a number of tests. A name that is absent or empty declares nothing, which is 0.
func (a attributes) count(name string) (int, error) {
	text := strings.TrimSpace(a[name])
	if text == "" {
		return 0, nil
	}
	if !number.MatchString(text) {
		return 0, fmt.Errorf("%s=%s is not a number of tests", name, quote(text))
	}
	whole, _, _ := strings.Cut(text, ".")
	n, err := strconv.Atoi(strings.ReplaceAll(whole, ",", ""))
	if err != nil || n > maxCount {
		return 0, fmt.Errorf("%s=%s is too many tests; at most %d", name, quote(text), maxCount)
	}
	return n, nil
}

// sum adds up counts that are reported under several names.
func (a attributes) sum(names ...string) (int, error) {
	total := 0
	for _, name := range names {
		n, err := a.count(name)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// most is the largest of counts that dialects report under different names.
func (a attributes) most(names ...string) (int, error) {
	most := 0
	for _, name := range names {
		n, err := a.count(name)
		if err != nil {
			return 0, err
		}
		most = max(most, n)
	}
	return most, nil
}

// thousands is a number with commas between its thousands. One that begins with 0 has none: there the comma is a decimal one.
var thousands = regexp.MustCompile(`^[1-9]\d{0,2}(,\d{3})+$`)

// seconds reads the time attribute: seconds, in any usual form of a number, or a Go duration. A time is information, so it is none where
// it cannot be read, is negative (a clock was set back during the run), or is longer than a run can take (some runners write nanoseconds).
func (a attributes) seconds() float64 {
	text := point(strings.TrimSpace(a["time"]))
	s, err := strconv.ParseFloat(text, 64)
	if err != nil {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0
		}
		s = d.Seconds()
	}
	if s > 0 && s <= maxTime.Seconds() {
		return s
	}
	return 0 // also what is not a number at all
}

// point writes a number with a decimal point and nothing between its thousands. Of a point and a comma, the last is the decimal one.
func point(text string) string {
	comma, dot := strings.LastIndex(text, ","), strings.LastIndex(text, ".")
	switch {
	case comma < 0:
		return text
	case dot > comma || dot < 0 && thousands.MatchString(text):
		return strings.ReplaceAll(text, ",", "")
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, ".", ""), ",", ".")
}

// checkAttributes refuses elements with more attributes than any report has. The XML decoder collects all attributes of an
// element before anyone can look at them, at many times the memory of their text. What is not well formed is left to it.
func checkAttributes(text []byte) error {
	for at := 0; ; {
		open := bytes.IndexByte(text[at:], '<')
		if open < 0 {
			return nil
		}
		at += open
		end, inside := skip(text[at:])
		if end < 0 {
			return nil
		}
		if inside && assignments(text[at:at+end]) > maxAttributes {
			return fmt.Errorf("line %d: an element has more than %d attributes", 1+bytes.Count(text[:at], []byte("\n")), maxAttributes)
		}
		at += end
	}
}

// skip returns the length of the markup that begins here, -1 when it has no end, and whether it is an element's tag.
func skip(text []byte) (length int, tag bool) {
	for _, other := range []struct{ begin, end string }{{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}, {"<!", ">"}} {
		if rest, is := bytes.CutPrefix(text, []byte(other.begin)); is {
			end := bytes.Index(rest, []byte(other.end))
			if end < 0 {
				return -1, false
			}
			return len(other.begin) + end + len(other.end), false
		}
	}
	var in byte // the quote that a value began with
	for i, c := range text {
		switch {
		case in != 0:
			if c == in {
				in = 0
			}
		case c == '"' || c == '\'':
			in = c
		case c == '>':
			return i + 1, true
		}
	}
	// The decoder reads on to the end too: what there is counts.
	return len(text), true
}

// assignments counts the equals signs of a tag outside of values.
func assignments(tag []byte) int {
	var in byte
	count := 0
	for _, c := range tag {
		switch {
		case in != 0:
			if c == in {
				in = 0
			}
		case c == '"' || c == '\'':
			in = c
		case c == '=':
			count++
		}
	}
	return count
}
