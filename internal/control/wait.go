package control

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// statusReadTimeout bounds reading a ledger that was waited for in vain a moment ago.
const statusReadTimeout = time.Second

// waitFor reads how something stands as soon as the work on a stage has ended, whichever process does it, or when d has passed. Work that
// ended because something does not answer has waited for it already. That may be the ledger: it is not waited for as long once more, only
// to say that it cannot be read, when the reason why the work ended says more.
func waitFor[S any](ctx context.Context, c *Control, pipeline, stage string, d time.Duration, read func(context.Context) (S, delivery.Work, error)) (S, error) {
	var none S
	for until := time.Now().Add(d); ; {
		if err := c.o.Worker.Await(ctx, pipeline, stage, time.Until(until)); err != nil {
			return none, err
		}
		state, work, err := readAfter(ctx, c, pipeline, stage, read)
		left := time.Until(until)
		if err != nil || work.Finished || left <= 0 {
			return state, err
		}
		if err := pause(ctx, min(left, c.o.Poll)); err != nil {
			return none, err
		}
	}
}

// finished waits until requested work has ended, for a caller in the process that does it, and tells how something stands then: as the
// transaction that recorded the end left it. When that is not known, or nothing was requested, it reads for what is left of the time.
func finished[S any](ctx context.Context, c *Control, request delivery.WorkRecord, d time.Duration, tell func(world.Facts) (S, error), read func(time.Duration) (S, error)) (S, error) {
	until := time.Now().Add(d)
	if request.Number == 0 {
		return read(0)
	}
	ended, err := c.o.Worker.Finish(ctx, request, d)
	switch {
	case err != nil:
		var none S
		return none, err
	case ended != nil:
		return tell(*ended)
	}
	return read(time.Until(until))
}

// readAfter reads how something stands after the work of this process.
func readAfter[S any](ctx context.Context, c *Control, pipeline, stage string, read func(context.Context) (S, delivery.Work, error)) (S, delivery.Work, error) {
	unrecorded, _ := c.o.Worker.Unrecorded(pipeline, stage)
	failure := unrecorded.Failure
	if failure == nil || failure.Code != delivery.CodeUnavailable {
		return read(ctx)
	}
	brief, cancel := context.WithTimeout(ctx, statusReadTimeout)
	defer cancel()
	state, work, err := read(brief)
	if delivery.CodeOf(err) == delivery.CodeUnavailable && ctx.Err() == nil {
		err = failure
	}
	return state, work, err
}

// requested is the work on a version in a stage; on any version if it is empty. Work on another version says that this one was
// overtaken: how that work ended says nothing about it.
func requested(f world.Facts, stage, version string) delivery.Work {
	held := f.Work[stage]
	if version != "" && held.Number > 0 && held.Version != version {
		return delivery.Work{Finished: true, Failure: delivery.Errorf(delivery.CodeConflict,
			"%s/%s was to get %s, but %s asked for %s meanwhile; see what is wanted and apply again", f.Pipeline.Name, stage, version, held.RequestedBy, held.Version)}
	}
	return held.Work()
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
