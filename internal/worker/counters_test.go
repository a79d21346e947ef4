package worker

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

var refusedGate = regexp.MustCompile(`(?m)^  (policy\.[a-z]+\.)?([a-z_]+)\S*\s+(pending|failed)`)

// count keeps the figures that show what the histories went through.
func (u *simulation) count(out outcome) {
	said := ""
	if out.refused != nil {
		said = out.refused.Error()
	}
	if s := out.work.Stopped; s != nil {
		said += "\n" + delivery.GateTable(s.Gates)
		if s.Held != "" {
			u.counters.add("held")
		}
	}
	for _, gate := range refusedGate.FindAllStringSubmatch(said, -1) {
		u.counters.add("stopped by " + gate[2])
		if gate[1] != "" {
			u.counters.add("stopped by a policy's " + gate[2])
		}
	}
	if strings.Contains(said, "is held") {
		u.counters.add("held")
	}
	if strings.Contains(said, "are immutable") {
		u.counters.add("other content refused")
	}
	if out.told {
		u.counters.add("report written by a verification")
	}
	if out.paused {
		u.counters.add("waited")
	}
}

// counters count what happened in all histories.
type counters struct {
	mu     sync.Mutex
	counts map[string]int
}

func newCounters() *counters { return &counters{counts: map[string]int{}} }

func (c *counters) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what]++
}

func (c *counters) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := ""
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		lines += fmt.Sprintf("%8d  %s\n", c.counts[what], what)
	}
	return lines
}
