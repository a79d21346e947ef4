package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestOverrideModelRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := overrideModel{
			Pipeline:  types.StringValue("shop"),
			Version:   types.StringValue("1.4.2"),
			Stage:     types.StringValue("production"),
			Gates:     rapid.Permutation([]string{"windows", "soak", "checks.error_rate"}).Draw(t, "gates"),
			Reason:    types.StringValue("checkout is down"),
			Ticket:    types.StringValue("INC-7"),
			ExpiresAt: types.StringValue("2027-03-01T20:00:00+02:00"),
			MadeBy:    types.StringUnknown(),
		}
		spec := written.toSpec()
		require.Equal(t, []string{"checks.error_rate", "soak", "windows"}, spec.Gates, "in one order, whatever order it was written in")
		read := overrideModelFrom(delivery.Override{ID: "o1", Spec: spec, Actor: "alice@example.com"}, written)
		require.Equal(t, spec, read.toSpec())
		require.Equal(t, "alice@example.com", read.MadeBy.ValueString())
		require.Equal(t, written.ExpiresAt, read.ExpiresAt)
	})
}

func TestWarnIfUseless(t *testing.T) {
	state := overrideModel{Pipeline: types.StringValue("shop"), Version: types.StringValue("1.4.2"), Stage: types.StringValue("production")}
	var diags diag.Diagnostics
	warnIfUseless(&diags, state, nil)
	require.Empty(t, diags)
	warnIfUseless(&diags, state, delivery.Errors{{Field: "expires_at", Message: "it is in the past"}, {Message: "there is no ledger."}})
	require.Len(t, diags, 2)
	require.False(t, diags.HasError())
	require.Equal(t, "The override of shop 1.4.2 in production no longer has an effect", diags[0].Summary())
	require.Equal(t, "it is in the past. Remove it from the configuration, or make a new one.", diags[0].Detail())
	require.Equal(t, "there is no ledger. Remove it from the configuration, or make a new one.", diags[1].Detail())
}
