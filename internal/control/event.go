package control

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Events lists at most limit events of the log after the given one, oldest first.
func (c *Control) Events(ctx context.Context, after int64, limit int) ([]delivery.Event, error) {
	var found []delivery.Event
	err := c.o.Store.View(ctx, func(r store.Reader) (err error) {
		found, err = r.Events(ctx, after, limit)
		return err
	})
	return found, err
}
