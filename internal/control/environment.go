package control

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Environment returns an environment.
func (c *Control) Environment(ctx context.Context, name string) (found delivery.Environment, err error) {
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		spec, err := r.Environment(ctx, name)
		if err != nil {
			return err
		}
		found, err = environmentOf(ctx, r, spec)
		return err
	})
	return found, err
}

// Environments lists all environments, sorted by name. Replicas find their sources among them, so one read is enough.
func (c *Control) Environments(ctx context.Context) ([]delivery.Environment, error) {
	var found []delivery.Environment
	err := c.o.Store.View(ctx, func(r store.Reader) error {
		specs, err := r.Environments(ctx)
		if err != nil {
			return err
		}
		effective, err := delivery.Effective(named(specs))
		found = []delivery.Environment{}
		for _, spec := range specs {
			found = append(found, delivery.Environment{Spec: spec, Status: delivery.EnvironmentOf(effective[spec.Name]).Status})
		}
		return err
	})
	return found, err
}

func named(specs []delivery.EnvironmentSpec) map[string]delivery.EnvironmentSpec {
	by := make(map[string]delivery.EnvironmentSpec, len(specs))
	for _, spec := range specs {
		by[spec.Name] = spec
	}
	return by
}

// environmentOf is an environment as it is read back: a replica's status takes its source.
func environmentOf(ctx context.Context, r store.Reader, spec delivery.EnvironmentSpec) (delivery.Environment, error) {
	if spec.ReplicaOf == "" {
		return delivery.EnvironmentOf(spec), nil
	}
	source, err := r.Environment(ctx, spec.ReplicaOf)
	return delivery.ReplicaOf(spec, source), err
}

// PutEnvironment declares an environment. It is refused when the declaration is invalid, breaks the parity it declares, or is a
// replica of what cannot have one.
func (c *Control) PutEnvironment(ctx context.Context, actor string, spec delivery.EnvironmentSpec) (written delivery.Environment, err error) {
	if err := spec.Validate().Err(); err != nil {
		return delivery.Environment{}, err
	}
	err = c.journal.Change(ctx, actor, delivery.EventEnvironmentRefused, spec.Name, func(tx store.Tx) ([]journal.Entry, error) {
		if err := c.checkEnvironment(ctx, tx, nil, spec); err != nil {
			return nil, err
		}
		before, err := tx.Environment(ctx, spec.Name)
		if err != nil && !delivery.IsNotFound(err) {
			return nil, err
		}
		unchanged := err == nil && reflect.DeepEqual(before, spec)
		if written, err = environmentOf(ctx, tx, spec); err != nil || unchanged {
			return nil, err
		}
		return journal.One(delivery.EventEnvironmentDeclared, spec.Name, spec), tx.PutEnvironment(ctx, spec)
	})
	return written, err
}

// checkEnvironment refuses a declaration for what it says of other environments, or they of it.
func (c *Control) checkEnvironment(ctx context.Context, r store.Reader, changes *delivery.ChangeSet, spec delivery.EnvironmentSpec) error {
	known := map[string]delivery.EnvironmentSpec{}
	if err := world.LoadEnvironments(ctx, r, spec.RelatedTo(), changes, known); err != nil {
		return err
	}
	if err := world.LoadEnvironments(ctx, r, world.Related(known, delivery.EnvironmentSpec.Sources), changes, known); err != nil {
		return err
	}
	if err := delivery.CheckEnvironment(spec, known, c.now()).Err(); err != nil {
		return err
	}
	if err := c.checkPlace(ctx, r, spec); err != nil || spec.ReplicaOf == "" {
		return err
	}
	return refuseChain(ctx, r, spec)
}

// checkPlace refuses to move an environment to a place to which one of its pipelines deploys already, as the ledger has them: in
// one apply, Terraform changes the environment first. No pipeline uses an environment that does not exist yet.
func (c *Control) checkPlace(ctx context.Context, r store.Reader, spec delivery.EnvironmentSpec) error {
	before, err := r.Environment(ctx, spec.Name)
	if delivery.IsNotFound(err) || err == nil && before.Target.Place(c.o.ResolvePath) == spec.Target.Place(c.o.ResolvePath) {
		return nil
	}
	if err != nil {
		return err
	}
	pipelines, err := r.Pipelines(ctx)
	if err != nil {
		return err
	}
	specs, err := r.Environments(ctx)
	if err != nil {
		return err
	}
	return spec.ValidatePlace(pipelines, named(specs), c.o.ResolvePath).Err()
}

// refuseChain refuses to make a replica of an environment that has replicas. Only one that was none before can have some.
func refuseChain(ctx context.Context, r store.Reader, spec delivery.EnvironmentSpec) error {
	before, err := r.Environment(ctx, spec.Name)
	if delivery.IsNotFound(err) || before.ReplicaOf != "" {
		return nil
	}
	if err != nil {
		return err
	}
	replicas, err := r.Replicas(ctx, spec.Name)
	if err != nil {
		return err
	}
	if len(replicas) > 0 {
		return &delivery.Error{Code: delivery.CodeConflict, Field: "replica_of", Message: fmt.Sprintf(
			"it has replicas itself: %s; let them name %q instead, then make this one a replica", strings.Join(replicas, ", "), spec.ReplicaOf)}
	}
	return nil
}

// DeleteEnvironment stops managing an environment: what runs keeps running, and its history stays. It is refused under
// deletion protection, while a pipeline uses the environment, and while it has replicas.
func (c *Control) DeleteEnvironment(ctx context.Context, actor, name string) error {
	return c.journal.Change(ctx, actor, delivery.EventEnvironmentRefused, name, func(tx store.Tx) ([]journal.Entry, error) {
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
		replicas, err := tx.Replicas(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(replicas) > 0 {
			return nil, delivery.Errorf(delivery.CodeConflict, "%s is a replica of it; delete it first, or let it stand for itself", strings.Join(replicas, ", "))
		}
		if len(users) > 0 {
			return nil, delivery.Errorf(delivery.CodeConflict, "it is in use by %s; take it out of their stages first", strings.Join(users, ", "))
		}
		return journal.One(delivery.EventEnvironmentDeleted, name, spec), tx.DeleteEnvironment(ctx, name)
	})
}
