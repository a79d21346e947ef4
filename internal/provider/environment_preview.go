package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// preview asks the control plane about one environment. ok is false while an environment that it names is not known.
func (r *environmentResource) preview(ctx context.Context, spec delivery.EnvironmentSpec, diags *diag.Diagnostics) (preview delivery.EnvironmentPreview, ok bool) {
	relatives := spec.RelatedTo()
	if err := r.session.noteElsewhere(ctx, configuration.Object{Type: "cd_environment", Values: map[string]string{"name": spec.Name}}, "cd_environment", relatives...); err != nil {
		tf.AddErrors(diags, "plan", "environment", spec.Name, err)
		return delivery.EnvironmentPreview{}, false
	}
	if !r.session.changes.EnvironmentsKnown(relatives...) {
		return delivery.EnvironmentPreview{}, false
	}
	api, err := r.session.client(ctx)
	if err == nil {
		preview, err = api.PreviewEnvironment(ctx, delivery.PreviewRequest[delivery.EnvironmentSpec]{Changes: r.session.changes.ForEnvironments(append(relatives, spec.Name)...), Subject: spec})
	}
	if err != nil {
		tf.AddErrors(diags, "plan", "environment", spec.Name, err)
		return delivery.EnvironmentPreview{}, false
	}
	return preview, true
}
