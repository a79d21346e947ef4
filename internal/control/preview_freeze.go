package control

import (
	"context"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// PreviewFreeze says what an edit of a freeze, or lifting it, lets through before its time.
func (c *Control) PreviewFreeze(ctx context.Context, r delivery.FreezeEdit) (delivery.FreezePreview, error) {
	weakening, err := c.freezeRelaxation(ctx, r.Freeze, r.Removed)
	return answer(delivery.FreezePreview{Weakening: weakening}, err)
}

func (c *Control) freezeRelaxation(ctx context.Context, spec delivery.FreezeSpec, removed bool) (delivery.Weakening, error) {
	if err := spec.Validate().Err(); err != nil && !removed {
		return delivery.Weakening{}, err
	}
	before, err := c.Freeze(ctx, spec.Name)
	if delivery.IsNotFound(err) {
		return delivery.Weakening{}, nil // a new freeze lets nothing through
	}
	if err != nil {
		return delivery.Weakening{}, err
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
