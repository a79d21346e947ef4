package delivery

import "slices"

// PipelineState is where everything stands that belongs to a pipeline: one answer instead of one for each release, promotion and record.
type PipelineState struct {
	Pipeline string `json:"pipeline"`
	// Releases are those that are wanted somewhere, that run, or that a decision may go back to. Retired ones are left out.
	Releases []ReleaseState `json:"releases,omitempty"`
	// Promotions are managed ones into manual stages, in the order of the stages.
	Promotions []PromotionState `json:"promotions,omitempty"`
	// Approvals, reports and overrides are those of these releases that were not taken back.
	Approvals []Approval   `json:"approvals,omitempty"`
	Reports   []TestReport `json:"reports,omitempty"`
	Overrides []Override   `json:"overrides,omitempty"`
	// AutoStart is whether releases enter without a promotion. Leading is then the version that the leading stages are to run as its
	// release has it now; empty when that release is retired or was declared with another attempt since.
	AutoStart bool   `json:"auto_start,omitempty"`
	Leading   string `json:"leading,omitempty"`
	// Settled is true when delivering again what is wanted would do nothing, and nothing has to be told about it.
	Settled bool `json:"settled,omitempty"`
	// Unguarded are the stages in which the gate "guarded" refuses every release.
	Unguarded []UnguardedStage `json:"unguarded,omitempty"`
}

// RefreshRequest names pipelines to look at.
type RefreshRequest struct {
	Pipelines []string `json:"pipelines"`
	// Next names pipelines that the caller may ask for next. They are looked at as well if that was done from the same place before.
	Next []string `json:"next,omitempty"`
}

// MaxRefresh is how many pipelines one request may name.
const MaxRefresh = 250

// Validate checks the number of pipelines.
func (r RefreshRequest) Validate() Errors {
	p := newProblems()
	if n := len(r.Pipelines) + len(r.Next); n > MaxRefresh {
		p.at("pipelines").add("%d pipelines are named; at most %d are looked at in one request", n, MaxRefresh)
	}
	return p.errors()
}

// Release returns where a release stands, if the answer has it.
func (s PipelineState) Release(version string) (ReleaseState, bool) {
	return first(s.Releases, func(r ReleaseState) bool { return r.Spec.Version == version })
}

// Promotion returns where the promotion into a stage stands, if the answer has it.
func (s PipelineState) Promotion(stage string) (PromotionState, bool) {
	return first(s.Promotions, func(p PromotionState) bool { return p.Spec.Stage == stage })
}

// Approval returns a decision, if the answer has it.
func (s PipelineState) Approval(id string) (Approval, bool) {
	return first(s.Approvals, func(a Approval) bool { return a.ID == id })
}

// Report returns a test report, if the answer has it.
func (s PipelineState) Report(id string) (TestReport, bool) {
	return first(s.Reports, func(r TestReport) bool { return r.ID == id })
}

// Override returns an override, if the answer has it.
func (s PipelineState) Override(id string) (Override, bool) {
	return first(s.Overrides, func(o Override) bool { return o.ID == id })
}

func first[T any](all []T, is func(T) bool) (found T, ok bool) {
	i := slices.IndexFunc(all, is)
	if i < 0 {
		return found, false
	}
	return all[i], true
}

// KeptBy reports whether a plan leaves the pipeline as it stands: it is settled, the plan changes nothing that it depends on, and the releases
// and promotions that the plan declares are those that are recorded. Previews of these would say that nothing is to be done. The changes are
// those that concern the pipeline, as ForPipeline returns them.
func (s PipelineState) KeptBy(c ChangeSet) bool {
	return s.Settled && !c.ChangesAnything() && len(c.UnknownDeliveries) == 0 &&
		!slices.ContainsFunc(c.Releases.All(), func(r ReleaseRequest) bool { return !s.keepsRelease(r) }) &&
		!slices.ContainsFunc(c.Promotions.All(), func(p PromotionSpec) bool {
			known, ok := s.Promotion(p.Stage)
			return !ok || known.Spec != p || len(p.Validate()) > 0
		})
}

func (s PipelineState) keepsRelease(r ReleaseRequest) bool {
	known, ok := s.Release(r.Spec.Version)
	return ok && len(r.Spec.Validate()) == 0 && len(ValidateAttempt(r.Attempt)) == 0 && known.Digest == r.Spec.Digest() && known.Attempt == r.Attempt && (!s.AutoStart || s.Leading == r.Spec.Version)
}

// Settled reports whether an actor who delivers again what is wanted in each stage would do nothing, and would have to be told nothing: each
// stage runs what is wanted there, each environment was seen, and no override is live.
func Settled(w World, actor string) bool {
	for _, p := range w.managed() {
		release, known := w.Releases[p.Spec.Version]
		if !known {
			return false
		}
		f := Simulate(w, nil, Promotion{Spec: p.Spec, RequestedBy: actor, RequestedAt: w.Now})
		if f.Changes() || !f.Questions.Empty() {
			return false
		}
		for _, s := range f.Decision.Stages {
			stage, _ := w.Pipeline.Stage(s.Stage)
			if !s.Satisfied() || len(s.Unknown) > 0 || len(w.LiveOverrides(stage, release)) > 0 {
				return false
			}
		}
	}
	return true
}

// Leading returns the version that the leading automatic stages are to run, if its release has not been declared otherwise since.
func Leading(w World) string {
	if !w.Pipeline.AutoStart() {
		return ""
	}
	wanted := w.Promotions[w.Pipeline.Stages[0].Name].Spec
	release, known := w.Releases[wanted.Version]
	if !known || release.Retired || wanted != (ReleaseRequest{Spec: release.Spec, Attempt: release.Attempt}).LeadingPromotion(w.Pipeline, "", w.Now).Spec {
		return ""
	}
	return wanted.Version
}

// managed lists the promotions that somebody declares, in the order of their stages.
func (w World) managed() []Promotion {
	all := []Promotion{}
	for _, stage := range w.Pipeline.Stages {
		if p, ok := w.Promotions[stage.Name]; ok && !p.Unmanaged {
			all = append(all, p)
		}
	}
	return all
}
