// Package worker acts: it takes work under a lease, asks delivery what to do, saves the intent, deploys, verifies, rolls back or heals, and
// saves the result. A crash between any two of these is resumed from the ledger by the next process.
//
//	        ┌────────────────────────── again ───────────────────────────┐
//	        ▼                                                            │
//	load the world ─► answer its questions ─► decide ─► steps? ─► lease ─► save intent ─► driver ─► checks ─► save result
//	                  (observe)                 │
//	                                            └─ none: done (verified, waiting, held)
//
// One writer per (environment, pipeline): a lease in the ledger, renewed while acting, with a fencing number that the result is
// saved under. A process that lost its lease stops and records nothing.
package worker

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/observe"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Options are what a worker is made of. Store, Journal, Drivers and Observer are needed; everything else has a default.
type Options struct {
	Store    store.Store
	Journal  journal.Journal
	Drivers  map[string]driver.Driver // by the target's kind
	Observer *observe.Observer

	NewID func() string                                    // default random; for deployments, rollouts and this holder of leases
	Pause func(ctx context.Context, d time.Duration) error // default waits; returns ctx's error when it ends first
	Log   *slog.Logger                                     // default discards

	ResolvePath delivery.PathResolver // tells which directories are the same; default compares their names

	LeaseTTL time.Duration // how long a silent holder keeps the right to act; default DefaultLeaseTTL
	Poll     time.Duration // between two looks while waiting for a gate or another process; default DefaultPoll

	// decide is delivery.Decide. Tests break it on purpose, to see whether they would notice.
	decide func(w delivery.World, entry string) delivery.Decision
}

// Defaults of Options.
const (
	DefaultLeaseTTL = 15 * time.Second
	DefaultPoll     = time.Second
)

// Worker acts on one ledger. It is safe for concurrent use, and several workers may share one ledger.
type Worker struct {
	o        Options
	journal  journal.Journal
	holder   string       // of leases; each one's holder is this and a number
	acquired atomic.Int64 // the last such number

	lifetime context.Context // ends when the worker closes
	end      context.CancelFunc

	mu      sync.Mutex
	runs    map[runKey]*run
	givenUp map[runKey]int64 // the newest request that was canceled before this process began it
}

// New makes a worker. It starts nothing.
func New(o Options) *Worker {
	if o.NewID == nil {
		o.NewID = rand.Text
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.LeaseTTL == 0 {
		o.LeaseTTL = DefaultLeaseTTL
	}
	if o.Poll == 0 {
		o.Poll = DefaultPoll
	}
	if o.decide == nil {
		o.decide = delivery.Decide
	}
	w := &Worker{o: o, journal: o.Journal, holder: o.NewID(), runs: map[runKey]*run{}, givenUp: map[runKey]int64{}}
	w.lifetime, w.end = context.WithCancel(context.Background())
	return w
}

func (w *Worker) now() time.Time { return w.journal.Now() }

// view loads the world of a pipeline, as far as the named versions concern it.
func (w *Worker) view(ctx context.Context, pipeline string, versions ...string) (loaded delivery.World, err error) {
	err = w.o.Store.View(ctx, func(r store.Reader) error {
		loaded, err = w.load(ctx, r, pipeline, versions...)
		return err
	})
	return loaded, err
}

func (w *Worker) load(ctx context.Context, r store.Reader, pipeline string, versions ...string) (delivery.World, error) {
	loaded, err := world.Load(ctx, r, w.now(), pipeline, nil, versions...)
	loaded.ResolvePath = w.o.ResolvePath
	return loaded, err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Close cancels the work of this process and waits for it to reach a safe point, or for ctx. It does not close the store.
func (w *Worker) Close(ctx context.Context) error {
	w.end()
	w.mu.Lock()
	pending := make([]*run, 0, len(w.runs))
	for _, r := range w.runs {
		pending = append(pending, r)
	}
	w.mu.Unlock()
	for _, r := range pending {
		select {
		case <-r.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
