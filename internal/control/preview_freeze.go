package control

import (
	"context"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// previewFreeze says what an edit of a freeze, or lifting it, lets through before its time.
func (c *Control) previewFreeze(ctx context.Context, spec delivery.FreezeSpec, removed bool) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil && !removed {
		return delivery.Preview{}, err
	}
	before, err := c.Freeze(ctx, spec.Name)
	if delivery.IsNotFound(err) {
		return delivery.Preview{}, nil // a new freeze lets nothing through
	}
	if err != nil {
		return delivery.Preview{}, err
	}
	after := &spec
	if removed {
		after = nil
	}
	return c.relaxes(ctx, delivery.FreezeRelaxation(before, after, c.now()), func(w *delivery.World) {
		w.Freezes = slices.DeleteFunc(slices.Clone(w.Freezes), func(f delivery.FreezeSpec) bool { return f.Name == spec.Name })
		if !removed {
			w.Freezes = append(w.Freezes, spec)
		}
	})
}
