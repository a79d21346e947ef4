package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// handshakeCookie is what Terraform puts into the environment of a plugin that it starts; see tf6server in terraform-plugin-go.
const handshakeCookie = "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"

// cost of one command in seconds: on the clock, and of CPU time. CPU time hardly changes when the machine is busy with
// other work.
type cost struct{ wall, cpu float64 }

// costs of one apply that creates everything, and of one plan after it that changes nothing.
type costs struct{ apply, plan cost }

// compare prints apply and no-change plan of all subjects, and the ratios. This provider keeps its ledger in each of
// the kinds of database in turn, the first of which is compared with the providers that do nothing.
func (b bench) compare(ctx context.Context, l *ledgers, kinds []string, resources, rounds int) error {
	subjects := []subject{asShipped, quiet}
	for _, kind := range kinds {
		on := ours
		on.label, on.ledger = "cd on "+kind, kind
		subjects = append(subjects, on)
	}
	if b.before.binary != "" {
		subjects = append(subjects, b.before)
	}
	results := make([][]costs, len(subjects))
	for round := range rounds {
		for i, s := range subjects {
			progress("round %d of %d, %d resources: %s", round+1, rounds, resources, s.label)
			s, err := s.onNewLedger(l)
			if err != nil {
				return err
			}
			took, err := b.measure(ctx, s, resources)
			if err != nil {
				return err
			}
			results[i] = append(results[i], took)
		}
	}
	shipped, silent, cd := medians(results[0]), medians(results[1]), medians(results[2])
	t := newTable(fmt.Sprintf("%d resources, median of %d", resources, rounds), columns...)
	t.seconds(asShipped.label, shipped)
	t.seconds(quiet.label, silent)
	for i, s := range subjects[2:] {
		t.seconds(s.label, medians(results[i+2]))
	}
	t.ratio(subjects[2].label+" to do-nothing as shipped", cd, shipped, 1)
	t.ratio(subjects[2].label+" to do-nothing with logs off", cd, silent, 1)
	for i, s := range subjects[3:] {
		t.ratio(s.label+" to "+subjects[2].label, medians(results[i+3]), cd, 1)
	}
	return t.print()
}

// growth prints the cost per resource among many resources, divided by that among few.
func (b bench) growth(ctx context.Context, few, many, rounds int) error {
	subjects := []subject{quiet, ours}
	results := map[string][]costs{}
	for round := range rounds {
		for _, s := range subjects {
			for _, resources := range []int{few, many} {
				progress("growth, round %d of %d, %d resources: %s", round+1, rounds, resources, s.label)
				took, err := b.measure(ctx, s, resources)
				if err != nil {
					return err
				}
				key := growthKey(s, resources)
				results[key] = append(results[key], took)
			}
		}
	}
	t := newTable(fmt.Sprintf("growth from %d to %d resources, median of %d", few, many, rounds), columns...)
	for _, s := range subjects {
		small, large := medians(results[growthKey(s, few)]), medians(results[growthKey(s, many)])
		scale := float64(many) / float64(few)
		t.seconds(fmt.Sprintf("%s, %d", s.label, few), small)
		t.seconds(fmt.Sprintf("%s, %d", s.label, many), large)
		t.ratio("per resource, "+s.label, large, small, scale)
	}
	return t.print()
}

func growthKey(s subject, resources int) string { return fmt.Sprintf("%s/%d", s.label, resources) }

// measure takes one fresh workspace through init (not timed), apply and plan.
func (b bench) measure(ctx context.Context, s subject, resources int) (took costs, err error) {
	w, err := b.prepare(ctx, s, func(dir string) error { return writeMain(dir, configuration(s, resources, b.states.fresh())) })
	if err != nil {
		return costs{}, err
	}
	defer func() { err = errors.Join(err, w.remove()) }()
	if took.apply, err = w.terraform(ctx, "apply", "-input=false", "-auto-approve"); err != nil {
		return costs{}, err
	}
	took.plan, err = w.plan(ctx)
	return took, err
}

// starts prints how long each provider takes from being started to its handshake.
func (b bench) starts(ctx context.Context, rounds int) error {
	results := make([][]float64, 2)
	progress("starting each provider %d times", rounds)
	for range rounds {
		for i, s := range []subject{asShipped, ours} {
			took, err := b.start(ctx, s.provider)
			if err != nil {
				return fmt.Errorf("start %s: %w", s.provider, err)
			}
			results[i] = append(results[i], took)
		}
	}
	nothing, cd := median(results[0])*1000, median(results[1])*1000
	t := newTable(fmt.Sprintf("process start to handshake, median of %d", rounds), "milliseconds")
	t.row("do-nothing", fmt.Sprintf("%.1f", nothing))
	t.row("cd", fmt.Sprintf("%.1f", cd))
	t.row("cd over do-nothing", fmt.Sprintf("%+.1f", cd-nothing))
	return t.print()
}

// start runs the plugin as Terraform does, until it has printed its handshake, and ends it.
func (b bench) start(ctx context.Context, provider string) (float64, error) {
	cmd := exec.CommandContext(ctx, b.built(provider))
	cmd.Dir = b.dir
	cmd.Env = b.environ(handshakeCookie, "PLUGIN_PROTOCOL_VERSIONS=6")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	var line string
	begin := time.Now()
	if err = cmd.Start(); err == nil {
		line, err = bufio.NewReader(stdout).ReadString('\n')
	}
	took := time.Since(begin).Seconds()
	if cmd.Process != nil {
		// Killed on purpose, so the error of Wait says nothing new.
		err = errors.Join(err, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	if err == nil && !strings.HasPrefix(line, "1|6|") {
		err = fmt.Errorf("this is not a handshake of protocol 6: %q", line)
	}
	return took, err
}
