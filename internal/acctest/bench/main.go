// Command bench measures the provider as a whole process, compared with a provider that does nothing.
//
// Both are built from this tree and run by the same Terraform, with the same number of resources in separate
// blocks, in turn within one run. Absolute seconds depend on the machine and on Terraform; only the ratios are meaningful.
// It only prints figures. It fails only if a command fails or a second plan is not empty.
//
// State is kept by an HTTP backend, as teams do: Terraform rewrites a local state file after each resource, which hides what
// a provider costs and grows quadratically.
//
//	go run ./internal/acctest/bench -n 3 -resources 1000 -large 5000 -services 100 -history 1000000 -tf terraform
//
// While optimizing, measure one thing, compared with a provider that was built before:
//
//	go run ./internal/acctest/bench -starts 0 -resources 0 -large 0 -history 0 -services 100 -services-large 0 -tf tofu -before /tmp/cd
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

type options struct {
	tf        string // path or name of the Terraform or OpenTofu command
	rounds    int    // how often each measurement is repeated; the median counts
	resources int
	large     int // number of resources of the growth measurement; 0 omits it
	largeN    int // rounds of the growth measurement
	starts    int // how often each provider is started; 0 omits it
	history   int // number of earlier deployments; 0 omits that measurement
	historyN  int // rounds of it
	fleet     int // number of services; 0 omits that measurement
	fleetMany int // a second number of services, to see what grows; 0 omits it
	fileOnly  bool
	before    string // path of a provider that was built earlier; empty: only this tree's is measured
}

// kinds are the kinds of databases for ledgers.
func (o options) kinds() []string {
	if o.fileOnly {
		return []string{sqlite}
	}
	return []string{sqlite, postgres}
}

func (o options) check() error {
	if o.rounds < 1 || o.largeN < 1 || o.historyN < 1 {
		return errors.New("-n, -large-n and -history-n must be at least 1")
	}
	if min(o.resources, o.large, o.starts, o.history, o.fleet, o.fleetMany) < 0 {
		return errors.New("-resources, -large, -starts, -history, -services and -services-large must be at least 0")
	}
	if o.fleetMany > 0 && o.fleet == 0 {
		return errors.New("-services-large is measured beside -services, which must then be at least 1")
	}
	if o.large > 0 && o.resources == 0 {
		return errors.New("-large is measured beside -resources, which must then be at least 1")
	}
	return nil
}

func main() {
	var opts options
	flag.StringVar(&opts.tf, "tf", "terraform", "the Terraform or OpenTofu `command`")
	flag.IntVar(&opts.rounds, "n", 3, "repeat each measurement `n` times and take the median")
	flag.IntVar(&opts.resources, "resources", 1000, "`number` of resources; 0 leaves out what is measured with them")
	flag.IntVar(&opts.large, "large", 5000, "`number` of resources for the growth measurement; 0 omits it")
	flag.IntVar(&opts.largeN, "large-n", 1, "repeat the growth measurement `n` times")
	flag.IntVar(&opts.starts, "starts", 20, "start each provider `n` times; 0 omits it")
	flag.IntVar(&opts.history, "history", 1_000_000, "`number` of deployments before those of the workspace that is planned; 0 omits it")
	flag.IntVar(&opts.historyN, "history-n", 15, "repeat the plans beside history `n` times and take the median")
	flag.IntVar(&opts.fleet, "services", 100, "`number` of services that share three environments; 0 leaves them out")
	flag.IntVar(&opts.fleetMany, "services-large", 400, "a second `number` of services, to see what grows; 0 omits it")
	flag.StringVar(&opts.before, "before", "", "`path` of a cd provider that was built earlier, to be measured beside this tree's")
	flag.BoolVar(&opts.fileOnly, "sqlite-only", false, "leave out what needs a PostgreSQL server")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, opts); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, opts options) (err error) {
	if err := opts.check(); err != nil {
		return err
	}
	tf, err := exec.LookPath(opts.tf)
	if err != nil {
		return fmt.Errorf("-tf: %w", err)
	}
	dir, err := os.MkdirTemp("", "cd-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	states, err := serveStates(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, states.close()) }()
	b := bench{tf: tf, dir: dir, states: states}
	progress("building both providers")
	if err := b.build(ctx); err != nil {
		return err
	}
	if opts.before != "" {
		if b.before, err = b.builtBefore(opts.before); err != nil {
			return err
		}
	}
	if err := b.describe(ctx); err != nil {
		return err
	}
	l := &ledgers{dir: dir}
	defer func() { err = errors.Join(err, l.close()) }()
	return b.all(ctx, l, opts)
}

// all runs the selected measurements, one after the other.
func (b bench) all(ctx context.Context, l *ledgers, opts options) error {
	for _, one := range []struct {
		wanted  bool
		measure func() error
	}{
		{opts.starts > 0, func() error { return b.starts(ctx, opts.starts) }},
		{opts.resources > 0, func() error { return b.compare(ctx, l, opts.kinds(), opts.resources, opts.rounds) }},
		{opts.fleet > 0, func() error { return b.fleets(ctx, opts.fleet, opts.fleetMany, opts.rounds) }},
		{opts.history > 0, func() error { return b.history(ctx, l, opts.kinds(), opts.history, opts.historyN) }},
		{opts.large > 0, func() error { return b.growth(ctx, opts.resources, opts.large, opts.largeN) }},
	} {
		if !one.wanted {
			continue
		}
		if err := one.measure(); err != nil {
			return err
		}
	}
	return nil
}

// describe prints what a reader needs to interpret the figures.
func (b bench) describe(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, b.tf, "version")
	cmd.Env = b.environ()
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s version: %w", b.tf, err)
	}
	name, _, _ := strings.Cut(string(out), "\n")
	fmt.Printf("%s, %s/%s, %d cores, %s\n", name, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	return nil
}

// progress goes to standard error, so that standard output has only the figures.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "... "+format+"\n", args...) }
