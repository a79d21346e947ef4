package delivery

import (
	"fmt"
	"slices"
	"strings"
)

// RelaxationRequest asks what one declaration, as a plan leaves or removes it, makes easier, beside what the plan changes otherwise.
type RelaxationRequest struct {
	Changes ChangeSet `json:"change_set"`
	Subject Subject   `json:"subject"`
}

// RelaxationReport says what one declaration makes easier to enter.
type RelaxationReport struct {
	// Lines says what is easier, a line each; empty when nothing is.
	Lines []string `json:"lines,omitempty"`
	// Relaxations are the ways into environments that are easier.
	Relaxations []Relaxation `json:"relaxations,omitempty"`
	// Unblocked names the releases that get in by it: those that wait, and those that the plan delivers as far as the change set knows them.
	Unblocked []string `json:"unblocked,omitempty"`
	// Unknown says that it is not known which releases those are: the plan does not know yet what it delivers.
	Unknown bool `json:"unknown,omitempty"`
	// Pipelines names those whose releases may get in by it.
	Pipelines []string `json:"pipelines,omitempty"`
	// Gates says what stages ask whose gates change, a line each.
	Gates []string `json:"gates,omitempty"`
	// New says that the subject is a pipeline that did not exist.
	New bool `json:"new,omitempty"`
}

// ReportRelaxations says what a declaration makes easier. Ledger is what is declared now, without what the plan makes of it if the plan left
// the subject alone, with what it makes of it with the subject: so each change of a plan reports only what the changes planned before it did
// not make easier already. Pipelines names those whose releases may get in by it.
func ReportRelaxations(ledger, without, with Declarations, s Subject) (report RelaxationReport, pipelines []string) {
	near := s.near(ledger, without, with)
	return reportRelaxations(near[0], near[1], near[2], s)
}

// reportRelaxations looks at everything that is declared.
func reportRelaxations(ledger, without, with Declarations, s Subject) (report RelaxationReport, pipelines []string) {
	report.Relaxations = Further(Relaxations(ledger, with), Relaxations(ledger, without))
	report.Lines = append(declaredRelaxation(ledger, with, s), slices.DeleteFunc(with.RelaxationLines(report.Relaxations, s.Pipeline), s.says)...)
	if s.Environment == "" && s.Freeze == "" {
		report.Gates = missing(ChangedGates(ledger, with), ChangedGates(ledger, without))
	}
	report.New = s.Pipeline != "" && !declares(ledger.Pipelines, s.Pipeline)
	report.Lines = unique(report.Lines)
	return report, concerned(ledger, with, s, report)
}

// says reports whether a line is about the policy or freeze itself: what it no longer asks is said once, and not for each environment.
func (s Subject) says(line string) bool {
	return s.Policy != "" && strings.HasPrefix(line, fmt.Sprintf("policy %q: ", s.Policy)) ||
		s.Freeze != "" && strings.HasPrefix(line, fmt.Sprintf("freeze %q: ", s.Freeze))
}

// declaredRelaxation compares a policy, a freeze or the parity of an environment with what the ledger holds, whether or not a pipeline deploys
// where it holds.
func declaredRelaxation(ledger, with Declarations, s Subject) []string {
	switch {
	case s.Policy != "":
		if before := find(ledger.Policies, s.Policy, PolicySpec.ID); before != nil {
			return PolicyRelaxation(*before, find(with.Policies, s.Policy, PolicySpec.ID))
		}
	case s.Freeze != "":
		if before := find(ledger.Freezes, s.Freeze, FreezeSpec.ID); before != nil {
			return FreezeRelaxation(*before, find(with.Freezes, s.Freeze, FreezeSpec.ID), with.Now)
		}
	case s.Environment != "":
		after := find(with.Environments, s.Environment, EnvironmentSpec.ID)
		before := find(ledger.Environments, s.Environment, EnvironmentSpec.ID)
		if before != nil && after != nil {
			return ParityRelaxation(*before, *after)
		}
	}
	return nil
}

func find[T any](list []T, name string, id func(T) string) *T {
	if i := slices.IndexFunc(list, func(one T) bool { return id(one) == name }); i >= 0 {
		return &list[i]
	}
	return nil
}

// concerned lists the pipelines whose releases may get in: an edited pipeline itself, since its releases may be promoted into another stage
// already, and those that got an easier way in.
func concerned(ledger, with Declarations, s Subject, report RelaxationReport) []string {
	names := []string{}
	if s.Pipeline != "" && declares(with.Pipelines, s.Pipeline) && !report.New {
		names = append(names, s.Pipeline)
	}
	for _, r := range report.Relaxations {
		names = append(names, r.Pipeline)
	}
	if s.Environment != "" && len(report.Lines) > 0 {
		for _, p := range ledger.Pipelines {
			if p.UsesEnvironment(s.Environment) {
				names = append(names, p.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return !declares(with.Pipelines, name) })
}
