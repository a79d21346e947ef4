package delivery

// PreviewRequest asks what applying one declaration would do. Exactly one subject is set.
type PreviewRequest struct {
	Changes     ChangeSet        `json:"change_set"`
	Environment *EnvironmentSpec `json:"environment,omitempty"`
	Pipeline    *PipelineSpec    `json:"pipeline,omitempty"`
	Release     *ReleaseRequest  `json:"release,omitempty"`
	Promotion   *PromotionSpec   `json:"promotion,omitempty"`
	Approval    *ApprovalSpec    `json:"approval,omitempty"`
	// Policy asks what an edit of a policy weakens; with Removed, what removing it does.
	Policy *PolicySpec `json:"policy,omitempty"`
	// Freeze asks what an edit of a freeze that lasts now lets through; with Removed, what lifting it does.
	Freeze       *FreezeSpec          `json:"freeze,omitempty"`
	Override     *OverrideSpec        `json:"override,omitempty"`
	TestReport   *TestReportRequest   `json:"test_report,omitempty"`
	Verification *VerificationRequest `json:"verification,omitempty"`
	// Removed says that the subject (a policy or a freeze) is about to be deleted.
	Removed bool `json:"removed,omitempty"`
}

// Preview says what applying one declaration would do.
type Preview struct {
	// Refused is why applying would be refused; nil when it would not.
	Refused Errors `json:"refused,omitempty"`
	// Changes is true when applying would deploy something, or report a failure that holds.
	Changes bool `json:"changes"`
	// Steps is what would be done, in order.
	Steps []Step `json:"steps,omitempty"`
	// Missing describes what a deployment of these steps would not find, of a release that this plan registers: its artifacts may
	// yet be built. Of a release that the ledger knows, it is a refusal.
	Missing []string `json:"missing,omitempty"`
	// Stages is where the release would stand afterwards in the stages it is carried through.
	Stages []StageDecision `json:"stages,omitempty"`
	// Promotion is how a promotion will read once it is applied; nil when that is not certain.
	Promotion *PromotionState `json:"promotion,omitempty"`
	// ContentDigest is what an approval would cover.
	ContentDigest string `json:"content_digest,omitempty"`
	// Counts is what a test report says, and Digest is its text's.
	Counts *TestCounts `json:"counts,omitempty"`
	Digest string      `json:"digest,omitempty"`
	// Relaxations describes what an edit of gates makes easier to pass. Unblocked names the releases that wait now and would no
	// longer wait.
	Relaxations []string `json:"relaxations,omitempty"`
	Unblocked   []string `json:"unblocked,omitempty"`
	// Overrides are those that live for the release in the stages it is carried through.
	Overrides []Override `json:"overrides,omitempty"`
}
