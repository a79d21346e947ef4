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
//   - Failures, errors and skipped tests are, in each suite, what its cases say or what it declares, whichever is more.
//   - A case with several outcomes has the worst: error, failure, skipped, passed, in this order.
//   - A case that failed and then passed when it was run again (Surefire's flakyFailure) passed: the runner said so.
//   - The duration is the sum of the cases, or what the suite declares when its cases have none. It is information, and never
//     proof: a time that cannot be read, or a negative one, counts as none.
package junit

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	maxDuration   = 10 * 365 * 24 * time.Hour // of all together
	maxQuote      = 80                        // bytes of the report that an error repeats
)

// Parse counts the tests of a report. An error is one line: where in the report, and what is wrong there.
func Parse(text []byte) (delivery.TestCounts, error) {
	if len(text) > MaxBytes {
		return delivery.TestCounts{}, fmt.Errorf("it has %d bytes, at most %d are read", len(text), MaxBytes)
	}
	if at := invalidUTF8(text); at >= 0 {
		return delivery.TestCounts{}, fmt.Errorf("byte %d is not UTF-8, the only encoding that is read", at)
	}
	if err := checkAttributes(text); err != nil {
		return delivery.TestCounts{}, err
	}
	return newWalk(text).run()
}

// invalidUTF8 returns where the first byte is that is not UTF-8, or -1.
func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size <= 1 {
			return at
		}
		at += size
	}
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
