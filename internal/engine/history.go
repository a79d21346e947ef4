package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Deployed tells what a pipeline runs in one environment.
func (e *Engine) Deployed(ctx context.Context, pipeline, environment string) (delivery.Deployed, error) {
	w, err := e.view(ctx, pipeline, nil)
	if err != nil {
		return delivery.Deployed{}, err
	}
	if !w.Pipeline.UsesEnvironment(environment) {
		return delivery.Deployed{}, delivery.Errorf(delivery.CodeNotFound, "%s has no stage that deploys to environment %q", w.Pipeline, environment)
	}
	stage := delivery.Stage{Environments: []string{environment}}
	found := newAnswers(pipeline)
	var state delivery.EnvironmentState
	err = e.settle(ctx, w, found, func(w delivery.World) delivery.Questions {
		states, asks := delivery.EnvironmentStates(w, stage)
		state = states[environment]
		return asks
	})
	artifacts, at := w.StageArtifacts(stage)
	seen := found.observations[environment]
	deployed := delivery.Deployed{Pipeline: pipeline, Environment: environment, Version: state.Version, Artifacts: artifacts, Status: state.Status,
		DeployedAt: at, ConfigRevision: state.ConfigRevision, Drifted: state.Status == string(delivery.StageDrifted), Differences: []string{}}
	if deployed.Drifted {
		deployed.Differences = append(deployed.Differences, seen.Differences...)
	}
	return deployed, err
}

// Readiness answers whether a release could enter a stage at a moment; the zero time means now.
func (e *Engine) Readiness(ctx context.Context, pipeline, version, stage string, at time.Time) (delivery.Readiness, error) {
	var w delivery.World
	err := e.o.Store.View(ctx, func(r store.Reader) (err error) {
		if w, err = e.world(ctx, r, pipeline, nil, version); err != nil || at.IsZero() {
			return err
		}
		w.Now = at.UTC()
		return loadRollouts(ctx, r, &w)
	})
	if err != nil {
		return delivery.Readiness{}, err
	}
	s, ok := w.Pipeline.Stage(stage)
	release, known := w.Releases[version]
	switch {
	case !ok:
		return delivery.Readiness{}, &delivery.Error{Code: delivery.CodeNotFound, Field: "stage", Message: w.Pipeline.NoStage(stage)}
	case !known:
		return delivery.Readiness{}, &delivery.Error{Code: delivery.CodeNotFound, Field: "version", Message: w.Pipeline.String() + " has no release \"" + version + "\""}
	}
	var ready delivery.Readiness
	err = e.settle(ctx, w, newAnswers(pipeline), func(w delivery.World) (asks delivery.Questions) {
		ready, asks = delivery.Ready(w, s, release)
		return asks
	})
	return ready, err
}

// Deployments lists deployments, newest first.
func (e *Engine) Deployments(ctx context.Context, f store.DeploymentFilter) ([]delivery.Deployment, error) {
	var found []delivery.Deployment
	err := e.o.Store.View(ctx, func(r store.Reader) (err error) {
		found, err = r.Deployments(ctx, f)
		return err
	})
	slices.Reverse(found)
	return found, err
}

// Events lists at most limit events of the log behind the given one, oldest first.
func (e *Engine) Events(ctx context.Context, after int64, limit int) ([]delivery.Event, error) {
	var found []delivery.Event
	err := e.o.Store.View(ctx, func(r store.Reader) (err error) {
		found, err = r.Events(ctx, after, limit, "", "")
		return err
	})
	return found, err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
