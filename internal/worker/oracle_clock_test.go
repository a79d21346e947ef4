package worker

import (
	"strings"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// behind reports whether the ledger has an event of a later moment: either the clock is wrong now, or it was then.
func (s setup) behind() bool {
	events := must(s.ledger.Events(s.ctx, must(s.ledger.Ledger(s.ctx)).Newest.Seq-1, 1))
	late := len(events) > 0 && events[0].At.After(s.now.Add(time.Second))
	if late {
		s.oracle.happened("judged by a clock that is behind")
	}
	return late
}

// timed reports whether a gate says something about the time.
func (s setup) timed(g delivery.Gates, gate string) bool {
	_, name, _ := strings.Cut(gate, ".")
	switch group(gate) {
	case "soak", "windows", "cooldown", "max_deploys":
		return true
	case "approvals":
		return g.Approvals.ExpiresAfter != "" || len(g.Approvals.SignedBy) > 0
	case "tests":
		return g.Tests[name].MaxAge != ""
	case "expressions":
		return strings.Contains(g.Expressions[name].Condition, "now.")
	}
	return false
}
