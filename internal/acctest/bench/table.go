package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// median of an even number is the mean of the two in the middle. values must not be empty.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

func medians(all []seconds) seconds {
	var applies, plans []float64
	for _, one := range all {
		applies, plans = append(applies, one.apply), append(plans, one.plan)
	}
	return seconds{apply: median(applies), plan: median(plans)}
}

type table struct{ rows []string }

func newTable(title string, columns ...string) *table {
	t := &table{}
	t.row(title, columns...)
	return t
}

func (t *table) row(label string, cells ...string) {
	t.rows = append(t.rows, label+"\t"+strings.Join(cells, "\t")+"\t")
}

func (t *table) seconds(label string, apply, plan float64) {
	t.row(label, fmt.Sprintf("%.2f s", apply), fmt.Sprintf("%.2f s", plan))
}

func (t *table) ratio(label string, apply, plan float64) {
	t.row(label, fmt.Sprintf("%.2f", apply), fmt.Sprintf("%.2f", plan))
}

func (t *table) print() error {
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	for _, row := range t.rows {
		if _, err := fmt.Fprintln(w, row); err != nil {
			return err
		}
	}
	return w.Flush()
}
