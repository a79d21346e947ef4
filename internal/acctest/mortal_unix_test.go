//go:build unix

package acctest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/app"
	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/controlplane"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// The test binary is also a provider that may die: with these variables it serves the plugin, over the ledger that they name, and
// kills itself at the given step. The program that users get knows none of this.
const (
	mortalVariable = "ACCTEST_MORTAL" // the ledger
	deathVariable  = "ACCTEST_DEATH"  // when it dies: before or after a step, as in "7 before", or "37ms" after its first; none: never
	stepsVariable  = "ACCTEST_STEPS"  // a file that gets a line for each step
	clockVariable  = "ACCTEST_CLOCK"  // how far its clock is set, as a duration
	leaseVariable  = "ACCTEST_LEASE"  // how long its leases hold, as a duration
)

// serveMortal plays the provider, if it is asked to.
func serveMortal() (played bool, err error) {
	ledger, ok := os.LookupEnv(mortalVariable)
	if !ok {
		return false, nil
	}
	doom, err := newDoom()
	if err != nil {
		return true, err
	}
	host := &mortalHost{ledger: ledger, doom: doom}
	served := provider.Serve("test", provider.Host{Open: host.transport, Actor: func(context.Context) string { return "alice@example.com" }}, false)
	return true, errors.Join(served, host.close())
}

// mortalHost is what cli is for the real provider.
type mortalHost struct {
	ledger string
	doom   *doom
	once   sync.Once
	opened *app.App
	err    error
}

func (h *mortalHost) transport(ctx context.Context, _ string) (http.RoundTripper, error) {
	h.once.Do(func() { h.opened, h.err = app.Open(ctx, app.Config{Ledger: h.ledger, Adjust: h.doom.adjust}) })
	if h.err != nil {
		return nil, h.err
	}
	return h.opened.Transport(), nil
}

func (h *mortalHost) close() error {
	if h.opened == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	return h.opened.Close(ctx)
}

// doom is when a process dies. Its steps are what changes anything that outlives it: a transaction of the ledger, a deployment by a
// driver, a check.
type doom struct {
	mu    sync.Mutex
	step  int
	at    int // 0: at none
	after bool
	late  time.Duration // after the first step; 0: never
	log   *os.File
	clock time.Duration
	lease time.Duration
}

func newDoom() (*doom, error) {
	d := &doom{}
	var err error
	for variable, into := range map[string]*time.Duration{clockVariable: &d.clock, leaseVariable: &d.lease} {
		if text := os.Getenv(variable); text != "" {
			var wrong error
			*into, wrong = time.ParseDuration(text)
			err = errors.Join(err, wrong)
		}
	}
	if text := os.Getenv(deathVariable); text != "" {
		number, when, atStep := strings.Cut(text, " ")
		var wrong error
		if atStep {
			d.at, wrong = strconv.Atoi(number)
		} else {
			d.late, wrong = time.ParseDuration(text)
		}
		err = errors.Join(err, wrong)
		d.after = when == "after"
	}
	if path := os.Getenv(stepsVariable); path != "" {
		var wrong error
		d.log, wrong = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		err = errors.Join(err, wrong)
	}
	return d, err
}

func (d *doom) adjust(o *controlplane.Options) {
	o.LeaseTTL, o.Poll = d.lease, 20*time.Millisecond
	o.Now = func() time.Time { return time.Now().Add(d.clock) }
	o.Store = doomedStore{o.Store, d}
	drivers := map[string]driver.Driver{}
	for kind, real := range o.Drivers {
		drivers[kind] = doomedDriver{real, d}
	}
	checkers := map[string]check.Checker{}
	for kind, real := range o.Checkers {
		checkers[kind] = doomedChecker{real, d}
	}
	o.Drivers, o.Checkers = drivers, checkers
}

// take counts a step, and dies before or after it if it is the one.
func (d *doom) take(name string, do func() error) error {
	d.mu.Lock()
	d.step++
	mine := d.step == d.at
	if d.step == 1 && d.late > 0 {
		time.AfterFunc(d.late, d.die)
	}
	d.tell(name)
	d.mu.Unlock()
	if mine && !d.after {
		d.die()
	}
	err := do()
	if mine {
		d.die()
	}
	return err
}

// died is what a process that dies says last.
const died = "died"

// die ends the process at once, as losing the machine does. It does not return.
func (d *doom) die() {
	d.tell(died)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {}
}

func (d *doom) tell(what string) {
	if d.log == nil {
		return
	}
	if _, err := fmt.Fprintln(d.log, what); err != nil {
		panic(err)
	}
}

type doomedStore struct {
	store.Store
	doom *doom
}

func (s doomedStore) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.doom.take("transaction", func() error { return s.Store.Update(ctx, f) })
}

type doomedDriver struct {
	driver.Driver
	doom *doom
}

func (d doomedDriver) Deploy(ctx context.Context, r driver.Request) (result driver.Result, err error) {
	err = d.doom.take("deployment", func() error { result, err = d.Driver.Deploy(ctx, r); return err })
	return result, err
}

type doomedChecker struct {
	check.Checker
	doom *doom
}

func (c doomedChecker) Check(ctx context.Context, r delivery.CheckRequest) (result delivery.CheckResult, err error) {
	err = c.doom.take("check", func() error { result, err = c.Checker.Check(ctx, r); return err })
	return result, err
}

// mortalPlugins is a directory from which Terraform takes the provider that may die.
func mortalPlugins(t *testing.T) (config string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	w := newWorkspace(t, "")
	wrapper := w.write("bin/terraform-provider-cd", fmt.Sprintf("#!/bin/sh\nexec %q\n", self))
	require.NoError(t, os.Chmod(wrapper, 0o700))
	return w.write("cli.tfrc", overrides(filepath.Dir(wrapper)))
}
