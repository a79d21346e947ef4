package delivery

import (
	"fmt"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/schedule"
)

// windowsGate passes while at least one of the windows is open. A window that can never open is ignored while another one
// can.
func windowsGate(windows map[string]schedule.Window, now time.Time) GateResult {
	names := slices.DeleteFunc(sortedKeys(windows), func(name string) bool {
		_, opens := windows[name].Next(now)
		return !opens
	})
	if len(names) == 0 {
		return noWindow(windows)
	}
	if open := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !windows[name].Open(now) }); len(open) > 0 {
		return openWindow(windows, open, now)
	}
	var earliest string
	var ready time.Time
	for _, name := range names {
		if next, _ := windows[name].Next(now); earliest == "" || next.Before(ready) {
			earliest, ready = name, next
		}
	}
	reason := fmt.Sprintf("no window is open; %s opens on %s", earliest, windows[earliest].Format(ready))
	return GateResult{Name: "windows", Verdict: VerdictPending, ReadyAt: &ready, Reason: reason}
}

// openWindow names, of windows that are open, the one that stays open longest.
func openWindow(windows map[string]schedule.Window, open []string, now time.Time) GateResult {
	result := GateResult{Name: "windows", Verdict: VerdictPassed}
	var until time.Time
	for _, name := range open {
		closes, ever := windows[name].Closes(now)
		if !ever {
			result.Reason = fmt.Sprintf("%s is always open", name)
			return result
		}
		if closes.After(until) {
			until = closes
			result.Reason = fmt.Sprintf("%s is open until %s", name, windows[name].Format(closes))
		}
	}
	return result
}

func noWindow(windows map[string]schedule.Window) GateResult {
	reason := "no window is declared, so none can open"
	for _, name := range sortedKeys(windows) {
		p := newProblems()
		windows[name].Validate(p.report)
		if wrong := p.errors(); len(wrong) > 0 {
			reason = fmt.Sprintf("no window can ever open; correct %s: %s", name, wrong[0])
			break
		}
	}
	return GateResult{Name: "windows", Verdict: VerdictFailed, Reason: reason}
}
