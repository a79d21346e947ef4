package acctest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// emptied is an attempt to do without a list or a map of a gate by emptying it. The edit is refused, and the gate goes on asking.
func emptied(name, reason string, without step, blocked []string, edit func(*rules), fix func(*scenario)) attempt {
	return attempt{name: "emptied: " + name, without: []step{without},
		do:      func(sc *scenario) { sc.notDeclared(reason, edit) },
		blocked: blocked, reasons: []string{blocked[0]}, fix: fix}
}

// attemptsOnEmptyLists try to weaken a gate by leaving nothing of what it asks.
func attemptsOnEmptyLists() []attempt {
	approvals := func(edit func(*delivery.ApprovalsGate)) func(*rules) {
		return func(r *rules) {
			gate := *r.gates().Approvals
			edit(&gate)
			r.gates().Approvals = &gate
		}
	}
	missing := []string{"approvals"}
	return []attempt{
		emptied("approvers", "approvers", approved, missing, approvals(func(a *delivery.ApprovalsGate) { a.Approvers = []string{} }), approveAllAgain),
		emptied("the number of approvals", "required", approved, missing, approvals(func(a *delivery.ApprovalsGate) { a.Required = 0 }), approveAllAgain),
		emptied("a stage's environments", "environments", approved, missing, func(r *rules) { r.stage().Environments = []string{} }, approveAllAgain),
	}
}

// weakening is an edit that makes it easier to get into production. The plan has to say so.
type weakening struct {
	name    string
	subject delivery.Subject
	edit    func(sc *scenario, c *delivery.ChangeSet)
	warns   []string
	lets    bool // it lets the waiting release through
}

func (sc *scenario) editedPipeline(edit func(*delivery.PipelineSpec)) delivery.PipelineSpec {
	spec := sc.rules.pipeline
	spec.Stages = slices.Clone(spec.Stages)
	edit(&spec)
	return spec
}

// removed says of each gate of production that it is gone.
func removed(stage, where string) []string {
	lines := []string{}
	for _, gate := range []string{"approvals", "tests.unit", "soak", "windows", "cooldown", "max_deploys", "parity", "checks.errors", "expressions.ticket"} {
		lines = append(lines, fmt.Sprintf("stage %q: gate %s removed%s", stage, gate, where))
	}
	return lines
}

// putsPipeline plans an edit of the pipeline.
func putsPipeline(edit func(*delivery.PipelineSpec)) func(*scenario, *delivery.ChangeSet) {
	return func(sc *scenario, c *delivery.ChangeSet) {
		spec := sc.editedPipeline(edit)
		c.Pipelines.Put(spec.Name, spec, true)
	}
}

