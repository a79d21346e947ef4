package control

import (
	"context"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Deployed tells what a pipeline runs in one environment, as it was observed last.
func (c *Control) Deployed(ctx context.Context, pipeline, environment string) (delivery.Deployed, error) {
	f, err := c.recorded(ctx, pipeline)
	if err != nil {
		return delivery.Deployed{}, err
	}
	if !f.Pipeline.UsesEnvironment(environment) {
		return delivery.Deployed{}, delivery.Errorf(delivery.CodeNotFound, "%s has no stage that deploys to environment %q", f.Pipeline, environment)
	}
	stage := delivery.Stage{Environments: []string{environment}}
	states, _ := delivery.EnvironmentStates(f.World, stage)
	state := states[environment]
	artifacts, at := f.History.StageArtifacts(stage)
	deployed := delivery.Deployed{Pipeline: pipeline, Environment: environment, Version: state.Version, Artifacts: artifacts, Status: state.Status,
		DeployedAt: at, ConfigRevision: state.ConfigRevision, Drifted: state.Status == string(delivery.StageDrifted), Differences: []string{}}
	if deployed.Drifted {
		deployed.Differences = append(deployed.Differences, f.Found.Observation(environment).Differences...)
	}
	return deployed, nil
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
