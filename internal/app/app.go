// Package app is the composition root: it puts store, drivers, checkers, control plane and server together, for the embedded control
// plane as for any other.
package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/client"
	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver/directory"
	"github.com/delivery-as-code/terraform-provider-cd/internal/memnet"
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
	plane *controlplane.Plane
	store store.Store

	transport   *http.Transport
	listener    *memnet.Listener
	server      *http.Server
	served      chan error
	endRequests context.CancelFunc

	killNow chan struct{} // closed when whatever still runs is to be killed
	once    sync.Once
}

// headerTimeout bounds how long a connection may take to send a request's header.
const headerTimeout = 10 * time.Second

// Open opens the ledger, puts the control plane together and serves it within this process. ctx bounds opening only.
func Open(ctx context.Context, config Config) (*App, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	ledger, err := sqlstore.Open(ctx, config.Ledger)
	if err != nil {
		return nil, err
	}
	killNow := make(chan struct{})
	options := controlplane.Options{Store: ledger, Drivers: drivers(killNow), Checkers: checkers(killNow), Secrets: secret.Local{}, ResolvePath: directory.Resolve, Log: config.Log, Place: place()}
	if config.Adjust != nil {
		config.Adjust(&options)
	}
	plane := controlplane.New(options)
	requests, endRequests := context.WithCancel(context.Background())
	a := &App{
		plane: plane, store: ledger, killNow: killNow, endRequests: endRequests, served: make(chan error, 1),
		server: &http.Server{
			Handler:           server.New(plane, config.Log),
			BaseContext:       func(net.Listener) context.Context { return requests },
			ReadHeaderTimeout: headerTimeout,
			ErrorLog:          slog.NewLogLogger(config.Log.Handler(), slog.LevelError),
		},
	}
	a.listener = memnet.Listen()
	a.transport = client.InProcess(a.listener)
	go func() { a.served <- a.server.Serve(a.listener) }()
	return a, nil
}

// Transport carries requests to the control plane from within this process.
func (a *App) Transport() http.RoundTripper { return a.transport }

// Close stops the work of this process at a safe point, then the requests that are still under way, with what they run, both bounded by
// ctx, and closes the ledger. When two thirds of the time until ctx's deadline have passed, whatever still runs is killed: nothing of it
// is left when the process ends, and the rest of the time is for giving up its leases. What is not done then is gone on with by the next
// process.
func (a *App) Close(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		defer time.AfterFunc(time.Until(deadline)*2/3, a.kill).Stop()
	}
	err := a.plane.Close(ctx) // anyone who waits for the work is answered
	a.endRequests()
	return errors.Join(err, a.endServing(ctx), a.store.Close())
}

// endServing waits for the requests under way. Those that do not end before ctx does are cut off, which is no error: their callers
// are told that the connection broke.
func (a *App) endServing(ctx context.Context) error {
	// The server would wait five seconds for the first request of a connection that was dialed and not needed.
	if err := a.listener.Close(); err != nil {
		return err
	}
	a.transport.CloseIdleConnections()
	if a.server.Shutdown(ctx) != nil {
		if err := a.server.Close(); err != nil {
			return err
		}
	}
	if err := <-a.served; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// kill ends at once whatever is run, for the work that is being stopped or for requests.
func (a *App) kill() {
	a.endRequests()
	a.once.Do(func() { close(a.killNow) })
}

// place names the working directory, by which paths are resolved, without telling it: it is recorded with what drivers see.
func place() string {
	dir, err := os.Getwd()
	if err != nil {
		return "" // no place that has a name
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(dir)))[:12]
}
