package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// tally counts the faults of one package.
type tally struct{ planted, own, others, timedOut, survived int }

func (t *tally) add(r result) {
	t.planted++
	switch {
	case r.outcome == survived:
		t.survived++
	case r.fault.tests[r.by] == r.fault.pkg():
		t.own++
	default:
		t.others++
	}
	if r.outcome == timedOut {
		t.timedOut++
	}
}

// core tells the packages that decide: their own tests, without Terraform, have to notice nearly everything.
func core(pkg string) bool {
	return pkg == "./internal/delivery" || strings.HasPrefix(pkg, "./internal/delivery/")
}

// report prints the table and returns the exit status: 1 when too many faults survived.
func report(out io.Writer, results []result) int {
	var all, ofCore tally
	packages := map[string]*tally{}
	for _, r := range results {
		pkg := r.fault.pkg()
		if packages[pkg] == nil {
			packages[pkg] = &tally{}
		}
		packages[pkg].add(r)
		all.add(r)
		if core(pkg) {
			ofCore.add(r)
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(name string, t tally) {
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t\n", name, t.planted, t.own, t.others, t.timedOut, t.survived)
	}
	_, _ = fmt.Fprint(table, "\npackage\tplanted\tkilled by its own tests\tby others\ttimed out\tsurvived\t\n")
	for _, pkg := range slices.Sorted(maps.Keys(packages)) {
		line(pkg, *packages[pkg])
	}
	line("all", all)
	if err := table.Flush(); err != nil {
		return 2
	}
	status := 0
	if all.survived*100 > maxSurvivors*all.planted {
		_, _ = fmt.Fprintf(out, "%d of %d faults survived; at most %d in 100 may\n", all.survived, all.planted, maxSurvivors)
		status = 1
	}
	if ofCore.own*100 < minCoreKills*ofCore.planted {
		_, _ = fmt.Fprintf(out, "the domain's own tests killed %d of its %d faults; at least %d in 100 are needed\n", ofCore.own, ofCore.planted, minCoreKills)
		status = 1
	}
	return status
}
