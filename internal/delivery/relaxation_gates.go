package delivery

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/person"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// easing collects what is easier to pass in one declaration than in another.
type easing struct {
	where string
	found *[]string
	// than is the other pipeline when two pipelines are compared, and empty when a declaration is compared with what it was. Two pipelines
	// deliver different programs, so it is not compared who approves, what is tested and which checks are asked, only that there are some.
	than string
	// was and is are the pipelines of the two declarations: a gate may name their stages. Nil: the names of stages are compared.
	was, is *PipelineSpec
}

func (c easing) add(format string, args ...any) {
	*c.found = append(*c.found, c.where+": "+fmt.Sprintf(format, args...))
}

func (c easing) lenient() bool { return c.than != "" }

// since is "now" where a declaration is compared with what it was.
func (c easing) since() string {
	if c.lenient() {
		return ""
	}
	return "now "
}

// gone says what became of a gate that is not there.
func (c easing) gone() string {
	if c.lenient() {
		return "missing"
	}
	return "removed"
}

func (c easing) overridable(old, now []string) {
	for _, gate := range now {
		if !covered(old, gate) {
			c.add("%s can %sbe overridden", gate, c.since())
		}
	}
}

func (c easing) verify(old, now map[string]Check) {
	if c.lenient() {
		if len(old) > 0 && len(now) == 0 {
			c.add("no verification")
		}
		return
	}
	for _, name := range sortedKeys(old) {
		if check, kept := now[name]; !kept && !holds(now, old[name], sameCheck) {
			c.add("verification %q removed", name)
		} else if kept && !sameCheck(old[name], check) {
			c.add("verification %q changed", name)
		}
	}
}

func sameCheck(a, b Check) bool { return reflect.DeepEqual(a, b) }

// replaced compares gates that have names. One that goes on under another name is still asked. Those of another pipeline are about another
// program: one of them is enough.
func replaced[G any](c easing, noun string, old, now map[string]G, same func(a, b G) bool) {
	if c.lenient() {
		if len(old) > 0 && len(now) == 0 {
			c.add("%s* missing", noun)
		}
		return
	}
	for _, name := range sortedKeys(old) {
		if gate, kept := now[name]; !kept && !holds(now, old[name], same) {
			c.add("%s%s removed", noun, name)
		} else if kept && !same(old[name], gate) {
			c.add("%s%s changed", noun, name)
		}
	}
}

func holds[G any](gates map[string]G, one G, same func(a, b G) bool) bool {
	for _, gate := range gates {
		if same(one, gate) {
			return true
		}
	}
	return false
}

func (c easing) gates(old, now Gates) {
	c.approvals(old.Approvals, now.Approvals)
	c.tests(old.Tests, now.Tests)
	c.soak(old.Soak, now.Soak)
	c.windows(old.Windows, now.Windows)
	c.frequency(old, now)
	if old.Parity != nil && now.Parity == nil {
		c.add("gate parity %s", c.gone())
	}
	replaced(c, "gate checks.", old.Checks, now.Checks, sameCheck)
	replaced(c, "gate expressions.", old.Expressions, now.Expressions, func(a, b Expression) bool { return a.Condition == b.Condition })
}

func (c easing) approvals(old, now *ApprovalsGate) {
	switch {
	case old == nil:
		return
	case now == nil:
		c.add("gate approvals %s", c.gone())
		return
	}
	if now.Required < old.Required {
		c.add("%d approvals instead of %d", now.Required, old.Required)
	}
	if now.anyone() && !old.anyone() {
		c.add("anyone may now approve")
	}
	for _, who := range now.Approvers {
		if !now.anyone() && !old.anyone() && !person.In(old.Approvers, who) && !c.lenient() {
			c.add("%s may now approve", who)
		}
	}
	if now.AllowAuthor && !old.AllowAuthor {
		c.add("authors may now approve their own releases")
	}
	if old.ExpiresAfter != "" && (now.ExpiresAfter == "" || now.ExpiresAfter.Value() > old.ExpiresAfter.Value()) {
		c.add("approvals are valid for longer")
	}
	if old.demandsSignature() && !now.demandsSignature() {
		c.add("approvals no longer need a signature")
	}
	for _, line := range now.SignedBy {
		if len(old.SignedBy) > 0 && !slices.Contains(old.SignedBy, line) && !c.lenient() {
			c.add("another key may now sign approvals")
		}
	}
}

