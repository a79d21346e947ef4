package delivery_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

func shop() delivery.PipelineSpec {
	return delivery.PipelineSpec{Name: "shop", Stages: []delivery.Stage{
		{Name: "development", Environments: []string{"development"}, Promotion: delivery.Automatic},
		{Name: "staging", Environments: []string{"staging"}, Promotion: delivery.Automatic},
		{Name: "production", Environments: []string{"eu", "us"}, Promotion: delivery.Manual,
			Gates: delivery.Gates{
				Approvals: &delivery.ApprovalsGate{Required: 2, Approvers: []string{"alice", "bob", "carol"}, ExpiresAfter: "72h"},
				Soak:      &delivery.SoakGate{Stage: "staging", Duration: "1h"},
			}},
		{Name: "customers", Environments: []string{"acme"}, Promotion: delivery.Automatic},
	}}
}

func TestPipelineValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*delivery.PipelineSpec)
		want []refusal
	}{
		{"as it should be", func(*delivery.PipelineSpec) {}, nil},
		{"no stages", func(p *delivery.PipelineSpec) { p.Stages = nil }, []refusal{{"stages", "at least one stage"}}},
		{"a stage twice", func(p *delivery.PipelineSpec) { p.Stages[1].Name = "development"; p.Stages[2].Gates.Soak = nil }, []refusal{{"stages[1].name", "already at stages[0]"}}},
		{"a stage without environments", func(p *delivery.PipelineSpec) { p.Stages[1].Environments = nil }, []refusal{{"stages[1].environments", "at least one"}}},
		{"an environment in two stages", func(p *delivery.PipelineSpec) { p.Stages[3].Environments = []string{"eu"} }, []refusal{{"stages[3].environments[0]", `already in stage "production"`}}},
		{"an unknown policy", func(p *delivery.PipelineSpec) { p.Stages[0].Promotion = "auto" }, []refusal{{"stages[0].promotion", `"manual"`}}},
		{"a soak on a later stage", func(p *delivery.PipelineSpec) {
			p.Stages[0].Gates.Soak = &delivery.SoakGate{Stage: "staging", Duration: "1h"}
		}, []refusal{{"stages[0].gates.soak.stage", "not an earlier stage"}}},
		{"a soak on itself", func(p *delivery.PipelineSpec) {
			p.Stages[1].Gates.Soak = &delivery.SoakGate{Stage: "staging", Duration: "1h"}
		}, []refusal{{"stages[1].gates.soak.stage", "not an earlier stage"}}},
		{"a soak of nothing", func(p *delivery.PipelineSpec) { p.Stages[2].Gates.Soak.Duration = "0s" }, []refusal{{"stages[2].gates.soak.duration", "too short"}}},
		{"more approvals than people", func(p *delivery.PipelineSpec) { p.Stages[2].Gates.Approvals.Required = 4 }, []refusal{{"stages[2].gates.approvals.required", "only 3 people"}}},
		{"no approvals required", func(p *delivery.PipelineSpec) { p.Stages[2].Gates.Approvals.Required = 0 }, []refusal{{"stages[2].gates.approvals.required", "1 to 100"}}},
		{"one approver twice", func(p *delivery.PipelineSpec) { p.Stages[2].Gates.Approvals.Approvers[2] = "alice" }, []refusal{{"stages[2].gates.approvals.approvers[2]", "counts once"}}},
		{"a check of no kind", func(p *delivery.PipelineSpec) {
			p.Stages[0].Verify = map[string]delivery.Check{"smoke": {}}
		}, []refusal{{`stages[0].verify["smoke"]`, "exactly one kind"}}},
		{"a check of no address", func(p *delivery.PipelineSpec) {
			p.Stages[2].Gates.Checks = map[string]delivery.Check{"ok": {HTTP: &delivery.HTTPCheck{URL: "ftp://x"}}}
		}, []refusal{{`stages[2].gates.checks["ok"].http.url`, "http or https"}}},
		{"an unknown failure policy", func(p *delivery.PipelineSpec) { p.Stages[0].OnFailure = "ignore" }, []refusal{{"stages[0].on_failure", `"rollback" or "halt"`}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := shop()
			c.edit(&spec)
			requireRefusals(t, spec.Validate(), c.want...)
		})
	}
}

func TestPipelineValidateEnvironments(t *testing.T) {
	known := map[string]delivery.EnvironmentSpec{}
	for _, name := range []string{"development", "staging", "eu", "acme"} {
		known[name] = delivery.EnvironmentSpec{Name: name, Target: production().Target}
	}
	known["acme"] = delivery.EnvironmentSpec{Name: "acme"}
	requireRefusals(t, shop().ValidateEnvironments(known),
		refusal{"stages[2].environments[1]", `environment "us" does not exist`},
		refusal{"stages[3].promotion", `Terraform deploys to environment "acme" (it has no target), so a cd_promotion must authorize its artifacts: make this stage manual`})

	known["us"] = delivery.EnvironmentSpec{Name: "us"}
	spec := shop()
	spec.Stages[3].Promotion = delivery.Manual
	requireRefusals(t, spec.ValidateEnvironments(known),
		refusal{"stages[2].environments[1]", `environment "us" has no target, unlike "eu"; a stage is deployed to either by targets or by Terraform`})
	known["eu"] = delivery.EnvironmentSpec{Name: "eu"}
	require.Empty(t, spec.ValidateEnvironments(known))
}

func TestPipelineSegments(t *testing.T) {
	p := shop()
	for stage, entry := range map[int]int{0: 0, 1: 0, 2: 2, 3: 2} {
		require.Equal(t, entry, p.Entry(stage))
	}
	require.Equal(t, []int{0, 1}, p.Segment(0))
	require.Equal(t, []int{2, 3}, p.Segment(2))
	require.True(t, p.AutoStart())
	p.Stages[0].Promotion = delivery.Manual
	require.False(t, p.AutoStart())
}
