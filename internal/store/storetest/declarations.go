package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
	"github.com/delivery-as-code/terraform-provider-cd/internal/store"
)

var environments = map[string]func(*testing.T, ledger){
	"are read back as they were put": func(t *testing.T, l ledger) {
		want := environment("staging")
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutEnvironment(ctx, want) })
		require.Equal(t, want, read(t, l, environmentNamed("staging")))
	},
	"are replaced": func(t *testing.T, l ledger) {
		want := environment("staging")
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutEnvironment(ctx, want) })
		want.Config = map[string]string{"GREETING": "hello"}
		want.Target = nil
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutEnvironment(ctx, want) })
		require.Equal(t, want, read(t, l, environmentNamed("staging")))
		require.Len(t, read(t, l, environmentsNamed()), 1)
	},
	"that do not exist are not found": func(t *testing.T, l ledger) {
		refuseRead(t, l, delivery.CodeNotFound, environmentNamed("staging"))
		require.Equal(t, []delivery.EnvironmentSpec{}, read(t, l, environmentsNamed()))
		require.Equal(t, []delivery.EnvironmentSpec{}, read(t, l, environmentsNamed("staging")))
		l.refuse(t, delivery.CodeNotFound, func(ctx context.Context, tx store.Tx) error { return tx.DeleteEnvironment(ctx, "staging") })
	},
	"are listed by name": func(t *testing.T, l ledger) {
		l.write(t, func(ctx context.Context, tx store.Tx) error {
			for _, name := range []string{"staging", "development", "Zoo", "production"} {
				if err := tx.PutEnvironment(ctx, environment(name)); err != nil {
					return err
				}
			}
			return nil
		})
		require.Equal(t, []string{"Zoo", "development", "production", "staging"}, names(read(t, l, environmentsNamed())))
		require.Equal(t, []string{"development", "staging"}, names(read(t, l, environmentsNamed("staging", "nowhere", "development", "staging"))))
		require.Empty(t, read(t, l, environmentsNamed(`staging" OR 1=1`, "", `["staging"]`)))
	},
	"are found by what they are replicas of": func(t *testing.T, l ledger) {
		put := func(name, source string) {
			spec := environment(name)
			spec.ReplicaOf = source
			spec.Config = map[string]string{"replica_of": "nothing at all"}
			l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutEnvironment(ctx, spec) })
		}
		put("acme", "")
		require.Equal(t, []string{}, read(t, l, replicasOf("acme")))
		for _, name := range []string{"repro-2", "Repro", "repro-1"} {
			put(name, "acme")
		}
		put("other", "globex")
		require.Equal(t, []string{"Repro", "repro-1", "repro-2"}, read(t, l, replicasOf("acme")))
		put("repro-1", "")
		put("repro-2", "globex")
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.DeleteEnvironment(ctx, "Repro") })
		require.Empty(t, read(t, l, replicasOf("acme")))
		require.Equal(t, []string{"other", "repro-2"}, read(t, l, replicasOf("globex")))
		require.Empty(t, read(t, l, replicasOf("")), "what is no replica is one of nothing")
	},
	"are found among very many names": func(t *testing.T, l ledger) {
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutEnvironment(ctx, environment("e-70000")) })
		wanted := make([]string, 100_000)
		for i := range wanted {
			wanted[i] = fmt.Sprintf("e-%d", i)
		}
		require.Equal(t, []string{"e-70000"}, names(read(t, l, environmentsNamed(wanted...))))
	},
	"are deleted": func(t *testing.T, l ledger) {
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutEnvironment(ctx, environment("staging")) })
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.DeleteEnvironment(ctx, "staging") })
		refuseRead(t, l, delivery.CodeNotFound, environmentNamed("staging"))
	},
}

var pipelines = map[string]func(*testing.T, ledger){
	"are read back, replaced, listed by name and deleted": func(t *testing.T, l ledger) {
		shop, api := pipeline("shop"), pipeline("api")
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutPipeline(ctx, shop) })
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutPipeline(ctx, api) })
		shop.Stages = shop.Stages[:1]
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.PutPipeline(ctx, shop) })
		require.Equal(t, shop, read(t, l, theShop))
		require.Equal(t, []delivery.PipelineSpec{api, shop}, read(t, l, allPipelines))
		l.write(t, func(ctx context.Context, tx store.Tx) error { return tx.DeletePipeline(ctx, "shop") })
		refuseRead(t, l, delivery.CodeNotFound, theShop)
	},
	"that do not exist are not found": func(t *testing.T, l ledger) {
		refuseRead(t, l, delivery.CodeNotFound, theShop)
		l.refuse(t, delivery.CodeNotFound, func(ctx context.Context, tx store.Tx) error { return tx.DeletePipeline(ctx, "shop") })
		require.Equal(t, []delivery.PipelineSpec{}, read(t, l, allPipelines))
	},
}

