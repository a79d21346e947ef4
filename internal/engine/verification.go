package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Verification tells where a release stands in a stage that Terraform deploys to. Without a version it is the one that is authorised
// there. not_found when there is no such pipeline or stage.
func (e *Engine) Verification(ctx context.Context, spec delivery.VerificationSpec) (delivery.VerificationState, error) {
	work := e.workOf(runKey{spec.Pipeline, spec.Stage}) // before the ledger is read, as for a promotion
	w, err := e.view(ctx, spec.Pipeline, nil, versionsOf(spec)...)
	if err != nil {
		return delivery.VerificationState{}, err
	}
	if _, ok := w.Pipeline.Stage(spec.Stage); !ok {
		return delivery.VerificationState{}, delivery.Errorf(delivery.CodeNotFound, "%s", w.Pipeline.NoStage(spec.Stage))
	}
	state := w.VerificationStateOf(spec)
	state.Work = work
	return state, nil
}

func versionsOf(spec delivery.VerificationSpec) []string {
	if spec.Version == "" {
		return nil
	}
	return []string{spec.Version}
}

// PutVerification starts the checks of a stage on what Terraform has deployed there, and returns once that is under way. While the
// release's promotion waits, and when all is verified already, there is nothing to do.
func (e *Engine) PutVerification(ctx context.Context, actor string, r delivery.VerificationRequest) (delivery.VerificationState, error) {
	if err := r.Spec.Validate().Err(); err != nil {
		return delivery.VerificationState{}, err
	}
	found := 0
	err := e.change(ctx, actor, "verification", r.Spec.ID(), func(tx store.Tx) ([]eventRecord, error) {
		w, err := e.world(ctx, tx, r.Spec.Pipeline, nil, versionsOf(r.Spec)...)
		if err != nil {
			return nil, noPipeline(err)
		}
		settles, err := w.Verifiable(r.Spec, r.Again)
		if found = len(settles); err != nil || found == 0 {
			return nil, err
		}
		return []eventRecord{{"verification.requested", r.Spec.ID(), r}}, nil
	})
	if err != nil {
		return delivery.VerificationState{}, err
	}
	if found == 0 {
		state, err := e.Verification(ctx, r.Spec)
		state.Work = delivery.Work{Settled: true}
		return state, err
	}
	if err := e.startVerification(ctx, actor, r); err != nil {
		return delivery.VerificationState{}, err
	}
	return e.Verification(ctx, r.Spec)
}

// startVerification begins the work: the checks, and then the way on through the automatic stages behind.
func (e *Engine) startVerification(asked context.Context, actor string, r delivery.VerificationRequest) error {
	key := runKey{r.Spec.Pipeline, r.Spec.Stage}
	return e.launch(asked, key, func(ctx context.Context, work *run) error {
		if err := e.verifyAuthorized(ctx, actor, r); err != nil {
			return err
		}
		w, err := e.view(ctx, key.pipeline, nil)
		if wanted := w.Promotions[key.entry]; err != nil || wanted.Unmanaged || wanted.Spec.Version != r.Spec.Version {
			return err // nothing moves it on, or something else is wanted there by now
		}
		work.wanted, work.decision, err = e.advance(ctx, actor, key.pipeline, key.entry, delivery.Decision.Onward)
		return err
	})
}

// WaitVerification returns the verification as soon as this process's work on the stage is settled, or when d has passed.
func (e *Engine) WaitVerification(ctx context.Context, spec delivery.VerificationSpec, d time.Duration) (delivery.VerificationState, error) {
	return settled(ctx, e, runKey{spec.Pipeline, spec.Stage}, d, func(ctx context.Context) (delivery.VerificationState, error) {
		return e.Verification(ctx, spec)
	})
}

// errElsewhere says that another process is at work in one of the stage's environments.
var errElsewhere = errors.New("another process is at it")

// verifyHandedOut runs the stage's checks on what is handed out, once nobody else is at work there, and settles it.
func (e *Engine) verifyAuthorized(ctx context.Context, actor string, r delivery.VerificationRequest) error {
	for {
		jobs, pipeline, err := e.takeVerification(ctx, actor, r)
		if errors.Is(err, errElsewhere) {
			if err := e.o.Pause(ctx, e.o.Poll); err != nil {
				return err
			}
			continue
		}
		if err != nil || len(jobs) == 0 {
			return err
		}
		return e.check(ctx, actor, pipeline, jobs)
	}
}

