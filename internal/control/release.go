package control

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Release returns a release and where it stands, as far as the ledger knows. A retired one is not found.
func (c *Control) Release(ctx context.Context, pipeline, version string) (delivery.ReleaseState, error) {
	f, err := c.recorded(ctx, pipeline, version)
	if err != nil {
		return delivery.ReleaseState{}, err
	}
	return releaseState(f, version)
}

// requestedRelease is a release for a caller who asked for it to be delivered.
func (c *Control) requestedRelease(ctx context.Context, pipeline, version string) (delivery.ReleaseState, error) {
	f, err := c.recorded(ctx, pipeline, version)
	if err != nil {
		return delivery.ReleaseState{}, err
	}
	return requestedReleaseState(f, version)
}

func requestedReleaseState(f world.Facts, version string) (delivery.ReleaseState, error) {
	state, err := releaseState(f, version)
	if err == nil && f.Pipeline.AutoStart() {
		state.Work = requested(f, f.Pipeline.Stages[0].Name, version)
	}
	return state, err
}

// releaseState is a release and where it stands. Its work is that on the leading stages, if it is this release that they carry.
func releaseState(f world.Facts, version string) (delivery.ReleaseState, error) {
	release, ok := f.Releases[version]
	if !ok || release.Retired {
		return delivery.ReleaseState{}, delivery.Errorf(delivery.CodeNotFound, "release %s/%s does not exist", f.Pipeline.Name, version)
	}
	state := delivery.ReleaseState{Release: release, Work: delivery.Work{Finished: true}}
	state.Stages, _ = delivery.StageStates(f.World, version)
	if f.Pipeline.AutoStart() {
		if held := f.Work[f.Pipeline.Stages[0].Name]; held.Version == version {
			state.Work = held.Work()
		}
	}
	return state, nil
}

// PutRelease registers a release, makes it the one that the leading automatic stages of its pipeline are to run, and starts the
// work. It returns once that is saved. A new release whose artifacts are not there is refused while nothing of it is recorded: its
// version could never be given to what was meant.
func (c *Control) PutRelease(ctx context.Context, actor string, r delivery.ReleaseRequest) (delivery.ReleaseState, error) {
	if _, err := c.startRelease(ctx, actor, r); err != nil {
		return delivery.ReleaseState{}, err
	}
	return c.requestedRelease(ctx, r.Spec.Pipeline, r.Spec.Version)
}

// PutReleaseAndWait is PutRelease, and then WaitRelease.
func (c *Control) PutReleaseAndWait(ctx context.Context, actor string, r delivery.ReleaseRequest, d time.Duration) (delivery.ReleaseState, error) {
	request, err := c.startRelease(ctx, actor, r)
	if err != nil {
		return delivery.ReleaseState{}, err
	}
	return finished(ctx, c, request, d, func(f world.Facts) (delivery.ReleaseState, error) {
		return requestedReleaseState(f, r.Spec.Version)
	}, func(d time.Duration) (delivery.ReleaseState, error) {
		return c.waitRelease(ctx, r.Spec.Pipeline, r.Spec.Version, request.Stage, d)
	})
}

// startRelease registers a release and starts the work that it means. The zero request says that it means none: promotions bring it to
// its stages.
func (c *Control) startRelease(ctx context.Context, actor string, r delivery.ReleaseRequest) (request delivery.WorkRecord, err error) {
	if err := validateRelease(r); err != nil {
		return request, err
	}
	unbuilt := c.refuseUnbuilt(ctx, r.Spec)
	var w delivery.World
	err = c.journal.ChangeThen(ctx, actor, delivery.EventReleaseRefused, r.Spec.ID(), func(tx store.Tx) ([]journal.Entry, error) {
		if unbuilt != nil {
			return nil, unbuilt
		}
		var err error
		if w, err = c.load(ctx, tx, r.Spec.Pipeline, nil, r.Spec.Version); err != nil {
			return nil, noPipeline(err)
		}
		release, events, err := c.register(ctx, tx, actor, r)
		if err != nil || !w.Pipeline.AutoStart() {
			return events, err
		}
		p := r.LeadingPromotion(w.Pipeline, actor, c.now())
		wanted, err := want(ctx, tx, w.Promotions[p.Spec.Stage], p)
		if w.Releases[r.Spec.Version] = release; len(wanted) > 0 {
			w = w.With(p)
		}
		return append(events, wanted...), err
	}, func(tx store.Tx) (err error) {
		if !w.Pipeline.AutoStart() {
			return nil
		}
		if request, err = c.o.Worker.Request(ctx, tx, actor, w.Pipeline.Name, w.Pipeline.Stages[0].Name, r.Spec.Version); err != nil {
			return err
		}
		w.Head, err = tx.Head(ctx) // what this transaction changed is in that world
		return err
	})
	if err != nil || !w.Pipeline.AutoStart() {
		return delivery.WorkRecord{}, err
	}
	return request, c.o.Worker.StartPromotion(ctx, request, w)
}

