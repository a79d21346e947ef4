package provider

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// relaxations asks what one declaration of this plan makes easier to enter. noted is all that the plan changes so far, the declaration
// included.
func (s *session) relaxations(ctx context.Context, noted delivery.ChangeSet, subject delivery.Subject) (delivery.RelaxationReport, error) {
	api, err := s.client(ctx)
	if err != nil {
		return delivery.RelaxationReport{}, err
	}
	report, err := api.Relaxations(ctx, delivery.RelaxationRequest{Changes: noted, Subject: subject})
	if err == nil && len(report.Lines) > 0 {
		s.addRelaxed(subject, report.Pipelines)
	}
	return report, err
}

// warnRelaxation warns of a declaration that makes it easier to enter an environment: what is easier, one item on each line, which releases
// get in by it, and what stages ask from now on. summary may depend on what the report says. later is whether the plan delivers releases that it
// does not know of yet.
func (s *session) warnRelaxation(diags *diag.Diagnostics, summary func(delivery.RelaxationReport) string, report delivery.RelaxationReport) {
	later := len(report.Lines) > 0 && s.deliversLater()
	warnRelaxation(diags, summary, report, later)
}

func warnRelaxation(diags *diag.Diagnostics, summary func(delivery.RelaxationReport) string, report delivery.RelaxationReport, later bool) {
	lines := slices.Clone(report.Lines)
	switch {
	case len(lines) == 0 && len(report.Unblocked) == 0:
	case len(report.Unblocked) > 0:
		lines = append(lines, "Releases that it lets through: "+strings.Join(report.Unblocked, ", ")+".")
	case report.Unknown:
		lines = append(lines, "Which releases it lets through is not known yet.")
	default:
		lines = append(lines, "It lets no waiting release through.")
	}
	if later {
		lines = append(lines, "Releases that are planned after it are not counted here: each says itself whether it gets in by this change.")
	}
	gates := ""
	if len(report.Gates) > 0 {
		gates = "What stages ask after this plan:\n  " + strings.Join(report.Gates, "\n  ")
	}
	switch {
	case len(lines) > 0 && gates != "":
		diags.AddWarning(summary(report), strings.Join(append(lines, gates), "\n"))
	case len(lines) > 0:
		diags.AddWarning(summary(report), strings.Join(lines, "\n"))
	case gates != "":
		diags.AddWarning("This plan changes gates", gates)
	}
}

// always is a summary that depends on nothing.
func always(summary string) func(delivery.RelaxationReport) string {
	return func(delivery.RelaxationReport) string { return summary }
}

// warnRemoval warns of what a removal makes easier. It never fails a plan: destroying must stay possible.
func (s *session) warnRemoval(ctx context.Context, diags *diag.Diagnostics, summary string, noted delivery.ChangeSet, subject delivery.Subject) {
	report, err := s.relaxations(ctx, noted, subject)
	if err != nil {
		diags.AddWarning(summary, "Which releases it lets through is not known: "+err.Error())
		return
	}
	s.warnRelaxation(diags, always(summary), report)
}
