package webhook_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/drivertest"
)

func TestConformance(t *testing.T) {
	for name, change := range map[string]func(*receiver){
		"done at once":          func(*receiver) {},
		"asked by its location": func(r *receiver) { r.looks = 3 },
		"asked by status_url":   func(r *receiver) { r.looks, r.tells = 2, "status_url" },
		"asked by the template": func(r *receiver) { r.looks, r.tells = 1, "template" },
	} {
		t.Run(name, func(t *testing.T) {
			drivertest.Exercise(t, func(t *testing.T) drivertest.Fixture {
				t.Helper()
				r := serving(t)
				change(r)
				t.Cleanup(func() { require.Empty(t, r.problems) })
				return fixture(r)
			})
		})
	}
}

func fixture(r *receiver) drivertest.Fixture {
	elsewhere := func(path string) delivery.Target {
		target := r.target()
		target.Webhook.URL = r.URL + path
		return target
	}
	return drivertest.Fixture{
		Driver: r.clock.driver(), Target: r.target(), Credentials: credentials(),
		Artifacts: func(t *testing.T, content string) map[string]delivery.Artifact {
			path := filepath.Join(t.TempDir(), "app")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			return map[string]delivery.Artifact{"app": {URI: path, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content)))}}
		},
		Running: func(t *testing.T, pipeline string) drivertest.Running {
			r.mu.Lock()
			defer r.mu.Unlock()
			now := r.runs[pipeline]
			require.NotNil(t, now)
			return drivertest.Running{Version: now.order.Version, Content: now.software, Config: now.order.Config, Secrets: now.order.Secrets}
		},
		Alter: func(_ *testing.T, pipeline string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if now := r.runs[pipeline]; now != nil {
				now.software = "changed by hand"
			}
		},
		Remove: func(_ *testing.T, pipeline string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.runs, pipeline)
			for id, b := range r.begun {
				if b.order.Pipeline == pipeline {
					delete(r.begun, id)
				}
			}
		},
		Failing: func(*testing.T) delivery.Target { return elsewhere("/fail") },
		Telling: func(_ *testing.T, _, text string) []delivery.Target {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = text
			var targets []delivery.Target
			for _, path := range []string{"/tell", "/tell-refusal", "/tell-receipt"} {
				target := elsewhere(path)
				target.Webhook.ObserveURL = r.URL + path
				targets = append(targets, target)
			}
			return targets
		},
		Stalling: func(*testing.T) (delivery.Target, <-chan struct{}) {
			return elsewhere("/stall"), r.stalled
		},
		Effects: func(_ *testing.T, pipeline string) int {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.starts[pipeline]
		},
	}
}

func TestAFailureRepeatsTheReceiversWordsWithoutSecrets(t *testing.T) {
	r := serving(t)
	request := requestTo(r)
	request.Target.Webhook.URL = r.URL + "/fail"
	_, err := r.clock.driver().Deploy(t.Context(), request)
	require.ErrorContains(t, err, `the receiver says that it failed: no luck: {"id":"d1"`)
	require.ErrorContains(t, err, "***")
	require.NotContains(t, err.Error(), token)
	require.NotContains(t, err.Error(), "hunter2")
	require.Less(t, len(err.Error()), 2<<10)
	require.NotContains(t, err.Error(), "\n")
}

func requestTo(r *receiver) driver.Request {
	return driver.Request{
		ID: "d1", Pipeline: "shop", Stage: "staging", Environment: "staging-eu", Version: "1.4.2", Digest: "sha256:00",
		Config: map[string]string{"LOG_LEVEL": "info"}, ConfigRevision: "sha256:11", Target: r.target(),
		Secrets: map[string]string{"PASSWORD": "hunter2"}, SecretNames: []string{"PASSWORD"}, Credentials: credentials(),
	}
}
