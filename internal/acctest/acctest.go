// Package acctest is the harness of the acceptance tests: real providers over a temporary ledger, a clock that tests advance, and
// drivers that fail on demand.
package acctest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/app"
	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// Actor is the actor in acceptance tests, unless the configuration sets another.
const Actor = "alice@example.com"

// Harness is one ledger with a clock, drivers and providers.
type Harness struct {
	Dir    string // a temporary directory
	Ledger string // its address: the path of a SQLite file, or the URL of a schema in PostgreSQL
	Clock  *Clock
	// Drivers record every call and fail on demand, by the target's kind.
	Drivers map[string]*Recorder

	t    testing.TB
	mu   sync.Mutex
	apps []*app.App
}

// LedgersVariable chooses the kind of ledger: "postgres" runs every test on PostgreSQL. Without it, tests use a SQLite file. Tests with
// OnEachLedger run on both in any case.
const LedgersVariable = "ACCTEST_LEDGER"

// ledgers returns the address of an empty ledger of each kind.
var ledgers = map[string]func(t testing.TB, dir string) string{
	"sqlite":   func(_ testing.TB, dir string) string { return filepath.Join(dir, "ledger.db") },
	"postgres": func(t testing.TB, _ string) string { return pgtest.URL(t) },
}

// chosen returns the kind of ledger that LedgersVariable names.
func chosen() string {
	if kind := os.Getenv(LedgersVariable); kind != "" {
		return kind
	}
	return "sqlite"
}

// New makes a harness. Everything that it opens is closed when the test ends.
func New(t testing.TB) *Harness {
	t.Helper()
	return NewOn(t, chosen())
}

// Ledger returns the address of an empty ledger for CD_LEDGER, or "" if the provider should create a file.
func Ledger(t testing.TB) string {
	t.Helper()
	if chosen() == "sqlite" {
		return ""
	}
	require.Contains(t, ledgers, chosen(), "the kind of ledger in %s", LedgersVariable)
	return ledgers[chosen()](t, "")
}

// OnEachLedger runs a test on each kind of ledger, in parallel.
func OnEachLedger(t *testing.T, test func(t *testing.T, h *Harness)) {
	t.Helper()
	for kind := range ledgers {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, NewOn(t, kind))
		})
	}
}

// NewOn makes a harness on one kind of ledger: "sqlite" or "postgres".
func NewOn(t testing.TB, kind string) *Harness {
	t.Helper()
	require.Contains(t, ledgers, kind, "the kind of ledger in %s", LedgersVariable)
	dir := t.TempDir()
	return newAt(t, dir, ledgers[kind](t, dir))
}

// NewAt makes a harness on an empty ledger at an address.
func NewAt(t testing.TB, ledger string) *Harness {
	t.Helper()
	return newAt(t, t.TempDir(), ledger)
}

func newAt(t testing.TB, dir, ledger string) *Harness {
	t.Helper()
	h := &Harness{Dir: dir, Ledger: ledger, Clock: NewClock(), Drivers: map[string]*Recorder{}, t: t}
	t.Cleanup(h.close)
	return h
}

func (h *Harness) close() {
	for _, a := range h.apps {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		require.NoError(h.t, a.Close(ctx))
		cancel()
	}
}

// Open opens a new control plane over the harness's ledger, as each provider process does.
func (h *Harness) Open(ctx context.Context) (http.RoundTripper, error) {
	opened, err := app.Open(ctx, app.Config{Ledger: h.Ledger, Adjust: h.adjust})
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.apps = append(h.apps, opened)
	return opened.Transport(), nil
}

func (h *Harness) adjust(o *controlplane.Options) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o.Now, o.Poll = h.Clock.Now, 10*time.Millisecond
	wrapped := map[string]driver.Driver{}
	for kind, real := range o.Drivers {
		if h.Drivers[kind] == nil {
			h.Drivers[kind] = &Recorder{real: real}
		}
		wrapped[kind] = h.Drivers[kind]
	}
	o.Drivers = wrapped
}

// Host returns the host of a provider under test. Each provider opens its control plane once.
func (h *Harness) Host() provider.Host {
	var once sync.Once
	var transport http.RoundTripper
	var err error
	return provider.Host{
		Open: func(ctx context.Context, _ string) (http.RoundTripper, error) {
			once.Do(func() { transport, err = h.Open(ctx) })
			return transport, err
		},
		Actor:         func(context.Context) string { return Actor },
		Configuration: h.Configuration,
	}
}

// WorkingDir is where the test framework makes the directory in which Terraform runs, so that Configuration finds it. The framework removes
// it at the end.
func (h *Harness) WorkingDir() string {
	h.t.Helper()
	dir := filepath.Join(h.Dir, "terraform")
	require.NoError(h.t, os.MkdirAll(dir, 0o750))
	return dir
}

// Configuration reads the files that Terraform plans in the working directory, or else those that the test wrote into Dir. A provider under
// test runs in the test's process, whose own working directory says nothing.
func (h *Harness) Configuration() (*configuration.Configuration, error) {
	dirs, err := filepath.Glob(filepath.Join(h.Dir, "terraform", "work*")) // as the framework calls them
	if err != nil || len(dirs) > 1 {
		return nil, errors.Join(err, fmt.Errorf("several tests run in %s", h.Dir))
	}
	return configuration.Read(append(dirs, h.Dir)[0], "")
}

// Factories serve the provider to Terraform. Each command gets a new provider, as in real use, so that only the ledger survives.
func (h *Harness) Factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"cd": func() (tfprotov6.ProviderServer, error) {
			return provider.Server("test", h.Host()), nil
		},
	}
}

// Server returns the provider's protocol server, for tests without Terraform.
func (h *Harness) Server() tfprotov6.ProviderServer {
	return provider.Server("test", h.Host())
}

// Client returns a client that acts outside Terraform, as the given actor.
func (h *Harness) Client(actor string) *client.Client {
	h.t.Helper()
	transport, err := h.Open(context.Background())
	require.NoError(h.t, err)
	return client.New(client.Config{Address: "http://embedded", Transport: transport, Actor: actor, UserAgent: "test"})
}
