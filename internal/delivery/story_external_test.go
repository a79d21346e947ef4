package delivery_test

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// handOut does what the engine does with a deployment that Terraform carries out: it is handed out, and what was before is not any
// more.
func (s *story) handOut(step delivery.Step, d delivery.Deployment) string {
	now := s.w.Now
	d.Status, d.SettledAt = delivery.Verifying, nil
	for i := range s.w.Deployments {
		if before := &s.w.Deployments[i]; before.Environment == d.Environment && before.Authorized() {
			before.Status, before.SettledAt = delivery.Superseded, &now
		}
	}
	s.w.Deployments = append(s.w.Deployments, d)
	return fmt.Sprintf("hand out %s for %s (%s)\n", step.Version, step.Environment, step.Reason)
}

func (s *story) verification(version, stage string, again bool) delivery.VerificationRequest {
	r := delivery.VerificationRequest{Spec: delivery.VerificationSpec{Pipeline: "shop", Stage: stage, Version: version}, Again: again}
	require.NoError(s.t, r.Spec.Validate().Err())
	return r
}

// verify does what the engine does with a verification: all that is handed out is settled together, and then goes on.
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
		text += fmt.Sprintf("verify %s in %s: %s\n", r.Spec.Version, d.Environment, s.settleHandedOut(d.ID, failed))
	}
	state := s.w.VerificationStateOf(r.Spec)
	text += fmt.Sprintf("%s: %s\n", r.Spec.Stage, state.Status)
	if wanted := s.w.Promotions[r.Spec.Stage]; len(settled) > 0 && !failed && wanted.Spec.Version == r.Spec.Version {
		text += "and on:\n" + s.apply(wanted)
	}
	return text
}

func (s *story) settleHandedOut(id string, failed bool) delivery.DeploymentStatus {
	now := s.w.Now
	var settled *delivery.Deployment
	for i := range s.w.Deployments {
		if d := &s.w.Deployments[i]; d.ID == id {
			settled = d
		}
	}
	for i := range s.w.Deployments {
		if d := &s.w.Deployments[i]; !failed && d != settled && d.Environment == settled.Environment && d.Status == delivery.Verified {
			d.Status, d.SettledAt = delivery.Superseded, &now
		}
	}
	settled.SettledAt = &now
	switch {
	case failed && (s.fails[settled.Environment] || s.fails[settled.Environment+" "+settled.Content.Version]):
		settled.Status, settled.Failure = delivery.Failed, "the smoke test did not pass"
	case failed:
		settled.Status = delivery.RolledBack
	default:
		settled.Status, settled.VerifiedAt = delivery.Verified, &now
	}
	return settled.Status
}

// planVerification tells what a plan shows of a verification. promoted says that the same plan promotes the version.
func (s *story) planVerification(r delivery.VerificationRequest, promoted bool) string {
	type foreseen struct {
		delivery.Simulation
		refused error
	}
	found := answered(s, func(w delivery.World) (foreseen, delivery.Questions) {
		before := []string{}
		if promoted {
			w, before = w.With(s.promotion(r.Spec.Version, r.Spec.Stage, "fail", "1")), append(before, r.Spec.Stage)
		}
		f, err := delivery.SimulateVerification(w, before, r)
		return foreseen{f, err}, f.Questions
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
			what = "hand out"
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
