package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// asking is a stage that a promotion or a release of this plan stands before: its gates were asked with what was planned so far.
type gateUse struct {
	by                       string // the resource type
	entry                    string // the stage that a promotion enters; empty for a release
	pipeline, version, stage string
	gates                    []string
}

// asks notes the stages that a promotion, or a release without an entry, does not have behind it.
func (o *overlay) usesGate(by, entry, pipeline, version string, stages []delivery.StageDecision) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range stages {
		if s.Satisfied() {
			continue
		}
		gates := []string{}
		for _, g := range s.Gates {
			gates = append(gates, g.Name)
		}
		o.asked = append(o.asked, gateUse{by, entry, pipeline, version, s.Stage, gates})
	}
}

// askedBefore lists what asked for a word on a release before that word was planned. Without a stage, any stage counts.
func (o *overlay) askedBefore(pipeline, version, stage string, isAbout func(gate string) bool) []gateUse {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := []gateUse{}
	for _, a := range o.asked {
		if a.pipeline == pipeline && a.version == version && (stage == "" || a.stage == stage) && slices.ContainsFunc(a.gates, isAbout) {
			found = append(found, a)
		}
	}
	return found
}

// warnIfLate warns that gates were asked before a new word on them was planned: Terraform orders resources by their references
// alone, and may order them differently when it applies. noun is what comes late, typ its resource type.
func warnIfOrderedAfter(diags *diag.Diagnostics, noun, typ string, asked []gateUse) {
	for _, a := range asked {
		summary := fmt.Sprintf("This %s may come too late for %s %s in %s", noun, a.pipeline, a.version, a.stage)
		if a.entry == "" {
			diags.AddWarning(summary, fmt.Sprintf("The %s was planned before it, and asks the gates of stage %q without it. Where it stops there, the next plan carries it on.", a.by, a.stage))
			continue
		}
		diags.AddWarning(summary, fmt.Sprintf("The promotion into stage %q was planned before this %s, so the plan did not count it, and the apply may or may not: "+
			"nothing tells Terraform which of the two comes first. Add depends_on with this %s to the %s, or let its version refer to it.", a.entry, noun, typ, a.by))
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
