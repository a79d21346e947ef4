package delivery

import "fmt"

// VerificationSpec asks that a release which Terraform has deployed to a stage be verified there.
type VerificationSpec struct {
	Pipeline string `json:"pipeline"`
	Stage    string `json:"stage"`
	// Version is the one to verify. Empty means that nothing is authorized there yet, and so there is nothing to verify.
	Version string `json:"version"`
}

// Versions names the version to verify, if there is one.
func (s VerificationSpec) Versions() []string {
	if s.Version == "" {
		return nil
	}
	return []string{s.Version}
}

// VerificationRequest asks for a verification. Again also verifies what was verified before.
type VerificationRequest struct {
	Spec  VerificationSpec `json:"spec"`
	Again bool             `json:"again,omitempty"`
}

// VerificationState tells where a release stands in a stage that Terraform deploys to.
type VerificationState struct {
	Spec      VerificationSpec `json:"spec"`
	Status    StageStatus      `json:"status"` // verified, deployed, failed, rolled_back, superseded or waiting
	WaitingOn []string         `json:"waiting_on"`
	Work      Work             `json:"work"`
}

// ID names a verification: pipeline/stage.
func (s VerificationSpec) ID() string { return s.Pipeline + "/" + s.Stage }

// Validate checks the request alone.
func (s VerificationSpec) Validate() Errors {
	p := newProblems()
	validateName(p.at("pipeline"), s.Pipeline)
	validateName(p.at("stage"), s.Stage)
	if s.Version != "" {
		validateVersion(p.at("version"), s.Version)
	}
	return p.errors()
}

// ValidateVerification checks that the stage exists and is one that Terraform deploys to.
func (w World) ValidateVerification(s VerificationSpec) Errors {
	p := newProblems()
	stage, ok := w.Pipeline.Stage(s.Stage)
	if !ok {
		p.at("stage").add("%s", w.Pipeline.NoStage(s.Stage))
		return p.errors()
	}
	for _, env := range stage.Environments {
		if !w.External(env) {
			p.at("stage").add("stage %q of %s is verified by its own deployment: environment %q has a target. A cd_verification is for stages whose environments have none", s.Stage, w.Pipeline, env)
			return p.errors()
		}
	}
	return nil
}

// Verifiable lists the deployments that a verification completes: those of the version that are authorized in the stage and, when it
// is to be done again, those that run there verified. None means that there is nothing to do, as while the version's promotion
// waits. A version that is neither authorized nor on its way there is refused.
func (w World) Verifiable(s VerificationSpec, again bool) ([]Deployment, error) {
	if err := w.ValidateVerification(s).Err(); err != nil {
		return nil, err
	}
	if s.Version == "" {
		return nil, nil
	}
	stage, _ := w.Pipeline.Stage(s.Stage)
	found, authorized := []Deployment{}, false
	for _, env := range stage.Environments {
		d := w.History.Authorized(env)
		if d == nil || !d.External() || d.Content.Version != s.Version {
			continue
		}
		authorized = true
		if d.Authorized() || (again && d.Status == Verified && w.History.Latest(env).ID == d.ID) {
			found = append(found, *d)
		}
	}
	if authorized {
		return found, w.refuseBroken(s, stage)
	}
	wanted, promoted := w.Promotions[s.Stage]
	if !promoted || wanted.Unmanaged || wanted.Spec.Version != s.Version {
		return nil, &Error{Code: CodeConflict, Field: "version", Message: fmt.Sprintf(
			"%s is not authorized in stage %q, so there is nothing to verify. Declare a cd_promotion of it, and verify what it authorizes: version = cd_promotion.NAME.running_version, with depends_on for the resources that deploy it", s.Version, s.Stage)}
	}
	if failed := w.History.failedDeployments(stage.Name, s.Version, wanted.Spec.Attempt); len(failed) > 0 {
		return nil, Errorf(CodeConflict, "release %s/%s is held: %s.", s.Pipeline, s.Version, retryHold(failed))
	}
	return nil, nil
}

// refuseBroken refuses to verify what runs in a stage and was found broken: it is held until it is authorized again.
func (w World) refuseBroken(s VerificationSpec, stage Stage) error {
	for _, env := range stage.Environments {
		if d := w.History.Authorized(env); d != nil && d.broke() && d.Content.Version == s.Version {
			return Errorf(CodeConflict, "release %s/%s is held: %s.", s.Pipeline, s.Version, retryHold(w.History.failedDeployments(stage.Name, s.Version, d.Attempt)))
		}
	}
	return nil
}

// VerificationStateOf tells where a release stands in a stage that Terraform deploys to. Without a version it is the one that is
// authorized there.
func (w World) VerificationStateOf(s VerificationSpec) VerificationState {
	stage, _ := w.Pipeline.Stage(s.Stage)
	if s.Version == "" {
		s.Version = w.running(stage)
	}
	state := VerificationState{Spec: s, Status: StageWaiting, WaitingOn: []string{}}
	verified := 0
	for _, env := range stage.Environments {
		d := w.History.ofVersion(env, s.Version)
		switch {
		case d == nil:
		case d.Authorized():
			state.Status, state.WaitingOn = StageDeployed, []string{waitsForVerification}
			return state
		case d.Status == Verified && w.History.Authorized(env).ID == d.ID:
			verified++
		case d.Status == Verified: // another one is authorized there
			state.Status = StageSuperseded
		case state.Status != StageFailed:
			state.Status = StageStatus(d.Status)
		}
	}
	if verified > 0 && state.Status == StageWaiting {
		state.Status = StageVerified
	}
	return state
}
