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
			"rollout": {"max_parallel": 2},
			"gates": {
				"approvals": {"required": 1, "approvers": ["alice", "bob"], "allow_author": true, "expires_after": "72h"},
				"soak": {"stage": "one", "duration": "1h"},
				"parity": true,
				"checks": {
					"asked": {"http": {"url": "https://metrics.example.com", "expect_status": 204, "attempts": 3, "interval": "1s", "timeout": "5s"}},
					"run": {"command": {"argv": ["./ask", "it"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s", "attempts": 3, "interval": "1s"}}}},
			"verify": {
				"asked": {"http": {"url": "https://shop.example.com", "expect_status": 204, "attempts": 3, "interval": "1s", "timeout": "5s"}},
				"run": {"command": {"argv": ["./smoke", "it"], "directory": "/srv", "environment": {"A": "1"}, "timeout": "30s", "attempts": 3, "interval": "1s"}}}}
	]}`

type pipelineChange = change[delivery.PipelineSpec]

func pipelineChanges() map[string]pipelineChange {
	last := func(f func(*delivery.Stage)) pipelineChange {
		return pipelineChange{to: func(s *delivery.PipelineSpec) { f(&s.Stages[2]) }}
	}
	changes := map[string]pipelineChange{
		"stages":                               {to: func(s *delivery.PipelineSpec) { s.Stages[0], s.Stages[1] = s.Stages[1], s.Stages[0] }},
		"stages.name":                          last(func(s *delivery.Stage) { s.Name = "last" }),
		"stages.environments":                  last(func(s *delivery.Stage) { s.Environments[0], s.Environments[1] = s.Environments[1], s.Environments[0] }),
		"stages.promotion":                     last(func(s *delivery.Stage) { s.Promotion = delivery.Automatic }),
		"stages.config":                        last(func(s *delivery.Stage) { s.Config["FEATURE"] = "off" }),
		"stages.on_failure":                    last(func(s *delivery.Stage) { s.OnFailure = delivery.Rollback }),
		"stages.rollout":                       last(func(s *delivery.Stage) { s.Rollout = nil }),
		"stages.rollout.max_parallel":          last(func(s *delivery.Stage) { s.Rollout.MaxParallel = 3 }),
		"stages.gates":                         last(func(s *delivery.Stage) { s.Gates = delivery.Gates{} }),
		"stages.gates.parity":                  last(func(s *delivery.Stage) { s.Gates.Parity = false }),
		"stages.gates.approvals":               last(func(s *delivery.Stage) { s.Gates.Approvals = nil }),
		"stages.gates.approvals.required":      last(func(s *delivery.Stage) { s.Gates.Approvals.Required = 2 }),
		"stages.gates.approvals.approvers":     last(func(s *delivery.Stage) { s.Gates.Approvals.Approvers = []string{"alice", "bob", mallory} }),
		"stages.gates.approvals.allow_author":  last(func(s *delivery.Stage) { s.Gates.Approvals.AllowAuthor = false }),
		"stages.gates.approvals.expires_after": last(func(s *delivery.Stage) { s.Gates.Approvals.ExpiresAfter = "" }),
		"stages.gates.soak":                    last(func(s *delivery.Stage) { s.Gates.Soak = nil }),
		"stages.gates.soak.stage":              last(func(s *delivery.Stage) { s.Gates.Soak.Stage = "two" }),
		"stages.gates.soak.duration":           last(func(s *delivery.Stage) { s.Gates.Soak.Duration = "1s" }),
		"stages.gates.checks":                  last(func(s *delivery.Stage) { delete(s.Gates.Checks, "asked") }),
		"stages.verify":                        last(func(s *delivery.Stage) { delete(s.Verify, "asked") }),
	}
	checkChanges("stages.gates.checks.", changes, func(s *delivery.Stage) map[string]delivery.Check { return s.Gates.Checks })
	checkChanges("stages.verify.", changes, func(s *delivery.Stage) map[string]delivery.Check { return s.Verify })
	return changes
}

// checkChanges are the changes of two checks of the last stage, one of each kind.
func checkChanges(prefix string, into map[string]pipelineChange, checks func(*delivery.Stage) map[string]delivery.Check) {
	asked := func(f func(*delivery.HTTPCheck)) pipelineChange {
		return pipelineChange{to: func(s *delivery.PipelineSpec) { f(checks(&s.Stages[2])["asked"].HTTP) }}
	}
	run := func(s *delivery.PipelineSpec) *delivery.CommandCheck { return checks(&s.Stages[2])["run"].Command }
	into[prefix+"http"] = pipelineChange{to: func(s *delivery.PipelineSpec) { checks(&s.Stages[2])["asked"] = checks(&s.Stages[2])["run"] }}
	into[prefix+"http.url"] = asked(func(c *delivery.HTTPCheck) { c.URL = "https://mallory.example.com" })
	into[prefix+"http.expect_status"] = asked(func(c *delivery.HTTPCheck) { c.ExpectStatus = 500 })
	into[prefix+"http.attempts"] = asked(func(c *delivery.HTTPCheck) { c.Attempts = 0 })
	into[prefix+"http.interval"] = asked(func(c *delivery.HTTPCheck) { c.Interval = "2s" })
	into[prefix+"http.timeout"] = asked(func(c *delivery.HTTPCheck) { c.Timeout = "" })
	into[prefix+"command"] = pipelineChange{to: func(s *delivery.PipelineSpec) { checks(&s.Stages[2])["run"] = checks(&s.Stages[2])["asked"] }}
	into[prefix+"command.attempts"] = pipelineChange{to: func(s *delivery.PipelineSpec) { run(s).Attempts = 1 }}
	into[prefix+"command.interval"] = pipelineChange{to: func(s *delivery.PipelineSpec) { run(s).Interval = "" }}
	commandChanges(prefix+"command.", into, func(s *delivery.PipelineSpec) *delivery.Command { return &run(s).Command })
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
		remove:  func() error { return api.DeletePipeline(t.Context(), "shop") },
		changes: pipelineChanges(),
		names:   []string{"name"},
	}.run(t, h)
}
