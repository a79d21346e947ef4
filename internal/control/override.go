package control

import (
	"context"
	"fmt"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Override returns an override. A revoked one is not found.
func (c *Control) Override(ctx context.Context, id string) (found delivery.Override, err error) {
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		if found, err = r.Override(ctx, id); err != nil {
			return err
		}
		if found.RevokedAt != nil {
			return delivery.Errorf(delivery.CodeNotFound, "override %q was revoked", id)
		}
		return nil
	})
	return found, err
}

// AddOverride records an override of gates of one stage for one release. The same override again, while it lives, is the one that
// is there.
func (c *Control) AddOverride(ctx context.Context, actor string, spec delivery.OverrideSpec) (delivery.Override, error) {
	var made delivery.Override
	subject := fmt.Sprintf("%s/%s/%s", spec.Pipeline, spec.Version, spec.Stage)
	err := c.journal.Change(ctx, actor, delivery.EventOverrideRefused, subject, func(tx store.Tx) ([]journal.Entry, error) {
		w, err := c.load(ctx, tx, spec.Pipeline, nil, spec.Version)
		if err != nil {
			return nil, noPipeline(err)
		}
		if err := overridable(w, spec, actor); err != nil {
			return nil, err
		}
		if same := w.Overriding(spec, actor); same != nil {
			made = *same
			return nil, nil
		}
		before, err := tx.Overrides(ctx, spec.Pipeline, spec.Version)
		if err != nil {
			return nil, err
		}
		number := 1
		for _, o := range before {
			if o.Spec.Stage == spec.Stage {
				number++
			}
		}
		made = w.NewOverride(spec, actor, fmt.Sprintf("%s/%d", subject, number))
		return journal.One(delivery.EventOverrideMade, made.ID, made), tx.AddOverride(ctx, made)
	})
	return made, err
}

// overridable checks that the actor may skip these gates of the stage, for a release that exists, and that it names what would be
// delivered.
func overridable(w delivery.World, spec delivery.OverrideSpec, actor string) error {
	if err := append(spec.Validate(), spec.ValidateStage(w, actor)...).Err(); err != nil {
		return err
	}
	release, ok := w.Releases[spec.Version]
	if !ok {
		return noRelease(w, spec.Version)
	}
	return spec.ValidateContent(w, release).Err()
}

// noRelease refuses a version that was never registered.
func noRelease(w delivery.World, version string) error {
	return &delivery.Error{Code: delivery.CodeInvalid, Field: "version",
		Message: fmt.Sprintf("%s has no release %q; register it with a cd_release first", w.Pipeline, version)}
}

// RevokeOverride takes an override back. It and its revocation both stay in the ledger.
func (c *Control) RevokeOverride(ctx context.Context, actor, id string) error {
	return c.journal.Change(ctx, actor, delivery.EventOverrideRefused, id, func(tx store.Tx) ([]journal.Entry, error) {
		o, err := tx.Override(ctx, id)
		if err != nil {
			return nil, err
		}
		if o.RevokedAt != nil {
			return nil, delivery.Errorf(delivery.CodeNotFound, "override %q was revoked already", id)
		}
		at := c.now()
		o.RevokedAt = &at
		return journal.One(delivery.EventOverrideRevoked, id, o), tx.RevokeOverride(ctx, id, at)
	})
}
