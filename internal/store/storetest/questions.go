package storetest

import (
	"context"
	"time"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

// question is something asked of a snapshot, and change something done in a transaction.
type (
	question[T any] = func(context.Context, store.Reader) (T, error)
	change          = func(context.Context, store.Tx) error
)

func environmentNamed(name string) question[delivery.EnvironmentSpec] {
	return func(ctx context.Context, r store.Reader) (delivery.EnvironmentSpec, error) {
		return r.Environment(ctx, name)
	}
}

func environmentsNamed(names ...string) question[[]delivery.EnvironmentSpec] {
	return func(ctx context.Context, r store.Reader) ([]delivery.EnvironmentSpec, error) {
		return r.Environments(ctx, names...)
	}
}

func replicasOf(name string) question[[]string] {
	return func(ctx context.Context, r store.Reader) ([]string, error) { return r.Replicas(ctx, name) }
}

func names(specs []delivery.EnvironmentSpec) []string {
	list := make([]string, len(specs))
	for i, s := range specs {
		list[i] = s.Name
	}
	return list
}

func theShop(ctx context.Context, r store.Reader) (delivery.PipelineSpec, error) {
	return r.Pipeline(ctx, "shop")
}

func allPipelines(ctx context.Context, r store.Reader) ([]delivery.PipelineSpec, error) {
	return r.Pipelines(ctx)
}

func releaseOf(pipeline, version string) question[delivery.Release] {
	return func(ctx context.Context, r store.Reader) (delivery.Release, error) {
		return r.Release(ctx, pipeline, version)
	}
}

func releasesOf(pipeline string, versions ...string) question[[]delivery.Release] {
	return func(ctx context.Context, r store.Reader) ([]delivery.Release, error) {
		return r.Releases(ctx, pipeline, versions...)
	}
}

func promotionOf(pipeline, stage string) question[delivery.Promotion] {
	return func(ctx context.Context, r store.Reader) (delivery.Promotion, error) {
		return r.Promotion(ctx, pipeline, stage)
	}
}

func thePromotions(ctx context.Context, r store.Reader) ([]delivery.Promotion, error) {
	return r.Promotions(ctx, "shop")
}

func approvalOf(id string) question[delivery.Approval] {
	return func(ctx context.Context, r store.Reader) (delivery.Approval, error) { return r.Approval(ctx, id) }
}

func approvalsOf(pipeline string, versions ...string) question[[]delivery.Approval] {
	return func(ctx context.Context, r store.Reader) ([]delivery.Approval, error) {
		return r.Approvals(ctx, pipeline, versions...)
	}
}

func deploymentOf(id string) question[delivery.Deployment] {
	return func(ctx context.Context, r store.Reader) (delivery.Deployment, error) { return r.Deployment(ctx, id) }
}

func deploymentsOf(filter store.DeploymentFilter) question[[]delivery.Deployment] {
	return func(ctx context.Context, r store.Reader) ([]delivery.Deployment, error) {
		return r.Deployments(ctx, filter)
	}
}

func relevantTo(pipeline string, versions ...string) question[[]delivery.Deployment] {
	return func(ctx context.Context, r store.Reader) ([]delivery.Deployment, error) {
		return r.DecisionHistory(ctx, pipeline, versions...)
	}
}

func eventsAfter(after int64, limit int) question[[]delivery.Event] {
	return func(ctx context.Context, r store.Reader) ([]delivery.Event, error) {
		return r.Events(ctx, after, limit)
	}
}

func putReleases(all ...delivery.Release) change {
	return each(all, func(ctx context.Context, tx store.Tx, r delivery.Release) error { return tx.PutRelease(ctx, r) })
}

func putPromotions(all ...delivery.Promotion) change {
	return each(all, func(ctx context.Context, tx store.Tx, p delivery.Promotion) error { return tx.PutPromotion(ctx, p) })
}

func addApprovals(all ...delivery.Approval) change {
	return each(all, func(ctx context.Context, tx store.Tx, a delivery.Approval) error { return tx.AddApproval(ctx, a) })
}

func revoke(id string, at time.Time) change {
	return func(ctx context.Context, tx store.Tx) error { return tx.RevokeApproval(ctx, id, at) }
}

func putDeployment(d delivery.Deployment) change {
	return func(ctx context.Context, tx store.Tx) error { return tx.PutDeployment(ctx, d) }
}

func addDeployment(d delivery.Deployment) change {
	return func(ctx context.Context, tx store.Tx) error {
		_, err := tx.AddDeployment(ctx, d)
		return err
	}
}

func each[T any](all []T, do func(context.Context, store.Tx, T) error) change {
	return func(ctx context.Context, tx store.Tx) error {
		for _, one := range all {
			if err := do(ctx, tx, one); err != nil {
				return err
			}
		}
		return nil
	}
}
