package delivery

// PreviewRequest asks what applying one declaration would do, after the other changes of the same plan. S is the declaration.
type PreviewRequest[S any] struct {
	Changes ChangeSet `json:"change_set"`
	Subject S         `json:"subject"`
}

// Refusable is a part of each preview.
type Refusable struct {
	// Refused is why applying would be refused; nil when it would not.
	Refused Errors `json:"refused,omitempty"`
}

// Refuse says why applying would be refused.
func (r *Refusable) Refuse(why Errors) { r.Refused = why }

// EnvironmentPreview says what declaring an environment would do.
type EnvironmentPreview struct {
	Refusable
	// Unmatched are the globs of parity.allow that match no key, sorted.
	Unmatched []string `json:"unmatched,omitempty"`
}

// PipelinePreview says what declaring a pipeline would do.
type PipelinePreview struct {
	Refusable
	// Unguarded are the stages in which the gate "guarded" would refuse every release.
	Unguarded []UnguardedStage `json:"unguarded,omitempty"`
}

// DeliveryPreview is what previews have in common whose subject may deploy something.
type DeliveryPreview struct {
	Refusable
	// Changes is true when applying would deploy something, or report a failure that holds.
	Changes bool `json:"changes"`
	// Steps is what would be done, in order.
	Steps []Step `json:"steps,omitempty"`
	// Stages is where the release would stand afterwards in the stages it is carried through.
	Stages []StageDecision `json:"stages,omitempty"`
	// Missing describes what a deployment of these steps would not find, of a release that this plan registers: its artifacts may
	// yet be built. Of a release that the ledger knows, it is a refusal.
	Missing []string `json:"missing,omitempty"`
	// Overrides are those that live for the release in these stages.
	Overrides []Override `json:"overrides,omitempty"`
}

// ReleasePreview says what delivering a release through the leading automatic stages would do.
type ReleasePreview struct{ DeliveryPreview }

// PromotionPreview says what promoting a release would do.
type PromotionPreview struct {
	DeliveryPreview
	// Promotion is how the promotion will read once it is applied; nil when that is not certain.
	Promotion *PromotionState `json:"promotion,omitempty"`
}

// VerificationPreview says what a verification would settle, and how far the release would go from there.
type VerificationPreview struct{ DeliveryPreview }

// ApprovalPreview says whether a decision would be recorded.
type ApprovalPreview struct {
	Refusable
	ContentDigest string `json:"content_digest,omitempty"` // what it would cover
	// Undecided is true if it would be left to the person whom it names.
	Undecided bool `json:"undecided,omitempty"`
	// Status is that of the same decision in the ledger, if there is one, over what the plan is about to change.
	Status ApprovalStatus `json:"status,omitempty"`
}

// OverridePreview says whether an override would be made.
type OverridePreview struct{ Refusable }

// TestReportPreview says whether a test report would be recorded, and what it says.
type TestReportPreview struct {
	Refusable
	Counts *TestCounts `json:"counts,omitempty"` // nil when it cannot be read
	Digest string      `json:"digest,omitempty"` // of its text
}
