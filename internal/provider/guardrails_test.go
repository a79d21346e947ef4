package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/stretchr/testify/require"
)

// A pipeline that declares no gates goes to production only as the policy says, and not while it is frozen.
func TestAccGuardrails(t *testing.T) { onEachLedger(t, guardrailsStory) }

func guardrailsStory(t *testing.T, s shop) {
	const promotion = "cd_promotion.production"
	step := func(frozen, approved bool, runs string, checks ...statecheck.StateCheck) resource.TestStep {
		variables := config.Variables{"dir": config.StringVariable(s.Dir), "frozen": config.BoolVariable(frozen), "approved": config.BoolVariable(approved)}
		return resource.TestStep{
			PreConfig: func() {
				if approved {
					variables["content"] = config.StringVariable(s.content("1.0.0"))
				}
			},
			ConfigDirectory:   config.StaticDirectory("testdata/TestAccGuardrails"),
			ConfigVariables:   variables,
			ConfigStateChecks: checks,
			PostApplyFunc:     func() { require.NoError(t, s.runs("production", runs)) },
		}
	}
	status := func(want string) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(promotion, tfjsonpath.New("status"), knownvalue.StringExact(want))
	}
	exactly := knownvalue.StringExact
	gate := func(name, verdict string) knownvalue.Check {
		return knownvalue.ObjectPartial(map[string]knownvalue.Check{"name": exactly(name), "verdict": exactly(verdict), "override": knownvalue.Null()})
	}
	s.test(
		step(true, false, "",
			status("waiting"),
			expectData("cd_readiness.now", "ready", knownvalue.Bool(false)),
			expectData("cd_readiness.now", "ready_at", knownvalue.Null()),
			expectData("cd_readiness.now", "last_gate", knownvalue.Null()),
			expectData("cd_readiness.now", "gates", knownvalue.ListExact([]knownvalue.Check{
				gate("freeze", "pending"),
				gate("policy.production.approvals", "pending"),
				gate("policy.production.windows", "passed"),
				gate("policy.production.max_deploys", "passed"),
				gate("policy.production.expressions.ticket", "passed"),
			}))),
		step(true, true, "",
			status("waiting"),
			expectData("cd_readiness.now", "ready_at", exactly("2027-03-01T18:00:00Z")),
			expectData("cd_readiness.now", "last_gate", exactly("freeze")),
			expectData("cd_readiness.saturday", "ready_at", exactly("2027-03-07T23:00:00Z")),
			expectData("cd_readiness.saturday", "last_gate", exactly("policy.production.windows"))),
		expecting(step(false, true, "1.0.0", status("verified")),
			plancheck.ExpectResourceAction("cd_freeze.inventory[0]", plancheck.ResourceActionDestroy),
			plancheck.ExpectResourceAction(promotion, plancheck.ResourceActionUpdate)),
		expecting(step(true, true, "1.0.0", status("verified")),
			plancheck.ExpectResourceAction("cd_freeze.inventory[0]", plancheck.ResourceActionCreate),
			plancheck.ExpectResourceAction(promotion, plancheck.ResourceActionNoop)),
	)
}
