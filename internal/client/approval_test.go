package client

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/api"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Anyone who answers must not be able to have somebody sign what they did not ask for.
func TestOnlyWhatWasAskedForIsGivenToSign(t *testing.T) {
	asked := delivery.ApprovalRequest{Pipeline: "shop", Version: "1.4.2", Stage: "production", Decision: delivery.Approve, ContentDigest: "sha256:aa", Round: 2}
	for name, change := range map[string]func(a *api.ApprovalRequest){
		"another pipeline":         func(a *api.ApprovalRequest) { a.Pipeline = "pay" },
		"another version":          func(a *api.ApprovalRequest) { a.Version = "1.4.3" },
		"another stage":            func(a *api.ApprovalRequest) { a.Stage = "staging" },
		"another decision":         func(a *api.ApprovalRequest) { a.Decision = delivery.Reject },
		"another content":          func(a *api.ApprovalRequest) { a.ContentDigest = "sha256:bb" },
		"another round":            func(a *api.ApprovalRequest) { a.Round = 3 },
		"another text":             func(a *api.ApprovalRequest) { a.Payload += "and so on\n" },
		"no text":                  func(a *api.ApprovalRequest) { a.Payload = "" },
		"another version, in text": func(a *api.ApprovalRequest) { a.Version = "1.4.3"; a.Payload = a.ApprovalRequest.Payload() },
	} {
		t.Run(name, func(t *testing.T) {
			a := api.ApprovalRequestOf(asked)
			change(&a)
			c, tries := hostile(t, answering(t, a))
			got, err := c.ApprovalRequest(t.Context(), "shop", "1.4.2", "production", "approve")
			require.ErrorContains(t, err, "do not sign it")
			require.Equal(t, delivery.CodeInternal, delivery.CodeOf(err))
			require.Zero(t, got)
			require.EqualValues(t, 1, tries.Load())
		})
	}
	c, _ := hostile(t, answering(t, api.ApprovalRequestOf(asked)))
	got, err := c.ApprovalRequest(t.Context(), "shop", "1.4.2", "production", "approve")
	require.NoError(t, err)
	require.Equal(t, asked, got)
}

func answering(t *testing.T, a any) http.HandlerFunc {
	t.Helper()
	body, err := json.Marshal(a)
	require.NoError(t, err)
	return text(string(body))
}
