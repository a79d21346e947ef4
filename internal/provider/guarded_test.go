package provider_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

const unguarded = `AttributeName("stages").ElementKeyInt(1).AttributeName("gates"): Stage "production" of pipeline "shop" delivers to production without a gate: ` +
	`Nobody is asked in this stage, it deploys to production, and neither it nor a policy has a gate, so the gate guarded will refuse every release. Give it gates, declare a cd_policy, or write gates = { none = "the reason" }.`

// The plan of a pipeline warns of an automatic stage that deploys to production without any gate: when it is declared, and after that.
func TestThePlanOfAPipelineWarnsOfUnguardedStages(t *testing.T) {
	for name, c := range map[string]struct {
		gates     map[string]any
		promotion string
		tier      string
		policy    []declaration
		want      []string
	}{
		"nothing is asked":      {nil, "automatic", "production", nil, []string{unguarded}},
		"no gate in it":         {map[string]any{}, "automatic", "production", nil, []string{unguarded}},
		"a gate":                {map[string]any{"soak": map[string]any{"stage": "staging", "duration": "1h"}}, "automatic", "production", nil, nil},
		"a reason":              {map[string]any{"none": "our customers test"}, "automatic", "production", nil, nil},
		"somebody is asked":     {nil, "manual", "production", nil, nil},
		"another tier":          {nil, "automatic", "testing", nil, nil},
		"a policy":              {nil, "automatic", "production", []declaration{careful()}, nil},
		"a policy of elsewhere": {nil, "automatic", "production", []declaration{careful("tiers", []any{"staging"}, "gates", map[string]any{"cooldown": map[string]any{"duration": "1h"}})}, []string{unguarded}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			shop := s.declare(order{version: "1.0.0", gates: c.gates, edit: func(name string, config map[string]any) {
				switch name {
				case "production":
					config["tier"] = c.tier
				case "pipeline":
					as[map[string]any](as[[]any](config["stages"])[1])["promotion"] = c.promotion
				}
			}})[:3]
			w := newWalks(t, s)
			all := append(slices.Clone(c.policy), shop...)
			require.Equal(t, c.want, nilIfEmpty(said(w.refreshAndPlan(all...)["pipeline"].diagnostics)), "the first plan")
			w.apply(all...)
			again := w.refreshAndPlan(all...)["pipeline"]
			require.Empty(t, again.action)
			require.Equal(t, c.want, nilIfEmpty(said(again.diagnostics)), "a plan without changes")

			// Terraform may plan the policy after the pipeline: the plan does not claim that there is none.
			if len(c.policy) > 0 {
				late := newWalks(t, newShopOn(t, s.Harness))
				late.unordered = true
				planned := late.refreshAndPlan(append(slices.Clone(shop), c.policy...)...)["pipeline"]
				require.Empty(t, planned.said())
			}
		})
	}
}

// It is said in a plan without changes too, and costs nothing there.
func TestUnguardedStagesTakeNoRequestOfTheirOwn(t *testing.T) {
	s := newServices(t, newShop(t))
	all := s.shop.declare(order{version: "1.0.0", edit: func(name string, config map[string]any) {
		if name == "pipeline" {
			as[map[string]any](as[[]any](config["stages"])[1])["promotion"] = "automatic"
		}
	}})[:3]
	s.apply(all...)
	s.counted.requests = nil
	require.Equal(t, unguarded, s.refreshAndPlan(all...)["pipeline"].said())
	slices.Sort(s.counted.requests)
	require.Equal(t, []string{"GET /v1/environments", "GET /v1/ledger", "GET /v1/pipelines", "POST /v1/refresh"}, slices.Compact(s.counted.requests))
}
