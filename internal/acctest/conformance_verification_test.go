package acctest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// TestVerificationConformance walks cd_verification by itself: a verification is no declaration of its own, so what changes behind
// Terraform's back is what is handed out in the stage.
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
		deliver(t, api, artifact, version)
		_, err := api.PutPromotion(t.Context(), delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: version, WhenBlocked: delivery.WhenBlockedFail, Attempt: 1})
		require.NoError(t, err)
	}
	promote("1.0.0")

	p := newProtocol(t, h)
	const typ = "cd_verification"
	require.Equal(t, []string{"pipeline", "stage", "timeouts", "timeouts.create", "timeouts.update", "triggers", "version"}, configurable(p.schema(typ).Block.Attributes, ""),
		"say here how a new attribute changes behind Terraform's back; timeouts and triggers are Terraform's alone")
	config := map[string]any{"pipeline": "shop", "stage": "production", "version": "1.0.0", "triggers": map[string]any{"a": "1"},
		"timeouts": map[string]any{"create": "5m", "update": "5m"}}
	state := p.create(typ, config)
	require.Empty(t, p.differences(typ, state, config), "a second plan right after apply is empty")
	verified, err := api.Verification(t.Context(), delivery.VerificationSpec{Pipeline: "shop", Stage: "production"})
	require.NoError(t, err)
	require.Equal(t, delivery.StageVerified, verified.Status)

	promote("1.1.0") // another version is handed out, and Terraform knows nothing of it
	require.True(t, mentions(p.differences(typ, state, config), "status", ""), "what is to run there is not what was verified any more")
}
