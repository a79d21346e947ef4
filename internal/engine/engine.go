// Package engine is the only loop of the control plane: load the world, ask delivery what to do, save the intent, act, save the
// result. A crash between any two of these is resumed from the ledger by whoever comes next.
//
//	        ┌────────────────────────── again ───────────────────────────┐
//	        ▼                                                            │
//	load the world ─► answer what delivery asks ─► decide ─► steps? ─► lease ─► save intent ─► driver ─► checks ─► save result
//	                  (observe, check)                │
//	                                                  └─ none: settled (verified, waiting, held)
//
// One writer per (environment, pipeline): a lease in the ledger, renewed while acting, with a fencing number that the result is
// saved under. A process that lost its lease stops and records nothing.
package engine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Options are what an engine is made of. Store is needed; everything else has a default.
type Options struct {
	Store    store.Store
	Drivers  map[string]driver.Driver // by the target's kind
	Checkers map[string]check.Checker // by the check's kind

	Now   func() time.Time                                 // default time.Now
	NewID func() string                                    // default random; for deployments, rollouts and this holder of leases
	Pause func(ctx context.Context, d time.Duration) error // default waits; returns ctx's error when it ends first
	// Secret resolves a reference; default reads env:NAME and file:PATH.
	Secret func(ctx context.Context, reference string) (string, error)
	Log    *slog.Logger // default discards

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

// Engine is the control plane's core. It is safe for concurrent use, and several engines may share one ledger.
type Engine struct {
	o        Options
	holder   string       // of leases; each one's holder is this and a number
	acquired atomic.Int64 // the last such number

	lifetime context.Context // ends when the engine closes
	end      context.CancelFunc

	mu   sync.Mutex
	runs map[runKey]*run
}

// New makes an engine. It starts nothing.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = rand.Text
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	if o.Secret == nil {
		o.Secret = resolveSecret
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
	e := &Engine{o: o, holder: o.NewID(), runs: map[runKey]*run{}}
	e.lifetime, e.end = context.WithCancel(context.Background())
	return e
}

// now is the moment, as the ledger keeps it: UTC, in microseconds.
func (e *Engine) now() time.Time { return e.o.Now().UTC().Truncate(time.Microsecond) }

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

// happened is one event to record with a change.
type eventRecord struct {
	kind, subject string
	data          any
}

// change runs f in one write transaction. What f reports is recorded as events of that transaction. A refusal of f (returned
// before f wrote anything) is recorded as "<noun>.refused", and then returned.
func (e *Engine) change(ctx context.Context, actor, noun, subject string, f func(store.Tx) ([]eventRecord, error)) error {
	if err := delivery.ValidateActor(actor).Err(); err != nil {
		return err
	}
	var refusal error
	err := e.o.Store.Update(ctx, func(tx store.Tx) error {
		refusal = nil
		events, err := f(tx)
		if err != nil && refuses(err) {
			refusal = err
			events = []eventRecord{{noun + ".refused", subject, map[string]string{"reason": err.Error()}}}
		} else if err != nil {
			return err
		}
		return e.record(ctx, tx, actor, events)
	})
	if err != nil {
		return err
	}
	return refusal
}

// refuses reports whether an error says that somebody may not do this, as things are; not that it could not be done, or that there
// is nothing to do it to.
func refuses(err error) bool {
	code := delivery.CodeOf(err)
	return code == delivery.CodeConflict || code == delivery.CodeInvalid || code == delivery.CodeForbidden
}

func (e *Engine) record(ctx context.Context, tx store.Tx, actor string, events []eventRecord) error {
	for _, h := range events {
		data, err := json.Marshal(h.data)
		if err != nil {
			return delivery.Errorf(delivery.CodeInternal, "event %s %s: %v", h.kind, h.subject, err)
		}
		event := delivery.Event{At: e.now(), Actor: actor, Kind: h.kind, Subject: h.subject, Data: data}
		if _, err := tx.AppendEvent(ctx, event); err != nil {
			return err
		}
	}
	return nil
}

// Close cancels the work of this process and waits for it to reach a safe point, or for ctx. It does not close the store.
func (e *Engine) Close(ctx context.Context) error {
	e.end()
	e.mu.Lock()
	pending := make([]*run, 0, len(e.runs))
	for _, r := range e.runs {
		pending = append(pending, r)
	}
	e.mu.Unlock()
	for _, r := range pending {
		select {
		case <-r.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