var releases = map[string]func(*testing.T, ledger){
	"are read back as they were put": func(t *testing.T, l ledger) {
		want := release("shop", "1.0.0")
		l.write(t, putReleases(want))
		require.Equal(t, want, read(t, l, releaseOf("shop", "1.0.0")))
	},
	"keep times in UTC, to the microsecond": func(t *testing.T, l ledger) {
		given := release("shop", "1.0.0")
		given.RegisteredAt = noon.Add(789 * time.Nanosecond).In(time.FixedZone("CET", 3600))
		l.write(t, putReleases(given))
		require.Equal(t, noon, read(t, l, releaseOf("shop", "1.0.0")).RegisteredAt)
	},
	"change attempt and retirement, nothing else": func(t *testing.T, l ledger) {
		first := release("shop", "1.0.0")
		l.write(t, putReleases(first))
		again := first
		again.Attempt, again.Retired, again.RegisteredBy, again.RegisteredAt = 3, true, "mallory@example.com", noon.Add(time.Hour)
		l.write(t, putReleases(again))
		want := first
		want.Attempt, want.Retired = 3, true
		require.Equal(t, want, read(t, l, releaseOf("shop", "1.0.0")))
		l.write(t, putReleases(first))
		require.Equal(t, first, read(t, l, releaseOf("shop", "1.0.0")))
	},
	"never change their content": func(t *testing.T, l ledger) {
		first := release("shop", "1.0.0")
		l.write(t, putReleases(first))
		other := first
		other.Spec.Labels = map[string]string{"ticket": "SHOP-43"}
		other.Digest = other.Spec.Digest()
		l.refuse(t, delivery.CodeConflict, putReleases(other), "shop/1.0.0")
		require.Equal(t, first, read(t, l, releaseOf("shop", "1.0.0")))
	},
	"are listed by version": func(t *testing.T, l ledger) {
		one, two, three := release("shop", "1.0.0"), release("shop", "1.1.0"), release("shop", "2.0.0")
		two.Retired = true
		l.write(t, putReleases(three, one, two, release("api", "1.0.0")))
		require.Equal(t, []delivery.Release{one, two, three}, read(t, l, releasesOf("shop")))
		require.Equal(t, []delivery.Release{one, three}, read(t, l, releasesOf("shop", "2.0.0", "1.0.0", "9.9.9")))
		require.Equal(t, []delivery.Release{}, read(t, l, releasesOf("web")))
	},
	"that do not exist are not found": func(t *testing.T, l ledger) {
		l.write(t, putReleases(release("shop", "1.0.0")))
		refuseRead(t, l, delivery.CodeNotFound, releaseOf("shop", "1.0.1"))
		refuseRead(t, l, delivery.CodeNotFound, releaseOf("api", "1.0.0"))
	},
}

var promotions = map[string]func(*testing.T, ledger){
	"are read back, replaced and listed by stage": func(t *testing.T, l ledger) {
		production := delivery.Promotion{
			Spec:        delivery.PromotionSpec{Pipeline: "shop", Stage: "production", Version: "1.0.0", WhenBlocked: delivery.WhenBlockedPend, Attempt: 1},
			RequestedBy: "alice@example.com", RequestedAt: noon,
		}
		development := production
		development.Spec.Stage, development.Unmanaged = "development", true
		elsewhere := production
		elsewhere.Spec.Pipeline = "api"
		l.write(t, putPromotions(production, development, elsewhere))
		production.Spec.Version, production.RequestedAt = "1.1.0", noon.Add(time.Hour)
		l.write(t, putPromotions(production))
		require.Equal(t, production, read(t, l, promotionOf("shop", "production")))
		require.Equal(t, []delivery.Promotion{development, production}, read(t, l, thePromotions))
	},
	"that do not exist are not found": func(t *testing.T, l ledger) {
		refuseRead(t, l, delivery.CodeNotFound, promotionOf("shop", "production"))
		require.Equal(t, []delivery.Promotion{}, read(t, l, thePromotions))
	},
}

var approvals = map[string]func(*testing.T, ledger){
	"are read back without a status": func(t *testing.T, l ledger) {
		want := approval("shop/1.0.0/production/bob", "shop", "1.0.0", noon)
		given := want
		given.Status = delivery.ApprovalValid
		l.write(t, addApprovals(given))
		require.Equal(t, want, read(t, l, approvalOf(want.ID)))
	},
	"are given once": func(t *testing.T, l ledger) {
		first := approval("a", "shop", "1.0.0", noon)
		l.write(t, addApprovals(first))
		second := first
		second.Spec.Decision = delivery.Reject
		l.refuse(t, delivery.CodeConflict, addApprovals(second))
		require.Equal(t, first, read(t, l, approvalOf("a")))
	},
	"are revoked once, and stay": func(t *testing.T, l ledger) {
		given := approval("a", "shop", "1.0.0", noon)
		l.write(t, addApprovals(given))
		at := noon.Add(time.Hour)
		l.write(t, revoke("a", at))
		l.write(t, revoke("a", at.Add(time.Hour)))
		given.RevokedAt = &at
		require.Equal(t, given, read(t, l, approvalOf("a")))
		l.refuse(t, delivery.CodeConflict, addApprovals(approval("a", "shop", "1.0.0", noon)))
	},
	"are listed by release, oldest first": func(t *testing.T, l ledger) {
		late, early, tied := approval("a", "shop", "1.0.0", noon.Add(time.Hour)), approval("c", "shop", "1.0.0", noon), approval("b", "shop", "1.0.0", noon)
		other, elsewhere := approval("d", "shop", "1.1.0", noon.Add(time.Minute)), approval("e", "api", "1.0.0", noon)
		l.write(t, addApprovals(late, early, tied, other, elsewhere))
		require.Equal(t, []delivery.Approval{tied, early, late}, read(t, l, approvalsOf("shop", "1.0.0")))
		require.Equal(t, []delivery.Approval{tied, early, other, late}, read(t, l, approvalsOf("shop", "1.0.0", "1.1.0")))
		require.Equal(t, []delivery.Approval{tied, early, other, late}, read(t, l, approvalsOf("shop")))
		require.Equal(t, []delivery.Approval{elsewhere}, read(t, l, approvalsOf("api")))
		require.Equal(t, []delivery.Approval{}, read(t, l, approvalsOf("shop", "9.9.9")))
	},
	"that do not exist are not found": func(t *testing.T, l ledger) {
		refuseRead(t, l, delivery.CodeNotFound, approvalOf("a"))
		l.refuse(t, delivery.CodeNotFound, revoke("a", noon))
	},
}
