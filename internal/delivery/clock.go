package delivery

import (
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery/expr"
)

// MaxClockNoise is how far the clocks of machines that share a ledger differ without anything being wrong.
const MaxClockNoise = time.Second

// clockProblem says why time cannot be judged: the clock is behind the ledger's newest event, so it was set back, or another machine's runs
// ahead. It is empty if there is nothing wrong. Nothing that depends on time passes meanwhile: a clock that was set back would reopen windows
// and revive what has expired.
func (w World) clockProblem() string {
	if w.Ledger.At.Sub(w.Now) <= MaxClockNoise {
		return ""
	}
	return fmt.Sprintf("the clock says %s, which is before the ledger's newest event, of %s: correct the clock of this machine, or wait until then", clock(w.Now), clock(w.Ledger.At))
}

// timed is the result of a gate that depends on time: it does not pass while time cannot be judged.
func (c candidate) timed(g GateResult) GateResult {
	problem := c.clockProblem()
	if problem == "" || g.Verdict == VerdictFailed {
		return g
	}
	if g.Verdict == VerdictPassed {
		g.Reason = problem
	} else {
		g.Reason += "; " + problem
	}
	g.Verdict, g.ReadyAt = VerdictPending, nil
	return g
}

// timedIf is timed for a gate that depends on time only in some configurations.
func (c candidate) timedIf(depends bool, g GateResult) GateResult {
	if !depends {
		return g
	}
	return c.timed(g)
}

// parityEnds reports whether a difference is allowed for a time only, in an environment that the parity gate may compare: one of the stage,
// or of a stage before it.
func (c candidate) parityEnds() bool {
	for _, stage := range c.Pipeline.Stages[:c.Pipeline.StageIndex(c.stage.Name)+1] {
		for _, name := range stage.Environments {
			if parity := c.Environments[name].Parity; parity != nil && parity.ends() {
				return true
			}
		}
	}
	return false
}

// ends reports whether a difference is allowed for a time only.
func (p Parity) ends() bool {
	for _, allowed := range p.Allow {
		if allowed.Until != "" {
			return true
		}
	}
	return false
}

// expression asks a condition. One that reads the time depends on it.
func (c candidate) expression(name string, gate Expression) GateResult {
	program, flaws := expr.Compile(gate.Condition)
	return c.timedIf(len(flaws) == 0 && program.ReadsNow(), expressionsGate(name, gate, c.expressionInputs()))
}
