package delivery

import "time"

// ReleaseRequest registers a release and carries it through the leading automatic stages of its pipeline.
type ReleaseRequest struct {
	Spec    ReleaseSpec `json:"spec"`
	Attempt int         `json:"attempt"`
}

// LeadingPromotion is the promotion that delivering a release means: into the first stage, waiting wherever a gate is not ready.
func (r ReleaseRequest) LeadingPromotion(pipeline PipelineSpec, actor string, now time.Time) Promotion {
	return Promotion{RequestedBy: actor, RequestedAt: now, Spec: PromotionSpec{Pipeline: pipeline.Name,
		Stage: pipeline.Stages[0].Name, Version: r.Spec.Version, WhenBlocked: WhenBlockedPend, Attempt: r.Attempt}}
}

// Work tells where the work that a write started stands.
type Work struct {
	// Finished is false while work is going on.
	Finished bool `json:"finished"`
	// Failure is why it failed, once finished; nil when it did not.
	Failure *Error `json:"failure,omitempty"`
	// Stopped is the stage at which the release stands still, once finished; nil when it got through.
	Stopped *StageDecision `json:"stopped,omitempty"`

	// What was asked for, by whom and when; all are empty where nobody asked for anything.
	Version     string     `json:"version,omitempty"`
	RequestedBy string     `json:"requested_by,omitempty"`
	RequestedAt *time.Time `json:"requested_at,omitempty"`
	// Progress says what is being done, or was done last.
	Progress string `json:"progress,omitempty"`
	// CancelRequested says that somebody asked for the work to be stopped at its next safe point.
	CancelRequested bool `json:"cancel_requested,omitempty"`
	// FinishedAt is when the work ended; nil while it goes on, and when its process ended without finishing it.
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

// ReleaseState is a release as it is read back.
type ReleaseState struct {
	Release
	Stages map[string]StageState `json:"stages"`
	Work   Work                  `json:"work"`
}

// PromotionState is a promotion as it is read back.
type PromotionState struct {
	Promotion
	Status         StageStatus                 `json:"status"`
	RunningVersion string                      `json:"running_version"`
	Artifacts      map[string]Artifact         `json:"artifacts"` // of the release that runs there
	Environments   map[string]EnvironmentState `json:"environments"`
	WaitingOn      []string                    `json:"waiting_on"`
	DeployedAt     *time.Time                  `json:"deployed_at,omitempty"`
	Work           Work                        `json:"work"`
}

// Deployed is what a pipeline runs in one environment.
type Deployed struct {
	Pipeline       string              `json:"pipeline"`
	Environment    string              `json:"environment"`
	Version        string              `json:"version"`
	Artifacts      map[string]Artifact `json:"artifacts"`
	Status         string              `json:"status"`
	DeployedAt     *time.Time          `json:"deployed_at,omitempty"`
	ConfigRevision string              `json:"config_revision"`
	Drifted        bool                `json:"drifted"`
	Differences    []string            `json:"differences"` // how what runs differs from what was deployed
}
