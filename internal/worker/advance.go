package worker

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/journal"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Advance works on the promotion into a stage until nothing is left to do now, and returns what was wanted and the last
// decision on it. It is idempotent, resumable and safe from many processes. With when_blocked = "wait" it stays while a gate is
// pending. Canceling ctx stops it at its next safe point, with ctx's error. An environment that differs from what this very work has
// deployed there is a conflict: deploying again and again would not help.
func (w *Worker) Advance(ctx context.Context, actor, pipeline, entry string) (delivery.Promotion, delivery.Decision, error) {
	r := &run{record: delivery.WorkRecord{Pipeline: pipeline, Stage: entry, RequestedBy: actor}}
	c, err := w.advance(ctx, r, func(d delivery.Decision) delivery.Decision { return d })
	return c.wanted, c.decision, err
}

// advance is Advance as far as it may: of each decision it does what is left of it.
func (w *Worker) advance(ctx context.Context, r *run, may func(delivery.Decision) delivery.Decision) (conclusion, error) {
	deployed := map[string]delivery.Content{} // by environment
	r.tried = map[string]bool{}
	found, doubted := world.NewAnswers(r.record.Pipeline), false
	for {
		loaded, d, err := w.decide(ctx, r, found)
		wanted := loaded.Promotions[r.record.Stage]
		conclude := func(err error) (conclusion, error) { return conclusion{loaded, wanted, d, found.Pending()}, err }
		if err != nil {
			return conclude(err)
		}
		d = may(d)
		if wanted.Unmanaged { // nothing moves it anymore; what is under way is finished
			d.Steps = slices.DeleteFunc(d.Steps, func(s delivery.Step) bool {
				return s.Kind == delivery.StepDeploy || s.Kind == delivery.StepAuthorize
			})
		}
		if len(d.Steps) == 0 {
			if !waits(wanted, d) {
				return conclude(nil)
			}
			if err := w.o.Pause(ctx, w.untilReady(loaded.Now, d)); err != nil {
				return conclude(err)
			}
			found = found.Again()
			continue
		}
		if err := unhealable(deployed, d.Steps); err != nil {
			if doubted {
				return conclude(err)
			}
			doubted = true // somebody may have deployed after the ledger was read, and before the environment was observed
			continue
		}
		doubted = false
		begun, err := w.take(ctx, r, loaded, found, d)
		if err != nil {
			return conclude(err)
		}
		for _, j := range begun {
			r.tried[j.deployment.ID] = true
			if !j.resumed {
				deployed[j.deployment.Environment] = j.deployment.Content
			}
		}
		if found = found.ForNextWave(loaded); len(begun) == 0 {
			found = found.Again()
			if err := w.o.Pause(ctx, w.o.Poll); err != nil {
				return conclude(err)
			}
		}
	}
}

// decide loads the world, answers what the decision asks and is not answered yet, and decides.
func (w *Worker) decide(ctx context.Context, r *run, found world.Answers) (delivery.World, delivery.Decision, error) {
	var d delivery.Decision
	loaded, err := w.next(ctx, r)
	if err == nil {
		err = world.Resolve(ctx, loaded, w.o.Observer, found, func(loaded delivery.World) delivery.Questions {
			d = w.o.decide(loaded, r.record.Stage)
			return d.Questions
		})
	}
	return loaded, d, err
}

// next returns the world for the next decision: the one that this work has just left, if it knows that, or else as the ledger has it.
// Whatever is done about the decision is checked again, in the transaction that records the intent.
func (w *Worker) next(ctx context.Context, r *run) (delivery.World, error) {
	if r.known == nil {
		loaded, err := w.view(ctx, r.record.Pipeline)
		loaded.Tried, loaded.Acting = r.tried, true
		return loaded, err
	}
	loaded := *r.known
	loaded.Now, loaded.Tried, loaded.Acting, r.known = w.now(), r.tried, true, nil
	return loaded, ctx.Err()
}

// waits reports whether the promotion asked to stay until its gates pass, and they still can. What is authorized waits for a
// verification, which can only come once the promotion has ended.
func waits(wanted delivery.Promotion, d delivery.Decision) bool {
	stopped := d.Stopped()
	return !wanted.Unmanaged && wanted.Spec.WhenBlocked == delivery.WhenBlockedWait && stopped != nil && stopped.Held == "" && !stopped.HasFailedGate() &&
		stopped.Status != delivery.StageDeployed
}

// untilReady is how long to wait before looking again: until the earliest moment that time alone can help, at most one poll.
func (w *Worker) untilReady(now time.Time, d delivery.Decision) time.Duration {
	wait := w.o.Poll
	for _, g := range d.Stopped().Gates {
		if g.ReadyAt != nil && g.ReadyAt.Sub(now) > 0 {
			wait = min(wait, g.ReadyAt.Sub(now))
		}
	}
	return wait
}

// unhealable refuses to heal a place that this work has just deployed the same content to, and to authorize again what it has just
// authorized.
func unhealable(deployed map[string]delivery.Content, steps []delivery.Step) error {
	for _, s := range steps {
		before, was := deployed[s.Environment]
		if was && s.Kind == delivery.StepAuthorize && before.ConfigRevision == s.Content.ConfigRevision && before.ReleaseDigest == s.Content.ReleaseDigest {
			return delivery.Errorf(delivery.CodeConflict, "%s was just authorized for %s and would be authorized again (%s). Another process is changing %[2]s; run apply again", s.Version, s.Environment, s.Reason)
		}
		if was && s.Kind == delivery.StepDeploy && s.Purpose == delivery.KindHeal && before.ConfigRevision == s.Content.ConfigRevision && before.ReleaseDigest == s.Content.ReleaseDigest {
			return delivery.Errorf(delivery.CodeConflict, "%s was deployed to %s just now, and differs already: %s. Find out what changes it, and apply again", s.Version, s.Environment, s.Reason)
		}
	}
	return nil
}

// take does the steps of a decision at the same time, and returns what it has brought to an end: nothing when other processes
// are acting in those places, or the ledger has moved on.
func (w *Worker) take(ctx context.Context, r *run, loaded delivery.World, found world.Answers, d delivery.Decision) ([]job, error) {
	jobs, pipeline, err := w.begin(ctx, r, loaded, found, d)
	if err != nil {
		return nil, err
	}
	if len(jobs) == 1 { // of several, each would leave another world
		jobs[0].left = &r.known
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, j := range jobs {
		if j.deployment.Authorized() {
			continue // Terraform carries it out
		}
		group.Go(func() error { return w.execute(ctx, pipeline, j) })
	}
	return jobs, group.Wait()
}

// recordStop records that a release was refused at a gate, if it was.
func (w *Worker) recordStop(ctx context.Context, tx store.Tx, actor string, c conclusion) error {
	refusal := delivery.Outcome(c.wanted, c.decision)
	if refusal == nil || c.wanted.Unmanaged {
		return nil
	}
	return w.journal.Append(ctx, tx, actor, journal.One(delivery.EventPromotionRefused, c.wanted.Spec.ID(),
		map[string]string{"version": c.wanted.Spec.Version, "reason": refusal.Message}))
}
