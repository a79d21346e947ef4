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
}

// onNewLedger is the subject with a ledger of its own, of its kind.
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
	tf  string // absolute path of the Terraform or OpenTofu command
	dir string // temporary; everything is written below it
}

// build puts both providers into a filesystem mirror, from which init takes them without a network.
func (b bench) build(ctx context.Context) error {
	packages := map[string]string{ours.provider: module, quiet.provider: module + "/internal/acctest/donothing"}
	for name, pkg := range packages {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.binary(name), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
		// Terraform and OpenTofu look for the same short source address under different hosts.
		for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
			dir := filepath.Join(b.dir, "mirror", host, "delivery-as-code", name, providerVersion, runtime.GOOS+"_"+runtime.GOARCH)
			if err := os.MkdirAll(dir, 0o750); err != nil {
				return err
			}
			if err := os.Link(b.binary(name), filepath.Join(dir, "terraform-provider-"+name+"_v"+providerVersion)); err != nil {
				return err
			}
		}
	}
	config := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.Join(b.dir, "mirror"))
	return os.WriteFile(b.cliConfig(), []byte(config), 0o600)
}

func (b bench) binary(provider string) string {
	return filepath.Join(b.dir, "terraform-provider-"+provider)
}

func (b bench) cliConfig() string { return filepath.Join(b.dir, "cli.tfrc") }

// environ is the caller's environment without anything that changes what Terraform or the provider does.
func (b bench) environ(extra ...string) []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TF_") && !strings.HasPrefix(entry, "CD_") {
			env = append(env, entry)
		}
	}
	env = append(env, "TF_CLI_CONFIG_FILE="+b.cliConfig(), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "CD_ACTOR=bench@example.com")
	return append(env, extra...)
}

// workspace is one fresh directory with a configuration of one subject.
type workspace struct {
	bench
	subject
	path string
}

// prepare writes the configuration and initialises it. With a stateURL, state is kept there instead of in a local file.
func (b bench) prepare(ctx context.Context, s subject, resources int, stateURL string) (workspace, error) {
	path, err := os.MkdirTemp(b.dir, s.provider+"-")
	if err != nil {
		return workspace{}, err
	}
	w := workspace{bench: b, subject: s, path: path}
	if err := os.WriteFile(filepath.Join(path, "main.tf"), []byte(configuration(s, resources, stateURL)), 0o600); err != nil {
		return workspace{}, err
	}
	if _, err := w.terraform(ctx, "init", "-input=false"); err != nil {
		return workspace{}, errors.Join(err, w.remove())
	}
	return w, nil
}

func (w workspace) remove() error { return os.RemoveAll(w.path) }

// terraform returns what the command cost, or fails with its output when it does not exit with 0.
func (w workspace) terraform(ctx context.Context, args ...string) (cost, error) {
	cmd := exec.CommandContext(ctx, w.tf, append(args, "-no-color")...)
	cmd.Dir = w.path
	cmd.Env = w.environ(w.env...)
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return cost{}, fmt.Errorf("%s: %s %s: %w\n%s", w.label, w.tf, strings.Join(args, " "), err, tail(out))
	}
	// Terraform waits for its plugins to end, so their processor time is in its own.
	processor := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return cost{wall: time.Since(begin).Seconds(), processor: processor.Seconds()}, nil
}

// plan returns what a plan cost. With -detailed-exitcode one that would change anything fails: it is not what is to be measured.
func (w workspace) plan(ctx context.Context) (cost, error) {
	return w.terraform(ctx, "plan", "-input=false", "-detailed-exitcode")
}

func tail(out []byte) []byte { return out[max(0, len(out)-4096):] }

// configuration gives each resource a block of its own: count and for_each grow worse than linearly in Terraform itself.
func configuration(s subject, resources int, stateURL string) string {
	var text strings.Builder
	text.WriteString("terraform {\n")
	if stateURL != "" {
		fmt.Fprintf(&text, "  backend \"http\" {\n    address = %q\n  }\n", stateURL)
	}
	fmt.Fprintf(&text, "  required_providers {\n    %s = {\n      source = \"delivery-as-code/%s\"\n    }\n  }\n}\n", s.provider, s.provider)
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
