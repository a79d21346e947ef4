package acctest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// pipelineConfig sets every attribute of a pipeline, most of them in its last stage.
const pipelineConfig = `{
	"name": "shop",
	"stages": [
		{"name": "one", "environments": ["first"], "promotion": "automatic"},
		{"name": "two", "environments": ["second"], "promotion": "automatic"},
		{"name": "three", "environments": ["third", "fourth"], "promotion": "manual", "on_failure": "halt",
			"config": {"FEATURE": "on"},
			"rollout": {"max_parallel": 2, "max_failures": 1},
			"gates": ` + gatesConfig + `,
			"overridable": ["windows", "soak"],
			"verify": {
				"asked": {"http": {"url": "https://shop.example.com", "expect_status": 204, "attempts": 3, "interval": "1s", "timeout": "5s"}},
				"run": {"command": {"argv": ["./smoke", "it"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s", "junit": "report.xml", "attempts": 3, "interval": "1s"}}}}
	]}`

type pipelineChange = change[delivery.PipelineSpec]

func pipelineChanges() map[string]pipelineChange {
	last := func(f func(*delivery.Stage)) pipelineChange {
		return pipelineChange{to: func(s *delivery.PipelineSpec) { f(&s.Stages[2]) }}
	}
	changes := map[string]pipelineChange{
		"stages":                      {to: func(s *delivery.PipelineSpec) { s.Stages[0], s.Stages[1] = s.Stages[1], s.Stages[0] }},
		"stages.name":                 last(func(s *delivery.Stage) { s.Name = "last" }),
		"stages.environments":         last(func(s *delivery.Stage) { s.Environments[0], s.Environments[1] = s.Environments[1], s.Environments[0] }),
		"stages.promotion":            last(func(s *delivery.Stage) { s.Promotion = delivery.Automatic }),
		"stages.config":               last(func(s *delivery.Stage) { s.Config["FEATURE"] = "off" }),
		"stages.on_failure":           last(func(s *delivery.Stage) { s.OnFailure = delivery.Rollback }),
		"stages.rollout":              last(func(s *delivery.Stage) { s.Rollout = nil }),
		"stages.rollout.max_parallel": last(func(s *delivery.Stage) { s.Rollout.MaxParallel = 3 }),
		"stages.rollout.max_failures": last(func(s *delivery.Stage) { s.Rollout.MaxFailures = 2 }),
		"stages.gates":                last(func(s *delivery.Stage) { s.Gates = delivery.Gates{} }),
		"stages.overridable":          last(func(s *delivery.Stage) { s.Overridable = []string{"soak"} }),
		"stages.verify":               last(func(s *delivery.Stage) { delete(s.Verify, "asked") }),
	}
	gateChanges("stages.gates.", changes, func(s *delivery.PipelineSpec) *delivery.Gates { return &s.Stages[2].Gates })
	checkChanges("stages.verify.", changes, func(s *delivery.PipelineSpec) map[string]delivery.Check { return s.Stages[2].Verify })
	return changes
}

func TestPipelineConformance(t *testing.T) {
	t.Parallel()
	h := acctest.New(t)
	api := h.Client(mallory)
	for _, name := range []string{"first", "second", "third", "fourth"} {
		_, err := api.PutEnvironment(t.Context(), delivery.EnvironmentSpec{Name: name, Tier: delivery.TierOther,
			Target: &delivery.Target{Directory: &delivery.DirectoryTarget{Path: "/srv/" + name}}})
		require.NoError(t, err)
	}
	conformance[delivery.PipelineSpec]{
		typ: "cd_pipeline", configs: []string{pipelineConfig},
		declared: func() delivery.PipelineSpec {
			p, err := api.Pipeline(t.Context(), "shop")
			require.NoError(t, err)
			return p.Spec
		},
		put: func(spec delivery.PipelineSpec) error {
			_, err := api.PutPipeline(t.Context(), spec)
			return err
		},
		remove:   func() error { return api.DeletePipeline(t.Context(), "shop") },
		changes:  pipelineChanges(),
		names:    []string{"name"},
		excluded: map[string]string{"stages.gates.none": noneIsAlone},
	}.run(t, h)
}
