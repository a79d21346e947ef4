package provider

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/blocks"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider/tf"
)

// environmentModel serves the resource and the data source: their attributes are the same.
type environmentModel struct {
	ID                 types.String      `tfsdk:"id"`
	Name               types.String      `tfsdk:"name"`
	Tier               types.String      `tfsdk:"tier"`
	ReplicaOf          types.String      `tfsdk:"replica_of"`
	Config             map[string]string `tfsdk:"config"`
	Secrets            map[string]string `tfsdk:"secrets"`
	Platform           map[string]string `tfsdk:"platform"`
	Parity             *blocks.Parity    `tfsdk:"parity"`
	Target             *blocks.Target    `tfsdk:"target"`
	DeletionProtection types.Bool        `tfsdk:"deletion_protection"`
	EffectiveConfig    types.Map         `tfsdk:"effective_config"`
	Revision           types.String      `tfsdk:"revision"`
}

// toSpec gives the declaration. It needs all that was configured to be known; deletion protection that is not known yet stays
// out, so that the tier decides.
func (m environmentModel) toSpec() delivery.EnvironmentSpec {
	spec := delivery.EnvironmentSpec{
		Name:      m.Name.ValueString(),
		Tier:      delivery.Tier(m.Tier.ValueString()),
		ReplicaOf: m.ReplicaOf.ValueString(),
		Config:    tf.NilIfEmpty(m.Config),
		Secrets:   tf.NilIfEmpty(m.Secrets),
		Platform:  tf.NilIfEmpty(m.Platform),
		Parity:    m.Parity.ToSpec(),
		Target:    m.Target.ToSpec(),
	}
	if !m.DeletionProtection.IsNull() && !m.DeletionProtection.IsUnknown() {
		spec.DeletionProtection = m.DeletionProtection.ValueBoolPointer()
	}
	return spec
}

// environmentModelFrom gives the state of an environment as it is read back; prior is what was planned, or the state before.
func environmentModelFrom(e delivery.Environment, prior environmentModel) environmentModel {
	return environmentModel{
		ID:                 types.StringValue(e.Spec.Name),
		Name:               types.StringValue(e.Spec.Name),
		Tier:               types.StringValue(string(e.Spec.Tier)),
		ReplicaOf:          tf.StringOr(e.Spec.ReplicaOf, prior.ReplicaOf),
		Config:             tf.MapOr(maps.Clone(e.Spec.Config), prior.Config),
		Secrets:            tf.MapOr(maps.Clone(e.Spec.Secrets), prior.Secrets),
		Platform:           tf.MapOr(maps.Clone(e.Spec.Platform), prior.Platform),
		Parity:             blocks.ParityFrom(e.Spec.Parity, prior.Parity),
		Target:             blocks.TargetFrom(e.Spec.Target, prior.Target),
		DeletionProtection: types.BoolValue(e.Spec.Protected()),
		EffectiveConfig:    tf.StringMap(e.Status.EffectiveConfig),
		Revision:           types.StringValue(e.Status.Revision),
	}
}
