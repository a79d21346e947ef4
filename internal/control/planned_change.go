package control

import (
	"context"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// Outstanding says which changes of a plan the ledger does not have yet, in one snapshot.
func (c *Control) Outstanding(ctx context.Context, r delivery.OutstandingRequest) (delivery.OutstandingAnswer, error) {
	answer := delivery.OutstandingAnswer{}
	err := c.o.Store.View(ctx, func(reader store.Reader) error {
		answer.Outstanding = []int{}
		for i, change := range r.Changes {
			found, err := recorded(ctx, reader, change)
			if err != nil {
				return err
			}
			if !change.IsIn(found) {
				answer.Outstanding = append(answer.Outstanding, i)
			}
		}
		return nil
	})
	return answer, err
}

// recorded reads what the ledger has of the object of a change.
func recorded(ctx context.Context, r store.Reader, change delivery.PlannedChange) (found delivery.Recorded, err error) {
	pipeline, version := change.Release()
	switch change.Noun {
	case "freeze":
		found.Declaration, err = declared(r.Freeze(ctx, change.ID))
	case "policy":
		found.Declaration, err = declared(r.Policy(ctx, change.ID))
	case "pipeline":
		found.Declaration, err = declared(r.Pipeline(ctx, change.ID))
	case "environment":
		found.Declaration, err = declared(r.Environment(ctx, change.ID))
	case "approval":
		found.Approvals, err = r.Approvals(ctx, pipeline, version)
	case "test report":
		found.Reports, err = r.TestReports(ctx, pipeline, version)
	case "override":
		found.Overrides, err = r.Overrides(ctx, pipeline, version)
	default:
		err = delivery.Errorf(delivery.CodeInvalid, "there is no %q that a plan changes", change.Noun)
	}
	return found, err
}

// declared turns not_found into no declaration.
func declared[T any](found T, err error) (any, error) {
	if delivery.IsNotFound(err) {
		return nil, nil //nolint:nilnil // none is an answer here
	}
	return found, err
}
