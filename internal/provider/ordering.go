package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/changeset"
)

// warnIfLate warns that gates were asked before a new word on them was planned: Terraform orders resources by their references
// alone, and may order them differently when it applies. noun is what comes late, typ its resource type.
func warnIfOrderedAfter(diags *diag.Diagnostics, noun, typ string, asked []changeset.GateUse) {
	for _, a := range asked {
		summary := fmt.Sprintf("This %s may come too late for %s %s in %s", noun, a.Pipeline, a.Version, a.Stage)
		if a.Entry == "" {
			diags.AddWarning(summary, fmt.Sprintf("The %s was planned before it, and asks the gates of stage %q without it. Where it stops there, the next plan carries it on.", a.By, a.Stage))
			continue
		}
		diags.AddWarning(summary, fmt.Sprintf("The promotion into stage %q was planned before this %s, so the plan did not count it, and the apply may or may not: "+
			"nothing tells Terraform which of the two comes first. Add depends_on with this %s to the %s, or let its version refer to it.", a.Entry, noun, typ, a.By))
	}
}

// isTests reports whether a gate is that of a suite of tests, a stage's own or a policy's.
func isTests(suite string) func(gate string) bool {
	name := "tests." + suite
	return func(gate string) bool {
		return gate == name || strings.HasPrefix(gate, "policy.") && strings.HasSuffix(gate, "."+name)
	}
}

// isApprovals reports whether a gate asks for approvals, a stage's own or a policy's.
func isApprovals(gate string) bool {
	return gate == "approvals" || strings.HasPrefix(gate, "policy.") && strings.HasSuffix(gate, ".approvals")
}

// isOneOf reports whether a gate is one of those that an override names, by itself or by its group.
func isOneOf(gates []string) func(gate string) bool {
	return func(gate string) bool {
		group, _, _ := strings.Cut(gate, ".")
		return slices.Contains(gates, gate) || slices.Contains(gates, group)
	}
}
