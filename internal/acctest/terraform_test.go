package acctest_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

// TestMain keeps the settings of a developer away from the tests: a CLI configuration that may not exist, a provider that runs in a
// debugger, log levels, a ledger.
func TestMain(m *testing.M) {
	if served, err := serveCrashing(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	} else if served {
		os.Exit(0)
	}
	// Programs inherit an ignored SIGHUP, as under nohup and some CI services. Those that tests start get the default again, because
	// this process handles the signal: it still does nothing here.
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "CD_") || strings.HasPrefix(name, "TF_") && !strings.HasPrefix(name, "TF_ACC") {
			if err := os.Unsetenv(name); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
	status := m.Run()
	if plugin.dir != "" {
		if err := os.RemoveAll(plugin.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// plugin is the provider that users get, built once for all tests of this package.
var plugin struct {
	once sync.Once
	dir  string
	err  error
}

// pluginDir returns the directory of the provider, which is built on first use.
func pluginDir(t *testing.T) string {
	t.Helper()
	plugin.once.Do(func() { plugin.err = buildPlugin() })
	require.NoError(t, plugin.err)
	return plugin.dir
}

// buildPlugin builds the provider, and writes a CLI configuration that makes Terraform use it. TestMain removes both.
func buildPlugin() (err error) {
	if plugin.dir, err = os.MkdirTemp("", "cd-plugin-"); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(plugin.dir, "terraform-provider-cd"), "github.com/delivery-as-code/terraform-provider-cd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the provider: %w\n%s", err, output)
	}
	return os.WriteFile(filepath.Join(plugin.dir, "cli.tfrc"), []byte(overrides(plugin.dir)), 0o600)
}

// overrides returns a CLI configuration that uses the provider in a directory.
func overrides(dir string) string {
	return fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"delivery-as-code/cd\" = %q\n  }\n  direct {}\n}\n", dir)
}

// workspace is a directory with a configuration, in which the real Terraform runs the real provider, each in its own processes.
type workspace struct {
	t   *testing.T
	dir string
	env []string // in addition to that of the test
}

// newWorkspace writes a configuration, if there is one, into a new directory. Its ledger is the one that the environment or the provider
// block names, else the kind that acctest.LedgersVariable names, else a file in the directory.
func newWorkspace(t *testing.T, configuration string, env ...string) *workspace {
	t.Helper()
	w := &workspace{t, t.TempDir(), env}
	if w.setting("CD_LEDGER") == "" {
		if ledger := acctest.Ledger(t); ledger != "" {
			w.env = append(w.env, "CD_LEDGER="+ledger)
		}
	}
	if configuration != "" {
		w.write("main.tf", configuration)
	}
	return w
}

// setting returns a variable of the workspace's environment; empty if the workspace does not set it.
func (w *workspace) setting(name string) (value string) {
	for _, entry := range w.env {
		if text, ok := strings.CutPrefix(entry, name+"="); ok {
			value = text
		}
	}
	return value
}

// ledger returns the address of the workspace's ledger, so that others can use it too.
func (w *workspace) ledger() string {
	if set := w.setting("CD_LEDGER"); set != "" {
		return set
	}
	return filepath.Join(w.dir, ".cd", "ledger.db")
}

// write makes a file in the workspace and returns its path.
func (w *workspace) write(name, text string) string {
	w.t.Helper()
	at := filepath.Join(w.dir, filepath.FromSlash(name))
	require.NoError(w.t, os.MkdirAll(filepath.Dir(at), 0o750))
	require.NoError(w.t, os.WriteFile(at, []byte(text), 0o600))
	return at
}

// withoutPluginTLS has Terraform talk to the provider without TLS. Making the keys of both sides takes half of the time of a command,
// and none of it is our code. Set it to nothing, as TestReadme does, to run a command exactly as users do.
const withoutPluginTLS = "TF_DISABLE_PLUGIN_TLS=1"

// command prepares a program to run in the workspace.
func (w *workspace) command(program string, args ...string) *exec.Cmd {
	w.t.Helper()
	plugins := pluginDir(w.t)
	cmd := exec.CommandContext(w.t.Context(), program, args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(plugins, "cli.tfrc"), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1", withoutPluginTLS, "CD_ACTOR=alice@example.com")
	cmd.Env = append(cmd.Env, w.env...)
	return cmd
}

// terraform prepares a Terraform command.
func (w *workspace) terraform(args ...string) *exec.Cmd {
	w.t.Helper()
	binary := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if binary == "" {
		binary = "terraform"
	}
	switch args[0] {
	case "apply", "destroy":
		args = slices.Insert(args, 1, "-no-color", "-auto-approve")
	case "plan", "import", "show":
		args = slices.Insert(args, 1, "-no-color")
	}
	return w.command(binary, args...)
}

// try runs Terraform and returns its output and its exit status.
func (w *workspace) try(args ...string) (output string, status int) {
	w.t.Helper()
	out, err := w.terraform(args...).CombinedOutput()
	return string(out), exitStatus(w.t, err)
}

// run runs Terraform, which must succeed, and returns its output.
func (w *workspace) run(args ...string) string {
	w.t.Helper()
	output, status := w.try(args...)
	require.Zero(w.t, status, "terraform %s:\n%s", strings.Join(args, " "), output)
	return output
}

// requireEmptyPlan requires that Terraform has nothing to do.
func (w *workspace) requireEmptyPlan() {
	w.t.Helper()
	output, status := w.try("plan", "-detailed-exitcode")
	require.Zero(w.t, status, "a plan right after apply is empty, not:\n%s", output)
}

// exitStatus returns the exit status of a program that ended, successfully or not.
func exitStatus(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	require.NoError(t, err)
	return 0
}
