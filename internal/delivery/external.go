package delivery

import (
	"fmt"
	"slices"
	"time"
)

// An environment without a target is deployed to by Terraform itself. There a deployment is an authorization: it is recorded once
// every gate has passed, it gives the release's artifacts to Terraform, and it remains authorized (verifying, and under nobody's lease)
// until a cd_verification completes it. No driver takes part, so nothing is observed there and nothing is rolled back: to go back is to
// authorize an older release.

// waitsForVerification says what a release waits for that was authorized and is not verified.
const waitsForVerification = "verification: Terraform deploys it, and no cd_verification has verified it yet"

// External reports whether Terraform itself carries the deployment out: its environment had no target.
func (d Deployment) External() bool { return d.Content.Target == nil }

// Authorized reports whether Terraform may carry the deployment out, and no verification has completed it yet.
func (d Deployment) Authorized() bool { return d.External() && d.Status == Verifying }

// External reports whether Terraform itself deploys to an environment.
func (w World) External(environment string) bool {
	env, known := w.Environments[environment]
	return known && env.Target == nil
}

// StageArtifacts returns the artifacts of the release that is to run in a stage, and since when it does: from the environment that
// was deployed last.
func (h *History) StageArtifacts(stage Stage) (map[string]Artifact, *time.Time) {
	var newest *Deployment
	for _, env := range stage.Environments {
		if d := h.Authorized(env); d != nil && (newest == nil || d.Seq > newest.Seq) {
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
func (h *History) externalState(authorized Deployment) EnvironmentState {
	state := EnvironmentState{Version: authorized.Content.Version, Status: string(authorized.Status), ConfigRevision: authorized.Content.ConfigRevision}
	switch latest := h.Latest(authorized.Environment); {
	case authorized.Authorized():
		state.Status = string(StageDeployed)
	case latest.ID != authorized.ID:
		state.Status = string(latest.Status)
	}
	return state
}

// awaitsVerification reports whether a release is authorized, and not verified, in one of the stage's environments.
func (h *History) awaitsVerification(stage Stage) bool {
	return slices.ContainsFunc(stage.Environments, func(env string) bool {
		d := h.Latest(env)
		return d != nil && d.Authorized()
	})
}

// doubts says for each environment for which the release is authorized, and where it is not verified, why it would not be authorized now: a
// gate has changed its mind since. The authorization stays, because Terraform may have deployed the release by now.
func (w World) doubts(stage Stage, release Release, questions *Questions) map[string]string {
	doubts := map[string]string{}
	for _, env := range stage.Environments {
		d := w.History.Latest(env)
		if d == nil || !d.Authorized() {
			continue
		}
		if why, _ := w.stops(stage, release, *d, questions); why != "" {
			doubts[env] = why
		}
	}
	return doubts
}

// replacing says why an authorized deployment is to be superseded by other content; ok is false when it is what is wanted.
func (d Deployment) replacing(wanted Content) (why string, ok bool) {
	switch {
	case d.Content.ReleaseDigest != wanted.ReleaseDigest:
		return fmt.Sprintf("%s was authorized for %s", d.Content.Version, d.Environment), true
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
	return fmt.Sprintf("Terraform deploys to environment %q (it has no target), so a cd_promotion must authorize its artifacts: make this stage manual. A promotion whose version is the release's follows every release", env)
}

// PromotionStateOf tells where a promotion into a stage stands.
func PromotionStateOf(w World, p Promotion, stage Stage) (PromotionState, Questions) {
	environments, questions := EnvironmentStates(w, stage)
	here := w.stageState(w.Pipeline.StageIndex(stage.Name), p.Spec.Version, map[string]Decision{}, &questions)
	state := PromotionState{Promotion: p, Status: here.Status, RunningVersion: here.Version, WaitingOn: here.WaitingOn, Environments: environments}
	state.Artifacts, state.DeployedAt = w.History.StageArtifacts(stage)
	return state, questions
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
	state, questions := PromotionStateOf(w, wanted, stage)
	if !questions.Empty() {
		return nil
	}
	return &state
}