// register saves the release, or what may change of it, and returns it as it is then.
func (c *Control) register(ctx context.Context, tx store.Tx, actor string, r delivery.ReleaseRequest) (delivery.Release, []journal.Entry, error) {
	known, err := tx.Release(ctx, r.Spec.Pipeline, r.Spec.Version)
	if err != nil && !delivery.IsNotFound(err) {
		return known, nil, err
	}
	if err != nil {
		release := delivery.Release{Spec: r.Spec, Digest: r.Spec.Digest(), Attempt: r.Attempt, RegisteredBy: actor, RegisteredAt: c.now()}
		return release, journal.One(delivery.EventReleaseRegistered, r.Spec.ID(), release), tx.PutRelease(ctx, release)
	}
	if err := sameContent(map[string]delivery.Release{r.Spec.Version: known}, r.Spec); err != nil {
		return known, nil, err
	}
	if known.Attempt == r.Attempt && !known.Retired {
		return known, nil, nil
	}
	known.Attempt, known.Retired = r.Attempt, false
	return known, journal.One(delivery.EventReleaseDeclared, r.Spec.ID(), known), tx.PutRelease(ctx, known)
}

// want saves a promotion as what is wanted in its stage, if that is not what was wanted there before. The zero promotion is none.
func want(ctx context.Context, tx store.Tx, before, p delivery.Promotion) ([]journal.Entry, error) {
	if before.Spec == p.Spec && !before.Unmanaged {
		return nil, nil
	}
	return journal.One(delivery.EventPromotionRequested, p.Spec.ID(), p), tx.PutPromotion(ctx, p)
}

func validateRelease(r delivery.ReleaseRequest) error {
	return append(r.Spec.Validate(), delivery.ValidateAttempt(r.Attempt)...).Err()
}

// sameContent refuses a known version with another content, naming each part that differs.
func sameContent(known map[string]delivery.Release, spec delivery.ReleaseSpec) error {
	release, ok := known[spec.Version]
	if !ok || release.Digest == spec.Digest() {
		return nil
	}
	var refused delivery.Errors
	for _, part := range []struct {
		field    string
		was, now any
	}{
		{"artifacts", release.Spec.Artifacts, spec.Artifacts},
		{"source", release.Spec.Source, spec.Source},
		{"labels", release.Spec.Labels, spec.Labels},
	} {
		if !reflect.DeepEqual(part.was, part.now) {
			refused = append(refused, &delivery.Error{Code: delivery.CodeConflict, Field: part.field, Message: fmt.Sprintf(
				"release %s is registered already, by %s at %s, with other %s: releases are immutable. Give the new content a new version.",
				spec.ID(), release.RegisteredBy, release.RegisteredAt.Format(time.RFC3339), part.field)})
		}
	}
	if len(refused) == 0 {
		return delivery.Errorf(delivery.CodeConflict, "release %s is registered already with another content: releases are immutable. Give the new content a new version.", spec.ID())
	}
	return refused
}

// DeleteRelease stops managing a release. Its record stays, and so does what runs; its version is never given to another content.
func (c *Control) DeleteRelease(ctx context.Context, actor, pipeline, version string) error {
	return c.journal.Change(ctx, actor, delivery.EventReleaseRefused, pipeline+"/"+version, func(tx store.Tx) ([]journal.Entry, error) {
		release, err := tx.Release(ctx, pipeline, version)
		if err != nil {
			return nil, err
		}
		if release.Retired {
			return nil, delivery.Errorf(delivery.CodeNotFound, "release %s/%s does not exist", pipeline, version)
		}
		release.Retired = true
		return journal.One(delivery.EventReleaseRetired, release.Spec.ID(), release), tx.PutRelease(ctx, release)
	})
}

// WaitRelease returns the release as soon as the work on it has ended, or when d has passed.
func (c *Control) WaitRelease(ctx context.Context, pipeline, version string, d time.Duration) (delivery.ReleaseState, error) {
	spec, err := c.Pipeline(ctx, pipeline)
	if err != nil {
		return delivery.ReleaseState{}, err
	}
	return c.waitRelease(ctx, pipeline, version, spec.Spec.Stages[0].Name, d)
}

func (c *Control) waitRelease(ctx context.Context, pipeline, version, entry string, d time.Duration) (delivery.ReleaseState, error) {
	return waitFor(ctx, c, pipeline, entry, d, func(ctx context.Context) (delivery.ReleaseState, delivery.Work, error) {
		state, err := c.requestedRelease(ctx, pipeline, version)
		return state, state.Work, err
	})
}
