package delivery

import "strings"

// EventKind says what an event of the log records, as noun.verb. The values are stored and hashed: they never change.
type EventKind string

// The kinds of events. A refusal is recorded under the noun of what was asked for.
const (
	EventEnvironmentDeclared EventKind = "environment.declared"
	EventEnvironmentDeleted  EventKind = "environment.deleted"
	EventEnvironmentRefused  EventKind = "environment.refused"

	EventPipelineDeclared EventKind = "pipeline.declared"
	EventPipelineDeleted  EventKind = "pipeline.deleted"
	EventPipelineRefused  EventKind = "pipeline.refused"

	EventFreezeDeclared EventKind = "freeze.declared"
	EventFreezeDeleted  EventKind = "freeze.deleted"
	EventFreezeRefused  EventKind = "freeze.refused"

	EventPolicyDeclared EventKind = "policy.declared"
	EventPolicyDeleted  EventKind = "policy.deleted"
	EventPolicyRefused  EventKind = "policy.refused"

	EventReleaseRegistered EventKind = "release.registered"
	EventReleaseDeclared   EventKind = "release.declared" // a known release, declared again or with a higher attempt
	EventReleaseRetired    EventKind = "release.retired"
	EventReleaseRefused    EventKind = "release.refused"

	EventPromotionRequested EventKind = "promotion.requested"
	EventPromotionRemoved   EventKind = "promotion.removed"
	EventPromotionRefused   EventKind = "promotion.refused"

	EventApprovalApproved EventKind = "approval.approve"
	EventApprovalRejected EventKind = "approval.reject"
	EventApprovalRevoked  EventKind = "approval.revoked"
	EventApprovalRefused  EventKind = "approval.refused"

	EventTestReportRecorded  EventKind = "test_report.recorded"
	EventTestReportWithdrawn EventKind = "test_report.withdrawn"
	EventTestReportRefused   EventKind = "test_report.refused"

	EventOverrideMade    EventKind = "override.made"
	EventOverrideRevoked EventKind = "override.revoked"
	EventOverrideRefused EventKind = "override.refused"

	EventVerificationRequested EventKind = "verification.requested"
	EventVerificationRefused   EventKind = "verification.refused"

	EventDeploymentStarted    EventKind = "deployment.started"
	EventDeploymentResumed    EventKind = "deployment.resumed"
	EventDeploymentDeployed   EventKind = "deployment.deployed"
	EventDeploymentVerified   EventKind = "deployment.verified"
	EventDeploymentFailed     EventKind = "deployment.failed"
	EventDeploymentRolledBack EventKind = "deployment.rolled_back"
	EventDeploymentSuperseded EventKind = "deployment.superseded"

	EventLedgerSealed  EventKind = "ledger.sealed"  // it was moved, and takes no more changes; the last event
	EventLedgerOpened  EventKind = "ledger.opened"  // it continues here after it was sealed
	EventLedgerAdopted EventKind = "ledger.adopted" // it replaces another ledger
	// EventLedgerClockCorrected says that earlier events have times that a wrong clock gave them. It is the only event that may be earlier than
	// the one before it.
	EventLedgerClockCorrected EventKind = "ledger.clock_corrected"
)

// effect is what an event means for the row of its object.
type effect int

const (
	effectWrites  effect = iota // the row is now what the event's data says
	effectRemoves               // there is no longer such a row
	effectNone                  // the row is as it was
)

// effects lists every kind of event with what it means for the row of its object. A refusal changes nothing.
var effects = map[EventKind]effect{
	EventEnvironmentDeclared: effectWrites, EventEnvironmentDeleted: effectRemoves, EventEnvironmentRefused: effectNone,
	EventPipelineDeclared: effectWrites, EventPipelineDeleted: effectRemoves, EventPipelineRefused: effectNone,
	EventFreezeDeclared: effectWrites, EventFreezeDeleted: effectRemoves, EventFreezeRefused: effectNone,
	EventPolicyDeclared: effectWrites, EventPolicyDeleted: effectRemoves, EventPolicyRefused: effectNone,
	EventReleaseRegistered: effectWrites, EventReleaseDeclared: effectWrites, EventReleaseRetired: effectWrites, EventReleaseRefused: effectNone,
	EventPromotionRequested: effectWrites, EventPromotionRemoved: effectWrites, EventPromotionRefused: effectNone,
	EventApprovalApproved: effectWrites, EventApprovalRejected: effectWrites, EventApprovalRevoked: effectWrites, EventApprovalRefused: effectNone,
	EventTestReportRecorded: effectWrites, EventTestReportWithdrawn: effectWrites, EventTestReportRefused: effectNone,
	EventOverrideMade: effectWrites, EventOverrideRevoked: effectWrites, EventOverrideRefused: effectNone,
	EventVerificationRequested: effectNone, EventVerificationRefused: effectNone,
	EventDeploymentStarted: effectWrites, EventDeploymentResumed: effectNone, EventDeploymentDeployed: effectWrites,
	EventDeploymentVerified: effectWrites, EventDeploymentFailed: effectWrites, EventDeploymentRolledBack: effectWrites,
	EventDeploymentSuperseded: effectWrites,
	EventLedgerSealed:         effectNone, EventLedgerOpened: effectNone, EventLedgerAdopted: effectNone, EventLedgerClockCorrected: effectNone,
}

// noun is what the event is about.
func (k EventKind) noun() string {
	noun, _, _ := strings.Cut(string(k), ".")
	return noun
}

// EventKind is the kind of the event that records the decision.
func (d ApprovalDecision) EventKind() EventKind {
	if d == Reject {
		return EventApprovalRejected
	}
	return EventApprovalApproved
}
