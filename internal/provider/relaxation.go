package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// warnRelaxation warns of an edit that makes something easier to pass: what got weaker, one a line, and which of the releases that wait
// now it would let through. It adds nothing when nothing got weaker.
func warnRelaxation(diags *diag.Diagnostics, summary string, p delivery.Preview) {
	if len(p.Relaxations) == 0 {
		return
	}
	through := "No release that waits now would be let through."
	if len(p.Unblocked) > 0 {
		through = "Releases that wait now and would be let through: " + strings.Join(p.Unblocked, ", ") + "."
	}
	diags.AddWarning(summary, strings.Join(p.Relaxations, "\n")+"\n"+through)
}

// previewRelaxation asks what an edit, or a removal, makes easier to pass.
func (s *session) previewRelaxation(ctx context.Context, request delivery.PreviewRequest) (delivery.Preview, error) {
	api, err := s.client(ctx)
	if err != nil {
		return delivery.Preview{}, err
	}
	return api.Preview(ctx, request)
}

// warnRemoval warns of what a removal makes easier to pass. It never fails a plan: destroying has to stay possible.
func (s *session) warnRemoval(ctx context.Context, diags *diag.Diagnostics, summary string, request delivery.PreviewRequest) {
	request.Removed = true
	preview, err := s.previewRelaxation(ctx, request)
	if err != nil {
		diags.AddWarning(summary, "What that lets through cannot be told: "+err.Error())
		return
	}
	warnRelaxation(diags, summary, preview)
}
