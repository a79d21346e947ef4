package provider_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func TestPipelineChangedBehindTerraformShows(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := h.Client("mallory@example.com")
	for _, name := range []string{"first", "second", "firstx", "secondx", "third", "other"} {
		_, err := api.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther,
			Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}})
		require.NoError(t, err)
	}
	declared{
		typ:   "cd_pipeline",
		fixed: []string{"name"},
		configs: []map[string]any{object(t, `{
			"name": "shop",
			"stages": [
				{"name": "one", "environments": ["first"], "promotion": "automatic"},
				{"name": "other", "environments": ["third"], "promotion": "automatic"},
				{"name": "two", "environments": ["second"], "promotion": "manual", "on_failure": "halt", "overridable": ["soak", "windows"],
					"config": {"FEATURE": "on"},
					"rollout": {"max_parallel": 2, "max_failures": 1},
					"gates": {
						"approvals": {"required": 1, "approvers": ["alice", "bob"], "allow_author": true, "expires_after": "72h",
							"signed_by": ["alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHb7MJqdPyLaUPnP5MdzLnVpbmWg+CQDQtUoqzmzdWvz"]},
						"tests": {"unit": {"min_tests": 3, "max_failures": 1, "max_age": "24h"}},
						"windows": {"office": {"days": ["mon", "tue"], "start": "09:00", "end": "16:00", "time_zone": "Europe/Berlin"}},
						"cooldown": {"duration": "4h"},
						"max_deploys": {"count": 3, "per": "24h"},
						"expressions": {"ticket": {"condition": "release.version != '' // always", "message": "it has a version"}},
						"soak": {"stage": "one", "duration": "1h"},
						"parity": true,
						"checks": {
							"rate": {"http": {"url": "https://metrics.example.com", "expect_status": 204, "attempts": 3, "interval": "1s", "timeout": "5s"}},
							"ask": {"command": {"argv": ["./ask", "it"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s", "junit": "report.xml", "attempts": 3, "interval": "1s"}}}},
					"verify": {
						"health": {"http": {"url": "https://shop.example.com", "expect_status": 204, "attempts": 3, "interval": "1s", "timeout": "5s"}},
						"smoke": {"command": {"argv": ["./smoke", "it"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s", "junit": "report.xml", "attempts": 3, "interval": "1s"}}}}
			]}`)},
		put: func(config []byte) error {
			var spec delivery.PipelineSpec
			if err := strictly(config, &spec); err != nil {
				return err
			}
			_, err := api.PutPipeline(t.Context(), spec)
			return err
		},
	}.exercise(newWire(t, h))
}
