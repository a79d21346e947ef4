package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// planned returns the environment as this plan leaves it. ok is false if it is a replica of an environment that does not exist, or that has
// values which are not known before the apply.
func (r *environmentResource) planned(ctx context.Context, spec delivery.EnvironmentSpec, diags *diag.Diagnostics) (as delivery.Environment, ok bool) {
	if spec.ReplicaOf == "" {
		return delivery.EnvironmentOf(spec), true
	}
	if r.session == nil || !r.session.changes.EnvironmentsKnown(spec.ReplicaOf) {
		return delivery.EnvironmentOf(spec), false
	}
	source, ok := r.session.changes.Environment(spec.ReplicaOf)
	if !ok {
		recorded, err := r.session.Environment(ctx, spec.ReplicaOf)
		switch {
		case delivery.IsNotFound(err): // the control plane reports it
			return delivery.EnvironmentOf(spec), false
		case err != nil:
			tf.AddErrors(diags, "plan", "environment", spec.Name, err)
			return delivery.EnvironmentOf(spec), false
		}
		source = recorded.Spec
	}
	return delivery.ReplicaOf(spec, source), true
}

// unknownEffect makes unknown what follows from the source of a replica.
func (m environmentModel) unknownEffect() environmentModel {
	m.EffectiveConfig, m.Revision = types.MapUnknown(types.StringType), types.StringUnknown()
	return m
}

// refuseLateSource refuses to change an environment that was planned after its replicas: they were planned from what it was before.
func (r *environmentResource) refuseLateSource(name string, diags *diag.Diagnostics) {
	for _, replica := range r.session.changes.Replicas(name) {
		diags.AddAttributeError(path.Root("name"), fmt.Sprintf("Unable to plan environment %q: its replica %q was planned before it", name, replica.Name), fmt.Sprintf(
			"Environment %[2]q is a replica of %[1]q, but Terraform cannot see that it refers to it. Refer to the resource, as in replica_of = cd_environment.%[1]s.name, so that Terraform plans and changes %[1]q first.",
			name, replica.Name))
	}
}
