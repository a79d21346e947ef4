package junit

import "hash/maphash"

// A flaky test is one that failed and passed when it was run again: its runner says that it passed, and ends with success. Runners write
// that in three ways.
//   - The case has no sign of it (jest, pytest-rerunfailures).
//   - The case has an element for each run beside its own (Surefire, Gradle with mergeReruns): flakyFailure or flakyError in one that
//     passed in the end, rerunFailure or rerunError in one that did not.
//   - Each run is a case (gotestsum, Gradle without mergeReruns). Two tests with one name look the same, of which one failed. Only in a
//     Go package each test has its own name, so only there the runs of one test are put together.

// runs are runs of tests.
type runs struct{ all, failed, errored int }

func (r *runs) add(more runs) {
	r.all += more.all
	r.failed += more.failed
	r.errored += more.errored
}

// goVersion is the property by which gotestsum marks the suite of a Go package.
const goVersion = "go.version"

// reruns are the runs of the tests of a Go package, by a hash of their names. The order of its cases says nothing: gotestsum writes those
// that failed first.
type reruns map[uint64]ends

// ends is how often a test ended how. failing is how many of the tests inside it failed, each of which runs it again too.
type ends struct{ passed, failed, other, failing uint32 }

var hashSeed = maphash.MakeSeed()

func hashOf(class, name string) uint64 {
	var h maphash.Hash
	h.SetSeed(hashSeed)
	for _, part := range []string{class, "\x00", name} {
		_, _ = h.WriteString(part) // never fails
	}
	return h.Sum64()
}

// startReruns is called for a suite of a Go package, before its first case.
func (s *suite) startReruns() {
	if s.reruns == nil && s.seen.Tests == 0 && s.waiting == 0 {
		s.reruns = reruns{}
	}
}

func (r reruns) add(c *testCase) {
	key := hashOf(c.class, c.name)
	e := r[key]
	switch c.worst {
	case passed:
		e.passed++
	case failed:
		e.failed++
	case skipped, errored:
		e.other++
	}
	r[key] = e
	if c.worst != failed || e.failed > 1 {
		return
	}
	for i := range c.name {
		if c.name[i] == '/' {
			above := hashOf(c.class, c.name[:i])
			e := r[above]
			e.failing++
			r[above] = e
		}
	}
}

// overcome is how many runs failed of tests that passed in the end: of all tests, if only tests that failed were run again. Otherwise the
// package was run several times (go test -count), and each failure is one.
func (r reruns) overcome() int {
	count := uint32(0)
	for _, e := range r {
		if e.passed+e.other > max(1, e.failing) {
			return 0
		}
		if e.failed > 0 && e.passed > 0 && e.other == 0 {
			count += e.failed
		}
	}
	return int(count)
}

// takeOvercome counts the runs that were overcome as runs, and no longer as tests.
func (s *suite) takeOvercome() {
	count := s.reruns.overcome()
	s.seen.Tests -= count
	s.seen.Failures -= count
	s.more.add(runs{all: count, failed: count})
	s.reruns = nil
}
