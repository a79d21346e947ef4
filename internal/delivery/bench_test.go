package delivery_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// A plan over a stage with many environments decides once when nothing is to be done, and plays everything forward when a new release
// is. The first grows with the environments; the second with them and with the waves that they go in, ten in each case here.
func BenchmarkManyEnvironments(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("unchanged/%d", n), func(b *testing.B) {
			w := manyEnvironments(n, "1.0")
			require.Empty(b, delivery.Decide(w, "customers").Steps)
			for b.Loop() {
				delivery.Decide(w, "customers")
			}
		})
		b.Run(fmt.Sprintf("new-release/%d", n), func(b *testing.B) {
			w := manyEnvironments(n, "1.1")
			require.Len(b, delivery.Simulate(w, nil, w.Promotions["customers"]).Steps, n)
			for b.Loop() {
				delivery.Simulate(w, nil, w.Promotions["customers"])
			}
		})
	}
}

// The first plan of a workspace asks for each of its pipelines what it makes easier, beside all others into the same environment.
func BenchmarkManyPipelines(b *testing.B) {
	for _, n := range []int{10, 100, 400} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			ledger := delivery.Declarations{Environments: []delivery.EnvironmentSpec{{Name: "staging", Tier: delivery.TierStaging}, {Name: "production", Tier: delivery.TierProduction}}}
			with, without := ledger, ledger
			for i := range n {
				with.Pipelines = append(with.Pipelines, delivery.PipelineSpec{Name: fmt.Sprintf("service-%d", i), Stages: []delivery.Stage{
					{Name: "staging", Promotion: delivery.Automatic, Environments: []string{"staging"}},
					{Name: "production", Promotion: delivery.Manual, Environments: []string{"production"},
						Gates: delivery.Gates{Approvals: &delivery.ApprovalsGate{Required: 1, Approvers: []string{delivery.Anyone}}}},
				}})
			}
			without.Pipelines = with.Pipelines[:n-1]
			for b.Loop() {
				report, _ := delivery.ReportRelaxations(ledger, without, with, delivery.Subject{Pipeline: fmt.Sprintf("service-%d", n-1)})
				require.Empty(b, report.Relaxations)
			}
		})
	}
}

// manyEnvironments is a pipeline of one stage with n environments, all of which run 1.0, and of which a version is wanted.
func manyEnvironments(n int, wanted string) delivery.World {
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	stage := delivery.Stage{Name: "customers", Promotion: delivery.Automatic, Rollout: &delivery.Rollout{MaxParallel: n / 10}}
	w := delivery.World{Now: at, Environments: map[string]delivery.EnvironmentSpec{}, Releases: map[string]delivery.Release{}, Observations: map[string]delivery.Observation{}}
	for _, version := range []string{"1.0", "1.1"} {
		spec := delivery.ReleaseSpec{Pipeline: "shop", Version: version, Artifacts: map[string]delivery.Artifact{"app": {URI: "dist/" + version}}}
		w.Releases[version] = delivery.Release{Spec: spec, Digest: spec.Digest(), Attempt: 1}
	}
	past := []delivery.Deployment{}
	for i := range n {
		name := fmt.Sprintf("customer-%d", i)
		env := delivery.EnvironmentSpec{Name: name, Tier: delivery.TierProduction, Config: map[string]string{"REGION": "eu-west-1", "REPLICAS": "2"},
			Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}}
		stage.Environments, w.Environments[name] = append(stage.Environments, name), env
		past = append(past, delivery.Deployment{ID: name, Seq: int64(i), Pipeline: "shop", Stage: stage.Name, Environment: name, Attempt: 1,
			Content: delivery.ContentFor(stage, env, w.Releases["1.0"]), Rollout: "first", Status: delivery.Verified, VerifiedAt: &at, SettledAt: &at})
		w.Observations[name] = delivery.Observation{Running: true, Version: "1.0"}
	}
	w.History = delivery.NewHistory(past)
	w.Pipeline = delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{stage}}
	w.Promotions = map[string]delivery.Promotion{stage.Name: {Spec: delivery.PromotionSpec{Pipeline: "shop", Stage: stage.Name, Version: wanted,
		WhenBlocked: delivery.WhenBlockedPend, Attempt: 1}}}
	return w
}
