package worker

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// sentinel is a secret value that must not turn up anywhere but in the driver's hands.
const sentinel = `s3cr3t-"sentinel"-value`

// chatty is a checker that repeats the secret, as deployed software may.
type chatty struct{ passes bool }

func (c chatty) Check(context.Context, delivery.CheckRequest) (delivery.CheckResult, error) {
	return delivery.CheckResult{Passed: c.passes, Detail: "it answered: token=" + sentinel}, nil
}

// TestSecretsReachTheDriverOnly goes through a delivery that works, one whose driver tells the secret in its error, and one whose
// verification does, on the real ledger; then it looks for the value everywhere.
func TestSecretsReachTheDriverOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	ledger, err := sqlstore.Open(t.Context(), path)
	require.NoError(t, err)
	var log strings.Builder
	said := []any{}
	h := newFixture(t)
	h.ledger = ledger
	checks := &chatty{passes: true}
	h.Engine = h.engine(func(o *engineOptions) {
		o.Secrets = secret.Local{}
		o.Checkers["command"] = checks
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	t.Setenv("SHOP_TOKEN", sentinel)
	h.declares(verifying(stage("development", delivery.Automatic, "dev")), stage("production", delivery.Manual, "eu"))
	h.environment("dev", func(spec *delivery.EnvironmentSpec) { spec.Secrets = map[string]string{"TOKEN": "env:SHOP_TOKEN"} })

	said = append(said, h.delivers("1.0", 1))
	require.Equal(t, sentinel, h.driver.calls[0].Secrets["TOKEN"], "the driver gets the value")

	h.driver.secret, h.driver.refuse["dev/shop"] = ": token "+sentinel+" was refused", 1
	failed := h.delivers("2.0", 1)
	require.ErrorContains(t, failed.Failure, "the environment refuses 2.0: token *** was refused")
	said = append(said, failed)

	checks.passes = false
	failed = h.delivers("3.0", 1)
	require.ErrorContains(t, failed.Failure, `check "smoke" did not pass: it answered: token=***`)
	said = append(said, failed)

	require.NoError(t, os.Unsetenv("SHOP_TOKEN"))
	missing := h.delivers("4.0", 1)
	requireRefusal(t, missing.Failure, delivery.CodeInvalid, `secret TOKEN of environment "dev": environment variable SHOP_TOKEN is not set where Terraform runs`)

	events, err := h.Events(t.Context(), 0, 10_000)
	require.NoError(t, err)
	all, err := h.Deployments(t.Context(), store.DeploymentFilter{})
	require.NoError(t, err)
	preview, err := h.PreviewRelease(t.Context(), ann, previewOf(release("3.0", 2)))
	require.NoError(t, err)
	deployed, err := h.Deployed(t.Context(), "shop", "dev")
	require.NoError(t, err)
	said = append(said, events, all, preview, deployed, log.String())
	for _, one := range said {
		requireNoSentinel(t, string(must(json.Marshal(one))))
	}
	require.NoError(t, ledger.Close())
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	for _, name := range files {
		bytes, err := os.ReadFile(name)
		require.NoError(t, err)
		requireNoSentinel(t, string(bytes))
	}
}

func previewOf(r delivery.ReleaseRequest) delivery.PreviewRequest[delivery.ReleaseRequest] {
	return delivery.PreviewRequest[delivery.ReleaseRequest]{Subject: r}
}

func requireNoSentinel(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, "s3cr3t")
	require.NotContains(t, text, "sentinel")
}
