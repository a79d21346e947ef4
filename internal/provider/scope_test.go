package provider_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/delivery-as-code/terraform-provider-cd/internal/acctest"
)

const (
	misspelt = `AttributeName("environments"): Freeze "inventory" names environment "prodution", which does not exist: ` +
		`Neither the ledger nor this plan has environment "prodution", so the freeze stops nothing there. Did you mean "production"? Correct the name, or declare the environment.`
	exclusive = `: Freeze "inventory" stops nothing: its filters exclude each other: ` +
		`Each filter narrows the freeze, and no deployment satisfies all of them: environments (staging) and tiers (production). Remove one of them, or correct it.`
)

// careful is a policy of production.
func careful(edit ...any) declaration {
	config := map[string]any{"name": "careful", "tiers": []any{"production"}, "gates": map[string]any{"soak": map[string]any{"stage": "staging", "duration": "1h"}}}
	for i := 0; i < len(edit); i += 2 {
		config[as[string](edit[i])] = edit[i+1]
	}
	return declaration{"policy", "cd_policy", config}
}

// What a freeze or a policy names and nothing declares is said in the plan that declares it, whatever Terraform plans first, and in every plan
// after it. What the same plan declares counts.
func TestFiltersThatFindNothing(t *testing.T) {
	for name, c := range map[string]struct {
		guard declaration
		want  []string
	}{
		"a freeze":                       {inventory("environments", []any{"production"}), nil},
		"a freeze of a pipeline":         {inventory("pipelines", []any{"shop"}), nil},
		"a freeze of one that is not":    {inventory("environments", []any{"prodution", "production"}), []string{misspelt}},
		"a freeze that excludes itself":  {inventory("environments", []any{"staging"}), []string{exclusive}},
		"a freeze of an unused tier":     {inventory("tiers", []any{"other", "production"}), []string{`AttributeName("tiers"): Freeze "inventory" names tier other, which no environment has: Neither the ledger nor this plan has an environment of tier other, so the freeze stops nothing there. Environments have the tiers: production, staging. Correct the tier, or declare such an environment.`}},
		"a freeze of a pipeline unknown": {inventory("pipelines", []any{"shopp"}), []string{`AttributeName("pipelines"): Freeze "inventory" names pipeline "shopp", which does not exist: Neither the ledger nor this plan has pipeline "shopp", so the freeze stops nothing there. Did you mean "shop"? Correct the name, or declare the pipeline.`}},
		"a policy":                       {careful(), nil},
		"a policy of nothing": {careful("tiers", []any{"testing"}, "environments", []any{"stagin"}), []string{
			`AttributeName("environments"): Policy "careful" names environment "stagin", which does not exist: Neither the ledger nor this plan has environment "stagin", so the policy asks nothing there. Did you mean "staging"? Correct the name, or declare the environment.`,
			`AttributeName("tiers"): Policy "careful" names tier testing, which no environment has: Neither the ledger nor this plan has an environment of tier testing, so the policy asks nothing there. Environments have the tiers: production, staging. Correct the tier, or declare such an environment.`}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			shop := s.declare(order{version: "1.0.0"})[:3] // environments and pipeline
			for _, all := range [][]declaration{append(slices.Clone(shop), c.guard), append([]declaration{c.guard}, shop...)} {
				w := newWalks(t, s)
				w.unordered = true
				require.Equal(t, c.want, nilIfEmpty(said(w.refreshAndPlan(all...)[c.guard.name].diagnostics)), "first plan")
			}
			w := newWalks(t, s)
			all := append(slices.Clone(shop), c.guard)
			w.apply(all...)
			again := w.refreshAndPlan(all...)[c.guard.name]
			require.Empty(t, again.action)
			require.Equal(t, c.want, nilIfEmpty(said(again.diagnostics)), "a plan without changes")
		})
	}
}

func nilIfEmpty(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return lines
}

// A plan does not claim what it does not know yet: a computed name may be any.
func TestFiltersThatMayFindSomething(t *testing.T) {
	freeze := inventory("environments", []any{"eu"}, "tiers", nil)
	known := planWithShop(t, freeze)
	require.Len(t, known.diagnostics, 1)
	for name, edit := range map[string]func(config map[string]any){
		"a name that is not known yet":           func(config map[string]any) { config["name"] = unknown },
		"a declaration that is not known yet":    func(config map[string]any) { config["name"], config["config"] = "eu", map[string]any{"A": unknown} },
		"a name that the configuration computes": func(config map[string]any) { config["name"] = "${each.key}" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			env := s.declare(order{version: "1.0.0"})[0]
			edit(env.config)
			w := newWalks(t, s)
			w.unordered = true
			for _, all := range [][]declaration{{env, freeze}, {freeze, env}} {
				w.writeFiles(all)
				w.configure()
				if env.config["name"] == "${each.key}" { // Terraform has not come to it yet
					all = []declaration{freeze}
				}
				for _, d := range all {
					if o := w.planOne(d, w.null(d.typ)); d.name == freeze.name {
						require.Empty(t, o.said())
					}
				}
			}
		})
	}
}

// planWithShop plans the freeze with the shop's environments.
func planWithShop(t *testing.T, freeze declaration) outcome {
	t.Helper()
	s := newShop(t)
	return newWalks(t, s).refreshAndPlan(append(s.declare(order{version: "1.0.0"})[:2], freeze)...)[freeze.name]
}

// The warning costs two requests, however many freezes there are.
func TestFiltersTakeAConstantNumberOfRequests(t *testing.T) {
	t.Parallel()
	for _, number := range []int{1, 4} {
		s := newServices(t, newShopOn(t, acctest.New(t)))
		all := s.shop.declare(order{version: "1.0.0"})[:3]
		for i := range number {
			freeze := inventory("name", "freeze-"+string(rune('a'+i)), "environments", []any{"prodution"})
			freeze.name += as[string](freeze.config["name"])
			all = append(all, freeze)
		}
		s.apply(all...)
		s.counted.requests = nil
		s.refreshAndPlan(all...)
		lists := 0
		for _, request := range s.counted.requests {
			if request == "GET /v1/environments" || request == "GET /v1/pipelines" {
				lists++
			}
		}
		require.Equal(t, 2, lists, s.counted.requests)
	}
}

// An allowance of a key that there is not is said: it may be misspelt.
func TestAllowancesThatMatchNothing(t *testing.T) {
	s := newShop(t)
	w := newWalks(t, s)
	all := s.declare(order{version: "1.0.0"})[:3]
	slices.Reverse(all[:2]) // production first
	allow := map[string]any{"LOG_LEVEL": map[string]any{"reason": "debug output"}, "DB_*": map[string]any{"reason": "own database"}}
	all[1].config["parity"] = map[string]any{"with": "production", "allow": allow}
	const line = `AttributeName("parity").AttributeName("allow").ElementKeyString("DB_*"): Environment "staging" allows a difference of "DB_*", which matches no key: ` +
		"Neither staging nor production has such a key in config, secrets or platform, so the allowance matches nothing. Correct the key, or remove the allowance."
	require.Equal(t, []string{line}, said(w.refreshAndPlan(all...)["staging"].diagnostics))
	w.apply(all...)
	again := w.refreshAndPlan(all...)["staging"]
	require.Empty(t, again.action)
	require.Equal(t, []string{line}, said(again.diagnostics))

	// A key of the stage that deploys there counts.
	as[map[string]any](as[[]any](all[2].config["stages"])[0])["config"] = map[string]any{"DB_HOST": "localhost"}
	w.apply(all...)
	require.Empty(t, w.refreshAndPlan(all...)["staging"].said())
}
