package provider_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// strictly reads a declaration and refuses keys that it does not have.
func strictly[S any](config []byte, into *S) error {
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func TestEnvironmentChangedBehindTerraformShows(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := h.Client("mallory@example.com")
	for _, name := range []string{"reference", "other"} {
		_, err := api.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther})
		require.NoError(t, err)
	}
	declared{
		typ:   "cd_environment",
		fixed: []string{"name"},
		configs: []map[string]any{
			object(t, `{
				"name": "first", "tier": "staging", "deletion_protection": true,
				"config": {"LOG_LEVEL": "debug"}, "secrets": {"PASSWORD": "env:PASSWORD"}, "platform": {"os": "debian-12"},
				"parity": {"with": "reference", "allow": {
					"*": {"reason": "all of it"},
					"X": {"reason": "a number", "min": 1, "max": 9, "until": "2027-06-30T00:00:00Z"}}},
				"target": {"directory": {"path": "/srv/first", "keep": 5, "after_deploy":
					{"argv": ["./shop", "restart"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s"}}}}`),
			object(t, `{
				"name": "second", "tier": "other", "replica_of": "reference",
				"target": {"command": {
					"deploy": {"argv": ["./deploy", "now"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s"},
					"observe": {"argv": ["./observe", "now"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s"}}}}`),
			object(t, `{
				"name": "third", "tier": "other",
				"target": {"webhook": {
					"url": "https://deploy.example.com/shop", "status_url": "https://deploy.example.com/shop/{id}",
					"observe_url": "https://deploy.example.com/running", "headers": {"X-Site": "eu"}, "secret": "env:KEY", "token": "env:TOKEN",
					"send_secrets": true, "timeout": "30m", "poll_interval": "5s"}}}`),
		},
		put: func(config []byte) error {
			var spec delivery.EnvironmentSpec
			if err := strictly(config, &spec); err != nil {
				return err
			}
			_, err := api.PutEnvironment(t.Context(), spec)
			return err
		},
	}.exercise(newWire(t, h))
}
