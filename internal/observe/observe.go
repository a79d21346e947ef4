// Package observe asks the outside world what delivery wants to know: what runs in an environment (drivers), whether a check passes
// (checkers), and whether what a deployment or its rollback needs is there. It hides secret values in whatever they say.
//
// Gates' checks are asked here and not in a package of their own: delivery poses both kinds of questions together, and both are answered
// side by side under one limit.
package observe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/check"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/secret"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Observer asks drivers and checkers.
type Observer struct {
	Drivers  map[string]driver.Driver // by the target's kind
	Checkers map[string]check.Checker // by the check's kind
	Secrets  secret.Resolver
	// Place names from where this process asks. Two processes at one place find the same under a path, and are let in alike.
	Place string

	// Where Observe reads what to look at and records what it saw, and by which clock.
	Store store.Store
	Now   func() time.Time

	mu         sync.Mutex
	unrecorded map[string][]delivery.Recording // by pipeline
}

// MaxQuestions is how many places are looked at and checks asked at the same time.
const MaxQuestions = 8

// Answer observes environments and asks checks, and adds what it found. Each ask gets an answer, if only that there is none.
func (o *Observer) Answer(ctx context.Context, w delivery.World, questions delivery.Questions, into world.Answers) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(MaxQuestions)
	observations := make([]delivery.Observation, len(questions.Observations))
	checks := make([]delivery.CheckResult, len(questions.Checks))
	var lacks []string // of each rollback
	for i, env := range questions.Observations {
		group.Go(func() (err error) {
			observations[i], err = o.observe(ctx, w, env)
			return err
		})
	}
	for i, key := range questions.Checks {
		group.Go(func() (err error) {
			checks[i], err = o.askCheck(ctx, w, key)
			return err
		})
	}
	if len(questions.Rollbacks) > 0 {
		group.Go(func() (err error) {
			lacks, err = o.askRollbacks(ctx, questions.Rollbacks)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, q := range questions.Rollbacks {
		into.AddRollback(w, q.RollbackKey, o.Place, lacks[i])
	}
	for i, env := range questions.Observations {
		into.AddObservation(w, env, o.Place, observations[i])
	}
	for i, key := range questions.Checks {
		into.AddCheck(w, key, o.Place, checks[i])
	}
	return nil
}

// observe looks at what runs where the current deployment put it.
func (o *Observer) observe(ctx context.Context, w delivery.World, env string) (delivery.Observation, error) {
	current := w.History.Current(env)
	if current == nil {
		return delivery.Observation{Unknown: "nothing was ever deployed there"}, nil
	}
	return o.look(ctx, w.Ledger, *current)
}

// look observes what a deployment left.
func (o *Observer) look(ctx context.Context, ledger delivery.Ledger, d delivery.Deployment) (delivery.Observation, error) {
	by, ok := o.Drivers[d.Content.Target.Kind()]
	if !ok {
		return delivery.Observation{Unknown: fmt.Sprintf("there is no driver for target %q", d.Content.Target.Kind())}, nil
	}
	known, err := o.forObserving(ctx, d.Environment, d.Content)
	if err != nil {
		return delivery.Observation{Unknown: err.Error()}, ctx.Err()
	}
	seen, err := by.Observe(ctx, Request(ledger, d, known))
	return known.HideObservation(seen), err
}

// askCheck asks a check of a stage's gate.
func (o *Observer) askCheck(ctx context.Context, w delivery.World, key delivery.CheckKey) (delivery.CheckResult, error) {
	check, ok := w.GateCheck(key)
	if !ok {
		return delivery.CheckResult{Name: key.Name, Broken: true, Detail: "neither the stage nor a policy has such a check"}, nil
	}
	return o.Check(ctx, delivery.CheckRequest{Check: check, Name: key.Name, Pipeline: w.Pipeline.Name, Stage: key.Stage,
		Version: key.Version, Digest: w.Releases[key.Version].Digest, Artifacts: w.Releases[key.Version].Spec.Artifacts}, o.ofStage(ctx, w, key.Stage))
}

// ofStage is what the software in a stage's environments may tell a check of the stage's gate.
func (o *Observer) ofStage(ctx context.Context, w delivery.World, stage string) (known Confidential) {
	if found, ok := w.Pipeline.Stage(stage); ok {
		for _, env := range found.Environments {
			known.Hidden = append(known.Hidden, o.resolvable(ctx, w.Environments[env].Secrets)...)
		}
	}
	return known.masking()
}

// Check asks a check. What it says is masked: what it asked may know secrets.
func (o *Observer) Check(ctx context.Context, r delivery.CheckRequest, known Confidential) (delivery.CheckResult, error) {
	checker, ok := o.Checkers[r.Check.Kind()]
	if !ok {
		return delivery.CheckResult{Name: r.Name, Broken: true, Detail: fmt.Sprintf("there is no checker for %q", r.Check.Kind())}, nil
	}
	r.Hidden = known.Values()
	result, err := checker.Check(ctx, r)
	result.Name, result.Detail = r.Name, known.Hide(result.Detail)
	return result, err
}

// Request is a deployment of a ledger as its driver sees it.
func Request(ledger delivery.Ledger, d delivery.Deployment, known Confidential) driver.Request {
	names := make([]string, 0, len(d.Content.Secrets))
	for name := range d.Content.Secrets {
		names = append(names, name)
	}
	slices.Sort(names)
	r := driver.Request{ID: d.ID, Pipeline: d.Pipeline, Stage: d.Stage, Environment: d.Environment, Version: d.Content.Version,
		Digest: d.Content.ReleaseDigest, Artifacts: d.Content.Artifacts, Config: d.Content.Config, Secrets: known.Secrets, SecretNames: names,
		ConfigRevision: d.Content.ConfigRevision, Credentials: known.Credentials, Hidden: known.Hidden, Receipt: d.Receipt,
		Ledger: ledger.Newest.Ledger, Replaced: ledger.IDs()}
	if d.Content.Target != nil {
		r.Target = *d.Content.Target
	}
	return r
}
