package junit

import (
	"fmt"
	"time"

	gojunit "github.com/joshdk/go-junit"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// batch is how many cases go-junit gets at once.
const batch = 1024

// suite is what is known so far about a testsuite or testsuites element, or about the report as a whole.
type suite struct {
	declared delivery.TestCounts // its Tests count only as cases
	seen     delivery.TestCounts // by its cases, by the suites inside it, and by what stands outside of any case
	more     runs                // of tests that were run again, beside those in seen
	unlisted int                 // tests that are declared to be skipped, and stand in no case
	reruns   reruns              // of the tests of a Go package; nil for other suites
	cases    []byte              // not read by go-junit yet
	waiting  int                 // how many those are
}

// newSuite reads what the suite declares about itself.
func newSuite(a attributes) (*suite, error) {
	s := &suite{}
	var err error
	if s.declared.Tests, err = a.count("tests"); err != nil {
		return nil, err
	}
	if s.declared.Failures, err = a.count("failures"); err != nil {
		return nil, err
	}
	if s.declared.Errors, err = a.count("errors"); err != nil {
		return nil, err
	}
	if s.declared.Skipped, err = a.most("skipped", "skips", "skip"); err != nil {
		return nil, err
	}
	beside, err := a.sum("disabled", "ignored")
	if err != nil {
		return nil, err
	}
	s.declared.Skipped += beside
	s.declared.Duration = time.Duration(a.seconds() * float64(time.Second))
	return s, nil
}

// add takes a test case.
func (s *suite) add(c *testCase) error {
	s.more.add(c.more)
	if s.reruns != nil {
		s.reruns.add(c)
	}
	s.cases = c.appendTo(s.cases)
	if s.waiting++; s.waiting < batch {
		return nil
	}
	return s.read()
}

// read has go-junit read the cases that wait.
func (s *suite) read() error {
	if s.waiting == 0 {
		return nil
	}
	text := append(append([]byte("<testsuite>"), s.cases...), "</testsuite>"...)
	suites, err := gojunit.Ingest(text)
	if err != nil {
		return fmt.Errorf("the test cases: %w", err)
	}
	for _, one := range suites {
		t := one.Totals
		s.count(delivery.TestCounts{Tests: t.Tests, Failures: t.Failed, Errors: t.Error, Skipped: t.Skipped, Duration: t.Duration})
	}
	s.cases, s.waiting = s.cases[:0], 0
	return nil
}

// count adds to what is seen.
func (s *suite) count(more delivery.TestCounts) {
	s.seen.Tests += more.Tests
	s.seen.Failures += more.Failures
	s.seen.Errors += more.Errors
	s.seen.Skipped += more.Skipped
	s.seen.Duration = min(s.seen.Duration+more.Duration, maxDuration)
}

// outside counts an outcome that belongs to no case: a suite that failed before or after them.
func (s *suite) outside(o outcome) {
	switch o {
	case errored:
		s.seen.Errors++
	case failed:
		s.seen.Failures++
	case skipped:
		s.seen.Skipped++
	case passed:
	}
}

// close completes what is seen of the suite: the worse of what it declares and what its cases show.
func (s *suite) close() error {
	if err := s.read(); err != nil {
		return err
	}
	s.takeOvercome()
	known := runs{failed: s.seen.Failures, errored: s.seen.Errors}
	if s.countsRuns() {
		known.add(s.more)
	}
	s.seen.Failures += max(0, s.declared.Failures-known.failed)
	s.seen.Errors += max(0, s.declared.Errors-known.errored)
	s.closeSkipped()
	if s.seen.Duration == 0 {
		s.seen.Duration = s.declared.Duration
	}
	return nil
}

// countsRuns tells what a suite with tests that were run again declares: cases, or runs. Surefire's and gotestsum's declare runs, and a run
// that failed before its test passed is then no failure that the suite hides.
func (s *suite) countsRuns() bool {
	return s.declared.Tests == s.seen.Tests+s.more.all
}

// closeSkipped adds the skipped tests that no case tells of. They are those that the suite declares and does not list, if it declares
// so many. Otherwise they are among the cases, and nobody can tell which of those ran.
func (s *suite) closeSkipped() {
	missing := max(0, s.declared.Skipped-s.seen.Skipped-s.unlisted)
	room := max(0, s.declared.Tests-s.seen.Tests-s.more.all-s.unlisted)
	s.unlisted += min(missing, room)
	s.seen.Skipped = min(s.seen.Skipped+missing-min(missing, room), s.seen.Tests)
}

// include adds the counts of a suite inside this one, which is closed.
func (s *suite) include(inner *suite) {
	s.count(inner.seen)
	s.more.add(inner.more)
	s.unlisted += inner.unlisted
}
