// Package control holds the commands and questions of the control plane, one file per noun. A command validates, writes a declaration or
// an intent with its events in one transaction, and leaves acting on it to a worker. A question tells what the ledger holds: reading runs
// no driver and no program of a user. A preview says what a command would do, for which it asks the outside world. Nothing here starts a
// goroutine, calls a driver or knows a secret.
package control

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Options are what a control is made of. All are needed, except as said.
type Options struct {
	Store    store.Store
	Journal  journal.Journal
	Observer Observer
	Worker   Worker
	Poll     time.Duration // between two looks at work that another process does
	// ResolvePath tells which directories are the same; nil compares their names.
	ResolvePath delivery.PathResolver
}

// Observer asks the outside world, as *observe.Observer does it.
type Observer interface {
	world.Answerer
	// Preflight says why a deployment would not find the artifacts it is made of.
	Preflight(ctx context.Context, d delivery.Deployment) error
	// Claimed says why the place of a deployment belongs to another ledger than this one.
	Claimed(ctx context.Context, ledger delivery.Ledger, d delivery.Deployment) error
	// Look looks at what pipelines run and records what it saw. It returns the answers in the order of the pipelines.
	Look(ctx context.Context, pipelines []world.Facts) ([]world.Answers, error)
	// LookedFromHere reports whether what a pipeline runs was looked at from this place last.
	LookedFromHere(f world.Facts) bool
	// Unrecorded lists what this process observed of a pipeline last and may not write into the ledger.
	Unrecorded(pipeline string) []delivery.Recording
}

// Worker acts on what commands have written, as *worker.Worker does it.
type Worker interface {
	// Request records, in the transaction of a command, that this process will work on a stage.
	Request(ctx context.Context, tx store.Tx, actor, pipeline, stage, version string) (delivery.WorkRecord, error)
	// StartPromotion begins the requested work on a promotion, unless the caller has given it up meanwhile. known is the world as the
	// transaction of the request left it.
	StartPromotion(asked context.Context, request delivery.WorkRecord, known delivery.World) error
	// StartVerification begins the requested checks of what Terraform deployed in a stage.
	StartVerification(asked context.Context, request delivery.WorkRecord, again bool) error
	// Await waits until the work of this process on a stage has ended, or until d has passed, which is no error.
	Await(ctx context.Context, pipeline, stage string, d time.Duration) error
	// Finish waits until this process has done the requested work, or until d has passed. It returns the facts of the transaction that
	// recorded the end: nil when it has not ended yet, or when that could not be recorded.
	Finish(ctx context.Context, request delivery.WorkRecord, d time.Duration) (*world.Facts, error)
	// Unrecorded is how the newest work of this process on a stage ended, if the ledger could not be told.
	Unrecorded(pipeline, stage string) (delivery.WorkRecord, bool)
	// WorksOn reports whether this process is at the work of a record.
	WorksOn(record delivery.WorkRecord) bool
}

// Control answers commands and questions. It is safe for concurrent use, and several may share one ledger.
type Control struct {
	o       Options
	journal journal.Journal
}

// New makes a control.
func New(o Options) *Control { return &Control{o: o, journal: o.Journal} }

func (c *Control) now() time.Time { return c.journal.Now() }

// view loads the world of a pipeline, as far as the named versions concern it.
func (c *Control) view(ctx context.Context, pipeline string, changes *delivery.ChangeSet, versions ...string) (w delivery.World, err error) {
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		w, err = c.load(ctx, r, pipeline, changes, versions...)
		return err
	})
	return w, err
}

func (c *Control) load(ctx context.Context, r store.Reader, pipeline string, changes *delivery.ChangeSet, versions ...string) (delivery.World, error) {
	w, err := world.Load(ctx, r, c.now(), pipeline, changes, versions...)
	w.ResolvePath = c.o.ResolvePath
	return w, err
}

// recorded loads the world of a pipeline as far as the named versions concern it, and what was recorded about it. Nobody is asked anything.
func (c *Control) recorded(ctx context.Context, pipeline string, versions ...string) (f world.Facts, err error) {
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		f, err = c.loadFacts(ctx, r, pipeline, versions...)
		return err
	})
	return f, err
}

func (c *Control) loadFacts(ctx context.Context, r store.Reader, pipeline string, versions ...string) (world.Facts, error) {
	w, err := c.load(ctx, r, pipeline, nil, versions...)
	if err != nil {
		return world.Facts{}, err
	}
	return c.factsOf(ctx, r, w)
}

// factsOf adds to a world what was recorded about it.
func (c *Control) factsOf(ctx context.Context, r store.Reader, w delivery.World) (world.Facts, error) {
	f, err := world.FactsOf(ctx, r, w, c.o.Observer.Unrecorded(w.Pipeline.Name))
	for stage, held := range f.Work {
		f.Work[stage] = c.asKnown(held)
	}
	return f, err
}

// asKnown is the record of work, or how this process knows that it ended when the ledger could not be told. Work of this process is not
// interrupted, however silent it was: a clock that jumped, or a computer that slept, says nothing about it.
func (c *Control) asKnown(held delivery.WorkRecord) delivery.WorkRecord {
	if known, ok := c.o.Worker.Unrecorded(held.Pipeline, held.Stage); ok && known.Number == held.Number {
		return known
	}
	held.Interrupted = held.Interrupted && !c.o.Worker.WorksOn(held)
	return held
}

// resolve evaluates a question of a world, asking the outside world for what it lacks.
func (c *Control) resolve(ctx context.Context, w delivery.World, found world.Answers, question func(delivery.World) delivery.Questions) error {
	return world.Resolve(ctx, w, c.o.Observer, found, question)
}
