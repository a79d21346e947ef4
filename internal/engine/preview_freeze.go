package engine

import (
	"context"
	"slices"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// previewFreeze says what an edit of a freeze, or lifting it, lets through before its time.
func (e *Engine) previewFreeze(ctx context.Context, spec delivery.FreezeSpec, removed bool) (delivery.Preview, error) {
	if err := spec.Validate().Err(); err != nil && !removed {
		return delivery.Preview{}, err
	}
	before, err := e.Freeze(ctx, spec.Name)
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
	preview := delivery.Preview{Weakened: delivery.WeakenedFreeze(before, after, e.now())}
	if len(preview.Weakened) == 0 {
		return preview, nil
	}
	pipelines, err := e.Pipelines(ctx)
	if err != nil {
		return preview, err
	}
	for _, p := range pipelines {
		through, err := e.letThroughByFreeze(ctx, p.Spec.Name, spec, removed)
		if err != nil {
			return preview, err
		}
		preview.LetThrough = append(preview.LetThrough, through...)
	}
	return preview, nil
}

func (e *Engine) letThroughByFreeze(ctx context.Context, pipeline string, spec delivery.FreezeSpec, removed bool) ([]string, error) {
	before, err := e.view(ctx, pipeline, nil)
	if err != nil {
		return nil, err
	}
	after := before
	after.Freezes = slices.DeleteFunc(slices.Clone(before.Freezes), func(f delivery.FreezeSpec) bool { return f.Name == spec.Name })
	if !removed {
		after.Freezes = append(after.Freezes, spec)
	}
	return e.letThrough(ctx, before, after)
}
