package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// preview asks what applying one declaration, of a resource type, would do after the other changes of this plan. known is false while it is not known what this
// plan changes; nothing is asked then.
func preview[S, A any](ctx context.Context, s *session, typ, pipeline string, subject S, ask func(*client.Client, context.Context, delivery.PreviewRequest[S]) (A, error)) (answer A, known bool, err error) {
	if err := s.noteElsewhere(ctx, configuration.Object{Type: typ, Values: map[string]string{"pipeline": pipeline}}, "cd_pipeline", pipeline); err != nil {
		return answer, false, err
	}
	recorded, err := s.recordedPipeline(ctx, pipeline)
	if err != nil {
		return answer, false, err
	}
	if !s.changes.PipelineKnown(pipeline, recorded) || !s.changes.DeliveriesKnown(pipeline) {
		return answer, false, nil
	}
	answer, err = previewWith(ctx, s, s.changes.ForPipeline(pipeline, recorded), subject, ask)
	return answer, err == nil, err
}

// previewWith asks what applying one declaration would do after some changes.
func previewWith[S, A any](ctx context.Context, s *session, changes delivery.ChangeSet, subject S, ask func(*client.Client, context.Context, delivery.PreviewRequest[S]) (A, error)) (answer A, err error) {
	api, err := s.client(ctx)
	if err != nil {
		return answer, err
	}
	return ask(api, ctx, delivery.PreviewRequest[S]{Changes: changes, Subject: subject})
}

// autoStarts reports whether releases enter the pipeline without a promotion, as this plan leaves it.
func (s *session) autoStarts(ctx context.Context, pipeline string) (bool, error) {
	if planned, ok := s.changes.Pipeline(pipeline); ok {
		return planned.AutoStart(), nil
	}
	recorded, err := s.recordedPipeline(ctx, pipeline)
	return recorded != nil && recorded.AutoStart(), err
}

// recordedPipeline returns the pipeline as the ledger has it, or nil if it does not exist there.
func (s *session) recordedPipeline(ctx context.Context, name string) (*delivery.PipelineSpec, error) {
	p, err := s.pipeline(ctx, name)
	switch {
	case delivery.IsNotFound(err):
		return nil, nil //nolint:nilnil // a first plan has none yet, and that is no error
	case err != nil:
		return nil, err
	}
	return &p.Spec, nil
}

// warnPreview adds a warning that says what applying would do and where it would stop, and one for each environment that could not be
// observed, one for what was authorized and would not be now, one for missing artifacts, and one for each live override. It adds none if there is nothing to say. A release has no when.
func warnPreview(diags *diag.Diagnostics, title string, p delivery.DeliveryPreview, when delivery.WhenBlocked) {
	lines := []string{}
	for _, step := range p.Steps {
		lines = append(lines, stepLine(step))
	}
	if at := slices.IndexFunc(p.Stages, func(s delivery.StageDecision) bool { return !s.Satisfied() }); at >= 0 {
		stopped, moves := p.Stages[at], len(p.Steps) > 0
		lines = append(lines, stopLines(stopped, moves)...)
		for _, s := range p.Stages {
			for _, env := range slices.Sorted(maps.Keys(s.Unfinished)) {
				lines = append(lines, fmt.Sprintf("not finished in %s: %s.", s.Stage, strings.TrimSuffix(s.Unfinished[env], ".")))
			}
		}
		switch {
		case stopped.Held != "" || unfinished(p.Stages):
			lines = append(lines, "Applying fails.")
		case at == 0 && stopped.GatesClosed():
			lines = append(lines, consequence(when)...)
		}
		if !moves && len(lines) > 0 {
			title += standstill(stopped)
		}
	}
	if len(lines) > 0 {
		diags.AddWarning(title, strings.Join(lines, "\n"))
	}
	for _, stage := range p.Stages {
		for _, env := range slices.Sorted(maps.Keys(stage.Unknown)) {
			diags.AddWarning(fmt.Sprintf("Unable to see what runs in %q", env),
				fmt.Sprintf("%s. It is not known whether it drifted, so this plan leaves it unchanged.", strings.TrimSuffix(stage.Unknown[env], ".")))
		}
	}
	for _, stage := range p.Stages {
		for _, env := range slices.Sorted(maps.Keys(stage.Doubts)) {
			diags.AddWarning(fmt.Sprintf("%s is authorized for %q, and would not be now", stage.Version, env), doubtLine(stage, env))
		}
	}
	if len(p.Missing) > 0 {
		diags.AddWarning("Not everything to deploy exists yet", strings.Join(p.Missing, "\n")+"\nThe apply works if it exists by then and matches the release.")
	}
	for _, o := range p.Overrides {
		diags.AddWarning(fmt.Sprintf("Override of %s %s in %s", o.Spec.Pipeline, o.Spec.Version, o.Spec.Stage), overrideLine(o))
	}
}

