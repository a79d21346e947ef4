package control

import (
	"context"
	"reflect"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Pipeline returns a pipeline.
func (c *Control) Pipeline(ctx context.Context, name string) (delivery.Pipeline, error) {
	var found delivery.Pipeline
	err := c.o.Store.View(ctx, func(r store.Reader) error {
		spec, err := r.Pipeline(ctx, name)
		found = delivery.PipelineOf(spec)
		return err
	})
	return found, err
}

// Pipelines lists all pipelines, sorted by name.
func (c *Control) Pipelines(ctx context.Context) ([]delivery.Pipeline, error) {
	var found []delivery.Pipeline
	err := c.o.Store.View(ctx, func(r store.Reader) error {
		specs, err := r.Pipelines(ctx)
		found = []delivery.Pipeline{}
		for _, spec := range specs {
			found = append(found, delivery.PipelineOf(spec))
		}
		return err
	})
	return found, err
}

// PutPipeline declares a pipeline. It is refused when the declaration is invalid or names an environment that does not exist.
func (c *Control) PutPipeline(ctx context.Context, actor string, spec delivery.PipelineSpec) (delivery.Pipeline, error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.Pipeline{}, err
	}
	err := c.journal.Change(ctx, actor, delivery.EventPipelineRefused, spec.Name, func(tx store.Tx) ([]journal.Entry, error) {
		known, err := world.EnvironmentsOf(ctx, tx, spec, nil)
		if err != nil {
			return nil, err
		}
		if err := c.validateEnvironments(spec, known).Err(); err != nil {
			return nil, err
		}
		before, err := tx.Pipeline(ctx, spec.Name)
		if err != nil && !delivery.IsNotFound(err) {
			return nil, err
		}
		if err == nil && reflect.DeepEqual(before, spec) {
			return nil, nil
		}
		return journal.One(delivery.EventPipelineDeclared, spec.Name, spec), tx.PutPipeline(ctx, spec)
	})
	return delivery.PipelineOf(spec), err
}

// validateEnvironments checks a pipeline against the environments that it names.
func (c *Control) validateEnvironments(spec delivery.PipelineSpec, known map[string]delivery.EnvironmentSpec) delivery.Errors {
	return append(spec.ValidateEnvironments(known), spec.ValidatePlaces(known, c.o.ResolvePath)...)
}

// DeletePipeline stops managing a pipeline: what runs keeps running, and its releases and history stay.
func (c *Control) DeletePipeline(ctx context.Context, actor, name string) error {
	return c.journal.Change(ctx, actor, delivery.EventPipelineRefused, name, func(tx store.Tx) ([]journal.Entry, error) {
		spec, err := tx.Pipeline(ctx, name)
		if err != nil {
			return nil, err
		}
		return journal.One(delivery.EventPipelineDeleted, name, spec), tx.DeletePipeline(ctx, name)
	})
}
