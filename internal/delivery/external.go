package delivery

import (
	"fmt"
	"slices"
	"time"
)

// An environment without a target is deployed to by Terraform itself. There a deployment is an authorisation: it is recorded once
// every gate has passed, it hands the release's artifacts out, and it stays handed out, verifying and under nobody's lease, until a
// verification settles it. No driver takes part, so nothing is observed there and nothing is rolled back: going back is
// authorising an older release.

// waitsForVerification says what a release waits for that was handed out and is not verified.
const waitsForVerification = "verification: Terraform deploys it; cd_verification settles it"

// External reports whether Terraform itself carries the deployment out: its environment had no target.
func (d Deployment) External() bool { return d.Content.Target == nil }

// HandedOut reports whether Terraform may carry the deployment out, and no verification has settled it yet.
func (d Deployment) Authorized() bool { return d.External() && d.Status == Verifying }

// External reports whether Terraform itself deploys to an environment.
func (w World) External(environment string) bool {
	env, known := w.Environments[environment]
	return known && env.Target == nil
}

// StageArtifacts returns the artifacts of the release that is to run in a stage, and since when it does: from the environment that
// was deployed last.
func (w World) StageArtifacts(stage Stage) (map[string]Artifact, *time.Time) {
	var newest *Deployment
	for _, env := range stage.Environments {
		if d := w.History.Authorized(env); d != nil && (newest == nil || d.Seq > newest.Seq) {
			newest = d
		}
	}
	switch {
	case newest == nil:
		return map[string]Artifact{}, nil
	case newest.External(): // a verification moves nothing
		return newest.Content.Artifacts, &newest.CreatedAt
	}
	return newest.Content.Artifacts, newest.VerifiedAt
}

// externalState tells what runs in an environment that Terraform deploys to.
func (w World) externalState(authorised Deployment) EnvironmentState {
	state := EnvironmentState{Version: authorised.Content.Version, Status: string(Verified), ConfigRevision: authorised.Content.ConfigRevision}
	switch latest := w.History.Latest(authorised.Environment); {
	case authorised.Authorized():
		state.Status = string(StageDeployed)
	case latest.ID != authorised.ID:
		state.Status = string(latest.Status)
	}
	return state
}

// handedOut reports whether a release is handed out in a stage, and not verified in one of its environments.
func (w World) awaitsVerification(stage Stage) bool {
	return slices.ContainsFunc(stage.Environments, func(env string) bool {
		d := w.History.Latest(env)
		return d != nil && d.Authorized()
	})
}

// replacing says why what is handed out is to give way to other content; ok is false when it is what is wanted.
func (d Deployment) replacing(wanted Content) (why string, ok bool) {
	switch {
	case d.Content.ReleaseDigest != wanted.ReleaseDigest:
		return fmt.Sprintf("%s was handed out for %s", d.Content.Version, d.Environment), true
	case d.Content.ConfigRevision != wanted.ConfigRevision:
		return fmt.Sprintf("the configuration of %s changed: %s", d.Environment, changedKeys(d.Content, wanted)), true
	}
	return "", false
}

// nobodyHandsOut refuses what the plan of the pipeline refuses as well, in case the environment lost its target since: in an
// automatic stage no promotion hands the artifacts out.
func (c candidate) nobodyAuthorizes() (GateResult, bool) {
	for _, env := range c.environments {
		if c.stage.Promotion == Automatic && c.External(env) {
			return GateResult{Name: "target", Verdict: VerdictFailed, Reason: isAuthorized(env)}, true
		}
	}
	return GateResult{}, false
}

func isAuthorized(env string) string {
	return fmt.Sprintf("Terraform deploys to environment %q (it has no target), so a cd_promotion must hand out its artifacts: make this stage manual; a promotion whose version is the release's follows every release by itself", env)
}

// PromotionStateOf tells where a promotion into a stage stands.
func PromotionStateOf(w World, p Promotion, stage Stage) (PromotionState, Questions) {
	environments, asks := EnvironmentStates(w, stage)
	here := w.stageState(w.Pipeline.StageIndex(stage.Name), p.Spec.Version, map[string]Decision{}, &asks)
	state := PromotionState{Promotion: p, Status: here.Status, RunningVersion: here.Version, WaitingOn: here.WaitingOn, Environments: environments}
	state.Artifacts, state.DeployedAt = w.StageArtifacts(stage)
	return state, asks
}

// expected tells how a promotion will read once it is applied; nil when that is not certain: where a driver deploys, where applying
// waits, and where it fails.
func (w World) expected(wanted Promotion, d Decision) *PromotionState {
	stage, ok := w.Pipeline.Stage(wanted.Spec.Stage)
	if !ok || len(d.Stages) == 0 || Outcome(wanted, d) != nil || (wanted.Spec.WhenBlocked == WhenBlockedWait && d.Stages[0].GatesClosed()) {
		return nil
	}
	for _, env := range stage.Environments {
		if runs := w.History.Authorized(env); !w.External(env) || (runs != nil && !runs.External()) {
			return nil
		}
	}
	state, asks := PromotionStateOf(w, wanted, stage)
	if !asks.Empty() {
		return nil
	}
	return &state
}
