package acctest

import (
	"context"
	"slices"
	"sync"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// Recorder is a driver that passes everything on to the real one, remembers what it was asked to deploy, and fails when it is
// told to: the real one can neither report how often it was called nor fail on demand.
type Recorder struct {
	real driver.Driver

	mu       sync.Mutex
	deployed []driver.Request
	fail     func(driver.Request) error
}

// Deploy records the request and passes it on, unless it is to fail.
func (r *Recorder) Deploy(ctx context.Context, request driver.Request) (driver.Result, error) {
	r.mu.Lock()
	r.deployed = append(r.deployed, request)
	fail := r.fail
	r.mu.Unlock()
	if fail != nil {
		if err := fail(request); err != nil {
			return driver.Result{}, err
		}
	}
	return r.real.Deploy(ctx, request)
}

// Observe passes on.
func (r *Recorder) Observe(ctx context.Context, request driver.Request) (delivery.Observation, error) {
	return r.real.Observe(ctx, request)
}

// Preflight passes on; a driver that cannot look beforehand finds nothing missing.
func (r *Recorder) Preflight(ctx context.Context, request driver.Request) error {
	if looks, ok := r.real.(driver.Preflighter); ok {
		return looks.Preflight(ctx, request)
	}
	return nil
}

// Fail makes the deployments for which f returns an error fail with it; nil ends that.
func (r *Recorder) Fail(f func(driver.Request) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = f
}

// Deployed lists what was asked for so far, in order.
func (r *Recorder) Deployed() []driver.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.deployed)
}
