package main

import "strings"

// packageRun is what one package's tests have said so far.
type packageRun struct {
	tests  map[string]*testRun
	order  []*testRun // as they started: a subtest after its parent
	output []string   // of no test in particular
}

// testRun is one test or subtest. Its action is empty until it ends.
type testRun struct {
	name   string
	action string
	output []string
}

// packageResult counts each test once: the leaves, and a parent only if it failed or was skipped though no subtest was.
type packageResult struct {
	passed, failed int
	skipped        []*testRun
	output         []string // of the failures, and of the package itself
}

func newPackageRun() *packageRun {
	return &packageRun{tests: map[string]*testRun{}}
}

func (p *packageRun) event(e event) {
	if e.Test == "" {
		if e.Action == "output" && !isVerdict(e.Output) {
			p.output = append(p.output, e.Output)
		}
		return
	}
	t := p.tests[e.Test]
	if t == nil {
		t = &testRun{name: e.Test}
		p.tests[e.Test] = t
		p.order = append(p.order, t)
	}
	switch {
	case e.Action == "output" && !isFrame(e.Output):
		t.output = append(t.output, e.Output)
	case e.Action == "pass":
		t.action, t.output = e.Action, nil // a long suite must not keep what nobody will read
	case isEnd(e.Action):
		t.action = e.Action
	}
}

// close counts the package. In a package that failed, a test without an end was running when it died.
func (p *packageRun) close(end event) packageResult {
	for _, t := range p.order {
		if t.action == "" {
			t.action = end.Action
		}
	}
	accounted := p.accounted()

	var result packageResult
	for _, t := range p.order {
		switch {
		case accounted[outcome{t.name, t.action}]:
			// Its subtests are counted in its place.
		case t.action == "pass":
			result.passed++
		case t.action == "skip":
			result.skipped = append(result.skipped, t)
		default:
			result.failed++
		}
		if t.action == "fail" {
			result.output = append(result.output, t.output...)
		}
	}
	if end.Action == "fail" {
		result.output = append(result.output, p.output...)
		if result.failed == 0 { // it did not build, or died outside any test
			result.failed++
		}
	}
	return result
}

type outcome struct {
	test, action string
}

// accounted holds the outcomes of parents that a subtest explains: passing is explained by any subtest, failing and
// being skipped by a subtest that did the same. A subtest's own name may hold slashes, so every prefix is a candidate.
func (p *packageRun) accounted() map[outcome]bool {
	explained := map[outcome]bool{}
	for _, t := range p.order {
		for i, c := range t.name {
			if c == '/' {
				explained[outcome{t.name[:i], t.action}] = true
				explained[outcome{t.name[:i], "pass"}] = true
			}
		}
	}
	return explained
}

// reason is what a skipped test printed, on one line.
func (t *testRun) reason() string {
	var said []string
	for _, l := range t.output {
		l = strings.TrimSpace(l)
		if l != "" && !strings.HasPrefix(l, "--- ") {
			said = append(said, l)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

// isFrame recognizes the lines by which the testing package announces what runs: noise in the output of a failure.
func isFrame(line string) bool {
	for _, prefix := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// isVerdict recognizes the last lines of a test binary and of go test, which the report says in its own words.
func isVerdict(line string) bool {
	return line == "FAIL\n" || strings.HasPrefix(line, "FAIL\t")
}
