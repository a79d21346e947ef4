package control

import (
	"context"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Deployed tells what a pipeline runs in one environment.
func (c *Control) Deployed(ctx context.Context, pipeline, environment string) (delivery.Deployed, error) {
	w, err := c.view(ctx, pipeline, nil)
	if err != nil {
		return delivery.Deployed{}, err
	}
	if !w.Pipeline.UsesEnvironment(environment) {
		return delivery.Deployed{}, delivery.Errorf(delivery.CodeNotFound, "%s has no stage that deploys to environment %q", w.Pipeline, environment)
	}
	stage := delivery.Stage{Environments: []string{environment}}
	found := world.NewAnswers(pipeline)
	var state delivery.EnvironmentState
	err = c.resolve(ctx, w, found, func(w delivery.World) delivery.Questions {
		states, asks := delivery.EnvironmentStates(w, stage)
		state = states[environment]
		return asks
	})
	artifacts, at := w.History.StageArtifacts(stage)
	seen := found.Observation(environment)
	deployed := delivery.Deployed{Pipeline: pipeline, Environment: environment, Version: state.Version, Artifacts: artifacts, Status: state.Status,
		DeployedAt: at, ConfigRevision: state.ConfigRevision, Drifted: state.Status == string(delivery.StageDrifted), Differences: []string{}}
	if deployed.Drifted {
		deployed.Differences = append(deployed.Differences, seen.Differences...)
	}
	return deployed, err
}

// Deployments lists deployments, newest first.
func (c *Control) Deployments(ctx context.Context, f store.DeploymentFilter) ([]delivery.Deployment, error) {
	var found []delivery.Deployment
	err := c.o.Store.View(ctx, func(r store.Reader) (err error) {
		found, err = r.Deployments(ctx, f)
		return err
	})
	slices.Reverse(found)
	return found, err
}
