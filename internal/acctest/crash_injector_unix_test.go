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

// The test binary is also a provider that can crash: with these variables it serves the plugin over the given ledger, and kills itself
// at the given step. The provider that users get has none of this.
const (
	crashLedgerVariable = "ACCTEST_CRASH_LEDGER" // the ledger
	crashAtVariable     = "ACCTEST_CRASH_AT"     // when it crashes: before or after a step, as in "7 before", or "37ms" after the first; empty: never
	stepsVariable       = "ACCTEST_STEPS"        // the file that gets a line for each step
	clockVariable       = "ACCTEST_CLOCK"        // the offset of its clock, as a duration
	leaseVariable       = "ACCTEST_LEASE"        // the duration of its leases
)

// serveCrashing serves the provider, if the variables ask for it.
func serveCrashing() (served bool, err error) {
	ledger, ok := os.LookupEnv(crashLedgerVariable)
	if !ok {
		return false, nil
	}
	injector, err := newCrashInjector()
	if err != nil {
		return true, err
	}
	host := &crashingHost{ledger: ledger, injector: injector}
	serveErr := provider.Serve("test", provider.Host{Open: host.transport, Actor: func(context.Context) string { return "alice@example.com" }}, false)
	return true, errors.Join(serveErr, host.close())
}

// crashingHost does what package cli does for the real provider.
type crashingHost struct {
	ledger   string
	injector *crashInjector
	once     sync.Once
	opened   *app.App
	err      error
}

func (h *crashingHost) transport(ctx context.Context, _ string) (http.RoundTripper, error) {
	h.once.Do(func() { h.opened, h.err = app.Open(ctx, app.Config{Ledger: h.ledger, Adjust: h.injector.adjust}) })
	if h.err != nil {
		return nil, h.err
	}
	return h.opened.Transport(), nil
}

func (h *crashingHost) close() error {
	if h.opened == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	return h.opened.Close(ctx)
}

// crashInjector kills its own process at a step or after a time. A step is anything whose effect outlives the process: a transaction
// of the ledger, a deployment by a driver, a check.
type crashInjector struct {
	mu    sync.Mutex
	steps int
	at    int // 0: at none
	after bool
	late  time.Duration // after the first step; 0: never
	log   *os.File
	clock time.Duration
	lease time.Duration
}

func newCrashInjector() (*crashInjector, error) {
	d := &crashInjector{}
	var err error
	for variable, into := range map[string]*time.Duration{clockVariable: &d.clock, leaseVariable: &d.lease} {
		if text := os.Getenv(variable); text != "" {
			var wrong error
			*into, wrong = time.ParseDuration(text)
			err = errors.Join(err, wrong)
		}
	}
	if text := os.Getenv(crashAtVariable); text != "" {
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

func (d *crashInjector) adjust(o *controlplane.Options) {
	o.LeaseTTL, o.Poll = d.lease, 20*time.Millisecond
	o.Now = func() time.Time { return time.Now().Add(d.clock) }
	o.Store = crashingStore{o.Store, d}
	drivers := map[string]driver.Driver{}
	for kind, real := range o.Drivers {
		drivers[kind] = crashingDriver{real, d}
	}
	checkers := map[string]check.Checker{}
	for kind, real := range o.Checkers {
		checkers[kind] = crashingChecker{real, d}
	}
	o.Drivers, o.Checkers = drivers, checkers
}

// step counts a step, and crashes before or after it if it is the chosen one.
func (d *crashInjector) step(name string, do func() error) error {
	d.mu.Lock()
	d.steps++
	mine := d.steps == d.at
	if d.steps == 1 && d.late > 0 {
		time.AfterFunc(d.late, d.crash)
	}
	d.record(name)
	d.mu.Unlock()
	if mine && !d.after {
		d.crash()
	}
	err := do()
	if mine {
		d.crash()
	}
	return err
}

// crashed is the last line that a crashing process writes.
const crashed = "crashed"

// crash ends the process at once, as losing the machine does. It does not return.
func (d *crashInjector) crash() {
	d.record(crashed)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {}
}

func (d *crashInjector) record(what string) {
	if d.log == nil {
		return
	}
	if _, err := fmt.Fprintln(d.log, what); err != nil {
		panic(err)
	}
}

type crashingStore struct {
	store.Store
	injector *crashInjector
}

func (s crashingStore) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.injector.step("transaction", func() error { return s.Store.Update(ctx, f) })
}

type crashingDriver struct {
	driver.Driver
	injector *crashInjector
}

func (d crashingDriver) Deploy(ctx context.Context, r driver.Request) (result driver.Result, err error) {
	err = d.injector.step("deployment", func() error { result, err = d.Driver.Deploy(ctx, r); return err })
	return result, err
}

type crashingChecker struct {
	check.Checker
	injector *crashInjector
}

func (c crashingChecker) Check(ctx context.Context, r delivery.CheckRequest) (result delivery.CheckResult, err error) {
	err = c.injector.step("check", func() error { result, err = c.Checker.Check(ctx, r); return err })
	return result, err
}

// crashingPlugins returns a CLI configuration with which Terraform uses the provider that can crash.
func crashingPlugins(t *testing.T) (config string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	w := newWorkspace(t, "")
	wrapper := w.write("bin/terraform-provider-cd", fmt.Sprintf("#!/bin/sh\nexec %q\n", self))
	require.NoError(t, os.Chmod(wrapper, 0o700))
	return w.write("cli.tfrc", overrides(filepath.Dir(wrapper)))
}
