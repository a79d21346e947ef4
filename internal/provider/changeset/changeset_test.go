package changeset

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func environmentLike(name, reference string) delivery.EnvironmentSpec {
	spec := delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther}
	if reference != "" {
		spec.Parity = &delivery.Parity{With: reference}
	}
	return spec
}

func names(environments []delivery.EnvironmentSpec) []string {
	found := []string{}
	for _, e := range environments {
		found = append(found, e.Name)
	}
	return found
}

func TestChangesOfEnvironments(t *testing.T) {
	o := New()
	o.AddEnvironment(environmentLike("production", ""), true)
	o.AddEnvironment(environmentLike("staging", "production"), false)
	o.AddEnvironment(environmentLike("acceptance", "production"), false)
	o.AddEnvironment(environmentLike("elsewhere", "other"), true)

	require.Equal(t, []string{"acceptance", "staging"}, names(o.ParityClaimants("production")))
	require.Empty(t, o.ParityClaimants("staging"))
	require.True(t, o.ChangesEnvironment("production"))
	require.False(t, o.ChangesEnvironment("staging"))
	require.False(t, o.ChangesEnvironment("unheard-of"))

	require.Equal(t, []string{"production", "staging"}, names(o.ForEnvironments("staging").Environments.All()))
	require.Equal(t, []string{"production", "staging"}, names(o.ForEnvironments("staging", "production").Environments.All()))
	require.Equal(t, []string{"elsewhere"}, names(o.ForEnvironments("elsewhere", "unheard-of").Environments.All()))
}

func TestChangesOfAPipeline(t *testing.T) {
	o := New()
	ledger := delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{Name: "old", Environments: []string{"attic"}}}}
	planned := delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{Name: "new", Environments: []string{"staging"}}}}
	for _, e := range []delivery.EnvironmentSpec{environmentLike("staging", "production"), environmentLike("production", ""), environmentLike("attic", ""), environmentLike("cellar", "")} {
		o.AddEnvironment(e, true)
	}
	require.Empty(t, o.ForPipeline("shop", nil).Environments, "of a pipeline that nobody knows, nothing is known")
	require.Equal(t, []string{"attic"}, names(o.ForPipeline("shop", &ledger).Environments.All()))

	o.AddPipeline(planned, true)
	o.AddPipeline(delivery.PipelineSpec{Name: "other"}, true)
	release := func(pipeline, version string) delivery.ReleaseRequest {
		return delivery.ReleaseRequest{Spec: delivery.ReleaseSpec{Pipeline: pipeline, Version: version}}
	}
	rival, _ := o.AddRelease(release("shop", "1.0.0"), true)
	require.Empty(t, rival)
	rival, _ = o.AddRelease(release("other", "9"), true)
	require.Empty(t, rival)
	o.AddPromotion(delivery.PromotionSpec{Pipeline: "shop", Stage: "new", Version: "1.0.0"}, true)
	o.AddPromotion(delivery.PromotionSpec{Pipeline: "other", Stage: "new", Version: "9"}, true)
	o.AddApproval(delivery.ApprovalSpec{Pipeline: "shop", Stage: "new", Version: "1.0.0"})
	o.AddApproval(delivery.ApprovalSpec{Pipeline: "other", Stage: "new", Version: "9"})
	o.AddTestReport(delivery.TestReport{Spec: delivery.TestReportSpec{Pipeline: "shop", Version: "1.0.0", Suite: "unit"}})
	o.AddTestReport(delivery.TestReport{Spec: delivery.TestReportSpec{Pipeline: "other", Version: "9", Suite: "unit"}})
	o.AddOverride(delivery.OverrideSpec{Pipeline: "shop", Stage: "new", Version: "1.0.0"})
	o.AddOverride(delivery.OverrideSpec{Pipeline: "other", Stage: "new", Version: "9"})
	o.RevokeApproval("a1")
	o.WithdrawTestReport("t1")
	o.RevokeOverride("o1")

	part := o.ForPipeline("shop", &ledger)
	require.Equal(t, []delivery.PipelineSpec{planned}, part.Pipelines.All(), "what is planned wins over the ledger")
	require.Equal(t, []string{"production", "staging"}, names(part.Environments.All()), "the stage's environments and their references")
	require.Len(t, part.Releases.All(), 1)
	require.Len(t, part.Promotions.All(), 1)
	require.Len(t, part.Approvals.All(), 1)
	require.Len(t, part.Reports.All(), 1)
	require.Len(t, part.Overrides.All(), 1)
	removed := []any{part.Approvals["a1"], part.Reports["t1"], part.Overrides["o1"]}
	require.Equal(t, []any{delivery.Change[delivery.ApprovalSpec]{Changed: true}, delivery.Change[delivery.TestReport]{Changed: true}, delivery.Change[delivery.OverrideSpec]{Changed: true}}, removed)

	rival, changes := o.AddRelease(release("shop", "1.1.0"), false)
	require.Equal(t, "1.0.0", rival, "two resources want the same pipeline")
	require.True(t, changes)
}

func TestChangesOfWhatIsNotKnownYet(t *testing.T) {
	o := New()
	shop := delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{Name: "one", Environments: []string{"a"}}, {Name: "two", Environments: []string{"b"}}}}
	require.True(t, o.EnvironmentsKnown("a", "b"))
	require.True(t, o.PipelineKnown("shop", nil))

	o.AddUnknownEnvironment("b")
	require.True(t, o.EnvironmentsKnown("a"))
	require.False(t, o.EnvironmentsKnown("a", "b"))
	require.True(t, o.PipelineKnown("shop", nil))
	require.False(t, o.PipelineKnown("shop", &shop))
	o.AddPipeline(shop, true)
	require.False(t, o.PipelineKnown("shop", nil))

	o.AddEnvironment(environmentLike("b", ""), true)
	require.True(t, o.PipelineKnown("shop", nil), "apply plans again, with everything known")

	o.AddUnknownPipeline("shop")
	require.False(t, o.PipelineKnown("shop", &shop))
	o.AddPipeline(shop, true)
	require.True(t, o.PipelineKnown("shop", nil))
}

func TestChangesOfFreezesAndPolicies(t *testing.T) {
	o := New()
	holidays, strict := delivery.FreezeSpec{Name: "holidays"}, delivery.PolicySpec{Name: "strict"}
	o.AddFreeze(delivery.FreezeSpec{Name: "inventory"}, true)
	o.AddFreeze(holidays, true)
	o.AddPolicy(strict, true)
	o.RemoveFreeze("spring")
	o.RemovePolicy("lax")
	part := o.ForPipeline("shop", nil)
	require.Equal(t, []delivery.FreezeSpec{holidays, {Name: "inventory"}}, part.Freezes.All(), "they may hold for any pipeline")
	require.Equal(t, []delivery.PolicySpec{strict}, part.Policies.All())
	require.Equal(t, delivery.Change[delivery.FreezeSpec]{Changed: true}, part.Freezes["spring"])
	require.Equal(t, delivery.Change[delivery.PolicySpec]{Changed: true}, part.Policies["lax"])

	require.True(t, o.DeliveriesKnown("shop"))
	o.AddUnknownFreeze("holidays")
	o.AddUnknownPolicy("strict")
	require.False(t, o.DeliveriesKnown("shop"))
	o.AddFreeze(holidays, true)
	require.False(t, o.DeliveriesKnown("shop"))
	o.AddPolicy(strict, true)
	require.True(t, o.DeliveriesKnown("shop"), "apply plans again, with everything known")
}
