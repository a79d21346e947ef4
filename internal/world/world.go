// Package world loads what delivery judges: the part of the ledger that a decision needs, with what a plan is about to change applied to
// it, and with what the outside world answered. It reads, and asks nobody but the ledger.
package world

import (
	"context"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Load loads what a decision at a moment needs from the ledger, in a few reads, however long the history. A change set that is not nil
// is applied to it. The world holds what concerns the named versions, and those that run or are wanted somewhere.
func Load(ctx context.Context, r store.Reader, now time.Time, pipeline string, changes *delivery.ChangeSet, versions ...string) (delivery.World, error) {
	w := delivery.World{Now: now}
	declared, err := r.Declared(ctx, pipeline)
	if err != nil {
		return w, err
	}
	if w.Ledger, err = r.Ledger(ctx); err != nil {
		return w, err
	}
	w.Head, w.Freezes, w.Policies = declared.Head, declared.Freezes, declared.Policies
	if w.Pipeline, err = pipelineOf(declared, pipeline, changes); err != nil {
		return w, err
	}
	if w.Environments, err = EnvironmentsOf(ctx, r, w.Pipeline, changes); err != nil {
		return w, err
	}
	if w.Replatformed, err = replatformed(ctx, r, w, changes); err != nil {
		return w, err
	}
	w.Promotions = map[string]delivery.Promotion{}
	for _, p := range declared.Promotions {
		w.Promotions[p.Spec.Stage] = p
		versions = append(versions, p.Spec.Version)
	}
	if changes != nil {
		versions = append(versions, changes.Versions()...)
	}
	if versions, err = loadDeployments(ctx, r, &w, versions); err != nil {
		return w, err
	}
	if err := loadEvidence(ctx, r, &w, versions); err != nil {
		return w, err
	}
	if changes != nil {
		w = changes.Apply(w)
		w.Signers = signers(w.Ledger, w.Approvals)
	}
	err = LoadRollouts(ctx, r, &w) // last, because a gate of the changes counts them too
	return w, err
}

// replatformed lists the environments of the pipeline whose platform the change set changes. It reads nothing if no environment changes.
func replatformed(ctx context.Context, r store.Reader, w delivery.World, changes *delivery.ChangeSet) ([]string, error) {
	if changes == nil || !changes.ChangesEnvironments() {
		return nil, nil
	}
	before, err := EnvironmentsOf(ctx, r, w.Pipeline, nil)
	if err != nil {
		return nil, err
	}
	return delivery.Replatformed(before, w.Environments), nil
}

// loadDeployments loads the deployments that a decision about the versions needs, and returns the versions that they speak of.
// What runs, and what might be gone back to, may have broken long ago or elsewhere in its stage, so all of its deployments are
// needed too: that takes a second look when another version than the wanted ones runs somewhere.
func loadDeployments(ctx context.Context, r store.Reader, w *delivery.World, wanted []string) (known []string, err error) {
	for {
		deployments, err := r.DecisionHistory(ctx, w.Pipeline.Name, wanted...)
		if err != nil {
			return nil, err
		}
		known = slices.Clone(wanted)
		for _, d := range deployments {
			known = append(known, d.Content.Version)
		}
		slices.Sort(known)
		known = slices.Compact(known)
		if !slices.ContainsFunc(known, func(v string) bool { return !slices.Contains(wanted, v) }) {
			w.History = delivery.NewHistory(deployments)
			return known, nil
		}
		wanted = known
	}
}

func pipelineOf(declared store.Declared, name string, changes *delivery.ChangeSet) (delivery.PipelineSpec, error) {
	if changes != nil {
		if spec, ok := changes.Pipelines.After(name); ok {
			return spec, nil
		}
	}
	if declared.Pipeline == nil {
		return delivery.PipelineSpec{}, delivery.Errorf(delivery.CodeNotFound, "pipeline %q does not exist", name)
	}
	return *declared.Pipeline, nil
}

// EnvironmentsOf loads the environments that a pipeline deploys to, and those they declare parity with, each as it is in effect.
func EnvironmentsOf(ctx context.Context, r store.Reader, pipeline delivery.PipelineSpec, changes *delivery.ChangeSet) (map[string]delivery.EnvironmentSpec, error) {
	names := []string{}
	for _, stage := range pipeline.Stages {
		names = append(names, stage.Environments...)
	}
	return Effective(ctx, r, names, changes)
}

// Effective loads the named environments that exist, with those they are replicas of or declare parity with, each as it is in
// effect. However many they are, that takes three reads at most: theirs, their relatives', and the sources of those.
func Effective(ctx context.Context, r store.Reader, names []string, changes *delivery.ChangeSet) (map[string]delivery.EnvironmentSpec, error) {
	known := map[string]delivery.EnvironmentSpec{}
	if err := LoadEnvironments(ctx, r, names, changes, known); err != nil {
		return nil, err
	}
	if err := LoadEnvironments(ctx, r, Related(known, delivery.EnvironmentSpec.RelatedTo), changes, known); err != nil {
		return nil, err
	}
	if err := LoadEnvironments(ctx, r, Related(known, delivery.EnvironmentSpec.Sources), changes, known); err != nil {
		return nil, err
	}
	return delivery.Effective(known)
}

// Related lists what the environments name, each once.
func Related(known map[string]delivery.EnvironmentSpec, by func(delivery.EnvironmentSpec) []string) []string {
	names := []string{}
	for _, env := range known {
		names = append(names, by(env)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// LoadEnvironments adds the named environments that exist to those that are known: as the change set has them, else as the ledger
// does. It reads the ledger once.
func LoadEnvironments(ctx context.Context, r store.Reader, names []string, changes *delivery.ChangeSet, into map[string]delivery.EnvironmentSpec) error {
	var planned delivery.Changes[delivery.EnvironmentSpec]
	if changes != nil {
		planned = changes.Environments
	}
	missing := []string{}
	for _, name := range names {
		if spec, ok := planned.After(name); ok {
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