// TestWeakeningEditsAreSaid plans edits while the release waits for approvals in production. Nothing is applied.
func TestWeakeningEditsAreSaid(t *testing.T) {
	t.Parallel()
	shop := delivery.Subject{Pipeline: "shop"}
	bypass := func(name string, env string) delivery.PipelineSpec {
		return delivery.PipelineSpec{Name: name, Stages: []delivery.Stage{{Name: "go", Environments: []string{env}, Promotion: delivery.Manual}}}
	}
	for _, c := range []weakening{
		{name: "the environment moved to an easier stage", subject: shop, warns: append(removed("staging", " (in production)"), `stage "staging": promotion changes from manual to automatic: releases enter without a promotion (in production)`, "overrides for stage staging hold here too"), edit: putsPipeline(func(p *delivery.PipelineSpec) {
			p.Stages[0].Environments = []string{"staging", "production"}
			p.Stages[1].Environments = []string{"spare"}
		})},
		{name: "a second pipeline to the environment", subject: delivery.Subject{Pipeline: "bypass"}, warns: []string{`stage "go": gate approvals missing (pipeline "shop" asks more in production)`, "releases need not be verified before", "gate parity missing", "gate expressions.* missing"}, edit: func(_ *scenario, c *delivery.ChangeSet) {
			c.Pipelines.Put("bypass", bypass("bypass", "production"), true)
		}},
		{name: "a second environment on its place, and a pipeline to it", subject: delivery.Subject{Pipeline: "bypass"}, warns: []string{`stage "go": gate approvals missing (pipeline "shop" asks more in alias)`, "gate soak missing", `policy "guard": no longer holds for environment alias`}, edit: func(sc *scenario, c *delivery.ChangeSet) {
			alias := sc.rules.prod
			alias.Name, alias.Tier = "alias", delivery.TierOther
			c.Environments.Put("alias", alias, true)
			c.Pipelines.Put("bypass", bypass("bypass", "alias"), true)
		}},
		{name: "the environment renamed, and its stage without gates", subject: shop, lets: true, warns: removed("production", ""), edit: func(sc *scenario, c *delivery.ChangeSet) {
			renamed := sc.rules.prod
			renamed.Name = "prod"
			c.Environments.Remove("production")
			c.Environments.Put("prod", renamed, true)
			putsPipeline(func(p *delivery.PipelineSpec) {
				p.Stages[1].Environments, p.Stages[1].Gates = []string{"prod"}, delivery.Gates{}
			})(sc, c)
		}},
		{name: "another tier, which takes the policy off", subject: delivery.Subject{Environment: "production"}, warns: []string{`policy "guard": no longer holds for environment production`}, edit: func(sc *scenario, c *delivery.ChangeSet) {
			other := sc.rules.prod
			other.Tier = delivery.TierOther
			c.Environments.Put("production", other, true)
		}},
		{name: "the pipeline recreated under another name, without gates", subject: delivery.Subject{Pipeline: "shop-2"}, warns: removed("production", ""), edit: func(sc *scenario, c *delivery.ChangeSet) {
			again := sc.editedPipeline(func(p *delivery.PipelineSpec) { p.Name, p.Stages[1].Gates = "shop-2", delivery.Gates{} })
			c.Pipelines.Remove("shop")
			c.Pipelines.Put("shop-2", again, true)
		}},
		{name: "the stage before lost an environment", subject: shop, warns: []string{`stage "production": releases need not be verified in second before`, "gate soak: stage staging lost environments"}, edit: putsPipeline(func(p *delivery.PipelineSpec) { p.Stages[0].Environments = []string{"staging"} })},
		{name: "the stage before removed", subject: shop, warns: []string{`stage "production": it is now the first stage: releases need not be verified before`, "gate soak removed"}, edit: putsPipeline(func(p *delivery.PipelineSpec) { p.Stages = p.Stages[1:]; p.Stages[0].Gates.Soak = nil })},
		{name: "on_failure relaxed", subject: shop, warns: []string{"on_failure changes from rollback to halt: a release that fails keeps running"}, edit: putsPipeline(func(p *delivery.PipelineSpec) { p.Stages[1].OnFailure = delivery.Halt })},
		{name: "max_failures relaxed", subject: shop, warns: []string{"a rollout goes on after 1 failed environments instead of 0"}, edit: putsPipeline(func(p *delivery.PipelineSpec) { p.Stages[1].Rollout = &delivery.Rollout{MaxFailures: 1} })},
		{name: "the gates removed", subject: shop, lets: true, warns: removed("production", ""), edit: putsPipeline(func(p *delivery.PipelineSpec) { p.Stages[1].Gates = delivery.Gates{} })},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sc := open(t, acctest.New(t), func(r *rules) {
				second, spare := copyOf(r.staging, "second"), copyOf(r.prod, "spare")
				second.Parity = nil
				r.environments = append(r.environments, second, spare)
				r.pipeline.Stages[0].Environments = []string{"staging", "second"}
			})
			sc.validPath(approved)
			require.Error(t, sc.promote(whenBlocked(delivery.WhenBlockedPend)), "it waits")
			c.requireSaid(sc)
		})
	}
}

func (c weakening) requireSaid(sc *scenario) {
	sc.Helper()
	changes := delivery.ChangeSet{}
	c.edit(sc, &changes)
	report, err := sc.by(rita).Relaxations(sc.Context(), delivery.RelaxationRequest{Changes: changes, Subject: c.subject})
	sc.must(err)
	said := strings.Join(report.Lines, "\n")
	require.NotEmpty(sc, c.warns, said)
	for _, words := range c.warns {
		require.Contains(sc, said, words)
	}
	require.Equal(sc, c.lets, slices.Contains(report.Unblocked, "shop/1.0.0 into production"), "%v", report.Unblocked)
	require.Empty(sc, sc.production())
}
