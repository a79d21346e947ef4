// Package cli is the program: without arguments it serves the Terraform plugin. It is the only place that knows flags, the
// environment and signals.
package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	runtimedebug "runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/delivery-as-code/terraform-provider-cd/internal/app"
	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/provider"
)

// graceAtEnd is how long the work may take to reach a safe point when Terraform stops the plugin. Terraform kills it after two
// seconds.
const graceAtEnd = 1500 * time.Millisecond

// graceAlone is how long it may take when Terraform is gone and cannot kill the plugin: longer than a user's program has to end
// after it is asked to.
const graceAlone = 10 * time.Second

// Main runs the program and returns its exit status.
func Main(version string, args []string) int {
	switch {
	case len(args) == 0:
		return serve(version, false)
	case len(args) == 1 && args[0] == "-debug":
		return serve(version, true)
	case len(args) == 1 && args[0] == "version":
		fmt.Println("terraform-provider-cd", version)
		return 0
	case args[0] == "ledger":
		return ledgerCommand(args[1:], standard())
	case args[0] == "lint":
		return lintCommand(args[1:], standard())
	}
	fmt.Fprintln(os.Stderr, "usage: terraform-provider-cd [version | -debug | ledger help | lint DIRECTORY]\nWithout arguments it is a Terraform plugin, started by Terraform itself.")
	return 2
}

// standard are the streams of the process.
func standard() streams {
	return streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: term.IsTerminal(int(os.Stderr.Fd()))}
}

// gcPercent lets the heap grow before it is swept: a plugin lives for seconds, and its many small requests would otherwise spend
// a third of their time on a few megabytes of garbage. A user who sets GOGC decides.
const gcPercent = 800

// serve answers Terraform until it hangs up.
func serve(version string, debug bool) int {
	quietFramework(os.Environ(), os.Setenv)
	if os.Getenv("GOGC") == "" {
		runtimedebug.SetGCPercent(gcPercent)
	}
	planes := &controlPlanes{log: logger(), open: map[string]*app.App{}}
	host := provider.Host{Open: planes.transport, Ledger: os.Getenv("CD_LEDGER"), Actor: actor, Configuration: readConfiguration}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var abandoned <-chan struct{} // never while debugging
	if !debug {
		abandoned = watchParent(ctx)
	}
	var served error
	done := make(chan struct{})
	go func() {
		defer close(done)
		served = provider.Serve(version, host, debug)
	}()
	select {
	case <-done:
		if err := errors.Join(served, planes.close(graceAtEnd)); err != nil {
			fmt.Fprintln(os.Stderr, "terraform-provider-cd:", err)
			return 1
		}
		return 0
	case <-abandoned:
		shutDown(planes, done)
		return 1
	}
}

// readConfiguration reads the configuration that Terraform plans. Terraform starts the plugin in the directory of the root module, also with
// -chdir and for terraform test.
func readConfiguration() (*configuration.Configuration, error) {
	return configuration.Read(".", os.Getenv("TF_DATA_DIR"))
}

// shutDown stops the work, and the programs it runs, at a safe point. Then the plugin ends once Terraform, if it is still there, has
// received its answers and closed the connection. Errors are not reported: Terraform is gone, and the ledger has the state.
func shutDown(planes *controlPlanes, done <-chan struct{}) {
	_ = planes.close(graceAlone)
	select {
	case <-done:
	case <-time.After(graceAtEnd):
	}
}

// quietFramework turns off the trace records that the plugin framework writes for every request even when no
// logs are requested: writing them is more than half of a plan's time. Any of Terraform's logging variables turns them on again.
func quietFramework(environment []string, set func(key, value string) error) {
	for _, variable := range environment {
		if strings.HasPrefix(variable, "TF_LOG") {
			return
		}
	}
	if err := set("TF_LOG_SDK", "error"); err != nil {
		fmt.Fprintln(os.Stderr, "terraform-provider-cd: framework logging stays on:", err)
	}
}

// logger writes to standard error, from which Terraform takes a plugin's log, if logs are requested.
func logger() *slog.Logger {
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, "TF_LOG") {
			return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
	}
	return slog.New(slog.DiscardHandler)
}

// actor returns who is acting if the configuration does not say.
func actor(ctx context.Context) string {
	if name := os.Getenv("CD_ACTOR"); name != "" {
		return name
	}
	asking, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if email, err := exec.CommandContext(asking, "git", "config", "user.email").Output(); err == nil && len(strings.TrimSpace(string(email))) > 0 {
		return strings.TrimSpace(string(email))
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// controlPlanes are the embedded control planes of this process, one for each ledger, opened at first use.
type controlPlanes struct {
	log *slog.Logger

	mu   sync.Mutex
	open map[string]*app.App
}

func (c *controlPlanes) transport(ctx context.Context, ledger string) (http.RoundTripper, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if opened, ok := c.open[ledger]; ok {
		return opened.Transport(), nil
	}
	opened, err := app.Open(ctx, app.Config{Ledger: ledger, Log: c.log})
	if err != nil {
		return nil, err
	}
	c.open[ledger] = opened
	return opened.Transport(), nil
}

func (c *controlPlanes) close(grace time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	closed := make(chan error, len(c.open))
	for _, opened := range c.open { // together: each has all the time there is
		go func() { closed <- opened.Close(ctx) }()
	}
	var all error
	for range c.open {
		all = errors.Join(all, <-closed)
	}
	return all
}
