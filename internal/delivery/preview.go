package delivery

// Overlay is what a plan is about to change, laid over the ledger for one preview. Each list holds only what the preview needs.
type Overlay struct {
	Environments []EnvironmentSpec `json:"environments,omitempty"`
	Pipelines    []PipelineSpec    `json:"pipelines,omitempty"`
	Releases     []ReleaseRequest  `json:"releases,omitempty"`
	Promotions   []PromotionSpec   `json:"promotions,omitempty"`
	Approvals    []ApprovalSpec    `json:"approvals,omitempty"`
	// Revoked lists approvals, by id, that the plan is about to take back.
	Revoked []string `json:"revoked,omitempty"`
}

// PreviewRequest asks what applying one declaration would do. Exactly one subject is set.
type PreviewRequest struct {
	Overlay     Overlay          `json:"overlay"`
	Environment *EnvironmentSpec `json:"environment,omitempty"`
	Pipeline    *PipelineSpec    `json:"pipeline,omitempty"`
	Release     *ReleaseRequest  `json:"release,omitempty"`
	Promotion   *PromotionSpec   `json:"promotion,omitempty"`
	Approval    *ApprovalSpec    `json:"approval,omitempty"`
}

// Preview says what applying one declaration would do.
type Preview struct {
	// Refused is why applying would be refused; nil when it would not.
	Refused Errors `json:"refused,omitempty"`
	// Changes is true when applying would deploy something, or report a failure that holds.
	Changes bool `json:"changes"`
	// Steps is what would be done, in order.
	Steps []Step `json:"steps,omitempty"`
	// Stages is where the release would stand afterwards in the stages it is carried through.
	Stages []StageDecision `json:"stages,omitempty"`
	// ContentDigest is what an approval would cover.
	ContentDigest string `json:"content_digest,omitempty"`
}
