package junit

import "strings"

// outcome of a test case, the better first.
type outcome int

const (
	passed outcome = iota
	skipped
	failed
	errored
)

// element is how go-junit knows the outcome.
func (o outcome) element() string {
	switch o {
	case skipped:
		return "<skipped/>"
	case failed:
		return "<failure/>"
	case errored:
		return "<error/>"
	case passed:
	}
	return ""
}

// outcomeOf reads an element inside a test case, wherever in it. Surefire writes rerunFailure and rerunError beside the failure
// of a test that failed again and again, and flakyFailure and flakyError in one that passed in the end.
func outcomeOf(element string) outcome {
	switch element {
	case "error", "rerunError":
		return errored
	case "failure", "rerunFailure":
		return failed
	case "skipped":
		return skipped
	}
	return passed
}

// states are the words that runners put into a case's attributes instead of an element inside it (GoogleTest: status="notrun").
// Other words mean nothing.
var states = map[string]outcome{
	"error": errored, "errored": errored, "crashed": errored, "aborted": errored, "timeout": errored,
	"fail": failed, "failed": failed, "failure": failed, "broken": failed,
	"skip": skipped, "skipped": skipped, "notrun": skipped, "disabled": skipped, "ignored": skipped, "suppressed": skipped,
	"pending": skipped, "todo": skipped, "inconclusive": skipped,
}

// testCase is a testcase element.
type testCase struct {
	time  string // as go-junit reads it
	worst outcome
}

func newTestCase(a attributes) (*testCase, error) {
	text, _, err := a.seconds()
	if err != nil {
		return nil, err
	}
	c := &testCase{time: text}
	for _, name := range []string{"status", "result"} {
		c.record(states[strings.ToLower(strings.TrimSpace(a[name]))])
	}
	return c, nil
}

func (c *testCase) record(o outcome) { c.worst = max(c.worst, o) }

// appendTo writes the case in the form that all dialects share.
func (c *testCase) appendTo(text []byte) []byte {
	text = append(text, `<testcase time="`...)
	text = append(text, c.time...)
	text = append(text, `">`...)
	text = append(text, c.worst.element()...)
	return append(text, "</testcase>"...)
}
