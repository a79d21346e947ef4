package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/command"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
)

// Limits on what an observe program may tell.
const (
	maxReportBytes     = 1 << 20
	maxDifferences     = 100
	maxDifferenceBytes = 1 << 10
	maxVersionBytes    = 256
)

// report is what an observe program prints.
type report struct {
	Running        *bool    `json:"running"`
	Version        string   `json:"version"`
	ConfigRevision string   `json:"config_revision"`
	Deployment     string   `json:"deployment"`
	Differences    []string `json:"differences"`
}

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
	stdin, err := json.Marshal(r)
	if err != nil {
		return delivery.Observation{Unknown: err.Error()}, ctx.Err()
	}
	spec := d.spec(r, r.Target.Command.Observe, nil)
	spec.Stdin = stdin
	spec.OutputLimit = maxReportBytes

	out, err := command.Run(ctx, spec)
	if err != nil && ctx.Err() != nil {
		return delivery.Observation{}, ctx.Err()
	}
	if err != nil {
		return unknown(err, out), nil
	}
	told, err := parseReport(out)
	if err != nil {
		return unknown(err, out), nil
	}
	return told.compare(r.Version, expected), nil
}

func unknown(why error, out command.Output) delivery.Observation {
	reason := "the target's observe command gave no answer: " + why.Error()
	if text := out.LastLines(maxOutputShown); text != "" {
		reason += "; its last output:\n" + text
	}
	return delivery.Observation{Unknown: reason}
}

// parseReport reads what was printed. Nothing is guessed: a report that leaves out what matters is none.
func parseReport(out command.Output) (report, error) {
	if out.Dropped > 0 {
		return report{}, fmt.Errorf("it printed more than %d bytes", maxReportBytes)
	}
	if len(strings.TrimSpace(string(out.Stdout))) == 0 {
		return report{}, errors.New("it printed nothing; it has to print a JSON object such as {\"running\": true, \"version\": \"1.4.2\"}")
	}
	var told report
	if err := json.Unmarshal(out.Stdout, &told); err != nil {
		return report{}, fmt.Errorf("what it printed is not the JSON object that is needed: %w", err)
	}
	if told.Running == nil {
		return report{}, errors.New("it does not say whether anything is running (\"running\": true or false)")
	}
	if *told.Running && told.Version == "" {
		return report{}, errors.New("it says that something is running, but not its \"version\"")
	}
	return told, nil
}

// compare tells how what runs differs from what was deployed.
func (told report) compare(version string, expected receipt) delivery.Observation {
	seen := delivery.Observation{Running: *told.Running}
	if seen.Running {
		seen.Version = printable(told.Version, maxVersionBytes)
	}
	var found []string
	differs := func(what, runs, deployed string) {
		if runs != "" && runs != deployed {
			found = append(found, printable(fmt.Sprintf("%s is %q, deployed was %q", what, runs, deployed), maxDifferenceBytes))
		}
	}
	differs("version", told.Version, version)
	differs("configuration revision", told.ConfigRevision, expected.ConfigRevision)
	differs("deployment", told.Deployment, expected.Deployment)
	seen.Differences = sorted(append(found, told.words()...))
	return seen
}

// words are the differences that the program found itself.
func (told report) words() []string {
	var words []string
	for _, difference := range told.Differences {
		text := printable(difference, maxDifferenceBytes)
		if text == "" {
			text = "a difference without words" // it is one all the same
		}
		words = append(words, text)
	}
	return words
}

// sorted returns the differences once each, in order; of too many the first, and how many more there are.
func sorted(differences []string) []string {
	slices.Sort(differences)
	differences = slices.Compact(differences)
	if more := len(differences) - maxDifferences; more > 0 {
		differences = append(differences[:maxDifferences:maxDifferences], fmt.Sprintf("… and %d more", more))
		slices.Sort(differences)
	}
	return differences
}

// printable cuts the text to so many bytes of printable characters, on one line.
func printable(text string, limit int) string {
	text = strings.Join(strings.Fields(command.Printable(text)), " ")
	if len(text) <= limit {
		return text
	}
	const mark = "…"
	return strings.ToValidUTF8(text[:limit-len(mark)], "") + mark
}
