// Command bench measures the provider as a whole process, beside a provider that does nothing.
//
// Both are built from this tree and run by the same Terraform, with the same number of resources in separate
// blocks, in turn within one run. Absolute seconds depend on the machine and on Terraform; the ratios are what counts.
// It judges nothing: it prints figures, and fails only when a command fails or a second plan is not empty.
//
//	go run ./internal/acctest/bench -n 3 -resources 1000 -large 5000 -tf terraform
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
)

type options struct {
	tf        string // path or name of the Terraform or OpenTofu command
	rounds    int    // how often each measurement is repeated; the median counts
	resources int
	large     int // number of resources of the growth measurement; 0 leaves it out
	largeN    int // rounds of the growth measurement
	starts    int // how often each provider is started
}

func main() {
	var opts options
	flag.StringVar(&opts.tf, "tf", "terraform", "the Terraform or OpenTofu `command`")
	flag.IntVar(&opts.rounds, "n", 3, "repeat each measurement `n` times and take the median")
	flag.IntVar(&opts.resources, "resources", 1000, "`number` of resources")
	flag.IntVar(&opts.large, "large", 5000, "`number` of resources for the growth measurement; 0 leaves it out")
	flag.IntVar(&opts.largeN, "large-n", 1, "repeat the growth measurement `n` times")
	flag.IntVar(&opts.starts, "starts", 20, "start each provider `n` times")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, opts); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, opts options) (err error) {
	if opts.rounds < 1 || opts.resources < 1 || opts.large < 0 || opts.largeN < 1 || opts.starts < 1 {
		return errors.New("-n, -resources, -large-n and -starts must be at least 1, and -large at least 0")
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
	b := bench{tf: tf, dir: dir}
	progress("building both providers")
	if err := b.build(ctx); err != nil {
		return err
	}
	if err := b.describe(ctx); err != nil {
		return err
	}
	if err := b.starts(ctx, opts.starts); err != nil {
		return err
	}
	if err := b.compare(ctx, opts.resources, opts.rounds); err != nil {
		return err
	}
	if opts.large == 0 {
		return nil
	}
	return b.growth(ctx, opts.resources, opts.large, opts.largeN)
}

// describe prints what a reader needs to judge the figures.
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

// progress goes to standard error, so that standard output holds the figures alone.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "... "+format+"\n", args...) }
