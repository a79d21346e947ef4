package control

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// statusReadTimeout bounds reading a ledger that was waited for in vain a moment ago.
const statusReadTimeout = time.Second

// waitFor reads how something stands as soon as the work on a stage has ended, or when d has passed. Work that ended because something
// does not answer has waited for it already. That may be the ledger: it is not waited for as long once more, only to say that it cannot
// be read, when the reason why the work ended says more.
func waitFor[S any](ctx context.Context, c *Control, pipeline, stage string, d time.Duration, read func(context.Context) (S, error)) (S, error) {
	var none S
	if err := c.o.Worker.Await(ctx, pipeline, stage, d); err != nil {
		return none, err
	}
	failure := c.o.Worker.Work(pipeline, stage).Failure
	if failure == nil || failure.Code != delivery.CodeUnavailable {
		return read(ctx)
	}
	brief, cancel := context.WithTimeout(ctx, statusReadTimeout)
	defer cancel()
	state, err := read(brief)
	if delivery.CodeOf(err) == delivery.CodeUnavailable && ctx.Err() == nil {
		return none, failure
	}
	return state, err
}
