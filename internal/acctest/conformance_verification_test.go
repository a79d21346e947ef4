package acctest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// TestVerificationConformance tests cd_verification separately: a verification is not a declaration, so what can change outside
// Terraform is the authorized release of the stage.
func TestVerificationConformance(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := h.Client(mallory)
	shop(t, h, api)
	environment, err := api.Environment(t.Context(), "production")
	require.NoError(t, err)
	environment.Spec.Target = nil
	_, err = api.PutEnvironment(t.Context(), environment.Spec)
	require.NoError(t, err)
	artifact := page(t, h, "hello")
	promote := func(version string) {
		deliver(t, h, api, artifact, version)
		_, err := api.PutPromotion(t.Context(), delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: version, WhenBlocked: delivery.WhenBlockedFail, Attempt: 1})
		require.NoError(t, err)
	}
	promote("1.0.0")

	p := newProtocol(t, h)
	const typ = "cd_verification"
	require.Equal(t, []string{"pipeline", "stage", "timeouts", "timeouts.create", "timeouts.update", "triggers", "version"}, configurable(p.schema(typ).Block.Attributes, ""),
		"say here how a new attribute can change outside Terraform; only Terraform has timeouts and triggers")
	config := map[string]any{"pipeline": "shop", "stage": "production", "version": "1.0.0", "triggers": map[string]any{"a": "1"},
		"timeouts": map[string]any{"create": "5m", "update": "5m"}}
	state := p.create(typ, config)
	require.Empty(t, p.differences(typ, state, config), "a second plan right after apply is empty")
	verified, err := api.Verification(t.Context(), delivery.VerificationSpec{Pipeline: "shop", Stage: "production"})
	require.NoError(t, err)
	require.Equal(t, delivery.StageVerified, verified.Status)

	promote("1.1.0") // another version is authorized outside Terraform
	require.True(t, mentions(p.differences(typ, state, config), "status", ""), "the authorized version is no longer the verified one")
}
