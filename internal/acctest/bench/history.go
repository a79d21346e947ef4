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

// historySide is a workspace on a ledger with a short or long history, and the costs of its plans.
type historySide struct {
	label  string
	kind   string // of its ledger
	past   past
	at     workspace
	ledger string
	plans  []costs // only with the cost of the plan
}

// history prints the cost of a plan without changes in a typical workspace of a team: on a ledger that was empty when the workspace was
// first applied, and on one with a million earlier deployments of the same pipeline to the same environments. After that, both got the same
// two releases through all stages.
func (b bench) history(ctx context.Context, l *ledgers, kinds []string, deployments, rounds int) (err error) {
	sides := []*historySide{}
	for _, kind := range kinds {
		for _, n := range []int{0, deployments} {
			sides = append(sides, &historySide{label: fmt.Sprintf("%s, %d deployments before", kind, n), kind: kind, past: endingBefore(time.Now(), n)})
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
		if err := b.applyShop(ctx, s); err != nil {
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
		slices.Reverse(sides) // so that no side always comes first
	}
	if rounds%2 == 1 {
		slices.Reverse(sides)
	}
	return printHistory(sides, rounds)
}

// bringUp creates the ledgers of all sides, and fills those that have a past, in parallel. This takes minutes.
func (l *ledgers) bringUp(ctx context.Context, sides []*historySide) (err error) {
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

// applyShop applies the workspace with one release, and then with the next one.
func (b bench) applyShop(ctx context.Context, s *historySide) error {
	with := ours
	with.label, with.env = s.label, []string{"CD_LEDGER=" + s.ledger}
	path, err := os.MkdirTemp(b.dir, "shop-")
	if err != nil {
		return err
	}
	s.at = workspace{bench: b, subject: with, path: path}
	stateURL := b.states.fresh()
	for i, version := range []string{"2.0.0", "2.1.0"} {
		if err := writeShop(path, version, stateURL); err != nil {
			return err
		}
		if i == 0 {
			if _, err := s.at.terraform(ctx, "init", "-input=false"); err != nil {
				return err
			}
		}
		progress("applying %s: %s", version, s.label)
		if err := s.at.decide(ctx); err != nil {
			return err
		}
		if _, err := s.at.terraform(ctx, "apply", "-input=false", "-auto-approve"); err != nil {
			return err
		}
	}
	_, err = s.at.plan(ctx) // the first plan reads from disk what all others find in memory
	return err
}

func (s *historySide) remove() error {
	if s.at.path == "" {
		return nil
	}
	return s.at.remove()
}

func printHistory(sides []*historySide, rounds int) error {
	t := newTable(fmt.Sprintf("plan beside history, median of %d", rounds), "no-change plan", "CPU, plan")
	for i := 0; i+1 < len(sides); i += 2 {
		short, long := medians(sides[i].plans).plan, medians(sides[i+1].plans).plan
		t.figures(sides[i].label, "%.3f s", short.wall, short.cpu)
		t.figures(sides[i+1].label, "%.3f s", long.wall, long.cpu)
		t.figures("long to short, "+sides[i].kind, "%.2f", long.wall/short.wall, long.cpu/short.cpu)
	}
	return t.print()
}
