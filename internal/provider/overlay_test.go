package provider

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

func TestOverlayOfEnvironments(t *testing.T) {
	o := newOverlay()
	o.environment(environmentLike("production", ""), true)
	o.environment(environmentLike("staging", "production"), false)
	o.environment(environmentLike("acceptance", "production"), false)
	o.environment(environmentLike("elsewhere", "other"), true)

	require.Equal(t, []string{"acceptance", "staging"}, names(o.claimants("production")))
	require.Empty(t, o.claimants("staging"))
	require.True(t, o.changes("production"))
	require.False(t, o.changes("staging"))
	require.False(t, o.changes("unheard-of"))

	require.Equal(t, []string{"staging", "production"}, names(o.forEnvironments("staging").Environments))
	require.Equal(t, []string{"staging", "production"}, names(o.forEnvironments("staging", "production").Environments), "each once")
	require.Equal(t, []string{"elsewhere"}, names(o.forEnvironments("elsewhere", "unheard-of").Environments))
}

func TestOverlayOfAPipeline(t *testing.T) {
	o := newOverlay()
	ledger := delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{Name: "old", Environments: []string{"attic"}}}}
	planned := delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{Name: "new", Environments: []string{"staging"}}}}
	for _, e := range []delivery.EnvironmentSpec{environmentLike("staging", "production"), environmentLike("production", ""), environmentLike("attic", ""), environmentLike("cellar", "")} {
		o.environment(e, true)
	}
	require.Empty(t, o.forPipeline("shop", nil).Environments, "of a pipeline that nobody knows, nothing is known")
	require.Equal(t, []string{"attic"}, names(o.forPipeline("shop", &ledger).Environments))

	o.pipeline(planned, true)
	o.pipeline(delivery.PipelineSpec{Name: "other"}, true)
	release := func(pipeline, version string) delivery.ReleaseRequest {
		return delivery.ReleaseRequest{Spec: delivery.ReleaseSpec{Pipeline: pipeline, Version: version}}
	}
	rival, _ := o.release(release("shop", "1.0.0"), true)
	require.Empty(t, rival)
	rival, _ = o.release(release("other", "9"), true)
	require.Empty(t, rival)
	o.promotion(delivery.PromotionSpec{Pipeline: "shop", Stage: "new", Version: "1.0.0"}, true)
	o.promotion(delivery.PromotionSpec{Pipeline: "other", Stage: "new", Version: "9"}, true)
	o.approval(delivery.ApprovalSpec{Pipeline: "shop", Stage: "new", Version: "1.0.0"})
	o.approval(delivery.ApprovalSpec{Pipeline: "other", Stage: "new", Version: "9"})
	o.report(delivery.TestReport{Spec: delivery.TestReportSpec{Pipeline: "shop", Version: "1.0.0", Suite: "unit"}})
	o.report(delivery.TestReport{Spec: delivery.TestReportSpec{Pipeline: "other", Version: "9", Suite: "unit"}})
	o.override(delivery.OverrideSpec{Pipeline: "shop", Stage: "new", Version: "1.0.0"})
	o.override(delivery.OverrideSpec{Pipeline: "other", Stage: "new", Version: "9"})
	o.revoke("a1")

	part := o.forPipeline("shop", &ledger)
	require.Equal(t, []delivery.PipelineSpec{planned}, part.Pipelines, "what is planned wins over the ledger")
	require.Equal(t, []string{"staging", "production"}, names(part.Environments), "the stage's environments and their references")
	require.Len(t, part.Releases, 1)
	require.Len(t, part.Promotions, 1)
	require.Len(t, part.Approvals, 1)
	require.Len(t, part.Reports, 1)
	require.Len(t, part.Overrides, 1)
	require.Equal(t, []string{"a1"}, part.Revoked)

	rival, changes := o.release(release("shop", "1.1.0"), false)
	require.Equal(t, "1.0.0", rival, "two resources want the same pipeline")
	require.True(t, changes)
}

func TestOverlayOfWhatIsNotKnownYet(t *testing.T) {
	o := newOverlay()
	shop := delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{{Name: "one", Environments: []string{"a"}}, {Name: "two", Environments: []string{"b"}}}}
	require.True(t, o.environmentsKnown("a", "b"))
	require.True(t, o.pipelineKnown("shop", nil))

	o.environmentUnknown("b")
	require.True(t, o.environmentsKnown("a"))
	require.False(t, o.environmentsKnown("a", "b"))
	require.True(t, o.pipelineKnown("shop", nil))
	require.False(t, o.pipelineKnown("shop", &shop))
	o.pipeline(shop, true)
	require.False(t, o.pipelineKnown("shop", nil))

	o.environment(environmentLike("b", ""), true)
	require.True(t, o.pipelineKnown("shop", nil), "apply plans again, with everything known")

	o.pipelineUnknown("shop")
	require.False(t, o.pipelineKnown("shop", &shop))
	o.pipeline(shop, true)
	require.True(t, o.pipelineKnown("shop", nil))
}

func TestOverlayOfFreezesAndPolicies(t *testing.T) {
	o := newOverlay()
	holidays, strict := delivery.FreezeSpec{Name: "holidays"}, delivery.PolicySpec{Name: "strict"}
	o.freeze(delivery.FreezeSpec{Name: "inventory"})
	o.freeze(holidays)
	o.policy(strict)
	o.lift("spring")
	o.drop("lax")
	part := o.forPipeline("shop", nil)
	require.Equal(t, []delivery.FreezeSpec{holidays, {Name: "inventory"}}, part.Freezes, "they may hold for any pipeline")
	require.Equal(t, []delivery.PolicySpec{strict}, part.Policies)
	require.Equal(t, []string{"spring"}, part.Lifted)
	require.Equal(t, []string{"lax"}, part.Dropped)

	require.True(t, o.deliveriesKnown("shop"))
	o.freezeUnknown("holidays")
	o.policyUnknown("strict")
	require.False(t, o.deliveriesKnown("shop"))
	o.freeze(holidays)
	require.False(t, o.deliveriesKnown("shop"))
	o.policy(strict)
	require.True(t, o.deliveriesKnown("shop"), "apply plans again, with everything known")
}
