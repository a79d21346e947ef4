package acctest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// Recorder is a driver that calls the real one, records deployments, and fails on demand. The real one can do neither of the last two.
type Recorder struct {
	real driver.Driver

	mu       sync.Mutex
	deployed []driver.Request
	fail     func(driver.Request) error
	stalls   func(driver.Request) bool
	stalled  chan struct{} // closed once a deployment stalls
}

// Deploy records the request and calls the real driver, unless it must fail.
func (r *Recorder) Deploy(ctx context.Context, request driver.Request) (driver.Result, error) {
	r.mu.Lock()
	r.deployed = append(r.deployed, request)
	fail, stalled := r.fail, r.stalled
	if stalls := r.stalls; stalls == nil || !stalls(request) {
		stalled = nil
	} else {
		r.stalls = nil
	}
	r.mu.Unlock()
	if stalled != nil {
		close(stalled)
		<-ctx.Done()
		return driver.Result{}, ctx.Err()
	}
	if fail != nil {
		if err := fail(request); err != nil {
			return driver.Result{}, err
		}
	}
	return r.real.Deploy(ctx, request)
}

// Observe calls the real driver.
func (r *Recorder) Observe(ctx context.Context, request driver.Request) (delivery.Observation, error) {
	return r.real.Observe(ctx, request)
}

// Preflight calls the real driver, if it has a preflight.
func (r *Recorder) Preflight(ctx context.Context, request driver.Request) error {
	if preflighter, ok := r.real.(driver.Preflighter); ok {
		return preflighter.Preflight(ctx, request)
	}
	return nil
}

// Keeps calls the real driver, if its target keeps what it deployed.
func (r *Recorder) Keeps(ctx context.Context, request driver.Request) error {
	if keeper, ok := r.real.(driver.Keeper); ok {
		return keeper.Keeps(ctx, request)
	}
	return errors.New("the target keeps no copy")
}

// Claimed calls the real driver, if its places remember their ledger.
func (r *Recorder) Claimed(ctx context.Context, request driver.Request) error {
	if claimer, ok := r.real.(driver.Claimer); ok {
		return claimer.Claimed(ctx, request)
	}
	return nil
}

// Fail makes deployments fail with the error that f returns, if any. Fail(nil) ends that.
func (r *Recorder) Fail(f func(driver.Request) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = f
}

// Stall makes the next deployment for which f is true do nothing until it is canceled. The channel is closed once it is under way.
func (r *Recorder) Stall(f func(driver.Request) bool) (underWay <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stalls, r.stalled = f, make(chan struct{})
	return r.stalled
}

// Deployed returns the requests so far, in order.
func (r *Recorder) Deployed() []driver.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.deployed)
}