// doubtLine says why a release that is authorized would not be authorized now, and what that means.
func doubtLine(s delivery.StageDecision, env string) string {
	return fmt.Sprintf("No cd_verification has verified it there yet, and by now something stops it: %s.\nThe authorization stays, and Terraform may deploy what it names. To withdraw it, promote another version into %s.",
		strings.TrimSuffix(s.Doubts[env], "."), s.Stage)
}

// unfinished reports whether something was begun in a stage and is not finished.
func unfinished(stages []delivery.StageDecision) bool {
	return slices.ContainsFunc(stages, func(s delivery.StageDecision) bool { return len(s.Unfinished) > 0 })
}

// overrideLine says which gates a live override skips, why, and who made it.
func overrideLine(o delivery.Override) string {
	return fmt.Sprintf("Until %s it skips these gates: %s.\n%s (%s)\nMade by %s.", o.Spec.ExpiresAt, strings.Join(o.Spec.Gates, ", "), o.Spec.Reason, o.Spec.Ticket, o.Actor)
}

// stepLine describes a step and its reason.
func stepLine(s delivery.Step) string {
	var what string
	switch s.Kind {
	case delivery.StepResume:
		what = fmt.Sprintf("finish the deployment of %s to %s", s.Version, s.Environment)
	case delivery.StepRollback:
		what = fmt.Sprintf("roll %s back to %s", s.Environment, s.Version)
	case delivery.StepAuthorize:
		what = fmt.Sprintf("authorize %s for Terraform to deploy to %s", s.Version, s.Environment)
	case delivery.StepVerify:
		what = fmt.Sprintf("verify %s in %s", s.Version, s.Environment)
	case delivery.StepDeploy:
		what = fmt.Sprintf("deploy %s to %s", s.Version, s.Environment)
	}
	return fmt.Sprintf("%s: %s (%s)", s.Stage, what, s.Reason)
}

// stopLines says where and why a release stops; moves tells whether it gets anywhere before that. It returns nothing if the stage neither
// holds the release nor has a gate that does not pass.
func stopLines(s delivery.StageDecision, moves bool) []string {
	verb := "waits"
	if moves {
		verb = "stops"
	}
	switch {
	case s.Held != "":
		return []string{fmt.Sprintf("held in %s: %s.", s.Stage, strings.TrimSuffix(s.Held, "."))}
	case s.GatesClosed():
		lines := []string{fmt.Sprintf("%s before %s:", verb, s.Stage), gateTable(s.Gates)}
		if line := s.DecideLine(); line != "" {
			lines = append(lines, line)
		}
		return lines
	}
	return nil
}

// standstill ends the title of a warning about a release that does not move.
func standstill(s delivery.StageDecision) string {
	if s.Held != "" {
		return " is held"
	}
	return " waits"
}

// gateTable prints every gate with its verdict and reason, and the earliest time at which it passes without further action, unless the reason
// already says it.
func gateTable(gates []delivery.GateResult) string {
	dated := slices.Clone(gates)
	for i := range dated {
		if dated[i].ReadyAt == nil {
			continue
		}
		if at := dated[i].ReadyAt.UTC().Format(time.RFC3339); !strings.Contains(dated[i].Reason, at) {
			dated[i].Reason += " (earliest " + at + ")"
		}
	}
	return strings.TrimRight(delivery.GateTable(dated), "\n")
}

// consequence says what applying does if the release may not enter the requested stage.
func consequence(when delivery.WhenBlocked) []string {
	switch when {
	case delivery.WhenBlockedFail:
		return []string{"Applying fails and deploys nothing, because when_blocked is \"fail\"."}
	case delivery.WhenBlockedWait:
		return []string{"Applying waits until the gates pass, one fails, or the timeout is reached."}
	case delivery.WhenBlockedPend:
		return []string{"Applying succeeds and leaves the promotion waiting."}
	}
	return nil
}

// warnIfWaiting warns that a release waits after the apply, and says what it waits for.
func warnIfWaiting(diags *diag.Diagnostics, title string, s delivery.StageDecision) {
	if lines := stopLines(s, false); len(lines) > 0 {
		diags.AddWarning(title+standstill(s), strings.Join(lines, "\n"))
	}
}
