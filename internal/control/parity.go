package control

import (
	"context"
	"fmt"
	"maps"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
	"github.com/delivery-as-code/terraform-provider-cd/internal/world"
)

// Parity tells how an environment differs from another one, as they are declared or as they were seen to run last.
func (c *Control) Parity(ctx context.Context, q delivery.ParityQuery) (result delivery.ParityResult, err error) {
	if err := q.Validate().Err(); err != nil {
		return result, err
	}
	w, err := c.paired(ctx, q)
	if err != nil {
		return result, err
	}
	result, _ = w.Parity(q)
	return result, nil
}

// paired loads a world that has both environments. Without a pipeline it has nothing else.
func (c *Control) paired(ctx context.Context, q delivery.ParityQuery) (w delivery.World, err error) {
	err = c.o.Store.View(ctx, func(r store.Reader) error {
		w = delivery.World{Now: c.now()}
		if q.Pipeline != "" {
			if w, err = c.load(ctx, r, q.Pipeline, nil); err != nil {
				return noPipelineHere(err)
			}
			f, err := c.factsOf(ctx, r, w)
			if err != nil {
				return err
			}
			w = f.World
		}
		both, err := world.Effective(ctx, r, []string{q.Environment, q.With}, nil)
		if err != nil {
			return err
		}
		for _, named := range [][2]string{{"environment", q.Environment}, {"with", q.With}} {
			if _, ok := both[named[1]]; !ok {
				return &delivery.Error{Code: delivery.CodeNotFound, Field: named[0], Message: fmt.Sprintf("environment %q does not exist", named[1])}
			}
		}
		if q.Pipeline != "" && !w.Pipeline.UsesEnvironment(q.Environment) {
			return &delivery.Error{Code: delivery.CodeNotFound, Field: "environment", Message: fmt.Sprintf("%s has no stage that deploys to environment %q", w.Pipeline, q.Environment)}
		}
		if w.Environments == nil {
			w.Environments = both
			return nil
		}
		maps.Copy(w.Environments, both)
		return nil
	})
	return w, err
}

func noPipelineHere(err error) error {
	if !delivery.IsNotFound(err) {
		return err
	}
	return &delivery.Error{Code: delivery.CodeNotFound, Field: "pipeline", Message: delivery.ErrorsOf(err)[0].Message}
}
