package delivery

import "time"

// WhenBlocked says what a promotion does when a gate does not pass.
type WhenBlocked string

// What a blocked promotion does.
const (
	WhenBlockedFail WhenBlocked = "fail" // refuse; nothing is recorded as wanted, nothing is deployed
	WhenBlockedWait WhenBlocked = "wait" // stay until the gates pass, one fails, or the caller gives up
	WhenBlockedPend WhenBlocked = "pend" // succeed with status waiting
)

// PromotionSpec asks that a release be brought into a stage, and on through the automatic stages after it.
type PromotionSpec struct {
	Pipeline    string      `json:"pipeline"`
	Stage       string      `json:"stage"`
	Version     string      `json:"version"`
	WhenBlocked WhenBlocked `json:"when_blocked"`
	Attempt     int         `json:"attempt"`
}

// Promotion is what the ledger says should be in a stage. For a pipeline whose first stage is automatic, delivering a release
// is a promotion into that first stage.
type Promotion struct {
	Spec        PromotionSpec `json:"spec"`
	RequestedBy string        `json:"requested_by"`
	RequestedAt time.Time     `json:"requested_at"`
	// Unmanaged is true once nobody declares the promotion: what runs keeps running, and nothing moves it.
	Unmanaged bool `json:"unmanaged,omitempty"`
}

// ID names a promotion: pipeline/stage.
func (s PromotionSpec) ID() string { return s.Pipeline + "/" + s.Stage }

// Validate checks the request alone.
func (s PromotionSpec) Validate() Errors {
	p := newProblems()
	validateName(p.at("pipeline"), s.Pipeline)
	validateName(p.at("stage"), s.Stage)
	validateVersion(p.at("version"), s.Version)
	if s.WhenBlocked != WhenBlockedFail && s.WhenBlocked != WhenBlockedWait && s.WhenBlocked != WhenBlockedPend {
		p.at("when_blocked").add("%q is not known; use \"fail\", \"wait\" or \"pend\"", s.WhenBlocked)
	}
	return append(p.errors(), ValidateAttempt(s.Attempt)...)
}

// ValidateStage checks that the stage exists and is entered by a promotion.
func (s PromotionSpec) ValidateStage(pipeline PipelineSpec) Errors {
	p := newProblems()
	stage, ok := pipeline.Stage(s.Stage)
	switch {
	case !ok:
		p.at("stage").add("%s", pipeline.NoStage(s.Stage))
	case stage.Promotion == Automatic:
		p.at("stage").add("stage %q of %s is automatic, so releases enter it without a promotion; promote into a manual stage, or make this one manual", s.Stage, pipeline)
	}
	return p.errors()
}
