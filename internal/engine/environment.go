package engine

import (
	"context"
	"reflect"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Environment returns an environment.
func (e *Engine) Environment(ctx context.Context, name string) (delivery.Environment, error) {
	var found delivery.Environment
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		spec, err := r.Environment(ctx, name)
		found = delivery.EnvironmentOf(spec)
		return err
	})
	return found, err
}

// Environments lists all environments, sorted by name.
func (e *Engine) Environments(ctx context.Context) ([]delivery.Environment, error) {
	found := []delivery.Environment{}
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		specs, err := r.Environments(ctx)
		for _, spec := range specs {
			found = append(found, delivery.EnvironmentOf(spec))
		}
		return err
	})
	return found, err
}

// PutEnvironment declares an environment. It is refused when the declaration is invalid or breaks the parity it declares.
func (e *Engine) PutEnvironment(ctx context.Context, actor string, spec delivery.EnvironmentSpec) (delivery.Environment, error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.Environment{}, err
	}
	err := e.change(ctx, actor, "environment", spec.Name, func(tx store.Tx) ([]happened, error) {
		reference, err := parityReference(ctx, tx, spec)
		if err != nil {
			return nil, err
		}
		if err := delivery.CheckParity(spec, reference, e.now()).Err(); err != nil {
			return nil, err
		}
		before, err := tx.Environment(ctx, spec.Name)
		if err != nil && !delivery.IsNotFound(err) {
			return nil, err
		}
		if err == nil && reflect.DeepEqual(before, spec) {
			return nil, nil
		}
		return []happened{{"environment.declared", spec.Name, spec}}, tx.PutEnvironment(ctx, spec)
	})
	return delivery.EnvironmentOf(spec), err
}

// parityReference returns the environment that spec declares parity with; nil when it does not exist or none is declared.
func parityReference(ctx context.Context, r store.Reader, spec delivery.EnvironmentSpec) (*delivery.EnvironmentSpec, error) {
	if spec.Parity == nil {
		return nil, nil //nolint:nilnil // no reference is an answer
	}
	reference, err := r.Environment(ctx, spec.Parity.With)
	if delivery.IsNotFound(err) {
		return nil, nil //nolint:nilnil // CheckParity words it
	}
	return &reference, err
}

// DeleteEnvironment stops managing an environment: what runs keeps running, and its history stays. It is refused under
// deletion protection and while a pipeline uses the environment.
func (e *Engine) DeleteEnvironment(ctx context.Context, actor, name string) error {
	return e.change(ctx, actor, "environment", name, func(tx store.Tx) ([]happened, error) {
		spec, err := tx.Environment(ctx, name)
		if err != nil {
			return nil, err
		}
		if spec.Protected() {
			return nil, &delivery.Error{Code: delivery.CodeConflict, Field: "deletion_protection", Message: "deletion protection is on; set deletion_protection = false and apply, then delete the environment"}
		}
		pipelines, err := tx.Pipelines(ctx)
		if err != nil {
			return nil, err
		}
		users := []string{}
		for _, p := range pipelines {
			if p.UsesEnvironment(name) {
				users = append(users, p.Name)
			}
		}
		if len(users) > 0 {
			return nil, delivery.Errorf(delivery.CodeConflict, "it is in use by %s; take it out of their stages first", strings.Join(users, ", "))
		}
		return []happened{{"environment.deleted", name, spec}}, tx.DeleteEnvironment(ctx, name)
	})
}
