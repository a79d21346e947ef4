package worker

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/control"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/observe"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Engine is commands and a worker over one ledger, as controlplane puts them together, with the worker open to the tests.
type Engine struct {
	*control.Control
	*Worker
}

// engineOptions are what an engine of the tests is made of.
type engineOptions struct {
	Store    store.Store
	Drivers  map[string]driver.Driver
	Checkers map[string]check.Checker
	Now      func() time.Time
	NewID    func() string
	Pause    func(ctx context.Context, d time.Duration) error
	Secrets  secret.Resolver
	Log      *slog.Logger
	LeaseTTL time.Duration
	decide   func(w delivery.World, entry string) delivery.Decision
}

func newEngine(o engineOptions) *Engine {
	changes := journal.New(o.Store, o.Now)
	observer := &observe.Observer{Drivers: o.Drivers, Checkers: o.Checkers, Secrets: o.Secrets, Store: o.Store, Now: changes.Now}
	w := New(Options{Store: o.Store, Journal: changes, Drivers: o.Drivers, Observer: observer, NewID: o.NewID, Pause: o.Pause, Log: o.Log,
		LeaseTTL: o.LeaseTTL, decide: o.decide})
	return &Engine{control.New(control.Options{Store: o.Store, Journal: changes, Observer: observer, Worker: w, Poll: time.Millisecond}), w}
}

// Work tells where the work on a stage stands, as the ledger has it, or as this process knows when the ledger could not be told.
func (e *Engine) Work(pipeline, stage string) delivery.Work {
	held, err := e.held(context.Background(), runKey{pipeline, stage})
	if known, ok := e.Unrecorded(pipeline, stage); ok && (err != nil || known.Number == held.Number) {
		return known.Work()
	}
	return held.Work()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func digestOf(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }
