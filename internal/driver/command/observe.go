package command

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/process"
)

// Observe runs the observe program, without any secret's value. The error is ctx's; whatever else goes wrong leaves the place
// unknown, with the reason.
func (d *Driver) Observe(ctx context.Context, r driver.Request) (delivery.Observation, error) {
	if r.Target.Command == nil {
		return delivery.Observation{}, errNotCommand
	}
	expected, err := readReceipt(r)
	if err != nil {
		return delivery.Observation{Unknown: err.Error()}, ctx.Err()
	}
	program, err := d.bounded(r.ObserveProgram(r.Target.Command.Observe))
	if err != nil {
		return delivery.Observation{Unknown: err.Error()}, ctx.Err()
	}
	program.OutputLimit = driver.MaxReportBytes

	out, err := process.Run(ctx, program)
	if err != nil && ctx.Err() != nil {
		return delivery.Observation{}, ctx.Err()
	}
	if err != nil {
		return unknown(r, err, out), nil
	}
	told, err := readReport(out)
	if err != nil {
		return unknown(r, err, out), nil
	}
	return told.Compare(r.Version, expected, r.Mask().Printable), nil
}

func unknown(r driver.Request, why error, out process.Output) delivery.Observation {
	reason := "the target's observe command gave no answer: " + why.Error()
	if text := out.LastLines(maxOutputShown); text != "" {
		reason += "; its last output:\n" + text
	}
	return delivery.Observation{Unknown: r.Mask().Mask(reason)}
}

// readReport reads what was printed.
func readReport(out process.Output) (driver.Report, error) {
	if out.Dropped > 0 {
		return driver.Report{}, fmt.Errorf("it printed more than %d bytes", driver.MaxReportBytes)
	}
	told, err := driver.ReadReport(out.Stdout)
	if err != nil {
		return driver.Report{}, fmt.Errorf("what it printed %w", err)
	}
	return told, nil
}
