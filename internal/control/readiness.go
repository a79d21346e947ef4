package control

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Readiness answers whether a release could enter a stage at a moment; the zero time means now.
func (c *Control) Readiness(ctx context.Context, pipeline, version, stage string, at time.Time) (delivery.Readiness, error) {
	var w delivery.World
	err := c.o.Store.View(ctx, func(r store.Reader) (err error) {
		if w, err = c.load(ctx, r, pipeline, nil, version); err != nil || at.IsZero() {
			return err
		}
		w.Now = at.UTC()
		return world.LoadRollouts(ctx, r, &w)
	})
	if err != nil {
		return delivery.Readiness{}, err
	}
	s, ok := w.Pipeline.Stage(stage)
	release, known := w.Releases[version]
	switch {
	case !ok:
		return delivery.Readiness{}, &delivery.Error{Code: delivery.CodeNotFound, Field: "stage", Message: w.Pipeline.NoStage(stage)}
	case !known:
		return delivery.Readiness{}, &delivery.Error{Code: delivery.CodeNotFound, Field: "version", Message: w.Pipeline.String() + " has no release \"" + version + "\""}
	}
	var ready delivery.Readiness
	err = c.resolve(ctx, w, world.NewAnswers(pipeline), func(w delivery.World) (questions delivery.Questions) {
		ready, questions = delivery.Ready(w, s, release)
		return questions
	})
	return ready, err
}
