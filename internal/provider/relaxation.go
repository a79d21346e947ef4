package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// warnRelaxation warns of an edit that weakens a restriction: what it weakens, one item on each line, and which waiting releases it unblocks.
func warnRelaxation(diags *diag.Diagnostics, summary string, p delivery.Preview) {
	if len(p.Relaxations) == 0 {
		return
	}
	through := "It unblocks no waiting release."
	if len(p.Unblocked) > 0 {
		through = "Waiting releases that it unblocks: " + strings.Join(p.Unblocked, ", ") + "."
	}
	diags.AddWarning(summary, strings.Join(p.Relaxations, "\n")+"\n"+through)
}

// previewRelaxation asks what an edit or a removal weakens.
func (s *session) previewRelaxation(ctx context.Context, request delivery.PreviewRequest) (delivery.Preview, error) {
	api, err := s.client(ctx)
	if err != nil {
		return delivery.Preview{}, err
	}
	return api.Preview(ctx, request)
}

// warnRemoval warns of what a removal weakens. It never fails a plan: destroying must stay possible.
func (s *session) warnRemoval(ctx context.Context, diags *diag.Diagnostics, summary string, request delivery.PreviewRequest) {
	request.Removed = true
	preview, err := s.previewRelaxation(ctx, request)
	if err != nil {
		diags.AddWarning(summary, "Which waiting releases it unblocks is not known: "+err.Error())
		return
	}
	warnRelaxation(diags, summary, preview)
}
