package provider_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

// counted counts the requests to the control plane.
type counted struct {
	http.RoundTripper
	mu       sync.Mutex
	requests []string
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.requests = append(c.requests, r.Method+" "+r.URL.Path)
	c.mu.Unlock()
	return c.RoundTripper.RoundTrip(r)
}

// services are walks over many services that share two environments, and the requests of each walk.
type services struct {
	*walks
	shop
	counted *counted
}

func newServices(t *testing.T, s shop) services {
	t.Helper()
	c, host := &counted{}, s.Host()
	open := host.Open
	host.Open = func(ctx context.Context, ledger string) (http.RoundTripper, error) {
		transport, err := open(ctx, ledger)
		c.RoundTripper = transport
		return c, err
	}
	w := newWalks(t, s)
	w.server = provider.Server("test", host)
	return services{w, s, c}
}

// declare returns the shop's environments, and the rest of the shop as often as there are services.
func (s services) declare(number int) []declaration {
	all := s.shop.declare(order{version: "1.0.0"})[:2]
	rest := []declaration{}
	for i := range number {
		name := fmt.Sprintf("service-%d", i)
		for _, d := range s.shop.declare(order{version: "1.0.0", gates: writtenGates, approval: map[string]any{}, promotion: map[string]any{}, edit: writtenOut})[2:] {
			config := maps.Clone(d.config)
			if config["pipeline"] = name; d.typ == "cd_pipeline" {
				delete(config, "pipeline")
				config["name"] = name
			}
			d = declaration{d.name + "." + name, d.typ, config}
			if d.typ == "cd_pipeline" {
				all = append(all, d) // Terraform plans them first: nothing else waits for what they need
			} else {
				rest = append(rest, d)
			}
		}
	}
	return append(all, rest...)
}

// planned returns the requests of a plan in which nothing changes.
func (s services) planned(t *testing.T, all []declaration) []string {
	t.Helper()
	s.counted.requests = nil
	for name, o := range s.refreshAndPlan(all...) {
		require.Empty(t, o.action, name)
		require.Empty(t, o.diagnostics, name)
	}
	return s.counted.requests
}

// The number of requests of a plan without changes does not depend on the number of resources.
func TestAPlanTakesAConstantNumberOfRequests(t *testing.T) {
	t.Parallel()
	few, many := newServices(t, newShopOn(t, acctest.New(t))), newServices(t, newShopOn(t, acctest.New(t)))
	for _, one := range []struct {
		services
		number int
	}{{few, 1}, {many, 5}} {
		all := one.declare(one.number)
		for name, o := range one.apply(all...) {
			require.False(t, o.failed(), "%s: %s", name, o.said())
		}
		require.Equal(t, []string{"GET /v1/environments", "GET /v1/ledger", "GET /v1/pipelines", "POST /v1/refresh"}, one.planned(t, all), "%d services", one.number)
		require.Len(t, one.planned(t, all), 4)
	}
}

// What is written makes this process read again: a promotion in the same walk sees the freeze before it.
func TestAWriteIsSeenByTheReadsAfterIt(t *testing.T) {
	t.Parallel()
	s := newServices(t, newShopOn(t, acctest.New(t)))
	all := s.declare(1)
	for name, o := range s.apply(all...) {
		require.False(t, o.failed(), "%s: %s", name, o.said())
	}
	s.configure()
	release := all[3]
	before := s.read(release.typ, s.state[release.name])
	another := declaration{"more", "cd_environment", map[string]any{"name": "more", "tier": "other"}}
	s.counted.requests = nil
	s.read(release.typ, before)
	require.Empty(t, s.counted.requests)
	_, err := s.Client("bob@example.com").PutFreeze(t.Context(), delivery.FreezeSpec{Name: "calm", Reason: "nobody is there", StartsAt: "2020-01-01T00:00:00Z", EndsAt: "2020-01-02T00:00:00Z", Environments: []string{"staging"}})
	require.NoError(t, err)
	s.read(release.typ, before)
	require.Empty(t, s.counted.requests, "what others write is seen by the next plan")
	planned := s.planOne(another, s.prior(another))
	_, diagnostics := s.change(another, planned.before, planned.after)
	require.Empty(t, diagnostics)
	s.counted.requests = nil
	s.read(release.typ, before)
	require.Equal(t, []string{"POST /v1/refresh"}, s.counted.requests)
}
