package engine

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/driver"
	"github.com/delivery-as-code/terraform-provider-cd/internal/signature"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// answers is what the outside world said to the asks of a decision. They are kept apart from the ledger's part of the world, so
// that the ledger can be read again, inside a transaction, without asking twice.
type answers struct {
	pipeline     string
	observations map[string]observed
	checks       map[delivery.CheckKey]delivery.CheckResult
}

// observed is what was seen in an environment, and which deployment was expected there: it tells nothing of a later one.
type observed struct {
	delivery.Observation
	standing string
}

func newAnswers(pipeline string) answers {
	return answers{pipeline: pipeline, observations: map[string]observed{}, checks: map[delivery.CheckKey]delivery.CheckResult{}}
}

// forNextWave keeps what was seen a moment ago, so that the places of a stage with many are not looked at again for each of its waves.
// Whatever a gate goes by is forgotten, since gates are asked at the moment of each deployment: the answers of checks, and what was
// seen too where a gate compares what runs.
func (a answers) forNextWave(w delivery.World) answers {
	next := newAnswers(a.pipeline)
	if !w.ComparesPlaces() {
		next.observations = a.observations
	}
	return next
}

// view loads the world of a pipeline, as far as the named versions concern it.
func (e *Engine) view(ctx context.Context, pipeline string, overlay *plan, versions ...string) (w delivery.World, err error) {
	err = e.o.Store.View(ctx, func(r store.Reader) error {
		w, err = e.world(ctx, r, pipeline, overlay, versions...)
		return err
	})
	return w, err
}

// world loads what a decision needs from the ledger, in a few reads, however long the history. overlay, when not nil, is laid over it.
func (e *Engine) world(ctx context.Context, r store.Reader, pipeline string, overlay *plan, versions ...string) (delivery.World, error) {
	w := delivery.World{Now: e.now()}
	var err error
	if w.Pipeline, err = pipelineOf(ctx, r, pipeline, overlay); err != nil {
		return w, err
	}
	if w.Environments, err = environmentsOf(ctx, r, w.Pipeline, overlay); err != nil {
		return w, err
	}
	promotions, err := r.Promotions(ctx, pipeline)
	if err != nil {
		return w, err
	}
	w.Promotions = map[string]delivery.Promotion{}
	for _, p := range promotions {
		w.Promotions[p.Spec.Stage] = p
		versions = append(versions, p.Spec.Version)
	}
	versions = overlay.versions(versions)
	if versions, err = loadDeployments(ctx, r, &w, versions); err != nil {
		return w, err
	}
	if err := loadReleases(ctx, r, &w, versions); err != nil {
		return w, err
	}
	if err := loadEvidence(ctx, r, &w, versions); err != nil {
		return w, err
	}
	if overlay != nil {
		overlay.lay(&w)
	}
	err = loadRollouts(ctx, r, &w) // last, because a gate of the overlay counts them too
	return w, err
}

// loadDeployments loads the deployments that a decision about the versions needs, and returns the versions that they speak of.
// What runs, and what might be gone back to, may have broken long ago or elsewhere in its stage, so all of its deployments are
// needed too: that takes a second look when another version than the wanted ones runs somewhere.
func loadDeployments(ctx context.Context, r store.Reader, w *delivery.World, wanted []string) (known []string, err error) {
	for {
		if w.Deployments, err = r.DecisionHistory(ctx, w.Pipeline.Name, wanted...); err != nil {
			return nil, err
		}
		known = slices.Clone(wanted)
		for _, d := range w.Deployments {
			known = append(known, d.Content.Version)
		}
		slices.Sort(known)
		known = slices.Compact(known)
		if !slices.ContainsFunc(known, func(v string) bool { return !slices.Contains(wanted, v) }) {
			return known, nil
		}
		wanted = known
	}
}

func pipelineOf(ctx context.Context, r store.Reader, name string, overlay *plan) (delivery.PipelineSpec, error) {
	if overlay != nil {
		if spec, ok := overlay.pipelines[name]; ok {
			return spec, nil
		}
	}
	return r.Pipeline(ctx, name)
}

// environmentsOf loads the environments that a pipeline deploys to, and those they declare parity with, each as it is in effect.
func environmentsOf(ctx context.Context, r store.Reader, pipeline delivery.PipelineSpec, overlay *plan) (map[string]delivery.EnvironmentSpec, error) {
	names := []string{}
	for _, stage := range pipeline.Stages {
		names = append(names, stage.Environments...)
	}
	return effective(ctx, r, names, overlay)
}

