// Package app is the composition root: it puts store, drivers, checkers, engine and handler together, for the embedded control
// plane as for any other.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/delivery-as-code/terraform-provider-cd/internal/engine"
	"github.com/delivery-as-code/terraform-provider-cd/internal/server"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store/sqlstore"
)

// Config says how a control plane is put together. Only Ledger is needed.
type Config struct {
	Ledger string       // path of a SQLite file, made if need be, or the URL of a PostgreSQL database
	Log    *slog.Logger // default discards
	// Adjust, when not nil, changes the engine's options before it is made: tests set the clock and wrap the drivers.
	Adjust func(*engine.Options)
}

// App is a control plane over one ledger.
type App struct {
	Handler http.Handler
	engine  *engine.Engine
	store   store.Store
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
	options := engine.Options{Store: ledger, Drivers: drivers(), Checkers: checkers(), Log: config.Log}
	if config.Adjust != nil {
		config.Adjust(&options)
	}
	e := engine.New(options)
	return &App{Handler: server.New(e, config.Log), engine: e, store: ledger}, nil
}

// Close stops the work of this process at a safe point, bounded by ctx, and closes the ledger. What is not done then is gone on
// with by the next process.
func (a *App) Close(ctx context.Context) error {
	return errors.Join(a.engine.Close(ctx), a.store.Close())
}
