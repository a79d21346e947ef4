package control

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Verification tells where a release stands in a stage that Terraform deploys to. Without a version it is the one that is authorized
// there. not_found when there is no such pipeline or stage.
func (c *Control) Verification(ctx context.Context, spec delivery.VerificationSpec) (delivery.VerificationState, error) {
	f, err := c.recorded(ctx, spec.Pipeline, spec.Versions()...)
	if err != nil {
		return delivery.VerificationState{}, err
	}
	if _, ok := f.Pipeline.Stage(spec.Stage); !ok {
		return delivery.VerificationState{}, delivery.Errorf(delivery.CodeNotFound, "%s", f.Pipeline.NoStage(spec.Stage))
	}
	state := f.VerificationStateOf(spec)
	state.Work = requested(f, spec.Stage, spec.Version)
	return state, nil
}

// PutVerification starts the checks of a stage on what Terraform has deployed there, and returns once that is under way. While the
// release's promotion waits, and when all is verified already, there is nothing to do.
func (c *Control) PutVerification(ctx context.Context, actor string, r delivery.VerificationRequest) (delivery.VerificationState, error) {
	started, err := c.startVerification(ctx, actor, r)
	if err != nil {
		return delivery.VerificationState{}, err
	}
	state, err := c.Verification(ctx, r.Spec)
	if !started {
		state.Work = delivery.Work{Finished: true}
	}
	return state, err
}

// PutVerificationAndWait is PutVerification, and then WaitVerification.
func (c *Control) PutVerificationAndWait(ctx context.Context, actor string, r delivery.VerificationRequest, d time.Duration) (delivery.VerificationState, error) {
	started, err := c.startVerification(ctx, actor, r)
	if err != nil {
		return delivery.VerificationState{}, err
	}
	if started {
		return c.WaitVerification(ctx, r.Spec, d)
	}
	state, err := c.Verification(ctx, r.Spec)
	state.Work = delivery.Work{Finished: true}
	return state, err
}

// startVerification starts the checks, unless there is nothing to check.
func (c *Control) startVerification(ctx context.Context, actor string, r delivery.VerificationRequest) (started bool, err error) {
	if err := r.Spec.Validate().Err(); err != nil {
		return false, err
	}
	found, request := 0, delivery.WorkRecord{}
	err = c.journal.Change(ctx, actor, delivery.EventVerificationRefused, r.Spec.ID(), func(tx store.Tx) ([]journal.Entry, error) {
		w, err := c.load(ctx, tx, r.Spec.Pipeline, nil, r.Spec.Versions()...)
		if err != nil {
			return nil, noPipeline(err)
		}
		settles, err := w.Verifiable(r.Spec, r.Again)
		if found = len(settles); err != nil || found == 0 {
			return nil, err
		}
		request, err = c.o.Worker.Request(ctx, tx, actor, r.Spec.Pipeline, r.Spec.Stage, r.Spec.Version)
		return journal.One(delivery.EventVerificationRequested, r.Spec.ID(), r), err
	})
	if err != nil || found == 0 {
		return false, err
	}
	return true, c.o.Worker.StartVerification(ctx, request, r.Again)
}

// WaitVerification returns the verification as soon as the work on the stage has ended, or when d has passed.
func (c *Control) WaitVerification(ctx context.Context, spec delivery.VerificationSpec, d time.Duration) (delivery.VerificationState, error) {
	return waitFor(ctx, c, spec.Pipeline, spec.Stage, d, func(ctx context.Context) (delivery.VerificationState, delivery.Work, error) {
		state, err := c.Verification(ctx, spec)
		return state, state.Work, err
	})
}

// PreviewVerification says what a verification would settle, and how far the release would go from there.
func (c *Control) PreviewVerification(ctx context.Context, actor string, r delivery.PreviewRequest[delivery.VerificationRequest]) (delivery.VerificationPreview, error) {
	r.Changes.Actor = actor
	return answer(c.previewVerification(ctx, &r.Changes, r.Subject))
}

func (c *Control) previewVerification(ctx context.Context, changes *delivery.ChangeSet, r delivery.VerificationRequest) (preview delivery.VerificationPreview, err error) {
	if err := r.Spec.Validate().Err(); err != nil {
		return preview, err
	}
	w, err := c.view(ctx, r.Spec.Pipeline, changes, r.Spec.Versions()...)
	if err != nil {
		return preview, noPipeline(err)
	}
	if err := w.ValidateVerification(r.Spec).Err(); err != nil {
		return preview, err
	}
	before := changes.EntriesBefore(w.Pipeline, r.Spec.Stage)
	if changes.Promotes(r.Spec.Stage) {
		before = append(before, r.Spec.Stage)
	}
	var f delivery.Simulation
	var refused error
	err = c.resolve(ctx, w, world.NewAnswers(w.Pipeline.Name), func(w delivery.World) delivery.Questions {
		f, refused = delivery.SimulateVerification(w, before, r)
		return f.Questions
	})
	if err == nil {
		err = refused
	}
	preview.Changes, preview.Steps, preview.Stages = len(f.Steps) > 0, f.Steps, f.Decision.Stages
	return preview, err
}
