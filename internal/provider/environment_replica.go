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

// planned gives the environment as this plan leaves it. ok is false while it is a replica of what nobody knows: of something that
// does not exist, or that takes values which are known at apply only.
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
		case delivery.IsNotFound(err): // the control plane words it
			return delivery.EnvironmentOf(spec), false
		case err != nil:
			tf.AddErrors(diags, "plan", "environment", spec.Name, err)
			return delivery.EnvironmentOf(spec), false
		}
		source = recorded.Spec
	}
	return delivery.ReplicaOf(spec, source), true
}

// unknownEffect leaves open what follows from the source of a replica.
func (m environmentModel) unknownEffect() environmentModel {
	m.EffectiveConfig, m.Revision = types.MapUnknown(types.StringType), types.StringUnknown()
	return m
}

// refuseLateSource refuses to change what was planned after its replicas: their plan was made from what it was before.
func (r *environmentResource) refuseLateSource(name string, diags *diag.Diagnostics) {
	for _, replica := range r.session.changes.Replicas(name) {
		diags.AddAttributeError(path.Root("name"), fmt.Sprintf("Unable to plan environment %q: its replica %q was planned before it", name, replica.Name), fmt.Sprintf(
			"Environment %[2]q is a replica of %[1]q, and names it in a way by which Terraform cannot see that. Refer to the resource, as in replica_of = cd_environment.%[1]s.name, so that Terraform plans and changes %[1]q first.",
			name, replica.Name))
	}
}
