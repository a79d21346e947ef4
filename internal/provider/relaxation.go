package provider

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// warnRelaxation warns of an edit that weakens a restriction: what it weakens, one item on each line, and which waiting releases it unblocks.
func warnRelaxation(diags *diag.Diagnostics, summary string, w delivery.Weakening) {
	if len(w.Relaxations) == 0 {
		return
	}
	through := "It unblocks no waiting release."
	if len(w.Unblocked) > 0 {
		through = "Waiting releases that it unblocks: " + strings.Join(w.Unblocked, ", ") + "."
	}
	diags.AddWarning(summary, strings.Join(w.Relaxations, "\n")+"\n"+through)
}
