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

// medians takes the median of each figure separately.
func medians(all []costs) costs {
	of := func(figure func(costs) float64) float64 {
		var values []float64
		for _, one := range all {
			values = append(values, figure(one))
		}
		return median(values)
	}
	return costs{
		apply: cost{wall: of(func(c costs) float64 { return c.apply.wall }), cpu: of(func(c costs) float64 { return c.apply.cpu })},
		plan:  cost{wall: of(func(c costs) float64 { return c.plan.wall }), cpu: of(func(c costs) float64 { return c.plan.cpu })},
	}
}

// columns are the figures of costs, in the order in which seconds and ratio print them.
var columns = []string{"apply", "no-change plan", "CPU, apply", "CPU, plan"}

type table struct{ rows []string }

func newTable(title string, columns ...string) *table {
	t := &table{}
	t.row(title, columns...)
	return t
}

func (t *table) row(label string, cells ...string) {
	t.rows = append(t.rows, label+"\t"+strings.Join(cells, "\t")+"\t")
}

// add adds a cell to the last row.
func (t *table) add(cell string) { t.rows[len(t.rows)-1] += cell + "\t" }

func (t *table) seconds(label string, c costs) {
	t.figures(label, "%.2f s", c.apply.wall, c.plan.wall, c.apply.cpu, c.plan.cpu)
}

// ratio divides a by b and by scale, figure by figure.
func (t *table) ratio(label string, a, b costs, scale float64) {
	t.figures(label, "%.2f", a.apply.wall/b.apply.wall/scale, a.plan.wall/b.plan.wall/scale,
		a.apply.cpu/b.apply.cpu/scale, a.plan.cpu/b.plan.cpu/scale)
}

func (t *table) figures(label, format string, values ...float64) {
	var cells []string
	for _, value := range values {
		cells = append(cells, fmt.Sprintf(format, value))
	}
	t.row(label, cells...)
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
