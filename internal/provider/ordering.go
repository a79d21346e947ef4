package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/changeset"
)

// warnIfOrderedAfter warns that gates were evaluated before new evidence for them was planned. Terraform orders resources by their references
// only, and may order them differently in the apply. noun is the evidence, typ its resource type.
func warnIfOrderedAfter(diags *diag.Diagnostics, noun, typ string, uses []changeset.GateUse) {
	for _, a := range uses {
		summary := fmt.Sprintf("This %s may come too late for %s %s in %s", noun, a.Pipeline, a.Version, a.Stage)
		if a.Entry == "" {
			diags.AddWarning(summary, fmt.Sprintf("The %s was planned before it and evaluated the gates of stage %q without it. If the release stops there, the next plan continues it.", a.By, a.Stage))
			continue
		}
		diags.AddWarning(summary, fmt.Sprintf("The promotion into stage %q was planned before this %s, so the plan did not count it. The apply may or may not count it, because Terraform may order them differently in plan and apply. Add depends_on with this %s to the %s, or let its version refer to it.", a.Entry, noun, typ, a.By))
	}
}

// isTests reports whether a gate needs reports of the test suite. It may be a gate of the stage or of a policy.
func isTests(suite string) func(gate string) bool {
	name := "tests." + suite
	return func(gate string) bool {
		return gate == name || strings.HasPrefix(gate, "policy.") && strings.HasSuffix(gate, "."+name)
	}
}

// isApprovals reports whether a gate needs approvals. It may be a gate of the stage or of a policy.
func isApprovals(gate string) bool {
	return gate == "approvals" || strings.HasPrefix(gate, "policy.") && strings.HasSuffix(gate, ".approvals")
}

// isOneOf reports whether an override names a gate or its group.
func isOneOf(gates []string) func(gate string) bool {
	return func(gate string) bool {
		group, _, _ := strings.Cut(gate, ".")
		return slices.Contains(gates, gate) || slices.Contains(gates, group)
	}
}
