// Package acctest is the harness of the acceptance tests: real providers over a temporary ledger, a clock that tests move, and
// drivers that can be told to fail.
package acctest

import (
	"context"
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
	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/storetest/pgtest"
)

// Actor is who acts in acceptance tests when the configuration does not say.
const Actor = "alice@example.com"

// Harness is one ledger with everything around it.
type Harness struct {
	Dir    string // a directory of the test's own
	Ledger string // its address: the path of a SQLite file, or the URL of a schema in PostgreSQL
	Clock  *Clock
	// Drivers record every call and fail on demand, by the target's kind.
	Drivers map[string]*Recorder

	t    testing.TB
	mu   sync.Mutex
	apps []*app.App
}

// LedgersVariable chooses where the ledger is kept: "postgres" runs every story on PostgreSQL. Without it, that is a SQLite file. What
// OnEachLedger tells is told on both, whatever it says.
const LedgersVariable = "ACCTEST_LEDGER"

// ledgers gives the address of an empty ledger of each kind.
var ledgers = map[string]func(t testing.TB, dir string) string{
	"sqlite":   func(_ testing.TB, dir string) string { return filepath.Join(dir, "ledger.db") },
	"postgres": func(t testing.TB, _ string) string { return pgtest.URL(t) },
}

// chosen is the kind of ledger that LedgersVariable says.
func chosen() string {
	if kind := os.Getenv(LedgersVariable); kind != "" {
		return kind
	}
	return "sqlite"
}

// New makes a harness; everything it opens is closed when the test ends.
func New(t testing.TB) *Harness {
	t.Helper()
	return NewOn(t, chosen())
}

// Ledger is where a real provider finds an empty ledger, for CD_LEDGER; nothing if that is a file, which it makes where it is told to or at its default.
func Ledger(t testing.TB) string {
	t.Helper()
	if chosen() == "sqlite" {
		return ""
	}
	require.Contains(t, ledgers, chosen(), "the kind of ledger in %s", LedgersVariable)
	return ledgers[chosen()](t, "")
}

// OnEachLedger tells a story on each kind of ledger, side by side.
func OnEachLedger(t *testing.T, story func(t *testing.T, h *Harness)) {
	t.Helper()
	for kind := range ledgers {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			story(t, NewOn(t, kind))
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

// Open opens a control plane of its own over the harness's ledger, as each provider process does.
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

// Host is what a provider under test is given. Each provider opens its control plane once.
func (h *Harness) Host() provider.Host {
	var once sync.Once
	var transport http.RoundTripper
	var err error
	return provider.Host{
		Open: func(ctx context.Context, _ string) (http.RoundTripper, error) {
			once.Do(func() { transport, err = h.Open(ctx) })
			return transport, err
		},
		Actor: func(context.Context) string { return Actor },
	}
}

// Factories serve the provider to Terraform: a new one for each command, as in real life, so that only the ledger survives.
func (h *Harness) Factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"cd": func() (tfprotov6.ProviderServer, error) {
			return provider.Server("test", h.Host()), nil
		},
	}
}

// Server is the provider as Terraform speaks to it, without Terraform.
func (h *Harness) Server() tfprotov6.ProviderServer {
	return provider.Server("test", h.Host())
}

// Client speaks to the ledger behind Terraform's back, as the given actor.
func (h *Harness) Client(actor string) *client.Client {
	h.t.Helper()
	transport, err := h.Open(context.Background())
	require.NoError(h.t, err)
	return client.New(client.Config{Address: "http://embedded", Transport: transport, Actor: actor, UserAgent: "test"})
}
