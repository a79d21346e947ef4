package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// applyWatcher tells the session that its walk is an apply. Terraform plans each resource again there, with the same requests as in a plan.
type applyWatcher struct {
	tfprotov6.ProviderServer
	provider *cdProvider
}

// ApplyResourceChange notes that something changes, and passes the request on.
func (w applyWatcher) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	if s := w.provider.session.Load(); s != nil {
		s.applying.Store(true)
	}
	return w.ProviderServer.ApplyResourceChange(ctx, req)
}