// takeVerification takes the leases of everything that a verification settles, or of nothing.
func (e *Engine) takeVerification(ctx context.Context, actor string, r delivery.VerificationRequest) (jobs []job, pipeline delivery.PipelineSpec, err error) {
	var elsewhere error
	err = e.o.Store.Update(ctx, func(tx store.Tx) error {
		w, err := e.world(ctx, tx, r.Spec.Pipeline, nil, versionsOf(r.Spec)...)
		if err != nil {
			return err
		}
		settles, err := w.Verifiable(r.Spec, r.Again)
		if err != nil {
			return err
		}
		since := time.Now()
		jobs, pipeline, elsewhere = nil, w.Pipeline, nil
		for _, d := range settles {
			lease, err := e.acquire(ctx, tx, d.Environment, d.Pipeline)
			if err != nil && delivery.CodeOf(err) == delivery.CodeConflict {
				// Not undone: what was found out about the other's lease is kept.
				elsewhere = errElsewhere
				return letGo(ctx, tx, jobs)
			}
			if err != nil {
				return err
			}
			jobs = append(jobs, job{lease: lease, since: since, deployment: d})
		}
		for _, j := range jobs {
			if err := e.record(ctx, tx, actor, []eventRecord{{"deployment.resumed", j.deployment.ID, j.deployment}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = elsewhere
	}
	return jobs, pipeline, err
}

func letGo(ctx context.Context, tx store.Tx, jobs []job) error {
	for _, j := range jobs {
		if err := tx.ReleaseLease(ctx, j.lease); err != nil {
			return err
		}
	}
	return nil
}

// check runs the stage's checks in every environment, under the leases, and settles all of them together.
func (e *Engine) check(ctx context.Context, actor string, pipeline delivery.PipelineSpec, jobs []job) error {
	for _, j := range jobs {
		held, stop := e.keep(ctx, j.lease, j.since)
		defer stop() //nolint:gocritic // all of them are kept until all are settled
		ctx = held
	}
	settled, err := e.checkUnderLeases(ctx, actor, pipeline, jobs)
	err = cause(ctx, err)
	for _, j := range jobs {
		if !settled {
			e.releaseLease(ctx, j.lease, err)
		}
	}
	return err
}

// checkUnderLeases says whether the deployments are settled, and their leases given up with that.
func (e *Engine) checkUnderLeases(ctx context.Context, actor string, pipeline delivery.PipelineSpec, jobs []job) (settled bool, err error) {
	failures := make([]error, len(jobs))
	group := errgroup.Group{}
	group.SetLimit(maxQuestions)
	for i := range jobs {
		j := &jobs[i]
		group.Go(func() (err error) {
			// Deployed software may tell its secrets to whoever checks it, so they have to be known to be hidden.
			if j.known, err = e.confidential(ctx, j.deployment.Environment, j.deployment.Content); err != nil {
				return err
			}
			var failure error
			j.deployment.Checks, failure = e.verify(ctx, pipeline, j.deployment)
			for n := range j.deployment.Checks {
				j.deployment.Checks[n].Detail = j.known.hide(j.deployment.Checks[n].Detail)
			}
			failures[i] = j.known.hidden(failure)
			return nil
		})
	}
	if err := errors.Join(group.Wait(), context.Cause(ctx)); err != nil {
		return false, err
	}
	return e.settleVerification(ctx, actor, jobs, failures)
}

// settleVerification saves how the checks ended. What Terraform deployed it deployed as one, so when the checks fail in one
// environment, none of the others counts as verified.
func (e *Engine) settleVerification(ctx context.Context, actor string, jobs []job, failures []error) (settled bool, err error) {
	failed := errors.Join(failures...)
	err = e.o.Store.Update(ctx, func(tx store.Tx) error {
		for i, j := range jobs {
			if err := tx.CheckLease(ctx, j.lease); err != nil {
				return err
			}
			events, err := e.settleOne(ctx, tx, j.deployment, failures[i], failed != nil)
			if err != nil {
				return err
			}
			if err := e.record(ctx, tx, actor, events); err != nil {
				return err
			}
			if err := tx.ReleaseLease(ctx, j.lease); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || failed == nil {
		return err == nil, err
	}
	first := slices.IndexFunc(failures, func(failure error) bool { return failure != nil })
	d := jobs[first].deployment
	return true, delivery.Errorf(delivery.CodeConflict, "%s failed in %s (%s, attempt %d): %s", d.Content.Version, d.Stage, d.Environment, d.Attempt, failures[first])
}

// settleOne records how one deployment of a verification ended: failed by itself, taken back with those that failed, or verified.
func (e *Engine) settleOne(ctx context.Context, tx store.Tx, d delivery.Deployment, failure error, withOthers bool) ([]eventRecord, error) {
	now := e.now()
	kind, first := "deployment.verified", d.Status != delivery.Verified
	switch {
	case failure != nil:
		d.Status, d.Failure, d.SettledAt, kind = delivery.Failed, failure.Error(), &now, "deployment.failed"
	case withOthers:
		d.Status, d.SettledAt, kind = delivery.RolledBack, &now, "deployment.rolled_back"
	case first:
		d.Status, d.VerifiedAt, d.SettledAt = delivery.Verified, &now, &now
	}
	if err := tx.PutDeployment(ctx, d); err != nil {
		return nil, err
	}
	events := []eventRecord{{kind, d.ID, d}}
	if d.Status == delivery.Verified && first {
		replaced, err := e.replace(ctx, tx, d, now)
		if err != nil {
			return nil, err
		}
		events = append(events, replaced...)
	}
	reported, err := e.addReports(ctx, tx, d)
	return append(events, reported...), err
}

// previewVerification says what a verification would settle, and how far the release would go from there.
func (e *Engine) previewVerification(ctx context.Context, overlay *plan, r delivery.VerificationRequest) (delivery.Preview, error) {
	if err := r.Spec.Validate().Err(); err != nil {
		return delivery.Preview{}, err
	}
	w, err := e.view(ctx, r.Spec.Pipeline, overlay, versionsOf(r.Spec)...)
	if err != nil {
		return delivery.Preview{}, noPipeline(err)
	}
	if err := w.ValidateVerification(r.Spec).Err(); err != nil {
		return delivery.Preview{}, err
	}
	before := overlay.before(w.Pipeline, r.Spec.Stage)
	if overlay.promotes(r.Spec.Stage) {
		before = append(before, r.Spec.Stage)
	}
	var f delivery.Simulation
	var refused error
	err = e.settle(ctx, w, newAnswers(w.Pipeline.Name), func(w delivery.World) delivery.Questions {
		f, refused = delivery.SimulateVerification(w, before, r)
		return f.Questions
	})
	if err == nil {
		err = refused
	}
	return delivery.Preview{Changes: len(f.Steps) > 0, Steps: f.Steps, Stages: f.Decision.Stages}, err
}
