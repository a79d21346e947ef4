package worker

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// guarded is a driver that lets nobody in without the credential, and repeats it in all that it says.
type guarded struct {
	*fakeDriver
	deployed, observed []driver.Request
	refuses            bool
}

func (g *guarded) Deploy(ctx context.Context, r driver.Request) (driver.Result, error) {
	g.mu.Lock()
	g.deployed = append(g.deployed, r)
	g.mu.Unlock()
	if g.refuses {
		return driver.Result{}, errors.New("no entry with " + r.Credentials["secret"])
	}
	return g.fakeDriver.Deploy(ctx, r)
}

func (g *guarded) Observe(ctx context.Context, r driver.Request) (delivery.Observation, error) {
	g.mu.Lock()
	g.observed = append(g.observed, r)
	g.mu.Unlock()
	seen, err := g.fakeDriver.Observe(ctx, r)
	for i := range seen.Differences {
		seen.Differences[i] += ", says " + r.Credentials["token"]
	}
	if seen.Unknown != "" {
		seen.Unknown += " with " + r.Credentials["secret"]
	}
	return seen, err
}

// guardedHouse has one environment behind a webhook; the values of what it refers to are in the map.
func guardedFixture(t *testing.T) (*fixture, *guarded, map[string]string) {
	t.Helper()
	values := map[string]string{"env:KEY": "s3cr3t-key", "env:TOKEN": "s3cr3t-token", "env:PASSWORD": "s3cr3t-password"}
	h := newFixture(t)
	g := &guarded{fakeDriver: h.driver}
	h.Engine = h.engine(func(o *engineOptions) {
		o.Drivers["webhook"] = g
		o.Secrets = secret.Func(func(_ context.Context, reference string) (string, error) {
			if value, ok := values[reference]; ok {
				return value, nil
			}
			return "", errors.New(strings.TrimPrefix(reference, "env:") + " is not set")
		})
	})
	h.declares(stage("production", delivery.Automatic, "eu"))
	h.environment("eu", func(spec *delivery.EnvironmentSpec) {
		spec.Secrets = map[string]string{"PASSWORD": "env:PASSWORD"}
		spec.Target = &delivery.Target{Webhook: &delivery.WebhookTarget{URL: "https://deploy.example.com", Secret: "env:KEY", Token: "env:TOKEN"}}
	})
	return h, g, values
}

func TestCredentialsReachTheDriverOnly(t *testing.T) {
	h, g, values := guardedFixture(t)
	require.Nil(t, h.delivers("1.0", 1).Failure)
	want := map[string]string{"secret": "s3cr3t-key", "token": "s3cr3t-token"}
	require.Equal(t, want, g.deployed[0].Credentials)
	require.Equal(t, map[string]string{"PASSWORD": "s3cr3t-password"}, g.deployed[0].Secrets)
	require.False(t, g.deployed[0].Resumed)

	h.driver.at[targetKey("eu", "shop")] = fakeTarget{id: "x", version: "0.9", drift: "somebody was here"}
	h.observes()
	seen := h.deployedIn("eu")
	require.Contains(t, seen.Differences, "somebody was here, says ***")
	said := []any{seen}
	require.Equal(t, want, g.observed[len(g.observed)-1].Credentials)
	require.Empty(t, g.observed[len(g.observed)-1].Secrets)

	g.refuses = true
	failed := h.delivers("2.0", 1)
	require.ErrorContains(t, failed.Failure, "no entry with ***")
	said = append(said, failed)

	delete(values, "env:KEY")
	missing := h.delivers("3.0", 1)
	requireRefusal(t, missing.Failure, delivery.CodeInvalid, `target.webhook.secret of environment "eu": KEY is not set`)
	calls := len(g.observed)
	said = append(said, missing, h.deployedIn("eu"))
	require.Len(t, g.observed, calls, "nobody asks without the credential")

	events, err := h.Events(t.Context(), 0, 10_000)
	require.NoError(t, err)
	all, err := h.Deployments(t.Context(), store.DeploymentFilter{})
	require.NoError(t, err)
	for _, one := range append(said, events, all) {
		requireNoSentinel(t, string(must(json.Marshal(one))))
	}
}

func (h *fixture) deployedIn(environment string) delivery.Deployed {
	h.t.Helper()
	seen, err := h.Deployed(h.t.Context(), "shop", environment)
	require.NoError(h.t, err)
	return seen
}

func TestADriverIsToldThatItGoesOnWithWhatAnotherBegan(t *testing.T) {
	h, g, _ := guardedFixture(t)
	first := h.Engine
	second := h.engine(func(o *engineOptions) { o.Drivers, o.Secrets = first.o.Drivers, first.o.Observer.Secrets })
	under := make(chan struct{})
	h.driver.onCall = func(r driver.Request) {
		if !r.Resumed {
			first.end()
			close(under)
		}
	}
	_, err := first.PutRelease(t.Context(), ann, release("1.0", 1))
	require.NoError(t, err)
	<-under
	require.NoError(t, first.Close(t.Context()))
	require.Nil(t, h.deliversBy(second, "1.0", 1).Failure)
	require.Len(t, g.deployed, 2)
	require.False(t, g.deployed[0].Resumed)
	require.True(t, g.deployed[1].Resumed)
	require.Equal(t, g.deployed[0].ID, g.deployed[1].ID)
	require.Equal(t, "s3cr3t-key", g.deployed[1].Credentials["secret"])
}
