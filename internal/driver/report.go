package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// MaxReportBytes is the most that may be read of what a user's program or receiver tells of a place.
const MaxReportBytes = 1 << 20

// Limits on what a report may say, in bytes except for the first.
const (
	maxDifferences     = 100
	maxDifferenceBytes = 1 << 10
	maxVersionBytes    = 256
)

// Report is what a user's own program or receiver tells of what runs: one JSON object.
type Report struct {
	Running        *bool    `json:"running"`
	Version        string   `json:"version"`
	ConfigRevision string   `json:"config_revision"`
	Deployment     string   `json:"deployment"`
	Differences    []string `json:"differences"`
}

// Mark is how a place shows, beside its version, which deployment it runs.
type Mark struct {
	Deployment     string `json:"deployment"`
	ConfigRevision string `json:"config_revision"`
}

// ReadReport reads a report. Nothing is guessed: one that leaves out what matters is an error whose text continues "its answer".
func ReadReport(text []byte) (Report, error) {
	if strings.TrimSpace(string(text)) == "" {
		return Report{}, errors.New("is empty; it has to be a JSON object such as {\"running\": true, \"version\": \"1.4.2\"}")
	}
	var told Report
	if err := json.Unmarshal(text, &told); err != nil {
		return Report{}, fmt.Errorf("is not the JSON object that is needed: %w", err)
	}
	if told.Running == nil {
		return Report{}, errors.New("does not say whether anything is running (\"running\": true or false)")
	}
	if *told.Running && told.Version == "" {
		return Report{}, errors.New("says that something is running, but not its \"version\"")
	}
	return told, nil
}

// Compare tells how what runs differs from the version and mark of what was deployed. printable makes any text one that may be
// shown; it is given all that the report says.
func (told Report) Compare(version string, left Mark, printable func(string) string) delivery.Observation {
	line := func(text string, limit int) string {
		text = strings.Join(strings.Fields(printable(text)), " ")
		if len(text) <= limit {
			return text
		}
		const mark = "…"
		return strings.ToValidUTF8(text[:limit-len(mark)], "") + mark
	}
	seen := delivery.Observation{Running: *told.Running}
	if seen.Running {
		seen.Version = line(told.Version, maxVersionBytes)
	}
	var found []string
	differs := func(what, runs, deployed string) {
		if runs != "" && runs != deployed {
			found = append(found, line(fmt.Sprintf("%s is %q, deployed was %q", what, printable(runs), deployed), maxDifferenceBytes))
		}
	}
	differs("version", told.Version, version)
	differs("configuration revision", told.ConfigRevision, left.ConfigRevision)
	differs("deployment", told.Deployment, left.Deployment)
	for _, difference := range told.Differences {
		text := line(difference, maxDifferenceBytes)
		if text == "" {
			text = "a difference without words" // it is one all the same
		}
		found = append(found, text)
	}
	seen.Differences = sorted(found)
	return seen
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
