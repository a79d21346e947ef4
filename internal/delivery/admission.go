package delivery

import (
	"fmt"
	"strings"
)

// Admit says whether a promotion may be recorded as wanted. With when_blocked = "fail", a release that cannot enter now is
// refused and nothing is recorded, so that it does not enter later without anybody asking. The same promotion again is
// always admitted: it is wanted already.
func Admit(w World, p Promotion) (*Error, Questions) {
	if was, ok := w.Promotions[p.Spec.Stage]; ok && !was.Unmanaged && was.Spec.Version == p.Spec.Version && was.Spec.Attempt == p.Spec.Attempt {
		return nil, Questions{}
	}
	d := Decide(w.With(p), p.Spec.Stage)
	if p.Spec.WhenBlocked != WhenBlockedFail || len(d.Stages) == 0 {
		return nil, d.Questions
	}
	entry := d.Stages[0]
	if entry.Held == "" && !entry.GatesClosed() {
		return nil, d.Questions
	}
	return Refusal(p.Spec.Pipeline, entry), d.Questions
}

// Outcome says why work on a promotion that has come to rest counts as failed; nil when it got through or may wait.
func Outcome(wanted Promotion, d Decision) *Error {
	stopped := d.Stopped()
	if stopped == nil {
		return nil
	}
	rest := []string{}
	for _, s := range d.Stages {
		if s.Stage != stopped.Stage {
			rest = append(rest, s.unfinished()...)
		}
	}
	switch {
	case stopped.Held != "" || stopped.HasFailedGate(),
		stopped.GatesClosed() && wanted.Spec.WhenBlocked == WhenBlockedFail && stopped.Stage == wanted.Spec.Stage:
		refusal := Refusal(wanted.Spec.Pipeline, *stopped)
		refusal.Message += strings.TrimSuffix("\n"+sentences(rest), "\n")
		return refusal
	}
	if lines := append(stopped.unfinished(), rest...); len(lines) > 0 {
		return Errorf(CodeConflict, "work on %s/%s is not finished.\n%s", wanted.Spec.Pipeline, wanted.Spec.Stage, strings.TrimSuffix(sentences(lines), "\n"))
	}
	return nil
}

// sentences makes a line of each.
func sentences(lines []string) string {
	text := ""
	for _, line := range lines {
		text += strings.ToUpper(line[:1]) + line[1:] + ".\n"
	}
	return text
}

// Refusal words why a release does not enter a stage: every gate with its verdict, and what would make it pass.
func Refusal(pipeline string, s StageDecision) *Error {
	unfinished := sentences(s.unfinished())
	if s.Held != "" {
		return Errorf(CodeConflict, "release %s/%s is held: %s.%s", pipeline, s.Version, s.Held, strings.TrimSuffix("\n"+unfinished, "\n"))
	}
	refusal := Errorf(CodeConflict, "release %s/%s may not enter stage %q:\n%s%s", pipeline, s.Version, s.Stage, GateTable(s.Gates), unfinished)
	refusal.Gates = s.Gates
	return refusal
}

// GateTable prints gates one a line, aligned: name, verdict, reason.
func GateTable(gates []GateResult) string {
	width := 0
	for _, g := range gates {
		width = max(width, len(g.Name))
	}
	text := ""
	for _, g := range gates {
		text += fmt.Sprintf("  %-*s  %-7s  %s\n", width, g.Name, g.Verdict, g.Reason)
	}
	return text
}
