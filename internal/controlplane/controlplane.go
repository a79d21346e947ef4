// Package controlplane puts the commands and questions, the worker and the observer over one ledger together. app opens the ledger, lists
// the kinds of targets and checks, and serves it; tests hand in what they like.
package controlplane

import (
	"context"
	"log/slog"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/control"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/observe"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/worker"
)

// Options are what a control plane is made of. Store is needed; everything else has a default.
type Options struct {
	Store    store.Store
	Drivers  map[string]driver.Driver // by the target's kind
	Checkers map[string]check.Checker // by the check's kind

	Now     func() time.Time // default time.Now
	Secrets secret.Resolver  // default none
	// ResolvePath tells which directories of targets are the same; default compares their names.
	ResolvePath delivery.PathResolver
	Log         *slog.Logger // default discards
	// Place names from where drivers look; see observe.Observer.
	Place string

	LeaseTTL time.Duration // how long a silent holder keeps the right to act; default worker.DefaultLeaseTTL
	Poll     time.Duration // between two looks while waiting for a gate or another process; default worker.DefaultPoll
}

// Plane answers commands and questions, and acts on them. It is safe for concurrent use, and several may share one ledger.
type Plane struct {
	*control.Control
	Worker *worker.Worker
}

// New makes a control plane. It starts nothing.
func New(o Options) *Plane {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Poll == 0 {
		o.Poll = worker.DefaultPoll
	}
	changes := journal.New(o.Store, o.Now)
	observer := &observe.Observer{Place: o.Place, Drivers: o.Drivers, Checkers: o.Checkers, Secrets: o.Secrets, Store: o.Store, Now: changes.Now}
	w := worker.New(worker.Options{Store: o.Store, Journal: changes, Drivers: o.Drivers, Observer: observer, Log: o.Log, LeaseTTL: o.LeaseTTL, Poll: o.Poll, ResolvePath: o.ResolvePath})
	return &Plane{control.New(control.Options{Store: o.Store, Journal: changes, Observer: observer, Worker: w, Poll: o.Poll, ResolvePath: o.ResolvePath}), w}
}

// Cancel stops the work on a stage at its next safe point, and waits until it has stopped.
func (p *Plane) Cancel(ctx context.Context, pipeline, stage string) error {
	return p.Worker.Cancel(ctx, pipeline, stage)
}

// Close cancels the work of this process and waits for it to reach a safe point, or for ctx. It does not close the ledger.
func (p *Plane) Close(ctx context.Context) error { return p.Worker.Close(ctx) }
