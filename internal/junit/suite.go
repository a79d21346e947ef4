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
	declared delivery.TestCounts // without Tests, which count only as cases
	seen     delivery.TestCounts // by its cases, by the suites inside it, and by what stands outside of any case
	cases    []byte              // not read by go-junit yet
	waiting  int                 // how many those are
}

// newSuite reads what the suite declares about itself.
func newSuite(a attributes) (*suite, error) {
	s := &suite{}
	var err error
	if _, err = a.count("tests"); err != nil {
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
	_, s.declared.Duration, err = a.seconds()
	return s, err
}

// add takes a test case.
func (s *suite) add(c *testCase) error {
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
		s.seen.Tests += t.Tests
		s.seen.Failures += t.Failed
		s.seen.Errors += t.Error
		s.seen.Skipped += t.Skipped
		s.seen.Duration += t.Duration
	}
	s.cases, s.waiting = s.cases[:0], 0
	return checkDuration(s.seen.Duration)
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

// close returns the suite's counts: the worse of what it declares and what its cases show.
func (s *suite) close() (delivery.TestCounts, error) {
	if err := s.read(); err != nil {
		return delivery.TestCounts{}, err
	}
	counts := s.seen
	counts.Failures = max(counts.Failures, s.declared.Failures)
	counts.Errors = max(counts.Errors, s.declared.Errors)
	counts.Skipped = min(max(counts.Skipped, s.declared.Skipped), counts.Tests)
	if counts.Duration == 0 {
		counts.Duration = s.declared.Duration
	}
	return counts, nil
}

// include adds the counts of a suite inside this one.
func (s *suite) include(counts delivery.TestCounts) error {
	s.seen.Tests += counts.Tests
	s.seen.Failures += counts.Failures
	s.seen.Errors += counts.Errors
	s.seen.Skipped += counts.Skipped
	s.seen.Duration += counts.Duration
	return checkDuration(s.seen.Duration)
}

func checkDuration(d time.Duration) error {
	if d < 0 || d > maxDuration {
		return fmt.Errorf("the tests took longer than %s together", maxDuration)
	}
	return nil
}
