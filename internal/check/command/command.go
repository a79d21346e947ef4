// Package command asks a program of the user's: the check passes when the program ends with status 0.
//
// The program gets what every program of the user's gets, see process.Program, and no secret of any environment. For a gate, which is
// asked once for its stage, there is no deployment, environment or configuration.
//
// A check may name the JUnit file that the program writes. Then it passes only if the file is there after the program's end, can
// be read, and tells of tests that ran and of none that failed. The counts are part of the answer, also of a "no".
package command

import (
	"context"
	"errors"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/process"
	"github.com/delivery-as-code/terraform-provider-cd/internal/redact"
)

// maxDetailBytes bounds what is repeated of a program's output.
const maxDetailBytes = 2 << 10

// Checker answers checks of kind "command".
type Checker struct {
	pause   check.Pause
	grace   time.Duration
	killNow <-chan struct{}
	turns   turns
}

// New makes a checker that waits between attempts with pause: check.Sleep, but in tests. Once killNow is closed, programs that were asked
// to end are killed at once; nil means never.
func New(pause check.Pause, killNow <-chan struct{}) *Checker {
	return &Checker{pause: pause, grace: process.DefaultGrace, killNow: killNow}
}

// Check runs the program as often as the check allows. The error is ctx's.
func (c *Checker) Check(ctx context.Context, r delivery.CheckRequest) (delivery.CheckResult, error) {
	configured := r.Check.Command
	if configured == nil {
		return delivery.CheckResult{Name: r.Name, Broken: true, Detail: "this is no command check"}, ctx.Err()
	}
	spec, err := c.program(r)
	if err != nil {
		return delivery.CheckResult{Name: r.Name, Broken: true, Detail: err.Error()}, ctx.Err()
	}
	interval := configured.Interval.Or(delivery.DefaultInterval)
	return check.Repeat(ctx, r, configured.Attempts, interval, c.pause, func(ctx context.Context) delivery.CheckResult {
		return c.ask(ctx, r, spec)
	})
}

// ask runs the program once.
func (c *Checker) ask(ctx context.Context, r delivery.CheckRequest, spec process.Spec) delivery.CheckResult {
	report := newReportFile(r.Check.Command, spec.Mask)
	if report == nil {
		out, err := process.Run(ctx, spec)
		return answer(r.Name, out, err)
	}
	give, err := c.turns.take(ctx, report)
	if err != nil {
		return delivery.CheckResult{Name: r.Name, Detail: err.Error()}
	}
	defer give()
	if err := report.remove(); err != nil {
		return delivery.CheckResult{Name: r.Name, Detail: err.Error()}
	}
	out, err := process.Run(ctx, spec)
	result := answer(r.Name, out, err)
	if !ended(err) {
		return result
	}
	return judge(result, report)
}

// ended reports whether the program ended without being stopped. What one that was stopped or killed has written need not be whole.
func ended(err error) bool {
	exit, failed := errors.AsType[*process.ExitError](err)
	return err == nil || (failed && exit.Code >= 0)
}

// program is the check's command. A gate has no configuration and no secrets: then the JSON says so, instead of null.
func (c *Checker) program(r delivery.CheckRequest) (process.Spec, error) {
	if r.Config == nil {
		r.Config = map[string]string{}
	}
	if r.SecretNames == nil {
		r.SecretNames = []string{}
	}
	spec, err := process.Program{
		Command: r.Check.Command.Command,
		About: process.About{
			Deployment: r.Deployment, Pipeline: r.Pipeline, Stage: r.Stage, Environment: r.Environment, Version: r.Version,
			Digest: r.Digest, ConfigRevision: r.ConfigRevision, Check: r.Name,
		},
		Config: r.Config, Input: r,
	}.Spec()
	spec.Grace, spec.KillNow, spec.Mask, spec.OutputLimit = c.grace, c.killNow, redact.New(r.Hidden...), maxDetailBytes
	return spec, err
}

// answer reads the end of a program. Only an end with status 0 is a pass.
func answer(name string, out process.Output, err error) delivery.CheckResult {
	result := delivery.CheckResult{Name: name, Passed: err == nil, Detail: "the command succeeded"}
	if err != nil {
		result.Detail = err.Error()
	}
	if failed, ok := errors.AsType[*process.StartError](err); ok {
		result.Broken = !failed.Temporary()
		return result
	}
	if last := out.LastLines(maxDetailBytes - len(result.Detail) - len(": ")); err != nil && last != "" {
		result.Detail += ": " + last
	}
	return result
}
