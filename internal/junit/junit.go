// Package junit counts what a JUnit XML report says about a run of tests.
//
// There is no standard for these files. Each runner writes its own dialect, and the same word means different things in
// two of them. So the text is read in two steps. The first walks the XML alone: it refuses what is hostile, too big or
// contradictory, and finds what a plain reading passes over (a test case outside any suite, an error of a suite that has no
// case, the counts that a suite declares about itself). It hands the test cases on, in one plain form and a few at a time, to
// go-junit, which reads their outcome and time. So no report can make this process build a tree of its size.
//
// Where a report contradicts itself, the worse reading counts: a report is proof only of what all of it agrees on.
//   - Tests are the test cases that are there, however many a suite declares.
//   - Failures and errors are, in each suite, what its cases say or what it declares, whichever is more.
//   - Skipped tests are those too, except for tests that a suite declares and does not list: these can be the skipped ones.
//   - A case with several outcomes has the worst: error, failure, skipped, passed, in this order.
//   - A test that failed and then passed when it was run again passed, if the runner says so: see rerun.go.
//   - The duration is the sum of the cases, or what the suite declares when its cases have none. It is information, and never
//     proof: a time that cannot be read, is negative, or is longer than a run can take, counts as none.
package junit

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// MaxBytes bounds the text of a report.
const MaxBytes = 16 << 20

const (
	maxDepth      = 64
	maxElements   = 2_000_000
	maxSuites     = 100_000
	maxAttributes = 256 // of one element
	maxCount      = 10_000_000
	maxTime       = 30 * 24 * time.Hour       // of one case or suite
	maxDuration   = 10 * 365 * 24 * time.Hour // of all together; what is more is cut
	maxQuote      = 80                        // bytes of the report that an error repeats
)

// Parse counts the tests of a report. An error is one line: where in the report, and what is wrong there.
func Parse(text []byte) (delivery.TestCounts, error) {
	if len(text) > MaxBytes {
		return delivery.TestCounts{}, fmt.Errorf("it has %d bytes, at most %d are read", len(text), MaxBytes)
	}
	text, err := Decode(text)
	if err != nil {
		return delivery.TestCounts{}, err
	}
	if err := checkAttributes(text); err != nil {
		return delivery.TestCounts{}, err
	}
	return newWalk(text).run()
}

// quote repeats a part of the report in an error: short, printable, on one line.
func quote(s string) string {
	return fmt.Sprintf("%q", clip(s))
}

// clip cuts a text to maxQuote bytes and leaves only what can be printed.
func clip(s string) string {
	const mark = "…"
	cut := len(s) > maxQuote
	if cut {
		s = strings.ToValidUTF8(s[:maxQuote-len(mark)], "")
	}
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if cut {
		s += mark
	}
	return s
}
