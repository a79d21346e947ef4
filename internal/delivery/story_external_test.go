package delivery_test

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// authorize does what the worker does with a deployment that Terraform carries out: it supersedes the one authorized before.
func (s *story) authorize(step delivery.Step, d delivery.Deployment) string {
	if before := s.w.History.Latest(d.Environment); before != nil && before.Authorized() {
		s.record(s.after(*before, delivery.DeploymentSuperseded))
	}
	s.record(s.after(d, delivery.DeploymentAuthorized))
	return fmt.Sprintf("authorize %s for %s (%s)\n", step.Version, step.Environment, step.Reason)
}

func (s *story) verification(version, stage string, again bool) delivery.VerificationRequest {
	r := delivery.VerificationRequest{Spec: delivery.VerificationSpec{Pipeline: "shop", Stage: stage, Version: version}, Again: again}
	require.NoError(s.t, r.Spec.Validate().Err())
	return r
}

// verify does what the engine does with a verification: all that is authorized is settled together, and then goes on.
func (s *story) verify(r delivery.VerificationRequest) string {
	settled, err := s.w.Verifiable(r.Spec, r.Again)
	if err != nil {
		return "refused: " + err.Error()
	}
	failed := false
	for _, d := range settled {
		failed = failed || s.fails[d.Environment] || s.fails[d.Environment+" "+r.Spec.Version]
	}
	text := ""
	for _, d := range settled {
		text += fmt.Sprintf("verify %s in %s: %s\n", r.Spec.Version, d.Environment, s.settle(d, failed))
	}
	state := s.w.VerificationStateOf(r.Spec)
	text += fmt.Sprintf("%s: %s\n", r.Spec.Stage, state.Status)
	if wanted := s.w.Promotions[r.Spec.Stage]; len(settled) > 0 && !failed && wanted.Spec.Version == r.Spec.Version {
		text += "and on:\n" + s.apply(wanted)
	}
	return text
}

// settle records how the verification of one deployment ended.
func (s *story) settle(d delivery.Deployment, failed bool) delivery.DeploymentStatus {
	switch {
	case failed && (s.fails[d.Environment] || s.fails[d.Environment+" "+d.Content.Version]):
		d.Failure = "the smoke test did not pass"
		d = s.after(d, delivery.DeploymentFailed)
	case failed:
		d = s.after(d, delivery.DeploymentRolledBack)
	default:
		d = s.after(d, delivery.DeploymentVerified)
		s.replace(d, "")
	}
	s.record(d)
	return d.Status
}

// planVerification tells what a plan shows of a verification. promoted says that the same plan promotes the version.
func (s *story) planVerification(r delivery.VerificationRequest, promoted bool) string {
	type simulated struct {
		delivery.Simulation
		refused error
	}
	found := answered(s, func(w delivery.World) (simulated, delivery.Questions) {
		before := []string{}
		if promoted {
			w, before = w.With(s.promotion(r.Spec.Version, r.Spec.Stage, "fail", "1")), append(before, r.Spec.Stage)
		}
		f, err := delivery.SimulateVerification(w, before, r)
		return simulated{f, err}, f.Questions
	})
	switch {
	case found.refused != nil:
		return "refused: " + found.refused.Error()
	case len(found.Steps) == 0:
		return "nothing would be verified"
	}
	return would(found.Steps)
}

// planBehind tells what a plan shows of a promotion when the same plan promotes and verifies the version in an earlier stage.
func (s *story) planBehind(wanted, first delivery.Promotion) string {
	f := answered(s, func(w delivery.World) (delivery.Simulation, delivery.Questions) {
		w = w.With(first)
		w.Verifications = []delivery.VerificationSpec{{Pipeline: "shop", Stage: first.Spec.Stage, Version: first.Spec.Version}}
		f := delivery.Simulate(w, []string{first.Spec.Stage}, wanted)
		return f, f.Questions
	})
	return would(f.Steps) + s.foretold(f.Expected)
}

func would(steps []delivery.Step) string {
	text := ""
	for _, step := range steps {
		what := string(step.Purpose)
		switch step.Kind {
		case delivery.StepAuthorize:
			what = "authorize"
		case delivery.StepVerify:
			what = "verify"
		default:
		}
		text += fmt.Sprintf("would %s %s to %s (%s)\n", what, step.Version, step.Environment, step.Reason)
	}
	return text
}

// foretold tells what a plan knows already of how a promotion will read.
func (s *story) foretold(expected *delivery.PromotionState) string {
	if expected == nil {
		return ""
	}
	text := fmt.Sprintf("expected: %s, %q runs, artifacts %q\n", expected.Status, expected.RunningVersion, expected.Artifacts["app"].URI)
	for _, env := range sortedNames(expected.Environments) {
		text += fmt.Sprintf("  %s: %s %s\n", env, expected.Environments[env].Version, expected.Environments[env].Status)
	}
	return text
}
