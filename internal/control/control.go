// Package control holds the commands and questions of the control plane, one file per noun. A command validates, writes a declaration or
// an intent with its events in one transaction, and leaves acting on it to a worker. A question reads, and a preview says what a command
// would do. Nothing here starts a goroutine, calls a driver or knows a secret.
package control

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Options are what a control is made of. All are needed.
type Options struct {
	Store    store.Store
	Journal  journal.Journal
	Observer Observer
	Worker   Worker
}

// Observer asks the outside world, as *observe.Observer does it.
type Observer interface {
	world.Answerer
	// Preflight says why a deployment would not find the artifacts it is made of.
	Preflight(ctx context.Context, d delivery.Deployment) error
}

// Worker acts on what commands have written, as *worker.Worker does it.
type Worker interface {
	// StartPromotion begins the work on the promotion of a version into a stage, unless the request was given up meanwhile.
	StartPromotion(asked context.Context, pipeline, stage, actor, version string) error
	// StartVerification begins the checks of a stage on what Terraform deployed there.
	StartVerification(asked context.Context, actor string, r delivery.VerificationRequest) error
	// Work tells where the work on the promotion into a stage stands, and Works that on each stage of a pipeline.
	Work(pipeline, stage string) delivery.Work
	Works(pipeline string) map[string]delivery.Work
	// Await waits until the work on a stage has ended, or until d has passed, which is no error.
	Await(ctx context.Context, pipeline, stage string, d time.Duration) error
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
func (c *Control) view(ctx context.Context, pipeline string, changes *world.ChangeSet, versions ...string) (w delivery.World, err error) {
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		w, err = c.load(ctx, r, pipeline, changes, versions...)
		return err
	})
	return w, err
}

func (c *Control) load(ctx context.Context, r store.Reader, pipeline string, changes *world.ChangeSet, versions ...string) (delivery.World, error) {
	return world.Load(ctx, r, c.now(), pipeline, changes, versions...)
}

// resolve evaluates a question of a world, asking the outside world for what it lacks.
func (c *Control) resolve(ctx context.Context, w delivery.World, found world.Answers, question func(delivery.World) delivery.Questions) error {
	return world.Resolve(ctx, w, c.o.Observer, found, question)
}
