// Package app is the composition root: it puts store, drivers, checkers, control plane and handler together, for the embedded control
// plane as for any other.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
	"github.com/delivery-as-code/terraform-provider-cd/internal/server"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// Config says how a control plane is put together. Only Ledger is needed.
type Config struct {
	Ledger string       // path of a SQLite file, made if need be, or the URL of a PostgreSQL database
	Log    *slog.Logger // default discards
	// Adjust, when not nil, changes the control plane's options before it is made: tests set the clock and wrap the drivers.
	Adjust func(*controlplane.Options)
}

// App is a control plane over one ledger.
type App struct {
	Handler http.Handler
	plane   *controlplane.Plane
	store   store.Store

	requests context.Context //nolint:containedctx // the requests' own contexts end with it
	end      context.CancelFunc
	mu       sync.Mutex // no request begins to count while Close begins to wait
	underway sync.WaitGroup

	hurry chan struct{} // closed when whatever still runs is to be killed
	once  sync.Once
}

// Open opens the ledger and puts the control plane together. ctx bounds opening only.
func Open(ctx context.Context, config Config) (*App, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	ledger, err := sqlstore.Open(ctx, config.Ledger)
	if err != nil {
		return nil, err
	}
	hurry := make(chan struct{})
	options := controlplane.Options{Store: ledger, Drivers: drivers(hurry), Checkers: checkers(hurry), Secrets: secret.Local{}, Log: config.Log}
	if config.Adjust != nil {
		config.Adjust(&options)
	}
	plane := controlplane.New(options)
	a := &App{plane: plane, store: ledger, hurry: hurry}
	a.requests, a.end = context.WithCancel(context.Background())
	a.Handler = a.endable(server.New(plane, config.Log))
	return a, nil
}

// Close stops the work of this process at a safe point, then the requests that are still under way, with what they run, both bounded by
// ctx, and closes the ledger. When two thirds of the time until ctx's deadline are over, whatever still runs is killed: nothing of it
// is left when the process ends, and the rest of the time is for giving up its leases. What is not done then is gone on with by the next
// process.
func (a *App) Close(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		defer time.AfterFunc(time.Until(deadline)*2/3, a.kill).Stop()
	}
	err := a.plane.Close(ctx) // whoever waits for the work is answered
	a.endRequests()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		a.underway.Wait()
	}()
	select {
	case <-answered:
	case <-ctx.Done():
	}
	return errors.Join(err, a.store.Close())
}

// kill ends at once whatever is run, for the work that is being stopped or for requests.
func (a *App) kill() {
	a.endRequests()
	a.once.Do(func() { close(a.hurry) })
}

func (a *App) endRequests() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end()
}

// endable has requests end when the app does: a plan that asks a program whether a gate is open leaves no program behind.
func (a *App) endable(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.begins() {
			defer a.underway.Done()
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(a.requests, cancel)()
		handler.ServeHTTP(w, r.WithContext(ctx))
	})
}

// begins counts a request, unless the app has ended already: the request is given up at once then.
func (a *App) begins() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.requests.Err() != nil {
		return false
	}
	a.underway.Add(1)
	return true
}
