package delivery

import "time"

// Readiness answers whether a release could enter a stage at a moment.
type Readiness struct {
	Ready bool `json:"ready"`
	// ReadyAt is the earliest moment at which time alone makes every gate pass; nil when a person or a change is needed.
	ReadyAt *time.Time `json:"ready_at,omitempty"`
	// LastGate is the gate that passes last, by time alone; empty when all pass already, or when time alone does not do.
	LastGate string       `json:"last_gate,omitempty"`
	Gates    []GateResult `json:"gates"`
	// ContentDigest is the digest of what would be delivered: what decisions about it name.
	ContentDigest string `json:"content_digest"`
}

// maxMoments bounds the search for the moment at which all gates pass: more moments mean that they never do together.
const maxMoments = 1000

// Ready asks every gate of a stage about a release, at the world's moment, and then at each later moment that a gate names until
// all pass: a soak may end while a window is closed, and the window open while a freeze lasts.
func Ready(w World, stage Stage, release Release) (Readiness, Questions) {
	questions := Questions{}
	ask := func() []GateResult {
		return append(w.hold(stage, release), candidate{World: w, stage: stage, release: release, environments: stage.Environments, questions: &questions}.evaluate()...)
	}
	r := Readiness{Gates: ask(), ContentDigest: w.ApprovalDigest(stage, release)}
	r.Ready = GatesPassed(r.Gates)
	gates, last := r.Gates, ""
	for range maxMoments {
		if GatesPassed(gates) {
			now := w.Now
			r.ReadyAt, r.LastGate = &now, last
			return r, questions
		}
		next, gate := nextMoment(gates)
		if next == nil || !next.After(w.Now) {
			return r, questions
		}
		w.Now, last = *next, gate
		gates = ask()
	}
	return r, questions
}

// hold tells of the hold on a release that failed in the stage or was rolled back there. It is no gate that is declared, but it keeps
// the release out as one does, and no override skips it.
func (w World) hold(stage Stage, release Release) []GateResult {
	entry := w.Pipeline.Stages[w.Pipeline.Entry(w.Pipeline.StageIndex(stage.Name))].Name
	attempt := 1
	if p, ok := w.Promotions[entry]; ok && p.Spec.Version == release.Spec.Version {
		attempt = p.Spec.Attempt
	}
	failed := w.History.failedDeployments(stage.Name, release.Spec.Version, attempt)
	if len(failed) == 0 {
		return nil
	}
	return []GateResult{{Name: "hold", Verdict: VerdictFailed, Reason: retryHold(failed)}}
}

// nextMoment returns the latest of the moments that the gates which have not passed wait for, and which gate waits for it; nil
// when one of them waits for something else than time.
func nextMoment(gates []GateResult) (next *time.Time, gate string) {
	for _, g := range gates {
		switch {
		case g.Verdict == VerdictPassed:
		case g.Verdict == VerdictFailed || g.ReadyAt == nil:
			return nil, ""
		case next == nil || g.ReadyAt.After(*next):
			next, gate = g.ReadyAt, g.Name
		}
	}
	return next, gate
}
