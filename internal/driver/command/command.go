// Package command deploys and observes through programs of the user's: the target kind "command".
//
// Both programs get the deployment as JSON on standard input: id, pipeline, stage, environment, version, digest, artifacts,
// config, secret_names, config_revision. And both get environment variables: of this process's environment what
// internal/command's Inherited names, over it the effective configuration, over it the command's own `environment`, and over
// all of them CD_ID, CD_PIPELINE, CD_STAGE, CD_ENVIRONMENT, CD_VERSION, CD_DIGEST and CD_CONFIG_REVISION.
//
// The deploy program also gets the secrets: as "secrets" in the JSON, and as variables beside the configuration. It ends with
// status 0 exactly when the environment runs the content. It has to be idempotent by CD_ID: called again for a deployment that
// is done it changes nothing, and after a crash it finishes what is missing. While it fails it should leave running what ran.
//
// The observe program gets the names of the secrets only, and "receipt", and prints one JSON object on standard output:
//
//	{"running": true, "version": "1.4.2", "config_revision": "sha256:…", "deployment": "…", "differences": ["…"]}
//
// running is required, and version whenever something runs. What it prints of the others is compared with what was deployed;
// differences are those that it found itself, in words. Fields of other names are ignored.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/process"
)

// maxOutputShown bounds what an error repeats of a program's output, in bytes.
const maxOutputShown = 4 << 10

// Driver deploys to targets of kind "command".
type Driver struct {
	grace time.Duration
	hurry <-chan struct{}
}

// New makes a driver. Once hurry is closed, programs that were asked to end are killed at once; nil means never.
func New(hurry <-chan struct{}) *Driver { return &Driver{process.DefaultGrace, hurry} }

// errNotCommand is a defect of the caller: each kind of target has its own driver.
var errNotCommand = errors.New("this is no command target")

// Deploy runs the deploy program. What it changed before it failed is for it to say: the driver cannot know.
func (d *Driver) Deploy(ctx context.Context, r driver.Request) (driver.Result, error) {
	if r.Target.Command == nil {
		return driver.Result{}, errNotCommand
	}
	secrets := map[string]string{} // never null in the JSON
	maps.Copy(secrets, r.Secrets)
	stdin, err := json.Marshal(struct {
		driver.Request
		Secrets map[string]string `json:"secrets"`
	}{r, secrets})
	if err != nil {
		return driver.Result{}, fmt.Errorf("describing deployment %s: %w", r.ID, err)
	}
	spec := d.spec(r, r.Target.Command.Deploy, secrets)
	spec.Stdin = stdin

	out, err := process.Run(ctx, spec)
	if err != nil {
		return driver.Result{}, deployError(ctx, r, out, err)
	}
	receipt, err := json.Marshal(receiptOf(r))
	return driver.Result{Receipt: string(receipt)}, err
}

// deployError says what failed, what that means for the environment, and what the program said last.
func deployError(ctx context.Context, r driver.Request, out process.Output, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	state := fmt.Sprintf("what runs in environment %q may be partly changed", r.Environment)
	if _, ok := errors.AsType[*process.StartError](err); ok {
		state = fmt.Sprintf("nothing was changed in environment %q", r.Environment)
	}
	last := "It printed nothing."
	if text := out.LastLines(maxOutputShown); text != "" {
		last = "Its last output:\n" + text
	}
	return r.Mask().Error(fmt.Errorf("deploying %s %s with the target's deploy command: %w; %s. %s", r.Pipeline, r.Version, err, state, last))
}

// spec is what both programs have in common.
func (d *Driver) spec(r driver.Request, c delivery.Command, secrets map[string]string) process.Spec {
	env := map[string]string{}
	for _, layer := range []map[string]string{r.Config, secrets, c.Environment, identity(r)} {
		maps.Copy(env, layer)
	}
	return process.Spec{
		Argv:    c.Argv,
		Dir:     c.Directory,
		Env:     env,
		Timeout: c.Timeout.Or(delivery.DefaultCommandTimeout),
		Grace:   d.grace,
		KillNow: d.hurry,
		Mask:    r.Mask(),
	}
}

func identity(r driver.Request) map[string]string {
	return map[string]string{
		"CD_ID":              r.ID,
		"CD_PIPELINE":        r.Pipeline,
		"CD_STAGE":           r.Stage,
		"CD_ENVIRONMENT":     r.Environment,
		"CD_VERSION":         r.Version,
		"CD_DIGEST":          r.Digest,
		"CD_CONFIG_REVISION": r.ConfigRevision,
	}
}

// receiptOf is what Deploy leaves for Observe.
func receiptOf(r driver.Request) driver.Mark {
	return driver.Mark{Deployment: r.ID, ConfigRevision: r.ConfigRevision}
}

// readReceipt returns what Deploy left; of a deployment that never came to leave anything, what it would have left.
func readReceipt(r driver.Request) (driver.Mark, error) {
	if r.Receipt == "" {
		return receiptOf(r), nil
	}
	var left driver.Mark
	if err := json.Unmarshal([]byte(r.Receipt), &left); err != nil {
		return driver.Mark{}, fmt.Errorf("the ledger's receipt of deployment %s cannot be read: %w", r.ID, err)
	}
	return left, nil
}