// effective loads the named environments that exist, with those they are replicas of or declare parity with, each as it is in
// effect. However many they are, that takes three reads at most: theirs, their relatives', and the sources of those.
func effective(ctx context.Context, r store.Reader, names []string, overlay *plan) (map[string]delivery.EnvironmentSpec, error) {
	known := map[string]delivery.EnvironmentSpec{}
	if err := loadEnvironments(ctx, r, names, overlay, known); err != nil {
		return nil, err
	}
	if err := loadEnvironments(ctx, r, related(known, delivery.EnvironmentSpec.RelatedTo), overlay, known); err != nil {
		return nil, err
	}
	if err := loadEnvironments(ctx, r, related(known, delivery.EnvironmentSpec.Sources), overlay, known); err != nil {
		return nil, err
	}
	return delivery.Effective(known)
}

// related lists what the environments name, each once.
func related(known map[string]delivery.EnvironmentSpec, by func(delivery.EnvironmentSpec) []string) []string {
	names := []string{}
	for _, env := range known {
		names = append(names, by(env)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func loadEnvironments(ctx context.Context, r store.Reader, names []string, overlay *plan, into map[string]delivery.EnvironmentSpec) error {
	missing := []string{}
	for _, name := range names {
		if spec, ok := overlay.environment(name); ok {
			into[name] = spec
		} else if _, ok := into[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	specs, err := r.Environments(ctx, missing...)
	for _, spec := range specs {
		into[spec.Name] = spec
	}
	return err
}

func loadReleases(ctx context.Context, r store.Reader, w *delivery.World, versions []string) error {
	w.Releases = map[string]delivery.Release{}
	if len(versions) == 0 {
		return nil
	}
	releases, err := r.Releases(ctx, w.Pipeline.Name, versions...)
	if err != nil {
		return err
	}
	for _, release := range releases {
		w.Releases[release.Spec.Version] = release
	}
	approvals, err := r.Approvals(ctx, w.Pipeline.Name, versions...)
	if err != nil {
		return err
	}
	w.Approvals, w.Signers = approvals, signers(approvals)
	return nil
}

// signers verifies the signatures of decisions and returns, for each whose signature holds, the key that made it.
func signers(approvals []delivery.Approval) map[string]string {
	keys := map[string]string{}
	for _, a := range approvals {
		if a.Spec.Signature == "" {
			continue
		}
		if key, err := signature.Signer(a.Spec.Signature, a.Request().Payload()); err == nil {
			keys[a.ID] = key
		}
	}
	return keys
}

// loadEvidence loads what gates look at beside deployments, approvals and rollouts: reports, freezes, overrides and policies.
func loadEvidence(ctx context.Context, r store.Reader, w *delivery.World, versions []string) (err error) {
	if w.Freezes, err = r.Freezes(ctx); err != nil {
		return err
	}
	if w.Policies, err = r.Policies(ctx); err != nil {
		return err
	}
	if len(versions) == 0 {
		return nil
	}
	reports, err := r.TestReports(ctx, w.Pipeline.Name, versions...)
	if err != nil {
		return err
	}
	for _, report := range reports {
		if report.WithdrawnAt == nil {
			w.Reports = append(w.Reports, report)
		}
	}
	overrides, err := r.Overrides(ctx, w.Pipeline.Name, versions...)
	for _, o := range overrides {
		if o.RevokedAt == nil {
			w.Overrides = append(w.Overrides, o)
		}
	}
	return err
}

// loadRollouts loads those that a gate may count at the world's moment. Whoever changes its gates or its moment loads them anew.
func loadRollouts(ctx context.Context, r store.Reader, w *delivery.World) (err error) {
	span := w.FrequencySpan()
	if span == 0 {
		return nil
	}
	stages := make([]string, len(w.Pipeline.Stages))
	for i, s := range w.Pipeline.Stages {
		stages[i] = s.Name
	}
	w.Rollouts, err = r.Rollouts(ctx, w.Pipeline.Name, stages, w.Now.Add(-span))
	return err
}

// answered returns the world with the answers found so far that still apply to it.
func (a answers) answered(w delivery.World) delivery.World {
	w.Checks, w.Observations = a.checks, map[string]delivery.Observation{}
	for env, seen := range a.observations {
		if seen.standing == standingIn(w, env) {
			w.Observations[env] = seen.Observation
		}
	}
	return w
}

func standingIn(w delivery.World, env string) string {
	if standing := w.Current(env); standing != nil {
		return standing.ID
	}
	return ""
}

// settle asks a question of the world until nothing is left to ask: question is called again with every answer found.
func (e *Engine) settle(ctx context.Context, w delivery.World, a answers, question func(delivery.World) delivery.Questions) error {
	for {
		asks := question(a.answered(w))
		if asks.Empty() {
			return nil
		}
		if err := e.answer(ctx, w, asks, a); err != nil {
			return err
		}
	}
}

// maxQuestions is how many places are looked at and checks asked at the same time.
const maxQuestions = 8

// answer looks at places and asks checks, and adds what it found. Each ask gets an answer, if only that there is none.
func (e *Engine) answer(ctx context.Context, w delivery.World, asks delivery.Questions, into answers) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxQuestions)
	observations := make([]delivery.Observation, len(asks.Observations))
	checks := make([]delivery.CheckResult, len(asks.Checks))
	for i, env := range asks.Observations {
		group.Go(func() (err error) {
			observations[i], err = e.observe(ctx, w, env)
			return err
		})
	}
	for i, key := range asks.Checks {
		group.Go(func() (err error) {
			checks[i], err = e.askCheck(ctx, w, key)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, env := range asks.Observations {
		into.observations[env] = observed{observations[i], standingIn(w, env)}
	}
	for i, key := range asks.Checks {
		into.checks[key] = checks[i]
	}
	return nil
}

// observe looks at what runs where the standing deployment put it.
func (e *Engine) observe(ctx context.Context, w delivery.World, env string) (delivery.Observation, error) {
	standing := w.Current(env)
	if standing == nil {
		return delivery.Observation{Unknown: "nothing was ever deployed there"}, nil
	}
	d, ok := e.o.Drivers[standing.Content.Target.Kind()]
	if !ok {
		return delivery.Observation{Unknown: fmt.Sprintf("there is no driver for target %q", standing.Content.Target.Kind())}, nil
	}
	credentials, err := e.credentials(ctx, env, standing.Content.Target)
	if err != nil {
		return delivery.Observation{Unknown: err.Error()}, ctx.Err()
	}
	known := confidential{credentials: credentials}
	seen, err := d.Observe(ctx, request(*standing, known))
	return known.observation(seen), err
}

// askGate asks a check of a stage's gate.
func (e *Engine) askCheck(ctx context.Context, w delivery.World, key delivery.CheckKey) (delivery.CheckResult, error) {
	check, ok := w.GateCheck(key)
	if !ok {
		return delivery.CheckResult{Name: key.Name, Broken: true, Detail: "neither the stage nor a policy has such a check"}, nil
	}
	return e.ask(ctx, delivery.CheckRequest{Check: check, Name: key.Name, Pipeline: w.Pipeline.Name, Stage: key.Stage,
		Version: key.Version, Digest: w.Releases[key.Version].Digest})
}

func (e *Engine) ask(ctx context.Context, r delivery.CheckRequest) (delivery.CheckResult, error) {
	checker, ok := e.o.Checkers[r.Check.Kind()]
	if !ok {
		return delivery.CheckResult{Name: r.Name, Broken: true, Detail: fmt.Sprintf("there is no checker for %q", r.Check.Kind())}, nil
	}
	result, err := checker.Check(ctx, r)
	result.Name = r.Name
	return result, err
}

// request is a deployment as its driver sees it.
func request(d delivery.Deployment, known confidential) driver.Request {
	names := make([]string, 0, len(d.Content.Secrets))
	for name := range d.Content.Secrets {
		names = append(names, name)
	}
	slices.Sort(names)
	r := driver.Request{ID: d.ID, Pipeline: d.Pipeline, Stage: d.Stage, Environment: d.Environment, Version: d.Content.Version,
		Digest: d.Content.ReleaseDigest, Artifacts: d.Content.Artifacts, Config: d.Content.Config, Secrets: known.secrets, SecretNames: names,
		ConfigRevision: d.Content.ConfigRevision, Credentials: known.credentials, Receipt: d.Receipt}
	if d.Content.Target != nil {
		r.Target = *d.Content.Target
	}
	return r
}
