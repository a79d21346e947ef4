package delivery

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// maxRefusals is how many broken keys are refused one by one, each at its attribute. Beyond that, a report says it better.
	maxRefusals = 10
	// maxReported is how many keys the report of a refusal names.
	maxReported = 50
	// maxShown is how many characters of one value a report shows.
	maxShown = 60
)

// refusals makes refusals of differences that are not allowed: one for each, at its attribute, or one report when they are many.
func refusals(broken []Difference, declared EnvironmentSpec, what, remedy string) Errors {
	if len(broken) > maxRefusals {
		at := "parity"
		if declared.Parity == nil {
			at = "replica_of"
		}
		return Errors{{Code: CodeConflict, Field: at, Message: fmt.Sprintf("%s in %d keys:\n%s\n%s", what, len(broken),
			reportLines(broken, "here", "there", maxReported), remedy)}}
	}
	var found Errors
	for _, d := range broken {
		found = append(found, &Error{Code: CodeConflict, Field: d.path(declared), Message: fmt.Sprintf("%s: %s is %s here and %s there; %s. %s",
			what, d.Key, shown(d.This), shown(d.Other), d.Reason, remedy)})
	}
	return found
}

// ParityReport words differences for a person: one table for each of configuration, secrets and platform, what breaks parity
// first, and for each key both values and why it may differ or may not. It holds references to secrets, never values. It ends in
// a newline.
func ParityReport(this, other string, all []Difference) string {
	broken := len(NotAllowed(all))
	var b strings.Builder
	switch {
	case len(all) == 0:
		fmt.Fprintf(&b, "%s equals %s.\n", this, other)
		return b.String()
	case broken == 0:
		fmt.Fprintf(&b, "%s equals %s, except for %s.\n", this, other, counted(len(all), "declared difference"))
	default:
		fmt.Fprintf(&b, "%s does not equal %s: %s not declared, %d declared.\n", this, other, counted(broken, "difference"), len(all)-broken)
	}
	b.WriteString("\n" + reportLines(all, this, other, len(all)) + "\n")
	return b.String()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// reportLines prints at most limit differences as tables, and how many there are beside those.
func reportLines(all []Difference, this, other string, limit int) string {
	kept := slices.Clone(all)
	slices.SortStableFunc(kept, func(a, b Difference) int { // what is broken is never what is left out
		switch {
		case a.Allowed == b.Allowed:
			return 0
		case b.Allowed:
			return -1
		}
		return 1
	})
	kept = kept[:min(limit, len(kept))]
	blocks := []string{}
	for _, part := range []string{partRunning, partConfig, partSecrets, partPlatform} {
		rows := [][]string{}
		for _, d := range kept {
			if in, key := d.split(); in == part {
				rows = append(rows, []string{key, briefly(d.This), briefly(d.Other), d.verdict()})
			}
		}
		if len(rows) > 0 {
			blocks = append(blocks, table(append([][]string{{part, this, other, ""}}, rows...)))
		}
	}
	text := strings.Join(blocks, "\n\n")
	if more := len(all) - len(kept); more > 0 {
		text += fmt.Sprintf("\n\n… and %d more", more)
	}
	return text
}

func (d Difference) verdict() string {
	if d.Allowed {
		return strings.TrimSuffix("allowed: "+d.Reason, ": ")
	}
	return "NOT ALLOWED: " + d.Reason
}

// briefly shows a value in quotes, on one line, and not at any length.
func briefly(v *string) string {
	if v == nil {
		return "absent"
	}
	text := []rune(*v)
	if len(text) <= maxShown {
		return shown(v)
	}
	short := string(text[:maxShown])
	return shown(&short) + fmt.Sprintf("… (%d characters)", len(text))
}

// table aligns the columns of rows; the first row is the heading, and the others are indented below it.
func table(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for n := range rows {
		if n > 0 {
			rows[n][0] = "  " + rows[n][0]
		}
		for i, cell := range rows[n] {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	lines := make([]string, len(rows))
	for n, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell + strings.Repeat(" ", widths[i]-len([]rune(cell))+2))
		}
		lines[n] = strings.TrimRight(b.String(), " ")
	}
	return strings.Join(lines, "\n")
}
