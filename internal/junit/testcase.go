package junit

import (
	"strconv"
	"strings"
)

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
	class, name string
	seconds     float64
	worst       outcome
	more        runs // of this test, beside the one that the case stands for
}

func newTestCase(a attributes) *testCase {
	c := &testCase{class: a["classname"], name: a["name"], seconds: a.seconds()}
	for _, name := range []string{"status", "result"} {
		c.record(states[strings.ToLower(strings.TrimSpace(a[name]))])
	}
	return c
}

func (c *testCase) record(o outcome) { c.worst = max(c.worst, o) }

// addRun counts an element that stands for one more run of the test.
func (c *testCase) addRun(element string) {
	switch element {
	case "flakyFailure", "rerunFailure":
		c.more.all++
		c.more.failed++
	case "flakyError", "rerunError":
		c.more.all++
		c.more.errored++
	}
}

// appendTo writes the case in the form that all dialects share.
func (c *testCase) appendTo(text []byte) []byte {
	text = append(text, `<testcase time="`...)
	if c.seconds > 0 {
		text = strconv.AppendFloat(text, c.seconds, 'f', -1, 64)
	}
	text = append(text, `">`...)
	text = append(text, c.worst.element()...)
	return append(text, "</testcase>"...)
}
