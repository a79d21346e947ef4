// Package command deploys and observes through programs of the user's: the target kind "command".
//
// Both programs get what every program of the user's gets: see process.Program and the guide "Programs that you provide".
//
// The deploy program ends with status 0 exactly when the environment runs the content. It has to be idempotent by CD_DEPLOYMENT_ID:
// called again for a deployment that is done it changes nothing, and after a crash it finishes what is missing. While it fails it
// should leave running what ran.
//
// The observe program prints one JSON object on standard output:
//
//	{"running": true, "version": "1.4.2", "config_revision": "sha256:…", "deployment": "…", "differences": ["…"]}
//
// running is required, and version whenever something runs. What it prints of the others is compared with what was deployed;
// differences are those that it found itself, as text. Fields of other names are ignored.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/process"
)

// maxOutputShown bounds what an error repeats of a program's output, in bytes.
const maxOutputShown = 4 << 10

// Driver deploys to targets of kind "command".
type Driver struct {
	grace   time.Duration
	killNow <-chan struct{}
}

// New makes a driver. Once killNow is closed, programs that were asked to end are killed at once; nil means never.
func New(killNow <-chan struct{}) *Driver { return &Driver{process.DefaultGrace, killNow} }

// errNotCommand is a defect of the caller: each kind of target has its own driver.
var errNotCommand = errors.New("this is no command target")

// Deploy runs the deploy program. What it changed before it failed is for it to say: the driver cannot know.
func (d *Driver) Deploy(ctx context.Context, r driver.Request) (driver.Result, error) {
	if r.Target.Command == nil {
		return driver.Result{}, errNotCommand
	}
	program, err := d.bounded(r.DeployProgram(r.Target.Command.Deploy))
	if err != nil {
		return driver.Result{}, err
	}
	out, err := process.Run(ctx, program)
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
	return r.Mask().Error(fmt.Errorf("deploying %s %s with the target's deploy command: %w; %s. %s", r.Pipeline, r.Version, err, state, out.LastWords(maxOutputShown)))
}

// bounded adds how the program ends when it is asked to.
func (d *Driver) bounded(program process.Spec, err error) (process.Spec, error) {
	program.Grace, program.KillNow = d.grace, d.killNow
	return program, err
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