func (c easing) tests(old, now map[string]TestsGate) {
	if c.lenient() {
		if len(old) > 0 && len(now) == 0 {
			c.add("gate tests missing")
		}
		return
	}
	for _, suite := range sortedKeys(old) {
		gate, kept := now[suite]
		before := old[suite]
		switch {
		case !kept:
			c.add("gate tests.%s removed", suite)
		case gate.Least() < before.Least():
			c.add("gate tests.%s: %d tests must run instead of %d", suite, gate.Least(), before.Least())
		case gate.MaxFailures > before.MaxFailures:
			c.add("gate tests.%s: %d failures are allowed instead of %d", suite, gate.MaxFailures, before.MaxFailures)
		case before.MaxAge != "" && (gate.MaxAge == "" || gate.MaxAge.Value() > before.MaxAge.Value()):
			c.add("gate tests.%s: older reports are accepted", suite)
		}
	}
}

func (c easing) soak(old, now *SoakGate) {
	switch {
	case old == nil:
	case now == nil:
		c.add("gate soak %s", c.gone())
	case now.Stage == old.Stage && c.soaksLess(old.Stage, now.Stage):
		c.add("gate soak: stage %s lost environments", old.Stage)
	case c.soaksLess(old.Stage, now.Stage):
		c.add("gate soak uses stage %s instead of %s", now.Stage, old.Stage)
	case now.Duration.Value() < old.Duration.Value():
		c.add("gate soak requires %s instead of %s", now.Duration, old.Duration)
	}
}

// soaksLess reports whether the stage in which a release must run now leaves out something of the stage in which it had to run before.
func (c easing) soaksLess(old, now string) bool {
	if c.lenient() {
		return false
	}
	if c.was == nil || c.is == nil {
		return now != old
	}
	before, _ := c.was.Stage(old)
	after, _ := c.is.Stage(now)
	return len(missing(before.Environments, after.Environments)) > 0
}

// missing lists what is in one list and not in the other.
func missing(from, in []string) []string {
	return slices.DeleteFunc(slices.Clone(from), func(name string) bool { return slices.Contains(in, name) })
}

// windows compares each window with those that there were: the gate passes when any of them is open, so one that is within none of them
// opens more.
func (c easing) windows(old, now map[string]schedule.Window) {
	switch {
	case len(old) == 0:
		return
	case len(now) == 0:
		c.add("gate windows %s", c.gone())
		return
	}
	for _, name := range sortedKeys(now) {
		_, had := old[name]
		switch {
		case holds(old, now[name], within):
		case c.lenient():
			c.add("window %q opens at other times", name)
		case had:
			c.add("window %q is wider", name)
		default:
			c.add("window %q is added", name)
		}
	}
}

// within reports whether a window is open only while the other one is too.
func within(window, other schedule.Window) bool {
	return reflect.DeepEqual(window, other) || !window.Exceeds(other)
}

func (c easing) frequency(old, now Gates) {
	switch {
	case old.Cooldown == nil:
	case now.Cooldown == nil:
		c.add("gate cooldown %s", c.gone())
	case now.Cooldown.Duration.Value() < old.Cooldown.Duration.Value():
		c.add("gate cooldown requires %s instead of %s", now.Cooldown.Duration, old.Cooldown.Duration)
	}
	switch before, after := old.MaxDeploys, now.MaxDeploys; {
	case before == nil:
	case after == nil:
		c.add("gate max_deploys %s", c.gone())
	case after.Count > before.Count || after.Per.Value() < before.Per.Value():
		c.add("gate max_deploys allows %d within %s instead of %d within %s", after.Count, after.Per, before.Count, before.Per)
	}
}
