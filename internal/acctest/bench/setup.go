package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	module          = "github.com/delivery-as-code/terraform-provider-cd"
	providerVersion = "0.0.1"
)

// subject is one side of the comparison.
type subject struct {
	label    string
	provider string // the provider's type name, and its resource type
	resource string
	env      []string
	ledger   string // the kind of database that keeps its ledger; empty: a file in its workspace, or it has none
	binary   string // a provider that was built elsewhere; empty: the provider of this tree
}

// onNewLedger returns the subject with a new ledger of its kind.
func (s subject) onNewLedger(l *ledgers) (subject, error) {
	if s.ledger == "" {
		return s, nil
	}
	address, err := l.address(s.ledger)
	s.env = append(slices.Clone(s.env), "CD_LEDGER="+address)
	return s, err
}

// The do-nothing provider runs twice: with the framework's own trace logging, which every provider pays for
// unless it does something about it, and without.
var (
	asShipped = subject{label: "do-nothing, as the framework ships it", provider: "donothing", resource: "donothing_thing"}
	quiet     = subject{label: "do-nothing, framework logs off", provider: "donothing", resource: "donothing_thing", env: []string{
		"TF_LOG_SDK=off", "TF_LOG_SDK_FRAMEWORK=off", "TF_LOG_SDK_PROTO=off",
	}}
	ours = subject{label: "cd", provider: "cd", resource: "cd_environment"}
)

// bench holds what all measurements share.
type bench struct {
	tf     string // absolute path of the Terraform or OpenTofu command
	dir    string // temporary; everything is written under it
	states *states
	before subject // the provider that was built earlier; without a binary there is none
}

// builtBefore is the subject whose provider was built earlier.
func (b bench) builtBefore(path string) (subject, error) {
	s := ours
	s.label, s.binary = "cd before", path
	if _, err := os.Stat(path); err != nil {
		return s, fmt.Errorf("-before: %w", err)
	}
	return s, b.mirror(s)
}

// build builds both providers of this tree, each in its own filesystem mirror.
func (b bench) build(ctx context.Context) error {
	packages := map[string]string{ours.provider: module, quiet.provider: module + "/internal/acctest/donothing"}
	for name, pkg := range packages {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.built(name), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
		if err := b.mirror(subject{provider: name}); err != nil {
			return err
		}
	}
	return nil
}

// mirror makes a filesystem mirror with the provider of a subject, from which init takes it without a network.
func (b bench) mirror(s subject) error {
	binary := s.binary
	if binary == "" {
		binary = b.built(s.provider)
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	mirror := b.cliConfig(s) + ".mirror"
	// Terraform and OpenTofu look for the same short source address under different hosts.
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		dir := filepath.Join(mirror, host, "delivery-as-code", s.provider, providerVersion, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := os.Symlink(binary, filepath.Join(dir, "terraform-provider-"+s.provider+"_v"+providerVersion)); err != nil {
			return err
		}
	}
	config := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	return os.WriteFile(b.cliConfig(s), []byte(config), 0o600)
}

// built returns the path of the provider of this tree.
func (b bench) built(provider string) string {
	return filepath.Join(b.dir, "terraform-provider-"+provider)
}

func (b bench) cliConfig(s subject) string {
	if s.binary == "" {
		return filepath.Join(b.dir, s.provider+".tfrc")
	}
	return filepath.Join(b.dir, s.provider+"-"+filepath.Base(s.binary)+".tfrc")
}

// environ is the caller's environment without anything that changes what Terraform or the provider does.
func (b bench) environ(extra ...string) []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TF_") && !strings.HasPrefix(entry, "CD_") {
			env = append(env, entry)
		}
	}
	env = append(env, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "CD_ACTOR=bench@example.com")
	return append(env, extra...)
}

// workspace is one fresh directory with a configuration of one subject.
type workspace struct {
	bench
	subject
	path string
}

// prepare makes a directory, lets write put a configuration into it, and initializes it.
func (b bench) prepare(ctx context.Context, s subject, write func(dir string) error) (workspace, error) {
	path, err := os.MkdirTemp(b.dir, s.provider+"-")
	if err != nil {
		return workspace{}, err
	}
	w := workspace{bench: b, subject: s, path: path}
	if err := write(path); err != nil {
		return workspace{}, errors.Join(err, w.remove())
	}
	if _, err := w.terraform(ctx, "init", "-input=false"); err != nil {
		return workspace{}, errors.Join(err, w.remove())
	}
	return w, nil
}

func (w workspace) remove() error { return os.RemoveAll(w.path) }

// terraform returns the cost of the command, or fails with its output if it does not exit with 0.
func (w workspace) terraform(ctx context.Context, args ...string) (cost, error) {
	cmd := w.command(ctx, args...)
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return cost{}, fmt.Errorf("%s: %s %s: %w\n%s", w.label, w.tf, strings.Join(args, " "), err, tail(out))
	}
	// Terraform waits for its plugins to end, so their CPU time is in its own.
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return cost{wall: time.Since(begin).Seconds(), cpu: cpu.Seconds()}, nil
}

// output returns everything that a command prints, and an error if it does not exit with 0.
func (w workspace) output(ctx context.Context, args ...string) (string, error) {
	out, err := w.command(ctx, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %s %s: %w\n%s", w.label, w.tf, strings.Join(args, " "), err, tail(out))
	}
	return string(out), err
}

func (w workspace) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.tf, append(args, "-no-color")...)
	cmd.Dir = w.path
	cmd.Env = append(w.environ(w.env...), "TF_CLI_CONFIG_FILE="+w.cliConfig(w.subject))
	return cmd
}

// plan returns the cost of a plan. A plan with changes fails (-detailed-exitcode), because it is not the plan to measure.
func (w workspace) plan(ctx context.Context) (cost, error) {
	return w.terraform(ctx, "plan", "-input=false", "-detailed-exitcode")
}

func tail(out []byte) []byte { return out[max(0, len(out)-4096):] }

// settings is the terraform block of a configuration, which keeps its state at a URL.
func settings(s subject, stateURL string) string {
	return fmt.Sprintf(`terraform {
  backend "http" {
    address = %q
  }
  required_providers {
    %[2]s = {
      source = "delivery-as-code/%[2]s"
    }
  }
}
`, stateURL, s.provider)
}

// writeMain writes a configuration of one file.
func writeMain(dir, text string) error {
	return os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600)
}

// configuration has a separate block for each resource, because Terraform's time for count and for_each grows more than linearly.
func configuration(s subject, resources int, stateURL string) string {
	var text strings.Builder
	text.WriteString(settings(s, stateURL))
	for i := range resources {
		fmt.Fprintf(&text, `
resource %q "e%05d" {
  name   = "e%05d"
  tier   = "testing"
  config = { LOG_LEVEL = "info", REGION = "eu-west-1", REPLICAS = "2" }
}
`, s.resource, i, i)
	}
	return text.String()
}
