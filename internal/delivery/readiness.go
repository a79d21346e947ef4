package delivery

import "time"

// Readiness answers whether a release could enter a stage at a moment.
type Readiness struct {
	Ready bool `json:"ready"`
	// ReadyAt is the earliest moment at which time alone makes every gate pass; nil when a person or a change is needed.
	ReadyAt *time.Time   `json:"ready_at,omitempty"`
	Gates   []GateResult `json:"gates"`
}

// Ready asks every gate of a stage about a release, at the world's moment.
func Ready(w World, stage Stage, release Release) (Readiness, Asks) {
	asks := Asks{}
	r := Readiness{Gates: w.evaluate(stage, release, &asks)}
	r.Ready = GatesPassed(r.Gates)
	if r.Ready {
		now := w.Now
		r.ReadyAt = &now
		return r, asks
	}
	for _, g := range r.Gates {
		switch {
		case g.Verdict == Passed:
		case g.Verdict == Blocked || g.ReadyAt == nil:
			r.ReadyAt = nil
			return r, asks
		case r.ReadyAt == nil || g.ReadyAt.After(*r.ReadyAt):
			r.ReadyAt = g.ReadyAt
		}
	}
	return r, asks
}
