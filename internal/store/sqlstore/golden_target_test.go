package sqlstore

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// TestStoredFormatOfWebhookTargets freezes the kind of target that the other golden files have no place for.
func TestStoredFormatOfWebhookTargets(t *testing.T) {
	t.Parallel()
	l := openLedger(t, filepath.Join(t.TempDir(), "ledger.db"))
	full := delivery.WebhookTarget{Place: "hall-1",
		URL: "https://deploy.example.com/shop", StatusURL: "https://deploy.example.com/shop/{id}", ObserveURL: "https://deploy.example.com/running",
		Headers: map[string]string{"X-Site": "eu"}, Secret: "env:DEPLOY_KEY", Token: "file:token", SendSecrets: true, Timeout: "30m", PollInterval: "5s",
	}
	spec := delivery.EnvironmentSpec{Name: "eu", Tier: delivery.TierOther, Target: &delivery.Target{Webhook: &full}}
	require.NoError(t, l.Update(t.Context(), func(tx store.Tx) error { return tx.PutEnvironment(t.Context(), spec) }))
	var text string
	require.NoError(t, l.read.QueryRow(`SELECT document FROM environments`).Scan(&text))
	golden := filepath.Join("testdata", "webhook_target.golden.json")
	if *rewrite {
		require.NoError(t, os.WriteFile(golden, indented(t, text), 0o600))
	}
	frozen, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(frozen), string(indented(t, text)), "how webhook targets are stored has changed")
	requireEveryFieldSet(t, "webhook", reflect.ValueOf(full))
	require.Equal(t, spec, readBack(t, l, "environments"))
}
