package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// sideOfHistory is a workspace on a ledger whose history before it was short or long, and what its plans cost.
type sideOfHistory struct {
	label  string
	kind   string // of its ledger
	past   past
	at     workspace
	ledger string
	plans  []costs // of which only the plan is measured
}

// history prints what a plan without changes costs in a workspace as a team has it, on a ledger that had nothing in it when the
// workspace was first applied, and on one that a million deployments of the same pipeline, to the same environments, had gone
// before. From then on both went through the same: two releases, each brought through all stages.
func (b bench) history(ctx context.Context, l *ledgers, kinds []string, deployments, rounds int) (err error) {
	sides := []*sideOfHistory{}
	for _, kind := range kinds {
		for _, n := range []int{0, deployments} {
			sides = append(sides, &sideOfHistory{label: fmt.Sprintf("%s, %d deployments before", kind, n), kind: kind, past: endingBefore(time.Now(), n)})
		}
	}
	defer func() {
		for _, s := range sides {
			err = errors.Join(err, s.remove())
		}
	}()
	if err := l.bringUp(ctx, sides); err != nil {
		return err
	}
	for _, s := range sides {
		if err := b.applyLine(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.label, err)
		}
	}
	for round := range rounds {
		progress("plans, round %d of %d", round+1, rounds)
		for _, s := range sides {
			took, err := s.at.plan(ctx)
			if err != nil {
				return err
			}
			s.plans = append(s.plans, costs{plan: took})
		}
		slices.Reverse(sides) // so that nobody always comes first
	}
	if rounds%2 == 1 {
		slices.Reverse(sides)
	}
	return printHistory(sides, rounds)
}

// bringUp makes the ledgers of all sides, and fills those that have a past, at the same time: that takes minutes.
func (l *ledgers) bringUp(ctx context.Context, sides []*sideOfHistory) (err error) {
	for _, s := range sides {
		if s.ledger, err = l.address(s.kind); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range sides {
		if s.past.deployments == 0 {
			continue
		}
		group.Go(func() error {
			progress("filling: %s", s.label)
			begin := time.Now()
			if err := l.fill(ctx, s.kind, s.ledger, s.past); err != nil {
				return fmt.Errorf("%s: %w", s.label, err)
			}
			progress("filled in %s: %s", time.Since(begin).Round(time.Second), s.label)
			return nil
		})
	}
	return group.Wait()
}

// applyLine applies the workspace with one release, and then with the next.
func (b bench) applyLine(ctx context.Context, s *sideOfHistory) error {
	with := ours
	with.label, with.env = s.label, []string{"CD_LEDGER=" + s.ledger}
	path, err := os.MkdirTemp(b.dir, "line-")
	if err != nil {
		return err
	}
	s.at = workspace{bench: b, subject: with, path: path}
	stateURL := b.states.fresh()
	for i, version := range []string{"2.0.0", "2.1.0"} {
		if err := writeLine(path, version, stateURL); err != nil {
			return err
		}
		if i == 0 {
			if _, err := s.at.terraform(ctx, "init", "-input=false"); err != nil {
				return err
			}
		}
		progress("applying %s: %s", version, s.label)
		if _, err := s.at.terraform(ctx, "apply", "-input=false", "-auto-approve"); err != nil {
			return err
		}
	}
	_, err = s.at.plan(ctx) // the first one reads from disk what all others find in memory
	return err
}

func (s *sideOfHistory) remove() error {
	if s.at.path == "" {
		return nil
	}
	return s.at.remove()
}

func printHistory(sides []*sideOfHistory, rounds int) error {
	t := newTable(fmt.Sprintf("plan beside history, median of %d", rounds), "no-change plan", "CPU, plan")
	for i := 0; i+1 < len(sides); i += 2 {
		short, long := medians(sides[i].plans).plan, medians(sides[i+1].plans).plan
		t.figures(sides[i].label, "%.3f s", short.wall, short.cpu)
		t.figures(sides[i+1].label, "%.3f s", long.wall, long.cpu)
		t.figures("long to short, "+sides[i].kind, "%.2f", long.wall/short.wall, long.cpu/short.cpu)
	}
	return t.print()
}
