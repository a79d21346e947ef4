package worker

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/observe"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// StartVerification begins the requested work: the checks, and then the way on through the automatic stages that follow.
func (w *Worker) StartVerification(asked context.Context, request delivery.WorkRecord, again bool) error {
	return w.launch(asked, &run{record: request}, func(ctx context.Context, r *run) (conclusion, error) {
		spec := delivery.VerificationSpec{Pipeline: request.Pipeline, Stage: request.Stage, Version: request.Version}
		if err := w.verifyAuthorized(ctx, request.RequestedBy, delivery.VerificationRequest{Spec: spec, Again: again}); err != nil {
			return conclusion{}, err
		}
		loaded, err := w.view(ctx, spec.Pipeline)
		if wanted := loaded.Promotions[spec.Stage]; err != nil || wanted.Unmanaged || wanted.Spec.Version != spec.Version {
			return conclusion{}, err // nothing moves it on, or something else is wanted there by now
		}
		return w.advance(ctx, r, delivery.Decision.Onward)
	})
}

// errElsewhere says that another process is at work in one of the stage's environments.
var errElsewhere = errors.New("another process is at it")

// verifyAuthorized runs the stage's checks on what is authorized, once nobody else is at work there, and settles it.
func (w *Worker) verifyAuthorized(ctx context.Context, actor string, r delivery.VerificationRequest) error {
	for {
		jobs, pipeline, err := w.takeVerification(ctx, actor, r)
		if errors.Is(err, errElsewhere) {
			if err := w.o.Pause(ctx, w.o.Poll); err != nil {
				return err
			}
			continue
		}
		if err != nil || len(jobs) == 0 {
			return err
		}
		return w.check(ctx, actor, pipeline, jobs)
	}
}

// takeVerification takes the leases of everything that a verification settles, or of nothing.
func (w *Worker) takeVerification(ctx context.Context, actor string, r delivery.VerificationRequest) (jobs []job, pipeline delivery.PipelineSpec, err error) {
	var elsewhere error
	err = w.o.Store.Update(ctx, func(tx store.Tx) error {
		loaded, err := w.load(ctx, tx, r.Spec.Pipeline, r.Spec.Versions()...)
		if err != nil {
			return err
		}
		settles, err := loaded.Verifiable(r.Spec, r.Again)
		if err != nil {
			return err
		}
		since := time.Now()
		jobs, pipeline, elsewhere = nil, loaded.Pipeline, nil
		for _, d := range settles {
			lease, err := w.acquire(ctx, tx, d.Environment, d.Pipeline)
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
			d, kind, err := j.deployment.After(delivery.DeploymentResumed, w.now())
			if err != nil {
				return err
			}
			if err := w.journal.Append(ctx, tx, actor, journal.One(kind, d.ID, d)); err != nil {
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
func (w *Worker) check(ctx context.Context, actor string, pipeline delivery.PipelineSpec, jobs []job) error {
	for _, j := range jobs {
		held, stop := w.keep(ctx, j.lease, j.since)
		defer stop() //nolint:gocritic // all of them are kept until all are settled
		ctx = held
	}
	settled, err := w.checkUnderLeases(ctx, actor, pipeline, jobs)
	err = cause(ctx, err)
	for _, j := range jobs {
		if !settled {
			w.releaseLease(ctx, j.lease, err)
		}
	}
	return err
}

// checkUnderLeases says whether the deployments are settled, and their leases given up with that.
func (w *Worker) checkUnderLeases(ctx context.Context, actor string, pipeline delivery.PipelineSpec, jobs []job) (settled bool, err error) {
	failures := make([]error, len(jobs))
	group := errgroup.Group{}
	group.SetLimit(observe.MaxQuestions)
	for i := range jobs {
		j := &jobs[i]
		group.Go(func() (err error) {
			// Deployed software may tell its secrets to anyone who checks it, so they have to be known to be hidden.
			if j.known, err = w.o.Observer.Confidential(ctx, j.deployment.Environment, j.deployment.Content); err != nil {
				return err
			}
			var failure error
			j.deployment.Checks, failure = w.verify(ctx, pipeline, j.deployment, j.known)
			failures[i] = j.known.HideError(failure)
			return nil
		})
	}
	if err := errors.Join(group.Wait(), context.Cause(ctx)); err != nil {
		return false, err
	}
	return w.settleVerification(ctx, actor, jobs, failures)
}

// settleVerification saves how the checks ended. What Terraform deployed it deployed as one, so when the checks fail in one
// environment, none of the others counts as verified.
func (w *Worker) settleVerification(ctx context.Context, actor string, jobs []job, failures []error) (settled bool, err error) {
	failed := errors.Join(failures...)
	err = w.o.Store.Update(ctx, func(tx store.Tx) error {
		for i, j := range jobs {
			if err := tx.CheckLease(ctx, j.lease); err != nil {
				return err
			}
			events, err := w.settleOne(ctx, tx, j.deployment, failures[i], failed != nil)
			if err != nil {
				return err
			}
			if err := w.journal.Append(ctx, tx, actor, events); err != nil {
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

// settleOne records how one deployment of a verification ended: failed, rolled back with those that failed, or verified.
func (w *Worker) settleOne(ctx context.Context, tx store.Tx, d delivery.Deployment, failure error, withOthers bool) ([]journal.Entry, error) {
	now, first := w.now(), d.Status != delivery.Verified
	d, kind, err := ended(d, failure, withOthers, now)
	if err != nil {
		return nil, err
	}
	if err := tx.PutDeployment(ctx, d); err != nil {
		return nil, err
	}
	events := journal.One(kind, d.ID, d)
	if d.Status == delivery.Verified && first {
		replaced, err := w.replace(ctx, tx, d, now)
		if err != nil {
			return nil, err
		}
		events = append(events, replaced...)
	}
	reported, err := w.addReports(ctx, tx, d)
	return append(events, reported...), err
}

// ended returns a deployment as its verification leaves it.
func ended(d delivery.Deployment, failure error, withOthers bool, now time.Time) (delivery.Deployment, delivery.EventKind, error) {
	switch {
	case failure != nil:
		return d.AfterFailure(failure.Error(), now)
	case withOthers:
		return d.After(delivery.DeploymentRolledBack, now)
	}
	return d.After(delivery.DeploymentVerified, now)
}
