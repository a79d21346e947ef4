package delivery

import "time"

// DeploymentStatus is where a deployment stands.
type DeploymentStatus string

// The statuses. Deploying and verifying are in flight; the others are how a deployment ends.
const (
	Deploying  DeploymentStatus = "deploying"
	Verifying  DeploymentStatus = "verifying"
	Verified   DeploymentStatus = "verified"
	Failed     DeploymentStatus = "failed"
	RolledBack DeploymentStatus = "rolled_back"
	Superseded DeploymentStatus = "superseded"

	unrecorded DeploymentStatus = "" // the ledger does not know the deployment yet
)

// DeploymentEvent is something that happens to a deployment.
type DeploymentEvent string

// What can happen to a deployment.
const (
	DeploymentStarted    DeploymentEvent = "started"     // every gate passed; a driver is to deploy it
	DeploymentAuthorized DeploymentEvent = "authorized"  // every gate passed; Terraform is to deploy it
	DeploymentResumed    DeploymentEvent = "resumed"     // another process goes on with it, or it is verified again
	DeploymentDeployed   DeploymentEvent = "deployed"    // the driver is done
	DeploymentVerified   DeploymentEvent = "verified"    // its checks passed
	DeploymentFailed     DeploymentEvent = "failed"      // the driver or a check failed
	DeploymentRolledBack DeploymentEvent = "rolled back" // it failed, or another deployment of its rollout did, and it was replaced
	DeploymentSuperseded DeploymentEvent = "superseded"  // another deployment took its place
)

// transition is one row of the table of what may become of a deployment, and the kind of the event that records it.
type transition struct {
	from  DeploymentStatus
	event DeploymentEvent
	to    DeploymentStatus
	kind  EventKind
}

// transitions is every transition of a deployment. There are no others: the diagram of the package comment is drawn from it, and
// nothing else sets a status.
var transitions = []transition{
	{unrecorded, DeploymentStarted, Deploying, EventDeploymentStarted},
	{unrecorded, DeploymentAuthorized, Verifying, EventDeploymentStarted},

	{Deploying, DeploymentResumed, Deploying, EventDeploymentResumed},
	{Deploying, DeploymentDeployed, Verifying, EventDeploymentDeployed},
	{Deploying, DeploymentFailed, Failed, EventDeploymentFailed},
	{Deploying, DeploymentSuperseded, Superseded, EventDeploymentSuperseded},

	{Verifying, DeploymentResumed, Verifying, EventDeploymentResumed},
	{Verifying, DeploymentVerified, Verified, EventDeploymentVerified},
	{Verifying, DeploymentFailed, Failed, EventDeploymentFailed},
	{Verifying, DeploymentRolledBack, RolledBack, EventDeploymentRolledBack},
	{Verifying, DeploymentSuperseded, Superseded, EventDeploymentSuperseded},

	{Verified, DeploymentResumed, Verified, EventDeploymentResumed},
	{Verified, DeploymentVerified, Verified, EventDeploymentVerified},
	{Verified, DeploymentFailed, Failed, EventDeploymentFailed},
	{Verified, DeploymentRolledBack, RolledBack, EventDeploymentRolledBack},
	{Verified, DeploymentSuperseded, Superseded, EventDeploymentSuperseded},

	{Failed, DeploymentRolledBack, RolledBack, EventDeploymentRolledBack},
}

// After returns the deployment as it is after an event at a moment, and the kind of the event that records this. An event that
// cannot happen to the deployment as it is means a defect.
func (d Deployment) After(event DeploymentEvent, at time.Time) (Deployment, EventKind, error) {
	for _, t := range transitions {
		if t.from != d.Status || t.event != event {
			continue
		}
		switch {
		case t.from == t.to: // when it got there stays
			return d, t.kind, nil
		case t.from == unrecorded:
			d.CreatedAt = at
		case t.to == Verified:
			d.VerifiedAt = &at
		}
		if d.Status = t.to; !d.InFlight() {
			d.SettledAt = &at
		}
		return d, t.kind, nil
	}
	status := d.Status
	if status == unrecorded {
		status = "not recorded yet"
	}
	return d, "", Errorf(CodeInternal, "deployment %s to %s cannot be %s: it is %s", d.ID, d.Environment, event, status)
}

// AfterFailure returns the deployment as it is after it failed. What failed always says why: a failure without a reason reads as
// one that another deployment of the rollout caused.
func (d Deployment) AfterFailure(why string, at time.Time) (Deployment, EventKind, error) {
	if d.Failure = why; why == "" {
		d.Failure = "it failed without a reason"
	}
	return d.After(DeploymentFailed, at)
}

// InFlight reports whether the deployment has not ended yet.
func (d Deployment) InFlight() bool { return d.Status == Deploying || d.Status == Verifying }

// broke reports whether the deployment failed, on its own or with its rollout.
func (d Deployment) broke() bool { return d.Status == Failed || d.Status == RolledBack }

// failedItself reports whether the deployment failed, rather than being rolled back because another one of its rollout did.
func (d Deployment) failedItself() bool {
	return d.broke() && d.Kind != KindRollback && d.Failure != ""
}

// ranVerified reports whether the deployment was verified and has not been found broken since.
func (d Deployment) ranVerified() bool {
	return d.VerifiedAt != nil && (d.Status == Verified || d.Status == Superseded)
}

// words says how a deployment ended that is not verified.
func (s DeploymentStatus) words() string {
	if s == RolledBack {
		return "was rolled back"
	}
	return "failed"
}
